using System.CommandLine;
using System.Globalization;

namespace Warm.Cli;

/// <summary>The methods of <c>warm average</c> and their dials: which method has which, and the library's record that they make.</summary>
internal static class MethodArguments
{
    private static readonly Option<string> Method = new("--method") { Description = $"How to average (default: uniform, or weighted where --weights stands alone).", HelpName = "M" };
    private static readonly Option<string> Base = new("--base") { Description = "The model that the members were fine-tuned from; members that are adapter folders stand on it.", HelpName = "DIR" };
    private static readonly Option<string> T = new("--t") { Description = "slerp: 0 is the first member, 1 the second. nearswap: a distance.", HelpName = "X" };
    private static readonly Option<string> Scope = new("--scope") { Description = "What one angle or threshold is for: tensor, model, vector or column.", HelpName = "SCOPE" };
    private static readonly Option<string> Lambda = new("--lambda") { Description = "What the merged differences are multiplied by.", HelpName = "X" };
    private static readonly Option<string> Eta = new("--eta") { Description = "liti: 0 is the base, 1 the mean.", HelpName = "X" };
    private static readonly Option<string> Density = new("--density") { Description = "The share of differences that is kept: one for all members, or a,b,..", HelpName = "X" };
    private static readonly Option<string> Gamma = new("--gamma") { Description = "breadcrumbs: the share of differences, the largest, that is dropped; one, or a,b,..", HelpName = "X" };
    private static readonly Option<string> Decay = new("--decay") { Description = "ema: how much of the average stays at each step.", HelpName = "X" };
    private static readonly Option<bool> Corrected = new("--corrected") { Description = "ema: start at zero and correct for it." };
    private static readonly Option<bool> Rows = new("--rows") { Description = "model-stock: one ratio a row instead of one a tensor." };
    private static readonly Option<string> Masks = new("--masks") { Description = "dare: a folder with member-0.safetensors, .. of booleans, true where a difference is kept.", HelpName = "DIR" };
    private static readonly Option<string> Seed = new("--seed") { Description = "dare, della: where the random choice begins (default 0).", HelpName = "N" };
    private static readonly Option<string> Rescale = new("--rescale") { Description = "What is kept of the differences is rescaled as in the method's paper (default), to their l1 norm before, or none.", HelpName = "HOW" };
    private static readonly Option<string> TopK = new("--top-k") { Description = "sce: the share of entries that is selected.", HelpName = "X" };
    private static readonly Option<string> MaxIterations = new("--max-iterations") { Description = "karcher: most steps (default 10).", HelpName = "N" };
    private static readonly Option<string> Tolerance = new("--tolerance") { Description = "karcher: a step this short is the last (default 1e-5).", HelpName = "X" };
    private static readonly Option<string> Epsilon = new("--epsilon") { Description = "della: how far the chance to be kept goes below and above the density; one, or a,b,..", HelpName = "X" };
    private static readonly Option<string> WeightsOption = new("--weights") { Description = "One number a member, in member order: a,b,..", HelpName = "a,b,.." };
    private static readonly Option<bool> Normalise = new("--normalise", "--normalize") { Description = "Divide the weighted sum by the sum of the weights (default but for differences)." };
    private static readonly Option<bool> NoNormalise = new("--no-normalise", "--no-normalize") { Description = "Do not divide." };

    private static readonly Option[] Sums = [WeightsOption, Normalise, NoNormalise], Thinning = [Base, Density, Lambda, Rescale, .. Sums];

