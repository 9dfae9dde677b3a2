using System.Text.Json.Serialization;

namespace Warm;

/// <summary>
/// Which start a member was fine-tuned from, told by its weights: fine-tuning moves a model little, and in directions of its own, so the start is the one at the end of the shortest delta. Heads are left out, for they are
/// trained from elsewhere.
/// </summary>
/// <param name="Member">The member's folder.</param>
/// <param name="Start">The nearest start's folder; null where the member is no kin of any.</param>
/// <param name="Distance">Length of the member's delta from it.</param>
/// <param name="Next">The start that comes second; null where there is one alone.</param>
/// <param name="NextDistance">Length of the delta from that one; null where there is none.</param>
/// <param name="Share">
/// How far the delta leads from <paramref name="Start"/> to <paramref name="Next"/>: 0 for a member whose training had nothing to do with that way, 0.5 for one that lies as near to both; null where there is no second.
/// </param>
public sealed record MemberOrigin(
    [property: JsonPropertyName("member")] string Member,
    [property: JsonPropertyName("start")] string? Start,
    [property: JsonPropertyName("distance")] double Distance,
    [property: JsonPropertyName("next")] string? Next,
    [property: JsonPropertyName("nextDistance")] double? NextDistance,
    [property: JsonPropertyName("share")] double? Share)
{
    /// <summary>Above this share a member might have come from either start: 0.4.</summary>
    public const double Doubt = 0.4;

    /// <summary>Whether the start is told beyond doubt: kin, and well off the middle between two starts.</summary>
    [JsonPropertyName("clear")]
    public bool Clear => Start is not null && (Next is null || Share < Doubt);

    /// <summary>Finds the start of each member. Reads all weights once.</summary>
    /// <param name="members">Trained models.</param>
    /// <param name="starts">Models that they may have come from, with or without heads.</param>
    /// <param name="threads">0 (default) for all cores.</param>
    /// <param name="cancellation">Stops between two tensors.</param>
    /// <exception cref="WarmException">There are none, or tensors or shapes differ.</exception>
    public static IReadOnlyList<MemberOrigin> Of(IReadOnlyList<Weights> members, IReadOnlyList<Weights> starts, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(members);
        ArgumentNullException.ThrowIfNull(starts);
        if (members.Count == 0 || starts.Count == 0) throw new WarmException(members.Count == 0 ? "members" : "starts", "there are none", "at least one");
        int n = members.Count;
        // With heads of one kind on all, the tensors are the same; the heads' values do not count.
        WeightDistance distance = WeightDistance.Measure([.. members.Concat(starts).Select(weights => HeadedWeights.Of(weights))], null, threads, cancellation).WithoutHead();
        var origins = new MemberOrigin[n];
        for (int m = 0; m < n; m++)
        {
            int[] order = [.. Enumerable.Range(n, starts.Count).OrderBy(s => distance.Distance(m, s))];
            int nearest = order[0];
            double length = distance.Distance(m, nearest);
            bool kin = distance.Cosine(m, nearest) >= ValueRules.StrangeMatrix;
            if (order.Length == 1)
            {
                origins[m] = new(members[m].Name, kin ? starts[nearest - n].Name : null, length, null, null, null);
                continue;
            }
            double next = distance.Distance(m, order[1]), between = distance.Distance(nearest, order[1]);
            // With d the delta and w the way to the other start: d.w / |w|^2, by the three sides of the triangle. Two equal starts cannot be told apart.
            double share = between == 0 ? 0.5 : (length * length + between * between - next * next) / (2 * between * between);
            origins[m] = new(members[m].Name, kin ? starts[nearest - n].Name : null, length, starts[order[1] - n].Name, next, share);
        }
        return origins;
    }

    /// <summary><c>rm-1: from checkpoint-200 (4.68; checkpoint-160 6.34)</c>, or that it cannot be told.</summary>
    public override string ToString()
    {
        if (Start is null) return $"{Member}: no kin of any start";
        string second = Next is null ? "" : FormattableString.Invariant($"; {Next} {NextDistance:G3}");
        return FormattableString.Invariant($"{Member}: {(Clear ? "from" : "cannot tell, perhaps from")} {Start} ({Distance:G3}{second})");
    }
}
