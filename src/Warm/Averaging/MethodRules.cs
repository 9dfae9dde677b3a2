namespace Warm;

/// <summary>What forbids that a method runs on these members: a base that lacks a tensor or has it in another shape, masks that do not fit.</summary>
internal static class MethodRules
{
    /// <summary>Looks at headers only.</summary>
    public static IEnumerable<Difference> Judge(AverageMethod method, AveragePlan plan)
    {
        if (method.Origin is { } weights)
        {
            var origin = new Member(weights);
            foreach (PlannedTensor tensor in plan.Tensors.Where(t => t.IsAveraged))
            {
                string name = tensor.Saved.Name;
                if (!origin.Contains(name)) yield return new("tensors", origin.Name, $"'{name}' is missing in the base", "every tensor that the members have: their differences from it are averaged", Severity.Impossible);
                else if (origin.Info(name).Shape != tensor.Saved.Shape) yield return new("shape", origin.Where(name), $"is {origin.Info(name).Shape} in the base", $"{tensor.Saved.Shape} as in the members", Severity.Impossible);
                else if (!origin.Info(name).DType.IsFloat()) yield return new("dtype", origin.Where(name), $"is stored as {origin.Info(name).DType.Name()} in the base", "floating-point weights", Severity.Impossible);
            }
        }
        foreach (Weights mask in method.Masks)
            foreach (PlannedTensor tensor in plan.Tensors.Where(t => t.IsAveraged))
            {
                string name = tensor.Saved.Name;
                if (!mask.Contains(name)) yield return new("tensors", mask.Name, $"'{name}' is missing", "a mask for every tensor that is averaged", Severity.Impossible);
                else if (mask.Info(name).Shape != tensor.Saved.Shape || mask.Info(name).DType != DType.Bool)
                    yield return new("shape", mask.Name, $"'{name}' is {mask.Info(name).DType.Name()} {mask.Info(name).Shape}", $"BOOL {tensor.Saved.Shape}", Severity.Impossible);
            }
    }

    /// <summary>Whether the base is kin: the same angles that tell members apart, on a sample of every matrix.</summary>
    public static IEnumerable<Difference> JudgeOrigin(AverageMethod? method, Member first, long sample, int threads, CancellationToken cancellation)
    {
        if (method?.Origin is not { } weights) return [];
        Member[] two = [first, new Member(weights)];
        return ValueRules.Judge(two, WeightDistance.Measure(two, AveragePlan.Of(two, null), null, sample, threads, cancellation)).Where(d => d.Rule is "ancestry" or "values" && d.Severity == Severity.Refused);
    }
}
