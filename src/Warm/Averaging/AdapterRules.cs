namespace Warm;

/// <summary>
/// Whether members that are adapters say that they were trained on one base. On which weights they are put is the caller's word; what they themselves name as their base is the only trace of what
/// they were trained on, so two different names are refused.
/// </summary>
internal static class AdapterRules
{
    public static IEnumerable<Difference> Compare(IReadOnlyList<Member> members)
    {
        LowRankAdapter[] adapters = [.. members.Select(m => m.Weights).OfType<LowRankAdapter>().Where(a => a.BaseName is { Length: > 0 })];
        foreach (LowRankAdapter other in adapters.Skip(1))
            if (!Same(adapters[0], other))
                yield return new("adapter", other.AdapterFolder, $"was trained on {JsonText.Quote(other.BaseName!)}", $"{adapters[0].AdapterFolder} was trained on {JsonText.Quote(adapters[0].BaseName!)}", Severity.Refused);
    }

    /// <summary>The same name, the same folder, or, where folders are not here to compare, paths that end alike.</summary>
    private static bool Same(LowRankAdapter a, LowRankAdapter b)
    {
        (string? mine, string? theirs) = (PlaceOf(a), PlaceOf(b));
        return mine is not null && theirs is not null ? mine == theirs : string.Equals(LowRankAdapter.Last(a.BaseName!), LowRankAdapter.Last(b.BaseName!), StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The folder that an adapter names as its base, if it is there; a relative path counts from the adapter.</summary>
    private static string? PlaceOf(LowRankAdapter adapter)
    {
        string path = Path.GetFullPath(Path.Combine(adapter.AdapterFolder, adapter.BaseName!.Replace('\0', ' ')));
        return Directory.Exists(path) ? Path.TrimEndingDirectorySeparator(new DirectoryInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path) : null;
    }
}
