using System.Globalization;

namespace Warm;

/// <summary>Which members a soup takes: the K best, or greedily.</summary>
public sealed record SoupRule
{
    private SoupRule(int? top, Acceptance acceptance) => (Top, Acceptance) = (top, acceptance);

    /// <summary>K of the K best; null for a greedy soup.</summary>
    public int? Top { get; }

    /// <summary>When a member enters a greedy soup.</summary>
    public Acceptance Acceptance { get; }

    /// <summary>Greedily.</summary>
    public static SoupRule Greedy(Acceptance acceptance = Acceptance.AtLeastAsGood) => new(null, acceptance);

    /// <summary>The <paramref name="k"/> best.</summary>
    public static SoupRule Best(int k) => k >= 1 ? new(k, default) : throw new WarmException("rule", FormattableString.Invariant($"is top:{k}"), "top:1 or more");

    /// <summary>The rule as it is written: <c>greedy</c>, <c>greedy-strict</c> or <c>top:K</c>.</summary>
    public static SoupRule Parse(string text) => text switch
    {
        "greedy" => Greedy(),
        "greedy-strict" => Greedy(Acceptance.StrictlyBetter),
        not null when text.StartsWith("top:", StringComparison.Ordinal) && int.TryParse(text.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out int k) && k >= 1 => Best(k),
        _ => throw new WarmException("rule", $"is \"{text}\"", "greedy, greedy-strict or top:K"),
    };

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString() => Top is { } k ? FormattableString.Invariant($"top:{k}") : Acceptance == Acceptance.StrictlyBetter ? "greedy-strict" : "greedy";
}
