namespace Warm;

/// <summary>One tensor of an average: what is saved, and from what.</summary>
/// <param name="Saved">Name, type and shape as saved.</param>
/// <param name="Members">The tensor in each member, under the member's own name.</param>
/// <param name="IsAveraged">False where one member's values are copied: integers, booleans, a head's own normaliser, and a head that is taken from one member.</param>
/// <param name="Source">The member that is copied.</param>
internal sealed record PlannedTensor(TensorInfo Saved, TensorInfo[] Members, bool IsAveraged, int Source = 0)
{
    /// <summary>Whether it is a head's tensor that one member gives.</summary>
    public bool IsHeadOfOne { get; init; }
}

/// <summary>Which tensors an average has and in which type, and every difference between the members' tensors on the way. Looks at headers only.</summary>
internal sealed class AveragePlan
{
    private AveragePlan(List<PlannedTensor> tensors, List<Difference> differences)
    {
        Tensors = tensors;
        Differences = differences;
    }

    /// <summary>The tensors in code-point order of their names. Complete only where no difference is impossible.</summary>
    public IReadOnlyList<PlannedTensor> Tensors { get; }

    /// <summary>What differs.</summary>
    public IReadOnlyList<Difference> Differences { get; }

    /// <summary>Plans the average of members; <paramref name="dtype"/> is the type asked for, null to keep the widest; <paramref name="head"/> the member whose head is taken, null to average heads.</summary>
    public static AveragePlan Of(IReadOnlyList<Member> members, DType? dtype, int? head = null)
    {
        HashSet<string> headTensors = head is { } whose ? HeadTensors(members[whose]) : [];
        var differences = new List<Difference>();
        var tensors = new List<PlannedTensor>();
        Names(members, differences);
        var missing = new Dictionary<(int Lacking, string Rule), List<string>>();
        var mixed = new SortedSet<DType>();
        foreach (string name in members.SelectMany(m => m.Names).Distinct().Order(CodePointOrder.Instance))
        {
            if (Dropped(name, members, differences)) continue;
            int[] lacking = [.. Enumerable.Range(0, members.Count).Where(i => !members[i].Contains(name))];
            if (lacking.Length > 0)
            {
                foreach (int i in lacking)
                    if (missing.TryGetValue((i, TensorRole.IsHead(name) && name.EndsWith("weight", StringComparison.Ordinal) ? "head" : "tensors"), out List<string>? list)) list.Add(name);
                    else missing.Add((i, TensorRole.IsHead(name) && name.EndsWith("weight", StringComparison.Ordinal) ? "head" : "tensors"), [name]);
                continue;
            }
            TensorInfo[] infos = [.. members.Select(m => m.Info(name))];
            if (!SameShape(name, members, infos, differences) || !SameKind(name, members, infos, differences)) continue;
            if (head is { } source && headTensors.Contains(name) && infos[source].DType.IsFloat())
            {
                tensors.Add(new(new(name, dtype ?? infos[source].DType, infos[0].Shape), [.. infos.Select((info, i) => info with { Name = members[i].Own(name) })], false, source) { IsHeadOfOne = true });
                continue;
            }
            bool averaged = infos[0].DType.IsFloat() && !TensorRole.IsNormaliser(name);
            if (averaged && infos.Any(i => i.DType != infos[0].DType)) mixed.UnionWith(infos.Select(i => i.DType));
            DType saved = !averaged ? infos[0].DType : dtype ?? DTypes.Widest(infos.Select(i => i.DType));
            tensors.Add(new(new(name, saved, infos[0].Shape), [.. infos.Select((info, i) => info with { Name = members[i].Own(name) })], averaged));
        }
        foreach (((int i, string rule), List<string> names) in missing.OrderBy(m => m.Key))
            differences.Add(new(rule, members[i].Name, $"{(names.Count == 1 ? $"'{names[0]}' is" : $"{names.Count:N0} tensors are")} missing{(names.Count == 1 ? "" : $": {Listed(names)}")}",
                $"{members.First(m => m.Contains(names[0])).Name} has {(names.Count == 1 ? "it" : "them")}", Severity.Impossible));
        if (mixed.Count > 0 && dtype is null)
            differences.Add(new("dtype", "the members", $"store tensors in {string.Join(" and ", mixed.Select(d => d.Name()))}", $"{DTypes.Widest(mixed).Name()} holds both exactly and is written", Severity.Remark));
        return new(tensors, differences);
    }

