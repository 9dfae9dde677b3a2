using System.Globalization;

namespace Warm;

/// <summary>A scale from values to pixels with ticks at round numbers.</summary>
internal sealed class ChartAxis
{
    private readonly double _low, _high, _from, _to;
    private readonly bool _log;

    private ChartAxis(double low, double high, double from, double to, bool log, IReadOnlyList<double> ticks) => (_low, _high, _from, _to, _log, Ticks) = (low, high, from, to, log, ticks);

    /// <summary>Where lines of the grid stand.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>An axis that shows all values, widened to the ticks around them.</summary>
    /// <param name="values">What must be seen; what is not finite (or not positive, where logarithmic) is not shown. None gives 0 to 1.</param>
    /// <param name="from">Pixel of the low end.</param>
    /// <param name="to">Pixel of the high end.</param>
    /// <param name="log">Whether equal ratios, not equal differences, lie equally far apart.</param>
    /// <param name="ticks">About how many.</param>
    public static ChartAxis Of(IEnumerable<double> values, double from, double to, bool log = false, int ticks = 6)
    {
        double[] shown = [.. values.Where(value => CanShow(value, log))];
        (double low, double high) = shown.Length == 0 ? (log ? 1 : 0, log ? 10 : 1) : (shown.Min(), shown.Max());
        if (log && high / low <= 1e12)
        {
            double[] steps = [.. Enumerable.Range((int)Math.Floor(Math.Log10(low)), (int)Math.Ceiling(Math.Log10(high)) - (int)Math.Floor(Math.Log10(low)) + 1).SelectMany(power => new[] { 1.0, 2, 5 }.Select(digit => digit * Math.Pow(10, power)))];
            return new(low, high == low ? low * 2 : high, from, to, true, [.. steps.Where(step => step >= low * 0.999 && step <= (high == low ? low * 2 : high) * 1.001)]);
        }
        if (high - low <= Math.Max(Math.Abs(high), Math.Abs(low)) * 1e-12)
        {
            double room = high == 0 ? 0.5 : Math.Abs(high) * 0.05;
            (low, high) = (low - room, high + room);
        }
        double wanted = (high - low) / Math.Max(1, ticks - 1), unit = Math.Pow(10, Math.Floor(Math.Log10(wanted)));
        double step = new[] { 1.0, 2, 2.5, 5, 10 }.Select(digit => digit * unit).First(digit => digit >= wanted * 0.999);
        long first = (long)Math.Floor(low / step + 1e-9), last = (long)Math.Ceiling(high / step - 1e-9);
        return new(first * step, last * step, from, to, false, [.. Enumerable.Range(0, (int)Math.Min(last - first + 1, 100)).Select(i => (first + i) * step)]);
    }

    /// <summary>The pixel of a value.</summary>
    public double At(double value) => _log ? _from + (_to - _from) * Math.Log(value / _low) / Math.Log(_high / _low) : _from + (_to - _from) * (value - _low) / (_high - _low);

    /// <summary>Whether a value has a place on it.</summary>
    public bool Shows(double value) => CanShow(value, _log);

    /// <summary>Whether a value has a place on an axis: finite, far from where sums overflow, and positive where ratios count.</summary>
    public static bool CanShow(double value, bool log = false) => double.IsFinite(value) && Math.Abs(value) < 1e300 && (!log || value > 0);

    /// <summary>A tick in as many digits as tell it from its neighbours.</summary>
    public string Label(double tick)
    {
        double step = Ticks.Count > 1 ? Math.Abs(Ticks[1] - Ticks[0]) : Math.Abs(tick);
        if (Math.Abs(tick) < step * 1e-6) return "0";
        if (_log || Math.Abs(tick) is >= 1e7 or < 1e-4) return tick.ToString("G4", CultureInfo.InvariantCulture);
        int digits = step >= 1 && step == Math.Floor(step) ? 0 : Math.Clamp((int)Math.Ceiling(-Math.Log10(step) + (step / Math.Pow(10, Math.Floor(Math.Log10(step))) is > 2.4 and < 2.6 ? 1 : 0) - 1e-9), 0, 9);
        return tick.ToString($"N{digits}", CultureInfo.InvariantCulture);
    }
}
