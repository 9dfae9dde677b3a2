namespace Warm.Transformers;

/// <summary>
/// The frequencies of rotary position embedding as config.json asks for them, in both spellings: <c>rope_parameters</c> (new), or <c>rope_theta</c> and <c>rope_scaling</c>
/// (old; where both stand, rope_scaling wins, as in transformers). With D = components of a head that rotate, f_i = theta^(-2i/D), i = 0 .. D/2 - 1:
/// <list type="bullet">
/// <item>default: f_i</item>
/// <item>linear: f_i / factor</item>
/// <item>dynamic: f_i of theta (factor N / M - (factor - 1))^(D / (D - 2)), N = max(length, M), M = max_position_embeddings. From the text's own length, as a fresh model does</item>
/// <item>llama3: long waves / factor, short ones as they are, smooth between (Llama 3.1)</item>
/// <item>yarn: a ramp between f_i / factor and f_i, and an attention factor on cos and sin (arXiv:2309.00071)</item>
/// <item>longrope: f_i / short_factor_i, or long_factor_i where the text is longer than original_max_position_embeddings (Phi-3); and an attention factor for both</item>
/// </list>
/// Computed in double. Unknown types are refused.
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
    /// <param name="config">config.json.</param>
    /// <param name="headSize">Width of a head.</param>
    /// <param name="trainedPositions">max_position_embeddings.</param>
    /// <param name="keys">Spellings and defaults of the family; null for Llama's.</param>
    public static Rope Of(ConfigKeys config, int headSize, int trainedPositions, RopeKeys? keys = null)
    {
        keys ??= RopeKeys.Llama;
        if (headSize > LargestHead) throw config.Refusal("head_dim", FormattableString.Invariant($"makes heads of {headSize}"), FormattableString.Invariant($"at most {LargestHead}"));
        // Families that have no key for it have heads of hidden_size / num_attention_heads, and yet would rotate as that key says.
        if (config.Has("head_dim") && config.Size("head_dim") != headSize) throw config.Refusal("head_dim", $"is {config.Size("head_dim")}", $"hidden_size / num_attention_heads ({headSize}) in this architecture");
        ConfigKeys? scaling = keys.Scaled && config.Section("rope_scaling") is { IsEmpty: false } older ? older : null, parameters = config.Section("rope_parameters");
        if (keys.LayerType is { } layerType)
        {
            if (parameters is not null && (parameters.Has("rope_type") || parameters.Has("rope_theta"))) throw config.Refusal("rope_parameters", "is one rotation", "one for full_attention and one for sliding_attention");
            if (parameters is not null && scaling is not null) throw config.Refusal("rope_scaling", "stands beside rope_parameters", "one of the two: transformers mixes them");
            // Trap: transformers has written rope_type "default" by then, and does not look at the older key.
            if (scaling is not null && !scaling.Has("rope_type") && scaling.Text("type") is { } unseen and not "default")
                throw scaling.Refusal("type", $"is \"{unseen}\"", "the key \"rope_type\": transformers does not read \"type\" in this architecture, and would not scale");
            parameters = parameters?.Section(layerType);
            // Trap: transformers looks for it beside the layer types, never finds it, and truncates.
            (scaling ?? parameters)?.Refuse("truncate", "true: transformers truncates always in this architecture", value => value.ValueKind == System.Text.Json.JsonValueKind.True);
        }
        ConfigKeys? rope = scaling ?? parameters; // of the other nothing is looked at, not even its theta
        if (keys.LayerType is null)
            foreach (string kind in (string[])["full_attention", "sliding_attention"]) rope?.Refuse(kind, "one rotation: this architecture has one for all layers", _ => false);
        double theta = rope is not null && rope.Has("rope_theta") ? rope.Number("rope_theta") : config.Number(keys.Theta, keys.DefaultTheta);
        int rotated = Rotated();

        string type = rope?.Text("rope_type") ?? rope?.Text("type") ?? "default";
        rope?.Ignore("rope_type", "type");
        if (keys.OtherLongrope.Contains(type)) type = "longrope";
        if (keys.OtherLongrope.Count > 0 && type is not ("default" or "longrope")) throw rope!.Refusal(rope.Has("rope_type") ? "rope_type" : "type", $"is \"{type}\"", "default or longrope, as transformers has it");
        double[] plain = Powers(theta, rotated);
        return type switch
        {
            "default" => Fixed(plain),
            "linear" => Linear(),
            "dynamic" => Dynamic(),
            "llama3" => Llama3(),
            "yarn" => Yarn(),
            "longrope" => Longrope(),
            _ => throw rope!.Refusal(rope.Has("rope_type") ? "rope_type" : "type", $"is \"{type}\"", "default, linear, dynamic, llama3, yarn or longrope"),
        };

        // How many components of a head rotate. Trap: GPT-NeoX rotates one more where the share gives an odd number, and keeps the odd number in the exponents.
        int Rotated()
        {
            double share = 1;
            foreach (ConfigKeys? at in (ConfigKeys?[])[rope, config])
            {
                if (at is null || !at.Has("partial_rotary_factor")) continue;
                share = at.Number("partial_rotary_factor");
                if (keys.DefaultShare is null && share != 1) throw at.Refusal("partial_rotary_factor", FormattableString.Invariant($"is {share}"), "1: this architecture rotates whole heads");
                return Count("partial_rotary_factor");
            }
            if (keys.DefaultShare is { } usual) share = keys.Share is { } key ? config.Number(key, usual) : usual;
            return Count(keys.Share ?? "head_dim");

            int Count(string key)
            {
                int count = share <= 1 ? (int)(headSize * share) : 0;
                if (keys.DefaultShare is null && headSize % 2 != 0) throw config.Refusal("head_dim", $"makes heads of {headSize}", "an even number, for components rotate in pairs");
                return count >= 1 && (count + 1) / 2 * 2 <= headSize ? count : throw config.Refusal(key, FormattableString.Invariant($"makes {share} of heads of {headSize} rotate"), "pairs of components that fit in a head");
            }
        }

        // Trap: where the key stands at top level (and in Phi-3, which always has it there), that one counts, whatever the rotation's own says.
        int Original()
        {
            int own = rope!.Size("original_max_position_embeddings", trainedPositions);
            return keys.LayerType is not null ? own : config.Size("original_max_position_embeddings", keys.DefaultOriginal ?? own);
        }

        Rope Longrope()
        {
            IReadOnlyList<double> shortFactors = rope!.Numbers("short_factor"), longFactors = rope.Numbers("long_factor");
            foreach ((string key, IReadOnlyList<double> factors) in (ReadOnlySpan<(string, IReadOnlyList<double>)>)[("short_factor", shortFactors), ("long_factor", longFactors)])
                if (factors.Count != plain.Length || factors.Any(f => f <= 0)) throw rope.Refusal(key, $"has {factors.Count} numbers", $"{plain.Length} numbers above 0, one for each pair of components");
            int original = Original();
            double factor = rope.Has("factor") ? rope.Number("factor") : (double)trainedPositions / original;
            double attention = rope.Has("attention_factor") ? rope.Number("attention_factor") : factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(factor) / Math.Log(original));
            if (!double.IsFinite(attention)) throw rope.Refusal("original_max_position_embeddings", $"is {original}", "more than 1");
            double[] shorter = [.. plain.Select((f, i) => f / shortFactors[i])], longer = [.. plain.Select((f, i) => f / longFactors[i])];
            return new(length => length > original ? longer : shorter, attention, dependsOnLength: true);
        }

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
            if (rotated < 4) throw config.Refusal("head_dim", $"makes {rotated} components rotate", "at least 4 for rope type dynamic");
            rope.Ignore("original_max_position_embeddings");
            return new(length =>
            {
                double positions = Math.Max(length, trainedPositions);
                return Powers(theta * Math.Pow(factor * positions / trainedPositions - (factor - 1), rotated / (rotated - 2.0)), rotated);
            }, 1, dependsOnLength: true);
        }

        Rope Llama3()
        {
            double factor = rope!.Number("factor"), low = rope.Number("low_freq_factor"), high = rope.Number("high_freq_factor");
            int original = Original();
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
            int original = Original();
            double fast = Set("beta_fast") ?? 32, slow = Set("beta_slow") ?? 1; // 0 counts as absent
            double? mscale = Set("mscale"), all = Set("mscale_all_dim");
            double Scale(double m) => factor <= 1 ? 1 : 0.1 * m * Math.Log(factor) + 1;
            double attention = rope.Has("attention_factor") ? rope.Number("attention_factor") : mscale is { } m && all is { } n ? Scale(m) / Scale(n) : Scale(1);
            if (theta <= 1) throw config.Refusal("rope_theta", $"is {theta}", "more than 1");

            double Index(double rotations) => rotated * Math.Log(original / (rotations * 2 * Math.PI)) / (2 * Math.Log(theta)); // which frequency turns that often over the original length
            double from = Index(fast), to = Index(slow);
            if (rope.Flag("truncate", true)) (from, to) = (Math.Floor(from), Math.Ceiling(to));
            (from, to) = (Math.Max(from, 0), Math.Min(to, rotated - 1));
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

    private static double[] Powers(double theta, int rotated) => [.. Enumerable.Range(0, (rotated + 1) / 2).Select(i => Math.Pow(theta, -2.0 * i / rotated))];
}
