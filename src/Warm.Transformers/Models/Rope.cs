using System.Text.Json;

namespace Warm.Transformers;

/// <summary>
/// The frequencies of rotary position embedding as config.json asks for them, in both spellings: <c>rope_parameters</c> (new), or <c>rope_theta</c> and <c>rope_scaling</c>
/// (old; where both stand, rope_scaling wins, as in transformers). With D = head size, f_i = theta^(-2i/D), i = 0 .. D/2 - 1:
/// <list type="bullet">
/// <item>default: f_i</item>
/// <item>linear: f_i / factor</item>
/// <item>dynamic: f_i of theta (factor N / M - (factor - 1))^(D / (D - 2)), N = max(length, M), M = max_position_embeddings. From the text's own length, as a fresh model does</item>
/// <item>llama3: long waves / factor, short ones as they are, smooth between (Llama 3.1)</item>
/// <item>yarn: a ramp between f_i / factor and f_i, and an attention factor on cos and sin (arXiv:2309.00071)</item>
/// </list>
/// Computed in double. Unknown types are refused, and so is longrope, which is not built.
/// </summary>
internal sealed class Rope
{
    /// <summary>No model has larger heads; a hostile config would have tables made before any tensor is looked at.</summary>
    private const int LargestHead = 65_536;

    private readonly Func<int, double[]> _frequencies;

    private Rope(Func<int, double[]> frequencies, double attentionFactor, bool dependsOnLength) =>
        (_frequencies, AttentionFactor, DependsOnLength) = (frequencies, attentionFactor, dependsOnLength);

    /// <summary>Factor on cos and sin.</summary>
    public double AttentionFactor { get; }

    /// <summary>Whether the frequencies depend on the text's length.</summary>
    public bool DependsOnLength { get; }

    /// <summary>The form for that many heads.</summary>
    public RotaryForm Form(int heads, int headSize) => new()
    {
        Heads = heads,
        HeadSize = headSize,
        Frequencies = _frequencies,
        AttentionFactor = AttentionFactor,
        DependsOnLength = DependsOnLength,
    };

    /// <summary>Frequencies for a text of that many tokens.</summary>
    public double[] Frequencies(int length) => _frequencies(length);

