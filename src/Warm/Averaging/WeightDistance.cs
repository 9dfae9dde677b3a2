using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Warm;

/// <summary>Lengths and angles between members in one tensor, in double.</summary>
/// <param name="Name">The tensor.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Values">Number of values that were looked at.</param>
/// <param name="Dot">Inner products of the members' values; the diagonal holds squared lengths.</param>
/// <param name="DeltaDot">The same of the differences from the base, or null without one.</param>
/// <param name="Agree">Number of values in which two differences from the base have the same sign, both not 0.</param>
/// <param name="Both">Number of values in which both differences are not 0.</param>
/// <param name="Squared">Squared distances between members.</param>
/// <param name="NotFinite">Per member, the index of its first NaN or infinity, or -1.</param>
/// <param name="MaxAbs">Largest difference between two members.</param>
public sealed record TensorDistance(string Name, Shape Shape, long Values, double[,] Dot, double[,]? DeltaDot, long[,]? Agree, long[,]? Both, double[,] Squared, double[,] MaxAbs, long[] NotFinite)
{
    /// <summary>Distance of members i and j.</summary>
    public double Distance(int i, int j) => Math.Sqrt(Squared[i, j]);

    /// <summary>Cosine of members i and j; NaN where one is all zeros.</summary>
    public double Cosine(int i, int j) => Dot[i, j] / Math.Sqrt(Dot[i, i] * Dot[j, j]);

    /// <summary>Length of member i's difference from the base; NaN without one.</summary>
    public double DeltaLength(int i) => DeltaDot is null ? double.NaN : Math.Sqrt(DeltaDot[i, i]);

    /// <summary>Cosine of two members' differences from the base; NaN without one, or where a member is the base.</summary>
    public double DeltaCosine(int i, int j) => DeltaDot is null ? double.NaN : DeltaDot[i, j] / Math.Sqrt(DeltaDot[i, i] * DeltaDot[j, j]);

    /// <summary>Share of values in which both differences from the base have one sign, of those in which neither is 0; NaN without a base.</summary>
    public double SignAgreement(int i, int j) => Agree is null ? double.NaN : (double)Agree[i, j] / Math.Max(1, Both![i, j]);
}

/// <summary>How far some models are apart: distances, cosines, and against a base the cosines and common signs of what was learned.</summary>
/// <remarks>
/// <see cref="Cosine"/> is over matrices only and without the head: normalisation scales near 1 make any two models look alike. Everything is summed in double, tensor by
/// tensor in one order, so the figures do not depend on threads. Memory: one block a member and thread.
/// </remarks>
[TypeFormatterSource(typeof(RichDisplay))]
public sealed class WeightDistance : IRichDisplay
{
    private const int Block = 4096;

    private WeightDistance(IReadOnlyList<TensorDistance> tensors, int count, bool hasBase, IReadOnlyList<string> unequalBuffers)
    {
        PerTensor = tensors;
        Count = count;
        HasBase = hasBase;
        UnequalBuffers = unequalBuffers;
    }

    /// <summary>The figures of each averaged tensor.</summary>
    public IReadOnlyList<TensorDistance> PerTensor { get; }

    /// <summary>Number of members.</summary>
    public int Count { get; }

    /// <summary>Whether there was a base.</summary>
    public bool HasBase { get; }

    /// <summary>Integer tensors (and a head's own normaliser) in which members differ: no mean exists, the first member's are taken.</summary>
    public IReadOnlyList<string> UnequalBuffers { get; }

    /// <summary>Euclidean distance of members i and j over all values.</summary>
    public double Distance(int i, int j) => Math.Sqrt(PerTensor.Sum(t => t.Squared[i, j]));

