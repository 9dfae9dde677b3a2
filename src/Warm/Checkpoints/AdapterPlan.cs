namespace Warm;

/// <summary>
/// Which tensors an adapter changes, told by headers alone: every factor has its partner, its rank, its matrix in the base; every module that was trained whole is there. Whatever does not
/// fit is refused with its file and name.
/// </summary>
internal sealed class AdapterPlan
{
    private readonly Weights _base;
    private readonly AdapterConfig _config;
    private readonly List<string> _remarks;
    private readonly AdapterNames _file;
    private readonly HashSet<string> _firsts;
    private readonly RecentFactors _recent = new();

    private AdapterPlan(Weights @base, string folder, AdapterConfig config, Checkpoint file, List<string> remarks)
    {
        (_base, _config, File, _remarks) = (@base, config, file, remarks);
        _firsts = [.. @base.Names.Select(name => name[..(name.IndexOf('.') is > 0 and var point ? point : name.Length)])];
        if (file.Names.Count == 0) throw new WarmException(file.Name, "holds no tensors", "the factors of an adapter");
        foreach (string name in file.Names)
            if (file.Info(name) is { Count: 0 } empty) throw new WarmException(file.Name, $"{JsonText.Quote(name)} is {empty.Shape}: it holds no values", "a factor", "Sharded trainers write such files when parameters were not gathered before saving.");
        _file = AdapterNames.Of(file, name => Find(name) is not null, remarks);
        foreach ((string name, string own) in _file.Replaced) Replace(name, own);
        bool someTransposed = config.FanInFanOut && _file.Modules.Any(IsTransposedOnly);
        foreach (AdapterNames.Module module in _file.Modules) Add(module, someTransposed);
        CheckSaved();
        CheckTargets();
        AdapterModel model = AdapterModel.Of(@base, folder, config, Tensors, remarks);
        (Names, Folder) = (model.Names, model.Folder);
    }

    /// <summary>The adapter's tensors.</summary>
    public Checkpoint File { get; }

    /// <summary>Tensors that are not the base's own, by name.</summary>
    public Dictionary<string, AdaptedTensor> Tensors { get; } = [];

    /// <summary>All tensors in code-point order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The folder of the model that is made.</summary>
    public ModelFolder? Folder { get; }

    /// <summary>Plans an adapter on a base.</summary>
    public static AdapterPlan Of(Weights @base, string folder, AdapterConfig config, Checkpoint file, List<string> remarks) => new(@base, folder, config, file, remarks);

    /// <summary>
    /// What the base calls a tensor of the model, or null. A base that was saved without its head has names without the model's prefix (<c>encoder.layer</c> for <c>bert.encoder.layer</c>),
    /// an old one has gamma and beta, one that was saved wrapped a prefix more.
    /// </summary>
    private string? Find(string name)
    {
        int point = name.IndexOf('.');
        return Spelled(name) ?? (point > 0 && !_firsts.Contains(name[..point]) ? Spelled(name[(point + 1)..]) : null) ?? Spelled($"module.{name}") ?? Spelled($"_orig_mod.{name}");

        string? Spelled(string name) =>
            _base.Contains(name) ? name
            : name.EndsWith("LayerNorm.weight", StringComparison.Ordinal) && _base.Contains($"{name[..^6]}gamma") ? $"{name[..^6]}gamma"
            : name.EndsWith("LayerNorm.bias", StringComparison.Ordinal) && _base.Contains($"{name[..^4]}beta") ? $"{name[..^4]}beta"
            : null;
    }

    /// <summary>A tensor that the adapter holds whole.</summary>
    private void Replace(string name, string own)
    {
        TensorInfo info = File.Info(own);
        if (Find(name) is not { } found)
        {
            if (!IsSaved(name)) throw Wrong(own, "is for no tensor of the base", $"a tensor of {_base.Name}", "Is it the adapter of another base?");
            _remarks.Add($"{_base.Name} has no '{name}': the adapter's is taken");
            Tensors.Add(name, new(info with { Name = name }, File, own) { Factors = File });
            return;
        }
        TensorInfo before = _base.Info(found);
        if (info.Shape != before.Shape)
            throw Wrong(own, $"is {info.Shape}", $"{before.Shape}, as in {_base.Name}", info.Shape.Rank == 2 && before.Shape.Rank == 2 && info.Shape[1] == before.Shape[1] && info.Shape[0] != before.Shape[0]
                ? "The vocabulary or the labels changed before training: give the base that was changed." : "Is it the adapter of another base?");
        if (info.DType.IsFloat() != before.DType.IsFloat() || (!info.DType.IsFloat() && info.DType != before.DType)) throw Wrong(own, $"is {info.DType.Name()}", $"{before.DType.Name()}, as in {_base.Name}");
        Tensors[found] = new(before with { DType = Widest(before.DType, info.DType) }, File, own) { Factors = File };
    }

