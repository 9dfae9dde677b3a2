using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// One reading of an average: kinship on a sample of every matrix, and all values in the first member's file order, each thread reading a block of every member, hashing it,
/// summing, rounding and handing it on. NaN and infinity are found in the sums, which they cannot leave. Kinship is the first piece of work, which one thread does while the others
/// begin with the values; what it refuses comes before what the values refuse, however the threads ran.
/// </summary>
internal sealed class AveragePass : WeightsPass
{
    /// <summary>Values of a tensor in the sample: a cosine is right to about 1/sqrt of this, 0.016, and strangers are told from kin at 0.35.</summary>
    private const long Sample = 1 << 12;

    private readonly WeightAverage _average;
    private readonly ConcurrentQueue<Difference> _found = new();
    private readonly TaskCompletionSource _kinshipKnown = new();
    private IReadOnlyList<string> _remarks;
    private IReadOnlyDictionary<string, FileHash> _hashes = new Dictionary<string, FileHash>();

    public AveragePass(WeightAverage average, PassOptions? options) : base(average, options)
    {
        _average = average;
        _remarks = average.Remarks;
        Compatibility = average.Compatibility;
    }

    /// <summary>The judgement so far; with the values' part after <see cref="Run"/>.</summary>
    public Compatibility Compatibility { get; private set; }

    /// <summary>SHA-256 of each weight file in lower-case hexadecimal, after a run that hashes.</summary>
    public IReadOnlyDictionary<string, string> Hashes => _hashes.ToDictionary(h => h.Key, h => h.Value.Hex);

    public override IReadOnlyList<string> Remarks => _remarks;

    public override void Run(BlockSink? sink, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        // All members' blocks of a thread together stay near the size of its second-level cache.
        int n = _average.AllMembers.Count, blockBytes = Math.Max(1 << 14, Math.Min(Options.BlockBytes, (96 << 20) / Threads / (n + 1)) / 64 * 64);
        List<WeightsBlock> blocks = WeightsBlock.Of(InFileOrder(_average.Plan.Tensors).Select(t => t.Saved with { DType = Widest(t) }), blockBytes);
        if (Options.Hash) _hashes = FileHash.Of(_average, blocks);
        FileHash[] apart = [.. _hashes.Values.Where(h => h.Member < 0)];
        long done = 0;
        Parallel(1 + blocks.Count + apart.Length, cancellation, () => new Workspace(n, blockBytes), (item, work) =>
        {
            int index = item - 1;
            if (index < 0) JudgeKinship(cancellation);
            else if (index >= blocks.Count) apart[index - blocks.Count].HashWhole(cancellation);
            else
            {
                TensorValues.Stop = cancellation;
                try { Handle(blocks[index], work, sink); }
                finally { TensorValues.Stop = default; }
                progress?.Report(Interlocked.Add(ref done, blocks[index].Bytes));
            }
        });
        if (!_found.IsEmpty) Judge(_found);
        _remarks = [.. Compatibility.Differences.Select(d => d.ToString()), .. _average.Remarks.Except(_average.Compatibility.Differences.Select(d => d.ToString()))];
    }

    protected override void Failed()
    {
        _kinshipKnown.TrySetResult();
        foreach (FileHash hash in _hashes.Values) hash.Abandon();
    }

    protected internal override IEnumerable<string> Sources => _average.Members.Concat(_average.Beside).SelectMany(m => m.Pass().Sources);

    protected internal override void ChangeConfig(JsonObject config) => ModelCard.ChangeConfig(_average, config);

    protected internal override IEnumerable<(string Name, string Content)> ExtraFiles(JsonObject? recipe) => [("README.md", ModelCard.Of(_average, recipe!, Remarks))];

    protected internal override JsonObject? Recipe() => Warm.Recipe.Of(_average, Hashes, Compatibility);

    /// <summary>Judges a sample of every matrix: strangers are refused at once, not at the end of a long pass.</summary>
    private void JudgeKinship(CancellationToken cancellation)
    {
        WeightDistance sample = WeightDistance.Measure(_average.AllMembers, _average.Plan, null, Sample, threads: 1, cancellation);
        Judge(ValueRules.Judge(_average.AllMembers, sample));
        Judge(MethodRules.JudgeOrigin(_average.Options.Method, _average.AllMembers[0], Sample, 1, cancellation));
        _kinshipKnown.TrySetResult();
    }

    /// <summary>Adds what values say, and refuses where it must.</summary>
    private void Judge(IEnumerable<Difference> differences)
    {
        Compatibility = Compatibility.With(differences);
        Compatibility.Demand(_average.Options);
    }

