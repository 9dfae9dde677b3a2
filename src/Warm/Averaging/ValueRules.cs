using System.Globalization;

namespace Warm;

/// <summary>
/// What the values say of the members' kinship. Siblings of one base point the same way in nearly every matrix (cosines above 0.6 even where a few hundred steps at a high rate
/// moved a tiny model far); strangers are orthogonal, and so are the reordered matrices of a model whose units or channels were permuted, although its rewards are the same.
/// </summary>
internal static class ValueRules
{
    /// <summary>Below this a matrix of two members is no kin: the cosine of strangers is 0 within 1/sqrt(values).</summary>
    internal const double StrangeMatrix = 0.35;

    /// <summary>So many strange matrices make strange models: permuting one layer's units makes three.</summary>
    private const int StrangeMatrices = 2;

    /// <summary>Below this members are far apart: a run with a much too large learning rate.</summary>
    private const double FarCosine = 0.87;

    /// <summary>How many times farther from the base than the others a member may be.</summary>
    private const double FarTimes = 4;

    public static IEnumerable<Difference> Judge(IReadOnlyList<Member> members, WeightDistance distance)
    {
        int n = members.Count;
        foreach (TensorDistance tensor in distance.PerTensor)
            for (int i = 0; i < n; i++)
                if (tensor.NotFinite[i] >= 0)
                    yield return new("values", members[i].Where(tensor.Name), $"is not finite at {Place(tensor.Shape, tensor.NotFinite[i])}", "finite numbers", Severity.Refused);
        if (distance.PerTensor.Any(t => t.NotFinite.Any(at => at >= 0))) yield break; // angles would be NaN

        foreach (string buffer in distance.UnequalBuffers)
            yield return new("buffer", $"the members: '{buffer}'", "holds different values", $"no mean of it exists; {members[0].Name}'s is taken", Severity.Doubtful);
        for (int i = 0; i < n; i++)
        {
            foreach (TensorDistance tensor in distance.PerTensor)
                if (tensor.Dot[i, i] == 0 && tensor.Values > 0 && (IsHeadMatrix(tensor) || (WeightDistance.IsBackboneMatrix(tensor) && Enumerable.Range(0, n).Any(j => tensor.Dot[j, j] != 0))))
                    yield return new("values", members[i].Where(tensor.Name), "is all zeros", "trained numbers", Severity.Doubtful);
            if (distance.HasBase && distance.DeltaLength(i) == 0)
                yield return new("duplicate", members[i].Name, "is the base itself, untrained", "a model fine-tuned from it", Severity.Doubtful);
        }

        // A member is held against the earlier ones; of several it differs from in the same way, the farthest is told.
        for (int j = 1; j < n; j++)
            foreach (Difference difference in Enumerable.Range(0, j).OrderBy(i => distance.Cosine(i, j)).SelectMany(i => Pair(members, distance, i, j)).OrderByDescending(d => d.Severity).DistinctBy(d => (d.Rule, d.Where)))
                yield return difference;
        foreach (Difference difference in FarFromBase(members, distance)) yield return difference;
    }

