using System.Text.RegularExpressions;

namespace Warm;

/// <summary>
/// What the tensors of an adapter file are, told by their names: pairs of factors by module, and tensors that stand in place of the base's. Names as PEFT saves them and as they are in memory
/// (<c>.default.</c> inside) mean the same.
/// </summary>
internal sealed partial class AdapterNames
{
    private const string Prefix = "base_model.model.";

    /// <summary>The tensors of one adapted module, by their names in the file; what it lacks is null.</summary>
    public sealed class Module(string name)
    {
        /// <summary>The module's name in the model: <c>model.layers.0.self_attn.q_proj</c>.</summary>
        public string Name { get; } = name;

        /// <summary>The first factor, [r, in]; of an embedding [r, words].</summary>
        public string? A { get; set; }

        /// <summary>The second factor, [out, r]; of an embedding [width, r].</summary>
        public string? B { get; set; }

        /// <summary>The second factor's bias, [out].</summary>
        public string? Bias { get; set; }

        /// <summary>DoRA's lengths, [out].</summary>
        public string? Magnitude { get; set; }

        /// <summary>Whether the factors are an embedding's.</summary>
        public bool IsEmbedding { get; set; }
    }

    private readonly Checkpoint _file;
    private readonly SortedDictionary<string, Module> _modules = new(CodePointOrder.Instance);
    private readonly Dictionary<string, string> _replaced = [];
    private readonly Dictionary<string, string> _saved = [];
    private readonly HashSet<string> _adapters = [];

    private AdapterNames(Checkpoint file) => _file = file;

    /// <summary>Modules with factors, by name.</summary>
    public IReadOnlyCollection<Module> Modules => _modules.Values;

    /// <summary>Tensors that stand in place of the base's: the name in the model, the name in the file.</summary>
    public IReadOnlyDictionary<string, string> Replaced => _replaced;

    /// <summary>Sorts the tensors of an adapter file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="isTensor">Whether the model has a tensor of that name; tells an adapter's name from a module's.</param>
    /// <param name="remarks">Told what is odd.</param>
    public static AdapterNames Of(Checkpoint file, Func<string, bool> isTensor, List<string> remarks)
    {
        var names = new AdapterNames(file);
        int bare = file.Names.Count(name => !name.StartsWith(Prefix, StringComparison.Ordinal));
        if (bare > 0 && bare < file.Names.Count) throw new WarmException(file.Name, $"{bare} of {file.Names.Count} tensors lack the prefix {Prefix}", "all with it, as PEFT saves them");
        if (bare > 0) remarks.Add($"{file.Name}: the names lack PEFT's prefix {Prefix}: they are taken as the model's own");
        foreach (string own in file.Names) names.Add(own, bare > 0 ? own : own[Prefix.Length..], isTensor);
        if (names._adapters.Count > 1) throw new WarmException(file.Name, $"holds several adapters: {string.Join(", ", names._adapters.Order(StringComparer.Ordinal))}", "one adapter", "Save each by itself.");
        // Trap: with bias "all" PEFT writes a saved module's bias twice, and loads the one under the plain name.
        foreach ((string name, string own) in names._saved) names._replaced.TryAdd(name, own);
        return names;
    }

    private void Add(string own, string name, Func<string, bool> isTensor)
    {
        if (Factor().Match(name) is { Success: true } factor)
        {
            Module module = ModuleOf(factor);
            if (factor.Groups["part"].Value == "bias")
            {
                if (factor.Groups["which"].Value == "A") throw Unknown(own);
                module.Bias = Once(module.Bias, own);
            }
            else if (factor.Groups["which"].Value == "A") module.A = Once(module.A, own);
            else module.B = Once(module.B, own);
        }
        else if (EmbeddingFactor().Match(name) is { Success: true } embedding)
        {
            Module module = ModuleOf(embedding);
            module.IsEmbedding = true;
            if (embedding.Groups["which"].Value == "A") module.A = Once(module.A, own);
            else module.B = Once(module.B, own);
        }
        else if (Magnitude().Match(name) is { Success: true } magnitude)
        {
            Module module = ModuleOf(magnitude);
            module.Magnitude = Once(module.Magnitude, own);
        }
        else if (name.Contains(".lora_", StringComparison.Ordinal) || name.StartsWith("lora_", StringComparison.Ordinal) || name.Contains(".token_adapter.", StringComparison.Ordinal)) throw Unknown(own);
        else if (name.Contains(".original_module.", StringComparison.Ordinal)) return; // the unused copy of a saved module
        else if (name.IndexOf(".modules_to_save.", StringComparison.Ordinal) is >= 0 and var at)
        {
            string module = name[..at], rest = name[(at + ".modules_to_save.".Length)..];
            string plain = $"{module}.{rest}";
            if (!isTensor(plain) && rest.IndexOf('.') is > 0 and var point)
            {
                _adapters.Add(rest[..point]);
                plain = $"{module}.{rest[(point + 1)..]}";
            }
            if (!_saved.TryAdd(plain, own)) throw Twice(own, _saved[plain]);
        }
        else
        {
            string plain = name.Replace(".base_layer.", ".", StringComparison.Ordinal);
            if (!_replaced.TryAdd(plain, own)) throw Twice(own, _replaced[plain]);
        }
    }

    private Module ModuleOf(Match match)
    {
        if (match.Groups["adapter"] is { Success: true } adapter) _adapters.Add(adapter.Value);
        string name = match.Groups["module"].Value;
        if (!_modules.TryGetValue(name, out Module? module)) _modules.Add(name, module = new(name));
        return module;
    }

    private string Once(string? before, string own) => before is null ? own : throw Twice(own, before);

    private WarmException Twice(string own, string other) => new($"{_file.FileOf(own)}, {JsonText.Quote(own)}", $"means the same as {JsonText.Quote(other)}", "each tensor once");

    private WarmException Unknown(string own) => new($"{_file.FileOf(own)}, {JsonText.Quote(own)}", "is no part of a LoRA adapter that Warm knows", "lora_A, lora_B, lora_embedding_A, lora_embedding_B, lora_magnitude_vector, or a whole tensor");

    [GeneratedRegex(@"^(?<module>.+)\.lora_(?<which>[AB])(\.(?<adapter>[^.]+))?\.(?<part>weight|bias)$")]
    private static partial Regex Factor();

    [GeneratedRegex(@"^(?<module>.+)\.lora_embedding_(?<which>[AB])(\.(?<adapter>[^.]+))?$")]
    private static partial Regex EmbeddingFactor();

    [GeneratedRegex(@"^(?<module>.+)\.lora_magnitude_vector(\.(?!weight$)(?<adapter>[^.]+))?(\.weight)?$")]
    private static partial Regex Magnitude();
}