    private void Handle(WeightsBlock block, Workspace work, BlockSink? sink)
    {
        PlannedTensor tensor = _average.Tensor(block.Tensor.Name);
        DType saved = tensor.Saved.DType;
        Span<byte> result = work.Result.AsSpan(0, (int)((long)block.Count * saved.Bits() / 8));
        for (int i = 0; i < work.Bits.Length; i++)
        {
            if (!tensor.IsAveraged)
            {
                // Only one member's values are taken; the others are read where their file is being hashed.
                TensorInfo info = tensor.Members[i];
                Span<byte> raw = work.Bits[i].AsSpan(0, (int)((long)block.Count * info.DType.Bits() / 8));
                if (_hashes.Count > 0) _average.AllMembers[i].Weights.ReadRaw(info.Name, block.Start, raw);
                Hash(tensor, i, block, raw);
                if (i == tensor.Source) Copy(tensor, block, result);
                continue;
            }
            work.Types[i] = _average.ReadMember(tensor, i, block.Start, block.Count, work.Bits[i]);
            Hash(tensor, i, block, work.Bits[i].AsSpan(0, (int)((long)block.Count * work.Types[i].Bits() / 8)));
        }
        if (tensor.IsAveraged) Average(tensor, block, work);
        sink?.Invoke(tensor.Saved, block.Start, result);
    }

    /// <summary>What one member gives; a head's values are finite like all others.</summary>
    private void Copy(PlannedTensor tensor, WeightsBlock block, Span<byte> result)
    {
        _average.Copy(tensor, block.Start, result);
        if (!tensor.IsHeadOfOne) return;
        var values = new double[block.Count];
        Member source = _average.AllMembers[tensor.Source];
        source.Weights.Read(tensor.Members[tensor.Source].Name, block.Start, values);
        FindNotFinite(source.Where(tensor.Saved.Name), tensor.Saved.Shape, block.Start, values);
    }

    private void Hash(PlannedTensor tensor, int member, WeightsBlock block, ReadOnlySpan<byte> bits)
    {
        if (_hashes.Count == 0 || _average.AllMembers[member].Weights is not Checkpoint checkpoint) return;
        TensorInfo info = tensor.Members[member];
        FileHash hash = _hashes[checkpoint.FileOf(info.Name)];
        if (hash.Member == member) hash.Append(checkpoint.OffsetOf(info.Name) + block.Start * info.DType.Bits() / 8, bits);
    }

    private unsafe void Average(PlannedTensor tensor, WeightsBlock block, Workspace work)
    {
        DType saved = tensor.Saved.DType;
        int done = 0, n = work.Bits.Length;
        if (_average.Values is { } method)
        {
            Combine(method, tensor, block, work);
            return;
        }
        if (n > 1 && _average.Options.Accumulate == DType.F64 && work.Types.All(t => t == work.Types[0]))
        {
            done = RegisterAverage.Run(work.Places, work.Types[0], _average.CoefficientSpan, _average.Divisor, saved, (byte*)work.Place, block.Count, out bool finite);
            if (!finite) Explain(tensor, block.Start, done);
        }
        Span<double> sums = stackalloc double[WeightedSum.Run];
        for (int at = done; at < block.Count; at += WeightedSum.Run)
        {
            int count = Math.Min(WeightedSum.Run, block.Count - at), here = at;
            Span<double> run = sums[..count];
            _average.Sum((int member, out DType type) =>
            {
                type = work.Types[member];
                int size = type.Bits() / 8;
                return work.Bits[member].AsSpan(here * size, count * size);
            }, run);
            if (!WeightedSum.AllFinite(run)) Explain(tensor, block.Start + at, count);
            FloatBits.Narrow(saved, run, work.Result.AsSpan((int)((long)at * saved.Bits() / 8), (int)((long)count * saved.Bits() / 8)));
        }
    }