    /// <summary>Cosine of members i and j over matrices, the head left out; over everything where there are no matrices.</summary>
    public double Cosine(int i, int j)
    {
        TensorDistance[] matrices = [.. PerTensor.Where(IsBackboneMatrix)];
        IEnumerable<TensorDistance> over = matrices.Length > 0 ? matrices : PerTensor;
        return over.Sum(t => t.Dot[i, j]) / Math.Sqrt(over.Sum(t => t.Dot[i, i]) * over.Sum(t => t.Dot[j, j]));
    }

    /// <summary>Length of member i's difference from the base; NaN without a base.</summary>
    public double DeltaLength(int i) => HasBase ? Math.Sqrt(PerTensor.Sum(t => t.DeltaDot![i, i])) : double.NaN;

    /// <summary>Cosine of two members' differences from the base, over all values; NaN without a base or where one is the base itself.</summary>
    public double DeltaCosine(int i, int j) => HasBase ? PerTensor.Sum(t => t.DeltaDot![i, j]) / (DeltaLength(i) * DeltaLength(j)) : double.NaN;

    /// <summary>Share of values in which two differences from the base have the same sign, of those in which neither is 0.</summary>
    public double SignAgreement(int i, int j) => HasBase ? (double)PerTensor.Sum(t => t.Agree![i, j]) / Math.Max(1, PerTensor.Sum(t => t.Both![i, j])) : double.NaN;

    string IRichDisplay.ToHtml() => new HeatMap
    {
        Title = "Cosine of the weights", Note = ToString(), Rows = [.. Enumerable.Range(1, Count).Select(i => $"{i}")], Columns = [.. Enumerable.Range(1, Count).Select(i => $"{i}")],
        Values = [.. Enumerable.Range(0, Count).Select(i => (double[])[.. Enumerable.Range(0, Count).Select(j => Cosine(i, j))])],
    }.ToSvg();

    /// <summary><c>2 models, 39 tensors: farthest 7.020, least cosine 0.995</c></summary>
    public override string ToString()
    {
        (int I, int J)[] pairs = [.. Enumerable.Range(0, Count).SelectMany(j => Enumerable.Range(0, j).Select(i => (i, j)))];
        string apart = pairs.Length == 0 ? "" : FormattableString.Invariant($": farthest {pairs.Max(p => Distance(p.I, p.J)):F3}, least cosine {pairs.Min(p => Cosine(p.I, p.J)):F3}");
        return $"{Count} models, {PerTensor.Count} tensors{apart}";
    }

    /// <summary>Measures members, and their differences from a base where one is given. Reads everything once.</summary>
    public static WeightDistance Measure(IReadOnlyList<Weights> members, Weights? @base = null, int threads = 0, CancellationToken cancellation = default)
    {
        Member[] own = [.. members.Select(m => new Member(m))];
        AveragePlan plan = AveragePlan.Of(own, null);
        if (plan.Differences.FirstOrDefault(d => d.Severity == Severity.Impossible) is { } different) throw new WarmException(different.Where, different.Found, different.Expected);
        return Measure(own, plan, @base is null ? null : new Member(@base), long.MaxValue, threads, cancellation);
    }