    /// <summary>A module with factors.</summary>
    private void Add(AdapterNames.Module module, bool someTransposed)
    {
        if (module.A is not { } a || module.B is not { } b)
            throw (module.A ?? module.B) is { } alone ? Wrong(alone, $"has no partner lora_{(module.A is null ? "A" : "B")}", "both factors")
                : Wrong((module.Magnitude ?? module.Bias)!, "stands without factors", "lora_A and lora_B of the same module");
        string matrix = Find($"{module.Name}.weight") ?? throw Wrong(a, "is for no matrix of the base", $"'{module.Name}.weight' in {_base.Name}", "Is it the adapter of another base?");
        foreach (string factor in (string[])[a, b, .. module.Magnitude is { } m ? new[] { m } : [], .. module.Bias is { } c ? new[] { c } : []])
            if (!File.Info(factor).DType.IsFloat()) throw Wrong(factor, $"is {File.Info(factor).DType.Name()}", "floating-point numbers");
        TensorInfo before = _base.Info(matrix);
        if (!before.DType.IsFloat()) throw new WarmException($"{_base.Name}: '{matrix}'", $"is {before.DType.Name()}: quantised weights", "floating-point weights under the adapter", "Give the base as it was before it was quantised.");

        (Shape first, Shape second) = (File.Info(a).Shape, File.Info(b).Shape);
        if (first.Rank != 2 || second.Rank != 2) throw Wrong(first.Rank != 2 ? a : b, $"is {(first.Rank != 2 ? first : second)}", "a matrix: Warm adapts layers and embeddings, no convolutions");
        int rank = _config.RankOf(module.Name);
        if (first[0] != rank) throw Wrong(a, $"is {first}", $"[{rank}, ..]: {_config.Path} gives the module rank {rank}");
        if (second[1] != rank) throw Wrong(b, $"is {second}", $"[.., {rank}]: {_config.Path} gives the module rank {rank}");
        bool transposed = module.IsEmbedding || IsConv1D(module, someTransposed);
        Shape product = transposed ? new(first[1], second[0]) : new(second[0], first[1]);
        if (before.Shape != product) throw Wrong(b, $"is {second}, and with lora_A {first} it makes {product}", $"{before.Shape}, the shape of '{matrix}' in {_base.Name}", "Is it the adapter of another base?");

        if (_config.HasMagnitudes != module.Magnitude is not null)
            throw module.Magnitude is { } extra ? Wrong(extra, "is a DoRA vector", $"none: \"use_dora\" is false in {_config.Path}") : Wrong(a, "has no lora_magnitude_vector", $"one beside the factors: \"use_dora\" is true in {_config.Path}");
        if (module.Magnitude is { } magnitude && File.Info(magnitude).Count != second[0]) throw Wrong(magnitude, $"is {File.Info(magnitude).Shape}", $"[{second[0]}], one length for each output");

        double scale = _config.ScaleOf(module.Name);
        AdaptedTensor now = Tensors.GetValueOrDefault(matrix) ?? new(before, _base, matrix) { Factors = File };
        IEnumerable<DType> types = ((string?[])[a, b, module.Magnitude]).OfType<string>().Select(name => File.Info(name).DType);
        Tensors[matrix] = now with
        {
            Info = now.Info with { DType = Widest([now.Info.DType, .. types]) },
            Product = new(File, a, b, scale, transposed, module.Magnitude, (start, values) => now.Source.Read(now.SourceName, start, values), _recent),
        };
        AddBias(module, a, scale, second[0]);
    }

    private void AddBias(AdapterNames.Module module, string a, double scale, long outputs)
    {
        if (_config.HasFactorBias != module.Bias is not null)
            throw module.Bias is { } extra ? Wrong(extra, "is a bias of a factor", $"none: \"lora_bias\" is false in {_config.Path}") : Wrong(a, "has a partner without bias", $"lora_B.bias: \"lora_bias\" is true in {_config.Path}");
        if (module.Bias is not { } bias) return;
        string found = Find($"{module.Name}.bias") ?? throw Wrong(bias, "is for a layer without bias", $"'{module.Name}.bias' in {_base.Name}");
        TensorInfo before = _base.Info(found);
        if (File.Info(bias).Count != outputs || before.Count != outputs) throw Wrong(bias, $"is {File.Info(bias).Shape}", $"[{outputs}], as '{found}' {before.Shape}");
        AdaptedTensor now = Tensors.GetValueOrDefault(found) ?? new(before, _base, found) { Factors = File };
        Tensors[found] = now with { Info = now.Info with { DType = Widest(now.Info.DType, File.Info(bias).DType) }, Bias = bias, BiasScale = scale };
    }