    /// <summary>The same by a method, which need not let NaN through: members and base are looked at as well as the result.</summary>
    private void Combine(ModelValues method, PlannedTensor tensor, WeightsBlock block, Workspace work)
    {
        using RunBuffers buffers = RunBuffers.Rent(work.Bits.Length);
        DType saved = tensor.Saved.DType;
        RunAverage average = method.Of(tensor.Saved.Name);
        Span<double> sums = stackalloc double[WeightedSum.Run];
        for (int at = 0; at < block.Count; at += WeightedSum.Run)
        {
            int count = Math.Min(WeightedSum.Run, block.Count - at);
            bool finite = true;
            for (int i = 0; i < work.Bits.Length; i++)
            {
                int size = work.Types[i].Bits() / 8;
                Span<double> values = buffers.Members[i].AsSpan(0, count);
                FloatBits.Widen(work.Types[i], work.Bits[i].AsSpan(at * size, count * size), values);
                finite &= WeightedSum.AllFinite(values);
            }
            method[tensor.Saved.Name].ReadOrigin(block.Start + at, buffers.Origin.AsSpan(0, count));
            finite &= WeightedSum.AllFinite(buffers.Origin.AsSpan(0, count));
            average(block.Start + at, buffers.Members, buffers.Origin, sums[..count]);
            if (!finite || !WeightedSum.AllFinite(sums[..count])) Explain(tensor, block.Start + at, count);
            FloatBits.Narrow(saved, sums[..count], work.Result.AsSpan((int)((long)at * saved.Bits() / 8), (int)((long)count * saved.Bits() / 8)));
        }
    }

    /// <summary>A sum that is not finite: names the members whose value is not, or says that the sum itself is too large.</summary>
    private void Explain(PlannedTensor tensor, long start, int count)
    {
        if (_found.Count > 20) return;
        var values = new double[count];
        bool found = false;
        for (int i = 0; i < _average.AllMembers.Count; i++)
        {
            Member member = _average.AllMembers[i];
            member.Weights.Read(tensor.Members[i].Name, start, values);
            found |= FindNotFinite(member.Where(tensor.Saved.Name), tensor.Saved.Shape, start, values);
        }
        if (_average.Values is { } method)
        {
            method[tensor.Saved.Name].ReadOrigin(start, values);
            if (_average.Options.Method!.Origin is { } origin) found |= FindNotFinite($"{origin.Name}: '{tensor.Saved.Name}'", tensor.Saved.Shape, start, values);
        }
        if (!found) _found.Enqueue(new("values", $"{_average.Name}: '{tensor.Saved.Name}'", "the sum is too large for its type", "smaller weights, or sums in f64", Severity.Refused));
        // No need to read on: without leave this ends in a refusal.
        if (_average.Options.Allows("values")) return;
        _kinshipKnown.Task.Wait();
        Judge(_found);
    }

    /// <summary>Notes the first value that is not finite, where there is one.</summary>
    private bool FindNotFinite(string where, Shape shape, long start, Span<double> values)
    {
        int at = values.IndexOfFirstNotFinite();
        if (at >= 0) _found.Enqueue(new("values", where, $"is {(double.IsNaN(values[at]) ? "NaN" : "infinite")} at {ValueRules.Place(shape, start + at)}", "finite numbers", Severity.Refused));
        return at >= 0;
    }

    private IEnumerable<PlannedTensor> InFileOrder(IEnumerable<PlannedTensor> tensors) =>
        _average.AllMembers[0].Weights is Checkpoint first
            ? tensors.OrderBy(t => first.FileOf(t.Members[0].Name), StringComparer.Ordinal).ThenBy(t => first.OffsetOf(t.Members[0].Name))
            : tensors;

    /// <summary>The widest type that a block of the tensor is held in, so that every buffer is long enough.</summary>
    private DType Widest(PlannedTensor tensor) =>
        !tensor.IsAveraged ? tensor.Members.Append(tensor.Saved).MaxBy(i => i.DType.Bits())!.DType
        : tensor.Members.Where((info, i) => !_average.AllMembers[i].IsStored || info.DType is not (DType.F32 or DType.BF16 or DType.F16)).Any() ? DType.F64
        : tensor.Members.Append(tensor.Saved).MaxBy(i => i.DType.Bits())!.DType;

    /// <summary>A thread's buffers, at fixed places in memory.</summary>
    private sealed class Workspace
    {
        public Workspace(int members, int blockBytes)
        {
            Bits = [.. Enumerable.Range(0, members).Select(_ => GC.AllocateUninitializedArray<byte>(blockBytes + 64, pinned: true))];
            Result = GC.AllocateUninitializedArray<byte>(blockBytes + 64, pinned: true);
            Types = new DType[members];
            Places = [.. Bits.Select(Address)];
            Place = Address(Result);
        }

        public byte[][] Bits { get; }
        public DType[] Types { get; }
        public byte[] Result { get; }
        public nint[] Places { get; }
        public nint Place { get; }

        private static unsafe nint Address(byte[] pinned) => (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(pinned));
    }
}
