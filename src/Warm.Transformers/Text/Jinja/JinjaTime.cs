using System.Globalization;
using System.Text;

namespace Warm.Transformers;

/// <summary>strftime in the C locale, with the GNU flags (<c>%-d</c>). An unknown directive is printed as it stands.</summary>
internal static class JinjaTime
{
    private static readonly string[] Days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    private static readonly string[] Months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

    public static string Format(JinjaRun run, DateTimeOffset now, string format)
    {
        var text = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length) { text.Append(format[i]); continue; }
            int at = i + 1;
            char flag = format[at] is '-' or '_' or '0' or '^' or '#' ? format[at++] : '\0';
            int digits = at;
            while (at < format.Length && char.IsAsciiDigit(format[at])) at++;
            int width = at > digits && int.TryParse(format.AsSpan(digits, at - digits), out int w) ? w : at > digits ? int.MaxValue : 0;
            if (width > JinjaLimits.Width) throw JinjaException.Limit($"a field wider than {JinjaLimits.Width:N0}");
            string? part = at < format.Length ? Part(run, now, format[at], flag) : null;
            if (part is null) { text.Append('%'); continue; }
            text.Append(part.PadLeft(width, flag == '_' || char.IsLetter(part.FirstOrDefault('x')) ? ' ' : '0'));
            run.Reserve(text.Length);
            i = at;
        }
        return text.ToString();
    }

    private static string? Part(JinjaRun run, DateTimeOffset now, char directive, char flag)
    {
        int hour12 = now.Hour % 12 == 0 ? 12 : now.Hour % 12;
        int weekday = (int)now.DayOfWeek;
        string? text = directive switch
        {
            'Y' => now.Year.ToString(CultureInfo.InvariantCulture),
            'C' => Number(now.Year / 100, 2),
            'y' => Number(now.Year % 100, 2),
            'G' => ISOWeek.GetYear(now.DateTime).ToString(CultureInfo.InvariantCulture),
            'g' => Number(ISOWeek.GetYear(now.DateTime) % 100, 2),
            'V' => Number(ISOWeek.GetWeekOfYear(now.DateTime), 2),
            'm' => Number(now.Month, 2),
            'd' => Number(now.Day, 2),
            'e' => Number(now.Day, 2, ' '),
            'j' => Number(now.DayOfYear, 3),
            'H' => Number(now.Hour, 2),
            'k' => Number(now.Hour, 2, ' '),
            'I' => Number(hour12, 2),
            'l' => Number(hour12, 2, ' '),
            'M' => Number(now.Minute, 2),
            'S' => Number(now.Second, 2),
            'f' => Number(now.Ticks % TimeSpan.TicksPerSecond / 10, 6),
            's' => now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            'u' => (weekday == 0 ? 7 : weekday).ToString(CultureInfo.InvariantCulture),
            'w' => weekday.ToString(CultureInfo.InvariantCulture),
            'U' => Number((now.DayOfYear - 1 + 7 - weekday) / 7, 2),
            'W' => Number((now.DayOfYear - 1 + 7 - (weekday + 6) % 7) / 7, 2),
            'a' => Days[weekday][..3],
            'A' => Days[weekday],
            'b' or 'h' => Months[now.Month - 1][..3],
            'B' => Months[now.Month - 1],
            'p' => now.Hour < 12 ? "AM" : "PM",
            'P' => now.Hour < 12 ? "am" : "pm",
            'n' => "\n",
            't' => "\t",
            '%' => "%",
            'z' or 'Z' => "", // the clock is read without a time zone, as the Python side does
            'D' or 'x' => Format(run, now, "%m/%d/%y"),
            'T' or 'X' => Format(run, now, "%H:%M:%S"),
            'R' => Format(run, now, "%H:%M"),
            'r' => Format(run, now, "%I:%M:%S %p"),
            'F' => Format(run, now, "%Y-%m-%d"),
            'c' => Format(run, now, "%a %b %e %H:%M:%S %Y"),
            _ => null,
        };
        return flag switch
        {
            '^' => text?.ToUpperInvariant(),
            '#' => directive == 'p' ? text?.ToLowerInvariant() : text?.ToUpperInvariant(),
            _ => text,
        };

        string Number(long value, int width, char pad = '0') =>
            flag == '-' ? value.ToString(CultureInfo.InvariantCulture) : value.ToString(CultureInfo.InvariantCulture).PadLeft(width, flag == '_' ? ' ' : flag == '0' ? '0' : pad);
    }
}