    /// <summary>Whether a layer stores its weight as [in, out]: told by the family where it is known, else by shapes and, where a matrix is square, by its siblings.</summary>
    private bool IsConv1D(AdapterNames.Module module, bool someTransposed)
    {
        string? family = _base.Folder?.Config?.ModelType;
        if (ModelFamily.OfType(family).Transposed is { Count: > 0 } transposed) return transposed.Contains(module.Name[(module.Name.LastIndexOf('.') + 1)..]);
        if (!_config.FanInFanOut || Shapes(module) is not { } shapes) return false;
        return shapes.Matrix[0] == shapes.Matrix[1] ? someTransposed || family is null : shapes.Matrix[0] == shapes.Inputs;
    }

    private bool IsTransposedOnly(AdapterNames.Module module) =>
        !module.IsEmbedding && Shapes(module) is { } shapes && shapes.Matrix[0] != shapes.Matrix[1] && shapes.Matrix[0] == shapes.Inputs && shapes.Matrix[1] == shapes.Outputs;

    private (Shape Matrix, long Inputs, long Outputs)? Shapes(AdapterNames.Module module)
    {
        if (module is not { A: { } a, B: { } b } || Find($"{module.Name}.weight") is not { } matrix || _base.Info(matrix).Shape is not { Rank: 2 } shape) return null;
        return File.Info(a).Shape is { Rank: 2 } first && File.Info(b).Shape is { Rank: 2 } second ? (shape, first[1], second[0]) : null;
    }

    /// <summary>Whether a tensor belongs to a module that was trained whole.</summary>
    private bool IsSaved(string tensor) => _config.ModulesToSave.Any(saved => Ends(tensor, saved));

    /// <summary>Whether a tensor is one of a module whose name is, or ends in, the one given; or of a module inside it.</summary>
    private static bool Ends(string tensor, string module)
    {
        for (int at = -1; (at = tensor.IndexOf(module, at + 1, StringComparison.Ordinal)) >= 0;)
            if ((at == 0 || tensor[at - 1] == '.') && at + module.Length < tensor.Length && tensor[at + module.Length] == '.') return true;
        return false;
    }

    /// <summary>What was trained whole must be there whole: a head that is lost would be the base's, untrained.</summary>
    private void CheckSaved()
    {
        if (_config.ModulesToSave.Count == 0) return;
        string[] lost = [.. _base.Names.Where(name => _base.Info(name).DType.IsFloat() && IsSaved(name) && !Tensors.ContainsKey(name))];
        if (lost.Length > 0)
            throw new WarmException(File.Name, $"lacks {string.Join(", ", lost.Take(8).Select(name => $"'{name}'"))}{(lost.Length > 8 ? $" and {lost.Length - 8} more" : "")}",
                $"all of \"modules_to_save\" in {_config.Path}: what was trained there is lost");
    }

    /// <summary>Targets without any factor: an adapter of which a part was lost.</summary>
    private void CheckTargets()
    {
        if (_config.ThinsTargets) return;
        var adapted = _file.Modules.Select(m => m.Name).ToHashSet();
        foreach (string target in _config.Targets)
        {
            string[] modules = [.. _base.Names.Where(name => name.EndsWith(".weight", StringComparison.Ordinal) && _base.Info(name).Shape.Rank == 2).Select(name => name[..^".weight".Length])
                .Where(name => (name == target || name.EndsWith($".{target}", StringComparison.Ordinal)) && !IsSaved($"{name}.weight"))];
            int there = modules.Count(module => adapted.Any(a => a == module || a.EndsWith($".{module}", StringComparison.Ordinal)));
            if (modules.Length > 0 && there == 0)
                throw new WarmException(File.Name, $"has no factors for {JsonText.Quote(target)}", $"some for its {modules.Length:N0} matrices in the base: it is among \"target_modules\" in {_config.Path}", "A part of the adapter is lost, or it is for another base.");
            if (there < modules.Length) _remarks.Add($"{File.Name} has factors for {there} of the base's {modules.Length} matrices named {JsonText.Quote(target)}: the others stay the base's");
        }
    }

    /// <summary>The type that is saved; a sum of values of a byte or less is no such value any more.</summary>
    private static DType Widest(params DType[] types) => !types[0].IsFloat() || DTypes.Widest(types) is var widest && widest.Bits() > 8 ? DTypes.Widest(types) : DType.BF16;

    private WarmException Wrong(string own, string found, string expected, string? fix = null) => new($"{File.FileOf(own)}, {JsonText.Quote(own)}", found, expected, fix);
}
