using System.Runtime.InteropServices;

namespace Warm.Transformers;

/// <summary>
/// The weights as an architecture asks for them. A request carries the name and the shape that the layer expects; requests are first answered from headers alone,
/// so that everything that is missing or of another shape is said at once, before anything is read.
/// </summary>
/// <remarks>
/// A file without the base prefix (<c>layers.0 ...</c> for <c>model.layers.0 ...</c>) loads as well, and <c>LayerNorm.gamma</c> and <c>beta</c> are read as <c>weight</c> and <c>bias</c>; of no other norm, for transformers would make those new.
/// </remarks>
internal sealed class ModelWeights
{
    private readonly Weights _weights;
    private readonly Engine _engine;
    private readonly Residency _residency;
    private readonly string _prefix;
    private readonly bool _prefixed;
    private readonly Dictionary<string, string> _names = []; // as asked -> as in the file
    private readonly List<string> _missing = [], _misshapen = [], _mistyped = [];
    private readonly HashSet<string> _known = []; // tensors that are no weights of a layer
    private readonly List<Action> _loads = [];
    private readonly Dictionary<string, CopiedView> _copies = [];

    /// <summary>Weights for an architecture whose tensors begin with <paramref name="prefix"/> (<c>model.</c>), but for the head's.</summary>
    public ModelWeights(Weights weights, Engine engine, Residency residency, string prefix)
    {
        (_weights, _engine, _residency, _prefix) = (weights, engine, residency, prefix);
        _prefixed = weights.Names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));
    }

    /// <summary>What the tensors' names begin with, as they are asked for: <c>model.</c>.</summary>
    public string Prefix => _prefix;

    /// <summary>What the weights are called.</summary>
    public string Name => _weights.Name;

    /// <summary>Tensors of the file below a path: <c>v_head</c> gives <c>v_head.summary.weight</c> ...</summary>
    public IEnumerable<string> Below(string path) => _weights.Names.Where(name => name.StartsWith($"{path}.", StringComparison.Ordinal));

    /// <summary>The values of a small vector that is read at once, or null where the file lacks it.</summary>
    public double[]? Values(string name, int count)
    {
        if (!_weights.Contains(name)) return null;
        Ignore(name);
        TensorInfo info = _weights.Info(name);
        if (info.Count != count || !info.DType.IsFloat()) throw new WarmException(_weights.Name, $"'{name}' is {info.DType.Name()} {info.Shape}", $"{count} floating-point values");
        double[] values = new double[count];
        _weights.Read(name, 0, values.AsSpan());
        return values;
    }

    /// <summary>Says that a tensor is known and needs no reading.</summary>
    public void Ignore(string name)
    {
        if (_weights.Contains(name)) _known.Add(name);
    }

    /// <summary>Number of tensors in the file: no model has more layers than that.</summary>
    public int Tensors => _weights.Names.Count;

    /// <summary>Tensors of the file that nobody asked for.</summary>
    public IEnumerable<string> Unused => _weights.Names.Except(_names.Values).Except(_known);

    /// <summary>What the file calls a tensor, or null where it lacks it.</summary>
    public string? Find(string name)
    {
        if (_prefixed || !name.StartsWith(_prefix, StringComparison.Ordinal)) return Alias(name);
        return Alias(name[_prefix.Length..]);

        string? Alias(string name) =>
            _weights.Contains(name) ? name
            : name.EndsWith("LayerNorm.weight", StringComparison.Ordinal) && _weights.Contains($"{name[..^6]}gamma") ? $"{name[..^6]}gamma"
            : name.EndsWith("LayerNorm.bias", StringComparison.Ordinal) && _weights.Contains($"{name[..^4]}beta") ? $"{name[..^4]}beta"
            : null;
    }

    /// <summary>What a language model's output matrix is called.</summary>
    public static readonly string[] OutputMatrices = ["lm_head.weight", "pretrained_model.lm_head.weight", "embed_out.weight"];

    /// <summary>The language model's output matrix, where the file has one; null where it has none.</summary>
    public string? OutputMatrix => Array.Find(OutputMatrices, _weights.Contains);

    /// <summary>Whether a language model's output matrix differs from the embedding. Looked at in 64 places, so that loading stays instant.</summary>
    public bool DiffersFromEmbedding(string tensor)
    {
        if (_names.Values.FirstOrDefault(name => Array.Exists(["embed_tokens.weight", "wte.weight", "embed_in.weight"], end => name.EndsWith(end, StringComparison.Ordinal))) is not { } embedding) return false;
        TensorInfo info = _weights.Info(tensor);
        if (_weights.Info(embedding) != info with { Name = embedding }) return true;
        float[] one = new float[64], other = new float[64];
        long step = Math.Max(1, info.Count / 64);
        for (long start = 0; start < info.Count; start += step)
        {
            int length = (int)Math.Min(64, info.Count - start);
            _weights.Read(tensor, start, one.AsSpan(0, length));
            _weights.Read(embedding, start, other.AsSpan(0, length));
            if (!one.AsSpan(0, length).SequenceEqual(other.AsSpan(0, length))) return true;
        }
        return false;
    }

    /// <summary>The shape of a tensor in the file, or null where it lacks it.</summary>
    public Shape? Shape(string name) => Find(name) is { } found ? _weights.Info(found).Shape : null;

    /// <summary>Asks for a group of weights that are used together, such as a layer's. Nothing is read before <see cref="Load"/>.</summary>
    public WeightGroup<T> Group<T>(Func<WeightScope, T> build) where T : class
    {
        build(new WeightScope(Check)); // the answers have shapes and no values
        var group = new WeightGroup<T>(() => new WeightScope(Read), build, streamed: _residency == Residency.Streamed);
        _loads.Add(group.Load);
        return group;
    }

    /// <summary>Refuses what is missing, misshapen or no float, all in one message.</summary>
    public void Check(string architecture)
    {
        string[] problems = [.. _missing, .. _misshapen, .. _mistyped];
        if (problems.Length > 0)
        {
            string shown = string.Join("; ", problems.Take(12)) + (problems.Length > 12 ? $"; and {problems.Length - 12} more" : "");
            throw new WarmException(_weights.Name, problems.Length == 1 ? shown : $"{problems.Length} tensors do not fit {architecture}: {shown}", fix:
                _missing.Count > 0 ? $"A model never gets random weights in their place: give the whole {architecture}, or mend config.json." : "config.json and the tensors must belong together.");
        }
    }

    /// <summary>Reads every group that stays.</summary>
    public void Load()
    {
        try
        {
            ReadInOnePass();
            foreach (Action load in _loads) load();
        }
        finally
        {
            foreach (CopiedView view in _copies.Values) view.Dispose();
            _copies.Clear();
        }
    }

    /// <summary>What a reader should know after the reading: an average's doubts about its members.</summary>
    public IReadOnlyList<string> Remarks { get; private set; } = [];

    /// <summary>
    /// Where weights are copied, or computed while they are read, they come in one pass on all cores: the bits that <c>Save</c> would write. An average judges its members in it.
    /// Streamed weights are judged and let go.
    /// </summary>
    private void ReadInOnePass()
    {
        bool computed = _names.Values.Any(name => { using TensorView? view = _weights.View(name); return view is null; });
        if (!computed && _residency != Residency.Resident) return;
        if (_residency != Residency.Streamed)
            foreach (string name in _names.Values.Distinct())
                if (IsKept(_weights.Info(name).DType)) _copies[name] = CopiedView.Empty(_weights.Info(name));
        WeightsPass pass = _weights.Pass();
        pass.Run(_copies.Count == 0 ? null : (tensor, start, bits) =>
        {
            if (_copies.TryGetValue(tensor.Name, out CopiedView? copy)) copy.Write(start, bits);
        });
        Remarks = pass.Remarks;
    }

    /// <summary>The types that engines keep; any other is widened, or rounded once, to single.</summary>
    private static bool IsKept(DType dtype) => dtype is DType.F32 or DType.F16 or DType.BF16;

    private EngineWeight Check(string name, Shape shape)
    {
        if (Find(name) is not { } found)
        {
            _missing.Add($"'{name}' {shape} is missing");
        }
        else
        {
            _names[name] = found;
            TensorInfo info = _weights.Info(found);
            if (info.Shape != shape) _misshapen.Add($"'{found}' is {info.Shape}, and config.json makes it {shape}");
            if (!info.DType.IsFloat()) _mistyped.Add($"'{found}' is {info.DType.Name()}, which is no float: quantised weights are not read");
        }
        return new Promised(new TensorInfo(name, DType.F32, shape));
    }

    private EngineWeight Read(string name, Shape shape)
    {
        string found = _names[name];
        TensorInfo info = _weights.Info(found);
        if (_copies.Remove(found, out CopiedView? copy)) return _engine.Load(copy);
        if (!IsKept(info.DType)) return _engine.Load(new WidenedView(_weights, info));
        return _engine.Load(_residency == Residency.Mapped && _weights.View(found) is { } view ? view : CopiedView.Of(_weights, found));
    }

    /// <summary>A weight that is known by name and shape only.</summary>
    private sealed class Promised(TensorInfo info) : EngineWeight(info)
    {
        public override void Dispose() { }
    }

    /// <summary>A tensor of another float type as singles, in native memory of its own.</summary>
    private sealed unsafe class WidenedView : TensorView
    {
        private nint _address;

        public WidenedView(Weights weights, TensorInfo info) : base(info with { DType = DType.F32 })
        {
            _address = (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(64, Info.Bytes), 64);
            const int Step = 1 << 20;
            for (long start = 0; start < info.Count; start += Step)
                weights.Read(info.Name, start, new Span<float>((float*)_address + start, (int)Math.Min(Step, info.Count - start)));
        }

        public override nint Address => _address;

        public override void Dispose()
        {
            NativeMemory.AlignedFree((void*)Interlocked.Exchange(ref _address, 0));
            GC.SuppressFinalize(this);
        }

        ~WidenedView() => NativeMemory.AlignedFree((void*)Interlocked.Exchange(ref _address, 0));
    }
}
