using System.Buffers;
using System.Globalization;
using System.Numerics.Tensors;

namespace Warm;

/// <summary>
/// The average of some weights, computed while it is read and never kept: <c>sum c_i theta_i</c> in member order, divided by the number of members (uniform) or by
/// <c>sum c_i</c> (weighted, normalised), rounded once. Is itself <see cref="Weights"/>: it loads as a model, saves as a folder, and can be a member of another average.
/// </summary>
/// <remarks>
/// Sums are double by default; a product is rounded, then added; the bits depend neither on threads nor on how much is read at once. Members that are averages themselves give
/// their unrounded sums. Integers, booleans and a head's own normaliser are the first member's; so are config, tokenizer and companion files.
/// <para>Making an average looks at headers, configs and tokenizers and refuses what does not fit together (<see cref="Compatibility"/>). NaN, infinity and kinship are judged in the
/// pass that reads the values: <see cref="Weights.Save"/>, <see cref="CheckValues"/>, or whoever reads through <see cref="Weights.Pass"/>, as a loading model does.</para>
/// <para>Weights averaged reward models: Ramé et al., WARM, arXiv:2401.12187. Memory: a few blocks a thread, whatever the models' size.</para>
/// </remarks>
public sealed class WeightAverage : Weights
{
    private readonly Dictionary<string, PlannedTensor> _tensors;
    private readonly string[] _names;
    private readonly Member[] _members;
    private readonly double[] _coefficients;

    private WeightAverage(Member[] members, AverageOptions options, string method, AveragePlan plan, Compatibility compatibility)
    {
        _members = members;
        Options = options;
        Method = method;
        Compatibility = compatibility;
        Plan = plan;
        _tensors = plan.Tensors.ToDictionary(t => t.Saved.Name);
        _names = [.. plan.Tensors.Select(t => t.Saved.Name)];
        _coefficients = options.Method is { } how ? how.Shares(members.Length) : options.Weights is { } weights ? [.. weights] : [.. Enumerable.Repeat(1.0, members.Length)];
        Divisor = options.Method is not null ? 1 : options.Weights is null ? members.Length : options.Normalise ? WeightedSum.Divisor(_coefficients) : 1;
        Name = $"{method} average of {members.Length}";
        if (options.Method is { } chosen) Values = new(this, chosen);
        if (Divisor == 0 || !double.IsFinite(Divisor))
            throw new WarmException("weights", $"their sum is {Divisor.ToString(CultureInfo.InvariantCulture)}", "a sum other than 0 to divide by", "Give other weights, or do not normalise.");
    }

    /// <summary>The average of members; refuses members that do not fit together, and says why, all reasons at once.</summary>
    public static WeightAverage Of(params Weights[] members) => Of((IReadOnlyList<Weights>)members);

    /// <summary>The average of members; refuses members that do not fit together, and says why, all reasons at once.</summary>
    /// <param name="members">At least one; one alone is a conversion. They must stay open as long as the average is read.</param>
    /// <param name="options">Weights, number types, allowed rules; null for the uniform mean.</param>
    public static WeightAverage Of(IReadOnlyList<Weights> members, AverageOptions? options = null) =>
        Of(members, options ?? AverageOptions.Default, options?.Method is { } method ? method.Name : options?.Weights is null ? "uniform" : "weighted");

    internal static WeightAverage Of(IReadOnlyList<Weights> members, AverageOptions options, string method)
    {
        if (members.Count == 0) throw new WarmException("average", "there are no members", "at least one");
        if (options.Weights is { } weights)
        {
            if (weights.Count != members.Count) throw new WarmException("weights", $"there are {weights.Count}", $"one for each of the {members.Count} members");
            if (!weights.All(double.IsFinite)) throw new WarmException("weights", "one is not a finite number", "finite numbers");
        }
        if (options.DType is { } dtype && dtype is not (Warm.DType.F64 or Warm.DType.F32 or Warm.DType.BF16 or Warm.DType.F16))
            throw new WarmException("dtype", $"{dtype.Name()} is not a type to average in", "F64, F32, BF16 or F16, or null to keep");
        if (options.Accumulate is not (Warm.DType.F64 or Warm.DType.F32)) throw new WarmException("accumulate", $"{options.Accumulate.Name()} is not a type for sums", "F64 or F32");
        options.CheckAllow();
        if (options.Head is { } head && (head < 0 || head >= members.Count)) throw new WarmException("--head", $"is member {head}", $"0 to {members.Count - 1}");
        if (options.Method is { } chosen) CheckMethod(chosen, options, members.Count);
        Member[] own = [.. members.Select(m => new Member(m))];
        AveragePlan plan = AveragePlan.Of(own, options.DType, options.Head);
        Compatibility compatibility = Compatibility.Of(own, plan);
        if (options.Method is { } beside)
        {
            if (beside.Origin is not null) compatibility = compatibility.Without("count"); // one member and a base are two models
            compatibility = compatibility.With(MethodRules.Judge(beside, plan));
        }
        compatibility.Demand(options);
        return new(own, options, method, plan, compatibility);
    }