    /// <summary>A member's head by present-day names.</summary>
    private static HashSet<string> HeadTensors(Member member) => HeadLayout.Of(member.Weights) is { } layout ? [.. member.Names.Where(name => layout.Tensors.Contains(member.Own(name)))]
        : throw new WarmException(member.Name, "has no reward head to take", "a reward model", "Leave --head out, or name a member that has one.");

    private static void Names(IReadOnlyList<Member> members, List<Difference> differences)
    {
        if (members.All(m => m.Wrapper == members[0].Wrapper))
        {
            if (members[0].Wrapper is { } all) differences.Add(new("names", "the members", $"every name begins with '{all}'", "it is taken off", Severity.Remark));
            return;
        }
        foreach (Member member in members)
            if (member.Wrapper is { } prefix)
                differences.Add(new("names", member.Name, $"every name begins with '{prefix}' (the model was saved wrapped)", "the others do not; it is taken off", Severity.Doubtful));
    }

    /// <summary>What is left out where not every member has it: old buffers that transformers computes itself, and a language model's head that a reward model does not use.</summary>
    private static bool Dropped(string name, IReadOnlyList<Member> members, List<Difference> differences)
    {
        Member[] having = [.. members.Where(m => m.Contains(name))];
        if (having.Length == members.Count) return false;
        bool buffer = TensorRole.IsComputedBuffer(name, having[0].Info(name));
        bool unusedHead = name is "lm_head.weight" or "lm_head.bias" or "cls.predictions.bias" && members.All(m => m.Weights.Folder?.Config is not { } c || c.Strings("architectures").All(a => a.EndsWith("SequenceClassification", StringComparison.Ordinal)));
        if (!buffer && !unusedHead) return false;
        foreach (Member member in having)
            differences.Add(buffer
                ? new("buffer", member.Where(name), "is a buffer that the model computes itself", "not every member has it; it is dropped", Severity.Remark)
                : new("tensors", member.Where(name), "is the head of a language model, which the reward does not use", "not every member has it; it is dropped", Severity.Doubtful));
        return true;
    }

    private static bool SameShape(string name, IReadOnlyList<Member> members, TensorInfo[] infos, List<Difference> differences)
    {
        bool same = true;
        for (int i = 1; i < infos.Length; i++)
        {
            if (infos[i].Shape == infos[0].Shape) continue;
            same = false;
            Shape mine = infos[0].Shape, theirs = infos[i].Shape;
            bool rows = mine.Rank == 2 && theirs.Rank == 2 && mine[1] == theirs[1];
            string rule = rows && TensorRole.IsEmbedding(name) ? "vocabulary" : rows && TensorRole.IsHead(name) ? "head" : "shape";
            string hint = rule switch
            {
                "vocabulary" => $" ({(theirs[0] > mine[0] ? "tokens were added" : "tokens are missing")}: rows are never cut)",
                "head" => $" ({theirs[0]} labels against {mine[0]})",
                _ when mine.Rank == 2 && theirs.Rank == 2 && mine[0] == theirs[1] && mine[1] == theirs[0] => " (transposed)",
                _ => "",
            };
            differences.Add(new(rule, members[i].Where(name), $"is {theirs}{hint}", $"{members[0].Name} has {mine}", Severity.Impossible));
        }
        return same;
    }

    private static bool SameKind(string name, IReadOnlyList<Member> members, TensorInfo[] infos, List<Difference> differences)
    {
        bool same = true;
        for (int i = 0; i < infos.Length; i++)
        {
            bool quantised = !infos[i].DType.IsFloat() && infos[i].Shape.Rank >= 2 && name.EndsWith(".weight", StringComparison.Ordinal);
            if (infos[i].DType.IsFloat() == infos[0].DType.IsFloat() && (infos[i].DType.IsFloat() || infos[i].DType == infos[0].DType) && !quantised) continue;
            same = false;
            differences.Add(new("dtype", members[i].Where(name), $"is stored as {infos[i].DType.Name()}{(quantised ? ": quantised weights" : "")}",
                quantised ? "floating-point weights; numbers of another scale have no mean" : $"{members[0].Name} has {infos[0].DType.Name()}", Severity.Impossible));
        }
        return same;
    }

    private static string Listed(List<string> names) => names.Count <= 4 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(3))} and {names.Count - 3:N0} more";
}