    /// <summary>Measures at most about so many values of each tensor, in pages spread evenly over it; a small tensor is measured whole.</summary>
    internal static WeightDistance Measure(IReadOnlyList<Member> members, AveragePlan plan, Member? @base, long most, int threads, CancellationToken cancellation)
    {
        PlannedTensor[] tensors = [.. plan.Tensors.Where(t => t.IsAveraged)];
        if (@base is not null)
            foreach (PlannedTensor tensor in tensors)
                if (!@base.Contains(tensor.Saved.Name) || @base.Info(tensor.Saved.Name).Shape != tensor.Saved.Shape)
                    throw new WarmException(@base.Name, $"'{tensor.Saved.Name}' is {(@base.Contains(tensor.Saved.Name) ? @base.Info(tensor.Saved.Name).Shape.ToString() : "missing")}", $"{tensor.Saved.Shape} as in the members", "Give the model that the members were fine-tuned from.");
        var results = new TensorDistance[tensors.Length];
        // Whole tensors are dealt out, the largest first; the sums within one keep their order.
        int[] order = [.. Enumerable.Range(0, tensors.Length).OrderByDescending(i => tensors[i].Saved.Count)];
        try
        {
            Parallel.ForEach(order, new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount, CancellationToken = cancellation },
                () => Room(members.Count), (i, _, room) =>
                {
                    results[i] = Of(members, tensors[i], @base, most, room, cancellation);
                    return room;
                }, _ => { });
        }
        catch (AggregateException error) when (error.InnerException is { } inner)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(inner);
        }
        string[] unequal = [.. plan.Tensors.Where(t => !t.IsAveraged && !t.IsHeadOfOne && !SameBits(members, t)).Select(t => t.Saved.Name)];
        return new(results, members.Count, @base is not null, unequal);
    }

    /// <summary>The same without the tensors of the head.</summary>
    internal WeightDistance WithoutHead() => new([.. PerTensor.Where(t => !TensorRole.IsHead(t.Name))], Count, HasBase, UnequalBuffers);

    /// <summary>A matrix of the model proper: two axes or more, none of size 1, not the head's, not a table that is all zeros.</summary>
    internal static bool IsBackboneMatrix(TensorDistance tensor) =>
        tensor.Shape.Rank >= 2 && !tensor.Shape.Sizes.Contains(1) && !TensorRole.IsHead(tensor.Name);

    /// <summary>A block of every member and of the base.</summary>
    private static double[][] Room(int members) => [.. Enumerable.Range(0, members + 1).Select(_ => new double[Block])];

    private static TensorDistance Of(IReadOnlyList<Member> members, PlannedTensor tensor, Member? @base, long most, double[][] values, CancellationToken cancellation)
    {
        int n = members.Count;
        double[,] dot = new double[n, n], squared = new double[n, n], max = new double[n, n];
        double[,]? deltaDot = @base is null ? null : new double[n, n];
        long[,]? agree = @base is null ? null : new long[n, n], both = @base is null ? null : new long[n, n];
        long[] notFinite = [.. Enumerable.Repeat(-1L, n)];
        long count = tensor.Saved.Count, seen = 0;
        int page = most >= count ? Block : (int)Math.Min(Block, Math.Max(256, most / 8));
        long pages = most >= count ? (count + Block - 1) / Block : Math.Max(1, most / page);
        for (long p = 0; p < pages; p++)
        {
            if ((p & 15) == 0) cancellation.ThrowIfCancellationRequested();
            long start = most >= count ? p * Block : (long)((Int128)p * (count - page) / Math.Max(1, pages - 1));
            int here = (int)Math.Min(page, count - start);
            seen += here;
            for (int i = 0; i < n; i++)
            {
                members[i].Weights.Read(tensor.Members[i].Name, start, values[i].AsSpan(0, here));
                if (notFinite[i] < 0 && !WeightedSum.AllFinite(values[i].AsSpan(0, here))) notFinite[i] = start + values[i].AsSpan(0, here).IndexOfFirstNotFinite();
            }
            for (int i = 0; i < n; i++)
                for (int j = i; j < n; j++)
                {
                    (double d, double s, double m) = Pair(values[i].AsSpan(0, here), values[j].AsSpan(0, here));
                    dot[i, j] += d;
                    squared[i, j] += s;
                    max[i, j] = Math.Max(max[i, j], m);
                }
            if (@base is null) continue;
            Span<double> origin = values[n].AsSpan(0, here);
            @base.Weights.Read(@base.Own(tensor.Saved.Name), start, origin);
            for (int i = 0; i < n; i++)
                for (int k = 0; k < here; k++) values[i][k] -= origin[k];
            for (int i = 0; i < n; i++)
                for (int j = i; j < n; j++)
                {
                    deltaDot![i, j] += Pair(values[i].AsSpan(0, here), values[j].AsSpan(0, here)).Dot;
                    (long a, long b) = Signs(values[i].AsSpan(0, here), values[j].AsSpan(0, here));
                    agree![i, j] += a;
                    both![i, j] += b;
                }
        }
        Mirror(dot);
        Mirror(squared);
        Mirror(max);
        Mirror(deltaDot);
        Mirror(agree);
        Mirror(both);
        return new(tensor.Saved.Name, tensor.Saved.Shape, seen, dot, deltaDot, agree, both, squared, max, notFinite);
    }

    /// <summary>Inner product, squared distance and largest difference of two runs of values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // full strength at once: a sample is over before the loop would be compiled again
    private static (double Dot, double Squared, double Max) Pair(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        // Eight sums side by side whatever the processor: the figures stand in recipes, which are the same on any machine.
        Vector512<double> dot = default, squared = default, max = default;
        int i = 0;
        for (; i <= a.Length - 8; i += 8)
        {
            Vector512<double> x = Vector512.Create(a[i..]), y = Vector512.Create(b[i..]), difference = x - y;
            dot += x * y;
            squared += difference * difference;
            max = Vector512.Max(max, Vector512.Abs(difference));
        }
        (double d, double s, double m) = (0, 0, 0);
        for (int lane = 0; lane < 8; lane++) (d, s, m) = (d + dot[lane], s + squared[lane], Math.Max(m, max[lane]));
        for (; i < a.Length; i++)
        {
            double difference = a[i] - b[i];
            (d, s, m) = (d + a[i] * b[i], s + difference * difference, Math.Max(m, Math.Abs(difference)));
        }
        return (d, s, m);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // full strength at once: a sample is over before the loop would be compiled again
    private static (long Agree, long Both) Signs(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        Vector<long> agree = default, both = default;
        int i = 0;
        for (; i <= a.Length - Vector<double>.Count; i += Vector<double>.Count)
        {
            Vector<double> x = new(a[i..]), y = new(b[i..]);
            Vector<long> nonzero = ~(Vector.Equals(x, Vector<double>.Zero) | Vector.Equals(y, Vector<double>.Zero));
            both -= nonzero; // true is -1
            agree -= nonzero & Vector.GreaterThanOrEqual(Vector.AsVectorInt64(x) ^ Vector.AsVectorInt64(y), Vector<long>.Zero);
        }
        (long agreed, long counted) = (Vector.Sum(agree), Vector.Sum(both));
        for (; i < a.Length; i++)
            if (a[i] != 0 && b[i] != 0) (agreed, counted) = (agreed + (double.IsNegative(a[i]) == double.IsNegative(b[i]) ? 1 : 0), counted + 1);
        return (agreed, counted);
    }

    private static bool SameBits(IReadOnlyList<Member> members, PlannedTensor tensor)
    {
        TensorInfo saved = tensor.Saved;
        foreach (WeightsBlock block in WeightsBlock.Of([saved], 1 << 16))
        {
            var mine = new byte[block.Bytes];
            members[0].Weights.ReadRaw(tensor.Members[0].Name, block.Start, mine);
            for (int i = 1; i < members.Count; i++)
            {
                if (tensor.Members[i].DType != saved.DType) return false;
                var theirs = new byte[block.Bytes];
                members[i].Weights.ReadRaw(tensor.Members[i].Name, block.Start, theirs);
                if (!mine.AsSpan().SequenceEqual(theirs)) return false;
            }
        }
        return true;
    }

    private static void Mirror<T>(T[,]? square)
    {
        if (square is null) return;
        for (int i = 0; i < square.GetLength(0); i++)
            for (int j = 0; j < i; j++) square[i, j] = square[j, i];
    }
}

/// <summary>Finds what is not a number.</summary>
internal static class NotFinite
{
    /// <summary>Index of the first NaN or infinity, or -1.</summary>
    public static int IndexOfFirstNotFinite(this Span<double> values)
    {
        for (int i = 0; i < values.Length; i++)
            if (!double.IsFinite(values[i])) return i;
        return -1;
    }
}