    /// <summary>The members in order.</summary>
    public IReadOnlyList<Weights> Members => [.. _members.Select(m => m.Weights)];

    /// <summary>One coefficient a member, as given; ones for the uniform mean.</summary>
    public IReadOnlyList<double> Coefficients => _coefficients;

    internal ReadOnlySpan<double> CoefficientSpan => _coefficients;

    /// <summary>What the sum is divided by: the number of members, the sum of the coefficients, or 1.</summary>
    public double Divisor { get; }

    /// <summary>uniform, weighted, interpolation, or the name of <see cref="AverageOptions.Method"/>.</summary>
    public string Method { get; }

    /// <summary>How it was asked for.</summary>
    public AverageOptions Options { get; }

    /// <summary>What headers, configs and tokenizers say of the members. The values' part comes with a pass.</summary>
    public Compatibility Compatibility { get; }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Names => _names;

    /// <inheritdoc/>
    public override bool Contains(string name) => _tensors.ContainsKey(name);

    /// <inheritdoc/>
    public override TensorInfo Info(string name) => Tensor(name).Saved;

    /// <inheritdoc/>
    public override ModelFolder? Folder => _members[0].Weights.Folder;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Remarks =>
        [.. Compatibility.Differences.Select(d => d.ToString()), .. _members.SelectMany(m => m.Weights.Remarks).Distinct(), .. Options.Method?.Remarks ?? [], .. HeadRemarks(), .. ModelCard.ConfigRemarks(this), .. ModelCard.LicenceRemarks(this)];

    /// <inheritdoc/>
    public override void ReadRaw(string name, long start, Span<byte> destination)
    {
        PlannedTensor tensor = Tensor(name);
        if (!tensor.IsAveraged)
        {
            Copy(tensor, start, destination);
            return;
        }
        int size = tensor.Saved.DType.Bits() / 8;
        Span<double> sums = stackalloc double[WeightedSum.Run];
        byte[] scratch = ArrayPool<byte>.Shared.Rent(WeightedSum.Run * 8);
        for (int done = 0, count; done < destination.Length; done += count * size)
        {
            count = Math.Min(WeightedSum.Run, (destination.Length - done) / size);
            SumFromMembers(tensor, start + done / size, sums[..count], scratch);
            FloatBits.Narrow(tensor.Saved.DType, sums[..count], destination.Slice(done, count * size));
        }
        ArrayPool<byte>.Shared.Return(scratch);
    }

    /// <inheritdoc/>
    public override void Read(string name, long start, Span<float> destination)
    {
        Span<double> sums = stackalloc double[WeightedSum.Run];
        for (int done = 0, count; done < destination.Length; done += count)
        {
            count = Math.Min(WeightedSum.Run, destination.Length - done);
            Read(name, start + done, sums[..count]);
            FloatBits.Narrow(DType.F32, sums[..count], System.Runtime.InteropServices.MemoryMarshal.AsBytes(destination.Slice(done, count)));
        }
    }

    /// <inheritdoc/>
    public override void Read(string name, long start, Span<double> destination)
    {
        PlannedTensor tensor = Tensor(name);
        if (!tensor.IsAveraged)
        {
            _members[tensor.Source].Weights.Read(tensor.Members[tensor.Source].Name, start, destination);
            return;
        }
        byte[] scratch = ArrayPool<byte>.Shared.Rent(WeightedSum.Run * 8);
        for (int done = 0, count; done < destination.Length; done += count)
        {
            count = Math.Min(WeightedSum.Run, destination.Length - done);
            SumFromMembers(tensor, start + done, destination.Slice(done, count), scratch);
        }
        ArrayPool<byte>.Shared.Return(scratch);
    }

    /// <summary>What one member gives, in the type that is saved.</summary>
    internal void Copy(PlannedTensor tensor, long start, Span<byte> destination)
    {
        (Weights source, TensorInfo info) = (_members[tensor.Source].Weights, tensor.Members[tensor.Source]);
        if (info.DType == tensor.Saved.DType)
        {
            source.ReadRaw(info.Name, start, destination);
            return;
        }
        int size = tensor.Saved.DType.Bits() / 8;
        Span<double> values = stackalloc double[WeightedSum.Run];
        for (int done = 0, count; done < destination.Length; done += count * size)
        {
            count = Math.Min(WeightedSum.Run, (destination.Length - done) / size);
            source.Read(info.Name, start + done / size, values[..count]);
            FloatBits.Narrow(tensor.Saved.DType, values[..count], destination.Slice(done, count * size));
        }
    }

    /// <summary>
    /// Reads all values once, without keeping or writing any, and judges them: NaN and infinity, members that are no kin, heads that cancel. A refusal is a <see cref="WarmException"/>.
    /// <c>Save</c> does the same in its own pass.
    /// </summary>
    /// <returns>What there is to remark.</returns>
    public IReadOnlyList<string> CheckValues(PassOptions? options = null, CancellationToken cancellation = default)
    {
        WeightsPass pass = Pass(options);
        pass.Run(null, null, cancellation);
        return pass.Remarks;
    }

