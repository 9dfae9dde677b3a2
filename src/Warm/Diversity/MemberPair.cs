using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Warm;

/// <summary>Two members: how far they lie apart, how alike they judge, and what averaging just these two brings.</summary>
/// <param name="A">The one's place among the members, from 0.</param>
/// <param name="B">The other's.</param>
/// <param name="Kind">What their runs differ in (see <see cref="KindOf"/>), or null where nobody recorded it.</param>
/// <param name="Distance">Of their weights (<see cref="WeightDistance"/>); NaN where it was not measured.</param>
/// <param name="Agreement">How alike they judge.</param>
/// <param name="Gain">Accuracy of the average of the two less the mean of theirs, paired.</param>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
public sealed record MemberPair(
    [property: JsonPropertyName("a")] int A,
    [property: JsonPropertyName("b")] int B,
    [property: JsonPropertyName("kind")] string? Kind,
    [property: JsonPropertyName("distance")] double Distance,
    [property: JsonPropertyName("agreement")] ScoreAgreement Agreement,
    [property: JsonPropertyName("gain")] Estimate Gain)
{
    /// <summary>What two runs differ in, the strongest named last: <c>order only</c>, <c>learning rate</c>, <c>dropout</c>, <c>Baklava</c> (another start), with <c>+</c> between; null where a run is not recorded.</summary>
    public static string? KindOf(TrainingRun? a, TrainingRun? b)
    {
        if (a is null || b is null) return null;
        bool Same(string dial) => JsonNode.DeepEquals(a.Dials[dial], b.Dials[dial]);
        string[] turned =
        [
            .. Same("learning_rate") ? [] : new[] { "learning rate" },
            .. Same("dropout") ? [] : new[] { "dropout" },
            .. a.Dials.Select(d => d.Key).Union(b.Dials.Select(d => d.Key)).Except(["learning_rate", "dropout", "seed", "data_seed"]).Order(StringComparer.Ordinal).Where(dial => !Same(dial)),
            .. Path.TrimEndingDirectorySeparator(a.Start) == Path.TrimEndingDirectorySeparator(b.Start) ? [] : new[] { "Baklava" },
        ];
        return turned.Length == 0 ? "order only" : string.Join(" + ", turned);
    }

    /// <summary><c>1 and 4 (order only): distance 5.47, rewards correlate 0.951, .., gain 0.012 ± 0.004 ..</c></summary>
    public override string ToString() => FormattableString.Invariant($"{A + 1} and {B + 1}{(Kind is null ? "" : $" ({Kind})")}: {(double.IsNaN(Distance) ? "" : $"distance {Distance:G4}, ")}{Agreement}, gain {Gain}");
}