    /// <summary>Each method with its dials.</summary>
    private static readonly (string Name, Option[] Dials, Func<ParseResult, Func<Option<string>, double?>, AverageMethod?> Make)[] All =
    [
        ("uniform", [], (_, _) => null),
        ("weighted", Sums, (_, _) => null),
        ("slerp", [T, Scope], (p, x) => new Slerp(Needed(T, x)) { Scope = ScopeOf(p, MethodScope.Tensor) }),
        ("slerp-deltas", [Base, T, Scope], (p, x) => new SlerpDeltas(Origin(p), Needed(T, x)) { Scope = ScopeOf(p, MethodScope.Tensor) }),
        ("nuslerp", [Base, T, Scope], (p, x) => new NuSlerp(Needed(T, x)) { Scope = ScopeOf(p, MethodScope.Vector), Base = p.GetValue(Base) is null ? null : Origin(p) }),
        ("task-arithmetic", [Base, Lambda, .. Sums], (p, x) => new TaskArithmetic(Origin(p)) { Weights = Coefficients(p), Lambda = x(Lambda) ?? 1, Normalise = p.GetValue(Normalise) }),
        ("liti", [Base, Eta], (p, x) => new Liti(Origin(p), Needed(Eta, x))),
        ("ties", [Scope, .. Thinning], (p, x) => Sparse(new Ties(Origin(p)) { Scope = ScopeOf(p, MethodScope.Tensor) }, p, x)),
        ("dare-linear", [Masks, Seed, .. Thinning], (p, x) => Sparse(DareOf(p, signs: false), p, x)),
        ("dare-ties", [Masks, Seed, .. Thinning], (p, x) => Sparse(DareOf(p, signs: true), p, x)),
        ("breadcrumbs", [Gamma, .. Thinning], (p, x) => Sparse(BreadcrumbsOf(p, signs: false), p, x)),
        ("breadcrumbs-ties", [Gamma, .. Thinning], (p, x) => Sparse(BreadcrumbsOf(p, signs: true), p, x)),
        ("della-linear", [Epsilon, Seed, .. Thinning], (p, x) => Sparse(DellaOf(p, signs: false), p, x)),
        ("della", [Epsilon, Seed, .. Thinning], (p, x) => Sparse(DellaOf(p, signs: true), p, x)),
        ("sce", [Base, TopK], (p, x) => new Sce(Origin(p)) { TopK = x(TopK) ?? 1 }),
        ("karcher", [MaxIterations, Tolerance], (p, x) => new Karcher { MaxIterations = (int)Math.Clamp(Whole(MaxIterations, p) ?? 10, int.MinValue, int.MaxValue), Tolerance = x(Tolerance) ?? 1e-5 }),
        ("model-stock", [Base, Rows], (p, _) => new ModelStock(Origin(p)) { Rows = p.GetValue(Rows) }),
        ("nearswap", [T], (_, x) => new NearSwap(Needed(T, x))),
        ("ema", [Decay, Corrected], (p, x) => new MovingAverage(Needed(Decay, x)) { Corrected = p.GetValue(Corrected) }),
        ("swa", [], (_, _) => new StochasticWeightAverage()),
    ];

    /// <summary>All options, for the command.</summary>
    public static IEnumerable<Option> Options =>
        [Method, WeightsOption, Normalise, NoNormalise, Base, T, Scope, Lambda, Eta, Density, Gamma, Decay, Corrected, Rows, Masks, Seed, Rescale, TopK, MaxIterations, Tolerance, Epsilon];

    /// <summary>The options with the method that the words ask for. A method that is not there, or a dial that it does not have, is wrong usage.</summary>
    /// <param name="parsed">The words.</param>
    /// <param name="adapters">Whether <c>--base</c> is what members stand on, and so has a meaning beside any method.</param>
    public static AverageOptions Read(ParseResult parsed, bool adapters)
    {
        string name = parsed.GetValue(Method) ?? (parsed.GetValue(WeightsOption) is null ? "uniform" : "weighted");
        (string Name, Option[] Dials, Func<ParseResult, Func<Option<string>, double?>, AverageMethod?> Make)[] found = [.. All.Where(m => m.Name == name)];
        if (found is not [var method]) throw new WarmException("--method", $"is {name}, which this version does not have", string.Join(", ", All.Select(m => m.Name)));
        foreach (Option option in Options.Except(method.Dials))
            if (option != Method && !(option == Base && adapters) && parsed.GetResult(option) is { Implicit: false })
                throw new WarmException(option.Name, $"is no dial of {name}", method.Dials.Length == 0 ? "it has none" : $"it has {string.Join(", ", method.Dials.Select(d => d.Name))}");
        if (parsed.GetValue(Normalise) && parsed.GetValue(NoNormalise)) throw new WarmException("--normalise", "stands beside --no-normalise", "one of the two");
        if (name == "weighted" && parsed.GetValue(WeightsOption) is null) throw new WarmException("--weights", "is missing", "a,b,..: one number a member");
        AverageMethod? made = method.Make(parsed, dial => parsed.GetValue(dial) is { } text ? Number(dial, text) : null);
        return new AverageOptions { Method = made, Weights = made is null ? Coefficients(parsed) : null, Normalise = !parsed.GetValue(NoNormalise) };
    }

