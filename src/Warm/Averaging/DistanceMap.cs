namespace Warm;

/// <summary>
/// A picture of how alike members are, tensor by tensor: a row a tensor, a column for each two members, the cosine of what they learned where there is a base, else of their weights. What stands out is a
/// layer that one run moved another way.
/// </summary>
public static class DistanceMap
{
    /// <summary>The heat map of distances.</summary>
    /// <param name="distance">Of at least two members.</param>
    /// <param name="names">The members' names: their ends are written.</param>
    public static HeatMap Of(WeightDistance distance, IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(distance);
        ArgumentNullException.ThrowIfNull(names);
        if (distance.Count < 2) throw new WarmException("heat map", "there is one model", "two or more");
        if (names.Count != distance.Count) throw new WarmException("heat map", $"there are {names.Count} names", $"one for each of the {distance.Count} models");
        RecordedNames recorded = RecordedNames.Of(names);
        string[] ends = [.. names.Select(recorded.In)];
        (int I, int J)[] pairs = [.. Enumerable.Range(0, distance.Count).SelectMany(j => Enumerable.Range(0, j).Select(i => (i, j)))];
        return new()
        {
            Title = distance.HasBase ? "Cosine of what two members learned, tensor by tensor" : "Cosine of two members' weights, tensor by tensor",
            Note = $"{distance.Count} models, {distance.PerTensor.Count} tensors{(distance.HasBase ? "; differences from the base" : "")}",
            Rows = [.. distance.PerTensor.Select(t => t.Name)],
            Columns = [.. pairs.Select(p => $"{ends[p.I]} / {ends[p.J]}")],
            Values = [.. distance.PerTensor.Select(t => (IReadOnlyList<double>)[.. pairs.Select(p => distance.HasBase ? t.DeltaCosine(p.I, p.J) : t.Cosine(p.I, p.J))])],
            High = 1,
        };
    }
}