    /// <summary>Reads the keys.</summary>
    /// <param name="config">The config.</param>
    /// <param name="headSize">Width of one head.</param>
    /// <param name="trainedPositions">max_position_embeddings.</param>
    /// <param name="layers">Where layers rotate differently: the object inside rope_parameters that these layers follow (<c>full_attention</c>).</param>
    /// <param name="thetaKey">Theta's key in the old spelling.</param>
    /// <param name="defaultTheta">Theta where no key gives it.</param>
    public static Rope Of(ConfigKeys config, int headSize, int trainedPositions, string? layers = null, string thetaKey = "rope_theta", double defaultTheta = 10000)
    {
        if (headSize % 2 != 0) throw config.Refusal("head_dim", $"makes heads of {headSize}", "an even number, for components rotate in pairs");
        if (headSize > LargestHead) throw config.Refusal("head_dim", FormattableString.Invariant($"makes heads of {headSize}"), FormattableString.Invariant($"at most {LargestHead}"));
        ConfigKeys? scaling = config.Section("rope_scaling"), parameters = config.Section("rope_parameters");
        if (layers is not null) parameters = parameters?.Section(layers);
        ConfigKeys? rope = scaling ?? parameters;
        double theta = parameters is not null && parameters.Has("rope_theta") ? parameters.Number("rope_theta") : config.Number(thetaKey, defaultTheta);
        if (scaling is not null && scaling.Has("rope_theta")) theta = scaling.Number("rope_theta");
        RefusePartial(config);
        if (rope is not null) RefusePartial(rope);

        string type = rope?.Text("rope_type") ?? rope?.Text("type") ?? "default";
        rope?.Ignore("rope_type", "type");
        double[] plain = Powers(theta, headSize);
        return type switch
        {
            "default" => Fixed(plain),
            "linear" => Linear(),
            "dynamic" => Dynamic(),
            "llama3" => Llama3(),
            "yarn" => Yarn(),
            "longrope" or "su" => throw rope!.Refusal(type == "su" ? "type" : "rope_type", $"is \"{type}\"", "default, linear, dynamic, llama3 or yarn; longrope is not built"),
            _ => throw rope!.Refusal("rope_type", $"is \"{type}\"", "default, linear, dynamic, llama3 or yarn"),
        };

        static void RefusePartial(ConfigKeys keys) => keys.Refuse("partial_rotary_factor", "1: this architecture rotates whole heads", value => value is { ValueKind: JsonValueKind.Number } && value.GetDouble() == 1);

        Rope Linear()
        {
            double factor = rope!.Number("factor");
            rope.Ignore("original_max_position_embeddings");
            return Fixed([.. plain.Select(f => f / factor)]);
        }

        Rope Dynamic()
        {
            double factor = rope!.Number("factor");
            if (factor < 1) throw rope.Refusal("factor", $"is {factor}", "a number of at least 1");
            if (headSize < 4) throw config.Refusal("head_dim", $"makes heads of {headSize}", "at least 4 for rope type dynamic");
            rope.Ignore("original_max_position_embeddings");
            return new(length =>
            {
                double positions = Math.Max(length, trainedPositions);
                return Powers(theta * Math.Pow(factor * positions / trainedPositions - (factor - 1), headSize / (headSize - 2.0)), headSize);
            }, 1, dependsOnLength: true);
        }

        Rope Llama3()
        {
            double factor = rope!.Number("factor"), low = rope.Number("low_freq_factor"), high = rope.Number("high_freq_factor");
            int original = rope.Size("original_max_position_embeddings");
            if (high <= low) throw rope.Refusal("high_freq_factor", $"is {high}", $"more than low_freq_factor ({low})");
            return Fixed([.. plain.Select(f =>
            {
                double wave = 2 * Math.PI / f;
                if (wave > original / low) return f / factor;
                if (wave < original / high) return f;
                double share = (original / wave - low) / (high - low);
                return (1 - share) * f / factor + share * f;
            })]);
        }

        Rope Yarn()
        {
            double factor = rope!.Number("factor");
            int original = rope.Size("original_max_position_embeddings", trainedPositions);
            double fast = Set("beta_fast") ?? 32, slow = Set("beta_slow") ?? 1; // 0 counts as absent
            double? mscale = Set("mscale"), all = Set("mscale_all_dim");
            double Scale(double m) => factor <= 1 ? 1 : 0.1 * m * Math.Log(factor) + 1;
            double attention = rope.Has("attention_factor") ? rope.Number("attention_factor") : mscale is { } m && all is { } n ? Scale(m) / Scale(n) : Scale(1);
            if (theta <= 1) throw config.Refusal("rope_theta", $"is {theta}", "more than 1");

            double Index(double rotations) => headSize * Math.Log(original / (rotations * 2 * Math.PI)) / (2 * Math.Log(theta)); // which frequency turns that often over the original length
            double from = Index(fast), to = Index(slow);
            if (rope.Flag("truncate", true)) (from, to) = (Math.Floor(from), Math.Ceiling(to));
            (from, to) = (Math.Max(from, 0), Math.Min(to, headSize - 1));
            if (from == to) to += 0.001;
            return Fixed([.. plain.Select((f, i) =>
            {
                double ramp = Math.Clamp((i - from) / (to - from), 0, 1);
                return f / factor * ramp + f * (1 - ramp);
            })], attention);

            double? Set(string key) => rope.Has(key) && rope.AnyNumber(key) is not 0 and var value ? value : null;
        }
    }

    private static Rope Fixed(double[] frequencies, double attentionFactor = 1) => new(_ => frequencies, attentionFactor, dependsOnLength: false);

    private static double[] Powers(double theta, int headSize) => [.. Enumerable.Range(0, headSize / 2).Select(i => Math.Pow(theta, -2.0 * i / headSize))];
}
