using System.Buffers;
using System.Runtime.InteropServices;

namespace Warm;

/// <summary>
/// A PEFT LoRA adapter on its base, as the weights of the whole model: W + scale B A, trained heads and biases in place of the base's, each tensor computed in double while it is read and rounded
/// once. Never kept, never merged by itself: average it, load it, save it like any other weights.
/// </summary>
/// <remarks>
/// Read: alpha / r and alpha / sqrt(r) (rsLoRA), rank_pattern and alpha_pattern, layers and embeddings, Linear and Conv1D (GPT-2, stored transposed), DoRA, lora_bias, the bias modes,
/// modules_to_save, of <c>adapter_model.safetensors</c> or <c>adapter_model.bin</c>. The factors' names decide what is adapted; target_modules only tells what is lost.
/// <para>An adapted tensor is saved in the widest of its base's and the adapter's types; the others keep theirs. Averages are of these products: the mean of products is not the product of mean factors.</para>
/// <para>Refused by name: other kinds of adapters, keys that change the function and are not built, factors without partner, of another rank or shape, or for a module that the base lacks, and a
/// trained module whose tensors are missing. NaN in a factor is refused when it is read. Memory: the part of the factors that is being read. Hu et al., arXiv:2106.09685.</para>
/// </remarks>
public sealed class LowRankAdapter : Weights
{
    private readonly Dictionary<string, AdaptedTensor> _adapted;
    private readonly string[] _names;

    private LowRankAdapter(Weights @base, string folder, string? baseName, AdapterPlan plan, List<string> remarks)
    {
        Base = @base;
        AdapterFolder = folder;
        BaseName = baseName;
        Factors = plan.File;
        _adapted = plan.Tensors;
        _names = [.. plan.Names];
        Folder = plan.Folder;
        Remarks = [.. @base.Remarks, .. remarks];
    }

    /// <summary>The weights that the adapter was trained on.</summary>
    public Weights Base { get; }

    /// <summary>The adapter's own folder.</summary>
    public string AdapterFolder { get; }

    /// <summary>What the adapter says it was trained on: a path or a name on a hub; null where it says nothing.</summary>
    public string? BaseName { get; }

    /// <summary>The adapter's own files: its config, which says by how much the factors count, and its weights.</summary>
    public IReadOnlyList<string> Files => [ConfigPath, .. Factors.Files];

    /// <summary>The file that a tensor, or what is added to it, comes from: the adapter's, or the base's where the adapter leaves it alone; null where the base is no <see cref="Checkpoint"/>.</summary>
    public string? FileOf(string name) =>
        _adapted.ContainsKey(name) ? Factors.Files[0] : Unadapted(name) switch { Checkpoint checkpoint => checkpoint.FileOf(name), LowRankAdapter adapter => adapter.FileOf(name), _ => null };

    /// <summary>The adapter's adapter_config.json.</summary>
    internal string ConfigPath => Path.Combine(AdapterFolder, AdapterConfig.FileName);

    /// <summary>The adapter's own tensors. There is no way to average these: their mean means nothing.</summary>
    internal Checkpoint Factors { get; }

    /// <inheritdoc/>
    public override string Name => $"{Base.Name}+{AdapterFolder}";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Names => _names;