    private static IEnumerable<Difference> Pair(IReadOnlyList<Member> members, WeightDistance distance, int i, int j)
    {
        string Against() => $"a sibling of {members[i].Name}";
        if (distance.Distance(i, j) == 0)
        {
            yield return new("duplicate", members[j].Name, "has the same weights as an earlier member", $"{members[i].Name} counts twice", Severity.Doubtful);
            yield break;
        }

        TensorDistance[] matrices = [.. distance.PerTensor.Where(t => WeightDistance.IsBackboneMatrix(t) && t.Values >= 32 && t.Dot[i, i] > 0 && t.Dot[j, j] > 0)];
        TensorDistance[] strange = [.. matrices.Where(t => t.Cosine(i, j) < StrangeMatrix)];
        double cosine = distance.Cosine(i, j);
        if (cosine < StrangeMatrix || strange.Length >= StrangeMatrices)
            yield return new("ancestry", members[j].Name,
                $"is no sibling: the cosine between matrices is {Text(cosine)}{(strange.Length > 0 ? $", and below {Text(StrangeMatrix)} in {strange.Length} of {matrices.Length} ('{strange[0].Name}' {Text(strange[0].Cosine(i, j))})" : "")}",
                $"{Against()}: another start, or the same function with its units in another order, averages to nonsense", Severity.Refused);
        else if (cosine < FarCosine)
            yield return new("distance", members[j].Name, $"is far away: the cosine between matrices is {Text(cosine)}", $"{Against()}, above {Text(FarCosine)}", Severity.Doubtful);
        else if (strange.Length > 0)
            yield return new("distance", members[j].Where(strange[0].Name), $"the cosine is {Text(strange[0].Cosine(i, j))}", $"{Against()} in every matrix", Severity.Doubtful);

        foreach (TensorDistance head in distance.PerTensor.Where(t => IsHeadMatrix(t) && t.Dot[i, i] > 0 && t.Dot[j, j] > 0))
        {
            double angle = head.Cosine(i, j), times = Math.Sqrt(head.Dot[j, j] / head.Dot[i, i]);
            string where = members[j].Where(head.Name);
            if (angle < 0.7)
                yield return new("head", where, $"the cosine is {Text(angle)}{(angle < -0.5 ? ": the mean head cancels" : "")}", $"a head like {members[i].Name}'s, from a shared start (a linear probe)", Severity.Doubtful);
            if (times is > 3 or < 1 / 3.0)
                yield return new("head", where, $"is {Text(Math.Max(times, 1 / times))} times as {(times > 1 ? "long" : "short")}", $"about as long as {members[i].Name}'s, or it {(times > 1 ? "outvotes it" : "is outvoted")}", Severity.Doubtful);
        }
        foreach (TensorDistance norm in distance.PerTensor.Where(t => t.Shape.Rank == 1 && TensorRole.IsNormScale(t.Name) && t.Cosine(i, j) < 0))
            yield return new("values", members[j].Where(norm.Name), $"the cosine is {Text(norm.Cosine(i, j))}: the scales have the other sign", $"scales like {members[i].Name}'s", Severity.Doubtful);
    }

    private static IEnumerable<Difference> FarFromBase(IReadOnlyList<Member> members, WeightDistance distance)
    {
        if (!distance.HasBase) yield break;
        // The head is judged by itself; here only how far the backbone went.
        double[] lengths = [.. members.Select((_, i) => Math.Sqrt(distance.PerTensor.Where(t => !TensorRole.IsHead(t.Name)).Sum(t => t.DeltaDot![i, i])))];
        for (int i = 0; i < members.Count; i++)
        {
            double[] others = [.. lengths.Where((length, j) => j != i && length > 0).Order()];
            if (others.Length == 0 || !(lengths[i] > FarTimes * others[others.Length / 2])) continue;
            yield return new("distance", members[i].Name, $"is {Text(lengths[i] / others[others.Length / 2])} times as far from the base as the other members", $"at most {Text(FarTimes)} times", Severity.Doubtful);
        }
    }

    private static bool IsHeadMatrix(TensorDistance tensor) => TensorRole.IsHead(tensor.Name) && tensor.Shape.Rank >= 2 && !tensor.Name.Contains("pooler", StringComparison.Ordinal);

    internal static string Place(Shape shape, long index)
    {
        var place = new long[shape.Rank];
        for (int axis = shape.Rank - 1; axis >= 0; axis--) (index, place[axis]) = Math.DivRem(index, shape[axis]);
        return $"[{string.Join(", ", place)}]";
    }

    private static string Text(double value) => value.ToString(Math.Abs(value) >= 10 ? "F0" : "F2", CultureInfo.InvariantCulture);
}
