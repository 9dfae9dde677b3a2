namespace Warm;

/// <summary>
/// The widened factors of the products that were read last: the blocks of a matrix come one after the other, and each needs the whole of one factor. Two are held, for threads that are done with
/// a matrix begin the next one. Safe from many threads, which wait for the factor they share.
/// </summary>
internal sealed class RecentFactors
{
    /// <summary>Most values of a factor that is held; larger ones are read in parts each time. 16 MB in double.</summary>
    public const int Largest = 1 << 21;

    private const int Most = 2;

    private readonly Lock _gate = new();
    private readonly List<(LowRankProduct Owner, double[] Values)> _held = [];

    /// <summary>The factor of a product; made where it is not held.</summary>
    public double[] Of(LowRankProduct owner, Func<double[]> make)
    {
        lock (_gate)
        {
            int at = _held.FindIndex(held => ReferenceEquals(held.Owner, owner));
            if (at >= 0) return _held[at].Values;
            double[] values = make();
            if (_held.Count == Most) _held.RemoveAt(0);
            _held.Add((owner, values));
            return values;
        }
    }
}
