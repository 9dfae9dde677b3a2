namespace Warm;

/// <summary>How members are averaged. The defaults give the uniform mean in the members' own number type.</summary>
public sealed record AverageOptions
{
    /// <summary>The defaults.</summary>
    public static AverageOptions Default { get; } = new();

    /// <summary>How the members are averaged where it is more than a weighted sum: <see cref="Ties"/>, <see cref="Slerp"/>, ..; it has weights and dials of its own. Null (default) for the sum.</summary>
    public AverageMethod? Method { get; init; }

    /// <summary>One coefficient a member, in member order, any finite number (negative ones extrapolate); null (default) for the uniform mean.</summary>
    public IReadOnlyList<double>? Weights { get; init; }

    /// <summary>Whether the weighted sum is divided by the sum of <see cref="Weights"/>, unless that is 1 but for rounding; default true. The uniform mean always divides by the number of members.</summary>
    public bool Normalise { get; init; } = true;

    /// <summary>
    /// The number type that is saved: F64, F32, BF16 or F16; null (default) keeps, tensor by tensor, the widest of the members, which is the narrowest type that holds
    /// all of them exactly (BF16 and F16 give F32). The sum is rounded to it once: by way of single, as torch goes from F64 to BF16, a few last bits would differ.
    /// </summary>
    public DType? DType { get; init; }

    /// <summary>The type of the sums: F64 (default) or F32, which rounds the members to single and then every step. What a method must know first (an angle, a threshold, a ratio) is taken in double either way.</summary>
    public DType Accumulate { get; init; } = Warm.DType.F64;

    /// <summary>Rules whose differences are not refused (<see cref="Difference.Rule"/>): <c>config</c>, <c>ancestry</c> ... What is impossible stays impossible.</summary>
    public IReadOnlyCollection<string> Allow { get; init; } = [];

    /// <summary>The member, from 0, whose head is taken as it is (poolers and layers before the output included); null (default) averages the heads like everything else.</summary>
    public int? Head { get; init; }

    /// <summary>How <see cref="Weights"/> were found by matching the scale of the members' rewards, kept in the recipe under <c>matchScale</c>; null (default) where nothing was matched.</summary>
    public System.Text.Json.Nodes.JsonObject? MatchScale { get; init; }

    /// <summary>The recipe file that the average was read from, kept in the recipe under <c>import</c>; null (default) where there was none.</summary>
    public System.Text.Json.Nodes.JsonObject? Import { get; init; }

    /// <summary>How the members were chosen among others (rule, pairs, who was taken, left out and why), kept in the recipe under <c>selection</c>; null (default) where nobody chose.</summary>
    public System.Text.Json.Nodes.JsonObject? Selection { get; init; }

    /// <summary>
    /// Tells how a member was trained (name, start, dials), kept in the recipe under <c>members[].run</c> and in the card; null for a member of which nothing is known. Null (default) for what a member's
    /// <c>warm-run.json</c> says.
    /// </summary>
    public Func<Weights, System.Text.Json.Nodes.JsonObject?>? Runs { get; init; }

    /// <summary>Refuses what is no rule: a misspelt one would allow nothing, and nobody would know.</summary>
    internal void CheckAllow()
    {
        foreach (string rule in Allow)
            if (!Difference.Rules.Contains(rule.Trim().Replace('-', '_').ToLowerInvariant())) throw new WarmException("--allow", $"{JsonText.Quote(rule.Trim())} is no rule", string.Join(", ", Difference.Rules));
    }

    /// <summary>Whether a rule is allowed; <c>-</c> and <c>_</c> are the same.</summary>
    internal bool Allows(string rule) => Allow.Any(allowed => string.Equals(allowed.Trim().Replace('-', '_'), rule, StringComparison.OrdinalIgnoreCase));
}
