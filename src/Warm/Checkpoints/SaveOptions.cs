namespace Warm;

/// <summary>How <see cref="Weights.Save"/> writes. The weights' bytes depend on none of it but <see cref="ShardBytes"/>.</summary>
public sealed record SaveOptions
{
    /// <summary>The defaults.</summary>
    public static SaveOptions Default { get; } = new();

    /// <summary>Most bytes of tensors in one file (a single larger tensor has a file of its own); null (default) for one file whatever its size.</summary>
    public long? ShardBytes { get; init; }

    /// <summary>Whether the SHA-256 of every weight file that is read (computed while reading) and of every file that is written goes into the recipe; default true.</summary>
    public bool Hash { get; init; } = true;

    /// <summary>Whether everything is on the disk before the folder gets its name (fsync); default true.</summary>
    public bool Sync { get; init; } = true;

    /// <summary>Whether a model folder of that name may be replaced; default false. Anything else is never replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Number of threads; 0 (default) for all cores.</summary>
    public int Threads { get; init; }

    /// <summary>
    /// Completes the folder before it gets its name: told the place where everything lies so far and the recipe, to which it may add; returns remarks. Only where there is a recipe. What it throws
    /// ends the save, and nothing is left behind. Null (default) for nothing.
    /// </summary>
    public Func<string, System.Text.Json.Nodes.JsonObject, CancellationToken, IReadOnlyList<string>>? Complete { get; init; }
}

/// <summary>How far a save is.</summary>
/// <param name="Done">Bytes of tensors done.</param>
/// <param name="Total">Bytes of all tensors.</param>
public readonly record struct SaveProgress(long Done, long Total)
{
    /// <summary>Done of total, 0 to 1.</summary>
    public double Share => Total == 0 ? 1 : Math.Min(1, (double)Done / Total);
}

/// <summary>What was written.</summary>
public sealed record SaveResult
{
    /// <summary>The folder.</summary>
    public required string Folder { get; init; }

    /// <summary>Names of all its files.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Number of tensors.</summary>
    public required int Tensors { get; init; }

    /// <summary>Bytes of tensors.</summary>
    public required long Bytes { get; init; }

    /// <summary>Seconds for reading, averaging and writing.</summary>
    public required double Seconds { get; init; }

    /// <summary>Seconds after that: <see cref="SaveOptions.Complete"/>, and the hashes of what was written.</summary>
    public double SecondsCompleting { get; init; }

    /// <summary>Where the weights come from, as <c>warm.json</c> holds it; null where there is none.</summary>
    public System.Text.Json.Nodes.JsonObject? Recipe { get; init; }

    /// <summary>What a reader should know.</summary>
    public required IReadOnlyList<string> Remarks { get; init; }

    /// <summary><c>runs/warm: 39 tensors, 2.1 MB in 0.02 s</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Folder}: {Tensors:N0} tensors, {Bytes / 1e6:N1} MB in {Seconds:F2} s");
}