    /// <summary>A reading that judges the members' values as it goes.</summary>
    public override WeightsPass Pass(PassOptions? options = null) => new AveragePass(this, options);

    /// <summary>What is read beside the members: a base, masks.</summary>
    internal IEnumerable<Weights> Beside => Options.Method is not { } method ? [] : method.Origin is { } origin ? [origin, .. method.Masks] : method.Masks;

    internal IReadOnlyList<Member> AllMembers => _members;

    internal PlannedTensor Tensor(string name) => _tensors.TryGetValue(name, out PlannedTensor? tensor) ? tensor : throw new WarmException(Name, $"there is no tensor '{name}'", $"one of {_names.Length:N0}");

    /// <summary>The members' tensors, matched.</summary>
    internal AveragePlan Plan { get; }

    /// <summary>Whether a member's own bits are what is read: it lies on disk, and in one of the four types that kernels know.</summary>
    internal bool ReadsRaw(PlannedTensor tensor, int member) =>
        _members[member].IsStored && (!tensor.IsAveraged || tensor.Members[member].DType is DType.F64 or DType.F32 or DType.BF16 or DType.F16);

    /// <summary>Reads some values of a member as bits of the type that is returned: its own bits where they are what is meant, else doubles.</summary>
    internal DType ReadMember(PlannedTensor tensor, int member, long start, int count, Span<byte> scratch)
    {
        TensorInfo info = tensor.Members[member];
        if (ReadsRaw(tensor, member))
        {
            _members[member].Weights.ReadRaw(info.Name, start, scratch[..(count * (info.DType.Bits() / 8))]);
            return info.DType;
        }
        _members[member].Weights.Read(info.Name, start, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, double>(scratch)[..count]);
        return DType.F64;
    }

    /// <summary>The average of at most <see cref="WeightedSum.Run"/> values whose bits lie in memory, unrounded.</summary>
    /// <param name="bits">Gives each member's bits and their type.</param>
    /// <param name="sums">The result.</param>
    internal void Sum(MemberBits bits, Span<double> sums)
    {
        if (_members.Length == 1 && Divisor == Coefficients[0]) // a conversion: also -0 stays what it is
        {
            ReadOnlySpan<byte> only = bits(0, out DType type);
            FloatBits.Widen(type, only, sums);
            return;
        }
        if (Options.Accumulate == DType.F64)
        {
            sums.Clear();
            for (int i = 0; i < _members.Length; i++) WeightedSum.Add(sums, bits(i, out DType type), type, Coefficients[i]);
            if (Divisor != 1) TensorPrimitives.Divide(sums, Divisor, sums);
        }
        else
        {
            Span<float> singles = stackalloc float[sums.Length];
            singles.Clear();
            for (int i = 0; i < _members.Length; i++) WeightedSum.Add(singles, bits(i, out DType type), type, (float)Coefficients[i]);
            if (Divisor != 1) TensorPrimitives.Divide(singles, (float)Divisor, singles);
            FloatBits.Widen(DType.F32, System.Runtime.InteropServices.MemoryMarshal.AsBytes(singles), sums);
        }
    }

    /// <summary>The method at work; null for the sum.</summary>
    internal ModelValues? Values { get; }

    private IEnumerable<string> HeadRemarks() =>
        Options.Head is { } head ? [$"the head ({string.Join(", ", Plan.Tensors.Where(t => t.IsHeadOfOne).Select(t => t.Saved.Name))}) is that of {_members[head].Name}"] : [];

    private static void CheckMethod(AverageMethod method, AverageOptions options, int members)
    {
        if (options.Weights is not null) throw new WarmException("weights", $"stand beside the method {method.Name}", "weights of the method itself, where it has some");
        method.Check(members);
    }

    private void SumFromMembers(PlannedTensor tensor, long start, Span<double> sums, byte[] scratch)
    {
        int count = sums.Length;
        if (Values is not null)
        {
            using RunBuffers buffers = RunBuffers.Rent(_members.Length);
            TensorValues values = Values[tensor.Saved.Name];
            for (int i = 0; i < _members.Length; i++) values.Read(i, start, buffers.Members[i].AsSpan(0, count));
            values.ReadOrigin(start, buffers.Origin.AsSpan(0, count));
            Values.Of(tensor.Saved.Name)(start, buffers.Members, buffers.Origin, sums);
            return;
        }
        Sum((int member, out DType type) =>
        {
            type = ReadMember(tensor, member, start, count, scratch);
            return scratch.AsSpan(0, count * (type.Bits() / 8));
        }, sums);
    }
}

/// <summary>Gives the bits of the next values of a member, and their type.</summary>
internal delegate ReadOnlySpan<byte> MemberBits(int member, out DType type);
