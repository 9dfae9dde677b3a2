using System.Text;

namespace Warm.Transformers;

/// <summary>
/// GPT-2's printable alphabet for bytes: 33..126, 161..172 and 174..255 are themselves, the other 68 in order are U+0100 and on (a blank is Ġ, a line feed Ċ).
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] s_chars = Make();
    private static readonly short[] s_bytes = Invert();

    /// <summary>The character of a byte.</summary>
    public static char Of(byte value) => s_chars[value];

    /// <summary>The byte of a character, or -1.</summary>
    public static int ByteOf(int point) => point < s_bytes.Length ? s_bytes[point] : -1;

    /// <summary>Adds the bytes of units start..end to a text; each stands for the whole character that it is of.</summary>
    public static void Push(AlignedText text, int start, int end, AlignedText result)
    {
        Span<byte> utf8 = stackalloc byte[4];
        for (int at = start; at < end;)
        {
            int point = text.PointAt(at, out int width);
            if (point < 128) result.Push(s_chars[point], text, at);
            else
            {
                int count = new Rune(point).EncodeToUtf8(utf8);
                for (int i = 0; i < count; i++) result.Push(s_chars[utf8[i]], text, at);
            }
            at += width;
        }
    }

    private static char[] Make()
    {
        char[] chars = new char[256];
        int next = 256;
        for (int b = 0; b < 256; b++) chars[b] = (char)(b is >= 33 and <= 126 or >= 161 and <= 172 or >= 174 ? b : next++);
        return chars;
    }

    private static short[] Invert()
    {
        short[] bytes = new short[256 + 68];
        Array.Fill(bytes, (short)-1);
        for (int b = 0; b < 256; b++) bytes[s_chars[b]] = (short)b;
        return bytes;
    }
}