    /// <summary>
    /// The base's folder: its config and companion files. The tokenizer is the adapter's where it was saved with one; and where the base was a language model and the adapter brings the
    /// head, the config is that of the classifier which the two make.
    /// </summary>
    public override ModelFolder? Folder { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Remarks { get; }

    /// <summary>Whether a folder is an adapter: it has an adapter_config.json.</summary>
    public static bool IsAdapter(string folder) => File.Exists(Path.Combine(folder, AdapterConfig.FileName));

    /// <summary>What an adapter's folder names as its base; null where it names none, or cannot be read.</summary>
    internal static string? BaseNameOf(string folder)
    {
        try
        {
            return AdapterConfig.Read(folder, []).BaseName;
        }
        catch (WarmException)
        {
            return null; // what is wrong with it is said when it is opened as an adapter
        }
    }

    /// <summary>Puts an adapter on its base. Reads headers and configs.</summary>
    /// <param name="base">The base; it must stay open as long as the adapter is read, and is not disposed with it.</param>
    /// <param name="folder">A folder with adapter_config.json and adapter_model.safetensors or adapter_model.bin.</param>
    /// <exception cref="WarmException">It is no LoRA adapter, or one for another base, or damaged; all is named with file and tensor.</exception>
    public static LowRankAdapter Open(Weights @base, string folder)
    {
        var remarks = new List<string>();
        string path = AdapterFile(folder, remarks);
        AdapterConfig config = AdapterConfig.Read(folder, remarks);
        var file = Checkpoint.Open(path);
        try
        {
            remarks.AddRange(file.Remarks);
            if (config.BaseName is { Length: > 0 } name && @base.Folder is { } under && !IsNamed(under, name))
                remarks.Add($"{folder} was trained on {JsonText.Quote(name)}, and stands on {@base.Name}: only you know whether they are the same");
            return new(@base, folder, config.BaseName, AdapterPlan.Of(@base, folder, config, file, remarks), remarks);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Compares the data of base and adapter with the checksums that stand in their files; see <see cref="Checkpoint.Verify"/>.</summary>
    public void Verify(CancellationToken cancellation = default)
    {
        Factors.Verify(cancellation);
        if (Base is Checkpoint checkpoint) checkpoint.Verify(cancellation);
        else if (Base is LowRankAdapter adapter) adapter.Verify(cancellation);
    }

    /// <inheritdoc/>
    public override TensorInfo Info(string name) => _adapted.TryGetValue(name, out AdaptedTensor? tensor) ? tensor.Info : Unadapted(name).Info(name);

    /// <inheritdoc/>
    public override bool Contains(string name) => Array.BinarySearch(_names, name, CodePointOrder.Instance) >= 0;

    /// <inheritdoc/>
    public override void ReadRaw(string name, long start, Span<byte> destination)
    {
        if (!_adapted.TryGetValue(name, out AdaptedTensor? tensor)) Unadapted(name).ReadRaw(name, start, destination);
        else if (tensor.IsStored) tensor.Source.ReadRaw(tensor.SourceName, start, destination);
        else
        {
            int size = tensor.Info.DType.Bits() / 8;
            if (destination.Length % size != 0) throw new ArgumentException($"{tensor.Info.DType.Name()} values are read in whole bytes: {destination.Length} bytes.");
            double[] values = ArrayPool<double>.Shared.Rent(destination.Length / size);
            try
            {
                Span<double> some = values.AsSpan(0, destination.Length / size);
                tensor.Read(start, some);
                FloatBits.Narrow(tensor.Info.DType, some, destination);
            }
            finally
            {
                ArrayPool<double>.Shared.Return(values);
            }
        }
    }

    /// <inheritdoc/>
    public override void Read(string name, long start, Span<float> destination)
    {
        if (!_adapted.TryGetValue(name, out AdaptedTensor? tensor))
        {
            Unadapted(name).Read(name, start, destination);
            return;
        }
        double[] values = ArrayPool<double>.Shared.Rent(destination.Length);
        try
        {
            Span<double> some = values.AsSpan(0, destination.Length);
            tensor.Read(start, some);
            FloatBits.Narrow(DType.F32, some, MemoryMarshal.AsBytes(destination));
        }
        finally
        {
            ArrayPool<double>.Shared.Return(values);
        }
    }

    /// <summary>Values unrounded: W + scale B A in double.</summary>
    public override void Read(string name, long start, Span<double> destination)
    {
        if (_adapted.TryGetValue(name, out AdaptedTensor? tensor)) tensor.Read(start, destination);
        else Unadapted(name).Read(name, start, destination);
    }

    /// <summary>The base's view of a tensor that the adapter leaves alone; null for the others.</summary>
    public override TensorView? View(string name) =>
        _adapted.TryGetValue(name, out AdaptedTensor? tensor) ? null : Unadapted(name).View(name);

    /// <summary>Closes the adapter's file; the base stays open.</summary>
    public override void Dispose()
    {
        Factors.Dispose();
        base.Dispose();
    }

    /// <summary>Whether a folder may be what that name means: the end of the name is among the folder's own names, or the name that its config remembers.</summary>
    private static bool IsNamed(ModelFolder folder, string name)
    {
        string last = Last(name), path = Path.GetFullPath(folder.Path);
        string real = new DirectoryInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;
        return ((string[])[.. path.Split('/', '\\'), .. real.Split('/', '\\')]).Any(part => Equal(part[(part.LastIndexOf("--", StringComparison.Ordinal) is >= 0 and var at ? at + 2 : 0)..])) // models--org--name of the hub's cache
            || (folder.Config?.Find("_name_or_path") is { ValueKind: System.Text.Json.JsonValueKind.String } remembered && Equal(Last(remembered.GetString()!)));

        bool Equal(string other) => string.Equals(other, last, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The last part of a path or of a name on a hub.</summary>
    internal static string Last(string name) => name.TrimEnd('/', '\\') is var whole && whole.LastIndexOfAny(['/', '\\']) is >= 0 and var at ? whole[(at + 1)..] : name.TrimEnd('/', '\\');

    private Weights Unadapted(string name) => Contains(name) ? Base : throw new WarmException(Name, $"has no tensor {JsonText.Quote(name)}");

    /// <summary>The adapter's weight file: safetensors before torch's. A whole model beside it leaves open what is meant.</summary>
    private static string AdapterFile(string folder, List<string> remarks)
    {
        const string Safe = "adapter_model.safetensors", Torch = "adapter_model.bin", Expected = $"{AdapterConfig.FileName} with {Safe} or {Torch}";
        if (!Directory.Exists(folder)) throw new WarmException(folder, File.Exists(folder) ? "is a file" : "is not there", $"an adapter's folder: {Expected}");
        if (!IsAdapter(folder))
        {
            string[] inside = [.. Directory.GetDirectories(folder).Where(IsAdapter).Order(NaturalOrder.Instance)];
            throw new WarmException(folder, inside.Length > 0 ? $"is no adapter, but holds {string.Join(", ", inside.Take(8).Select(Path.GetFileName))}" : $"has no {AdapterConfig.FileName}", Expected, inside.Length > 0 ? $"Name one of them: {inside[^1]}." : null);
        }
        bool safe = WeightFiles.Exists(Path.Combine(folder, Safe)), torch = WeightFiles.Exists(Path.Combine(folder, Torch));
        if (!safe && !torch) throw new WarmException(folder, $"has {AdapterConfig.FileName}, but neither {Safe} nor {Torch}", Expected);
        if (WeightFiles.Weights(folder) is { } whole)
            throw new WarmException(folder, $"holds a model ({whole}) and an adapter ({AdapterConfig.FileName}) side by side", "one of them, for it is not sure which is meant", "Move one of the two to a folder of its own.");
        if (safe && torch) remarks.Add($"{folder} holds {Safe} and {Torch}: {Safe} is taken");
        return Path.Combine(folder, safe ? Safe : Torch);
    }
}
