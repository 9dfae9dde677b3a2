namespace Warm;

/// <summary>
/// Whether models may be averaged: every difference that forbids it or that a reader of the average must be told, and the verdict, which is the worst of them.
/// Headers, configs and tokenizers are looked at first (<see cref="Of(IReadOnlyList{Weights})"/>); the values need a reading (<see cref="Compare"/>, or a pass over an average).
/// </summary>
[TypeFormatterSource(typeof(RichDisplay))]
public sealed class Compatibility : IRichDisplay
{
    private Compatibility(IEnumerable<Difference> differences)
    {
        Differences = [.. differences.OrderByDescending(d => d.Severity)];
        Verdict = Differences.Count == 0 ? Verdict.Fits : (Verdict)Differences.Max(d => d.Severity);
    }

    /// <summary>All differences, the worst first.</summary>
    public IReadOnlyList<Difference> Differences { get; }

    /// <summary>fits, doubtful, refused or impossible.</summary>
    public Verdict Verdict { get; }

    /// <summary>What headers, configs and tokenizers say. Reads no values.</summary>
    public static Compatibility Of(IReadOnlyList<Weights> members)
    {
        if (members.Count == 0) return Nobody;
        Member[] own = [.. members.Select(m => new Member(m))];
        return Of(own, AveragePlan.Of(own, null));
    }

    /// <summary>The whole judgement: headers, configs, tokenizers and all values, which are read once. <paramref name="distance"/> is null where the tensors do not match.</summary>
    /// <param name="members">The members.</param>
    /// <param name="base">The model they were fine-tuned from, or null. With it, distances from it are judged as well.</param>
    /// <param name="distance">How far the members are apart.</param>
    /// <param name="threads">Number of threads; 0 for all cores.</param>
    /// <param name="cancellation">Stops between two tensors.</param>
    public static Compatibility Compare(IReadOnlyList<Weights> members, Weights? @base, out WeightDistance? distance, int threads = 0, CancellationToken cancellation = default)
    {
        distance = null;
        if (members.Count == 0) return Nobody;
        Member[] own = [.. members.Select(m => new Member(m))];
        AveragePlan plan = AveragePlan.Of(own, null);
        Compatibility headers = Of(own, plan);
        if (headers.Verdict == Verdict.Impossible) return headers;
        distance = WeightDistance.Measure(own, plan, @base is null ? null : new Member(@base), long.MaxValue, threads, cancellation);
        return headers.With(ValueRules.Judge(own, distance));
    }

    private static Compatibility Nobody => new([new Difference("count", "average", "there are no members", "at least one", Severity.Impossible)]);

    /// <summary>A verdict of one reason: a folder that cannot be opened.</summary>
    public static Compatibility Unreadable(WarmException reason) =>
        new([new Difference("files", reason.Where, reason.Found, reason.Expected, Severity.Impossible)]);

    internal static Compatibility Of(IReadOnlyList<Member> members, AveragePlan plan)
    {
        var differences = new List<Difference>(plan.Differences);
        if (members.Count == 1) differences.Add(new("count", members[0].Name, "is the only member: the average is the model itself", "two or more", Severity.Doubtful));
        for (int i = 1; i < members.Count; i++)
        {
            if (members.Take(i).FirstOrDefault(m => SamePlace(m, members[i])) is { } twice)
                differences.Add(new("duplicate", members[i].Name, "is the same folder as an earlier member", $"{twice.Name} counts twice", Severity.Doubtful));
            ModelFolder? first = members[0].Weights.Folder, other = members[i].Weights.Folder;
            if (first?.Config is { } mine && other?.Config is { } theirs) differences.AddRange(ConfigRules.Compare(members[0].Name, mine, theirs));
            else if (first?.Config is null != other?.Config is null)
                differences.Add(new("config", (first?.Config is null ? members[0] : members[i]).Name, "has no config.json", "one in every member, or in none", Severity.Doubtful));
            if (first is not null && other is not null) differences.AddRange(TokenizerRules.Compare(first, other));
        }
        differences.AddRange(AdapterRules.Compare(members));
        return new(differences);
    }

    internal Compatibility Without(string rule) => new(Differences.Where(d => d.Rule != rule));

    /// <summary>Differences of these rules weigh more: what an average only remarks is refused.</summary>
    internal Compatibility Stricter(params string[] rules) =>
        new(Differences.Select(d => d.Severity == Severity.Doubtful && rules.Contains(d.Rule) ? d with { Severity = Severity.Refused } : d));

    internal Compatibility With(IEnumerable<Difference> more) => new(Differences.Concat(more));

    /// <summary>Throws where a difference is impossible, or refused and not allowed: all of them in one message.</summary>
    internal void Demand(AverageOptions options)
    {
        Difference[] bad = [.. Differences.Where(d => d.Severity == Severity.Impossible || (d.Severity == Severity.Refused && !options.Allows(d.Rule)))];
        if (bad.Length == 0) return;
        bool hopeless = bad.Any(d => d.Severity == Severity.Impossible);
        string[] rules = [.. bad.Select(d => d.Rule).Distinct()];
        string? fix = hopeless ? null : $"Where you know better, allow it by name: --allow {string.Join(",", rules)}.";
        if (bad is [var one]) throw new WarmException(one.Where, one.Found, one.Expected, fix ?? $"These models have no average ({one.Rule}).");
        throw new WarmException("the members", $"do not fit together, for {bad.Length} reasons:\n{string.Join("\n", bad.Select(d => $"  {d}"))}\n", "models fine-tuned from one base", fix ?? "What is impossible cannot be allowed.");
    }

    string IRichDisplay.ToHtml() => Differences.Count == 0 ? HtmlTable.Line(this) : HtmlTable.Of(Verdict.ToString().ToLowerInvariant(), ["severity", "rule", "where", "found", "expected"],
        [.. Differences.Select(d => (string[])[d.Severity.ToString().ToLowerInvariant(), d.Rule, d.Where, d.Found, d.Expected ?? ""])]);

    /// <summary><c>fits</c>, or the verdict and a line for each difference.</summary>
    public override string ToString() =>
        Differences.Count == 0 ? "fits" : $"{Verdict.ToString().ToLowerInvariant()}\n{string.Join("\n", Differences.Select(d => $"  {d.Severity.ToString().ToLowerInvariant(),-10} {d}"))}";

    private static bool SamePlace(Member a, Member b) => SamePlace(a.Weights, b.Weights);

    private static bool SamePlace(Weights a, Weights b) =>
        ReferenceEquals(a, b)
        || (a is Checkpoint one && b is Checkpoint two && one.Files.Select(Real).SequenceEqual(two.Files.Select(Real)))
        || (a is LowRankAdapter first && b is LowRankAdapter second && SamePlace(first.Factors, second.Factors) && SamePlace(first.Base, second.Base));

    private static string Real(string path) => new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path);
}