    /// <summary>Refuses methods, dials and other options beside one that says it all.</summary>
    public static void RefuseBeside(ParseResult parsed, Option whole, IEnumerable<Option> others)
    {
        if (Options.Concat(others).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } option)
            throw new WarmException(option.Name, $"stands beside {whole.Name}", $"one of the two: {whole.Name} says members, method and dials");
    }

    /// <summary>What <c>--base</c> says, or null.</summary>
    public static string? BaseOf(ParseResult parsed) => parsed.GetValue(Base);

    /// <summary>A method with the dials that all have which keep a share of the differences.</summary>
    private static SparseMethod Sparse(SparseMethod method, ParseResult parsed, Func<Option<string>, double?> x) => method with
    {
        Weights = Coefficients(parsed),
        Density = Each(Density, parsed) ?? throw new WarmException(Density.Name, "is missing", "a number, or one a member"),
        Lambda = x(Lambda) ?? 1,
        Normalise = parsed.GetValue(Normalise) || (method.Normalise && !parsed.GetValue(NoNormalise)),
        Rescale = parsed.GetValue(Rescale) switch
        {
            null or "paper" => Rescaling.Paper,
            "l1" => Rescaling.L1,
            "none" => Rescaling.None,
            var other => throw new WarmException("--rescale", $"is {other}", "paper, l1 or none"),
        },
    };

    private static Dare DareOf(ParseResult parsed, bool signs)
    {
        if (parsed.GetValue(Masks) is not null && parsed.GetValue(Seed) is not null) throw new WarmException("--seed", "stands beside --masks", "one of the two");
        return new Dare(Origin(parsed)) { Signs = signs, Seed = Whole(Seed, parsed) ?? 0, KeepMasks = parsed.GetValue(Masks) is { } folder ? MasksOf(folder) : null };
    }

    private static Breadcrumbs BreadcrumbsOf(ParseResult parsed, bool signs) => new(Origin(parsed)) { Gamma = Each(Gamma, parsed) ?? 0.01, Signs = signs };

    private static Della DellaOf(ParseResult parsed, bool signs) => new(Origin(parsed)) { Epsilon = Each(Epsilon, parsed) ?? 0.1, Seed = Whole(Seed, parsed) ?? 0, Signs = signs };

    /// <summary>member-0.safetensors, member-1.safetensors, .. as many as there are.</summary>
    private static List<Weights> MasksOf(string folder)
    {
        List<Weights> masks = [];
        while (Path.Combine(folder, $"member-{masks.Count}.safetensors") is var path && File.Exists(path)) masks.Add(Checkpoint.Open(path));
        return masks.Count > 0 ? masks : throw new WarmException(folder, "holds no masks", "member-0.safetensors, member-1.safetensors, ..");
    }

    private static Weights Origin(ParseResult parsed) => ModelArgument.Open(parsed.GetValue(Base) ?? throw new WarmException("--base", "is missing", "the model that the members were fine-tuned from"));

    private static MethodScope ScopeOf(ParseResult parsed, MethodScope otherwise) => parsed.GetValue(Scope) switch
    {
        null => otherwise,
        "tensor" => MethodScope.Tensor,
        "model" => MethodScope.Model,
        "vector" => MethodScope.Vector,
        "column" => MethodScope.Column,
        var other => throw new WarmException("--scope", $"is {other}", "tensor, model, vector or column"),
    };

    private static double[]? Coefficients(ParseResult parsed) => parsed.GetValue(WeightsOption)?.Split(',').Select(text => Number(WeightsOption, text)).ToArray();

    private static PerMember? Each(Option<string> dial, ParseResult parsed) => parsed.GetValue(dial) is { } text ? new PerMember([.. text.Split(',').Select(value => Number(dial, value))]) : default(PerMember?);

    private static double Needed(Option<string> dial, Func<Option<string>, double?> value) => value(dial) ?? throw new WarmException(dial.Name, "is missing", "a number");

    private static double Number(Option<string> dial, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) ? number
        : throw new WarmException(dial.Name, $"\"{text}\" is no number", dial == WeightsOption ? "numbers with commas between them: 0.5,0.3,0.2" : "a number");

    private static long? Whole(Option<string> dial, ParseResult parsed) => parsed.GetValue(dial) switch
    {
        null => null,
        var text => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : throw new WarmException(dial.Name, $"is {text}", "a whole number"),
    };
}
