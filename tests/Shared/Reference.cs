using System.Runtime.CompilerServices;

namespace Warm.Testing;

/// <summary>The reference folder that WARM_REFERENCE names: what PyTorch and its libraries really compute. Not needed to pass the tests.</summary>
internal static class Reference
{
    /// <summary>The folder, or null where the variable is not set.</summary>
    public static string? Root { get; } = Environment.GetEnvironmentVariable("WARM_REFERENCE") is { Length: > 0 } root && Directory.Exists(root) ? root : null;

    /// <summary>A file or folder of the reference.</summary>
    public static string Path(params string[] parts) => System.IO.Path.Combine([Root ?? throw new InvalidOperationException("WARM_REFERENCE is not set."), .. parts]);

    /// <summary>Reports how many cases of the reference a test has compared; `.ci/run` prints the sums.</summary>
    public static void Count(string what, int cases)
    {
        if (Environment.GetEnvironmentVariable("WARM_REFERENCE_LOG") is { Length: > 0 } log)
            lock (typeof(Reference)) File.AppendAllText(log, $"{what}\t{cases}\n");
    }
}

/// <summary>A fact that needs the reference folder; skipped, saying so, where there is none.</summary>
public sealed class ReferenceFactAttribute : FactAttribute
{
    public ReferenceFactAttribute() { if (Reference.Root is null) Skip = "WARM_REFERENCE names no folder."; }
}

/// <summary>A theory that needs the reference folder; skipped, saying so, where there is none.</summary>
public sealed class ReferenceTheoryAttribute : TheoryAttribute
{
    public ReferenceTheoryAttribute() { if (Reference.Root is null) Skip = "WARM_REFERENCE names no folder."; }
}

/// <summary>Where this checkout lies: tests read Golden, samples and README from it.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();
    public static string Path(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);
    public static string Golden(params string[] parts) => System.IO.Path.Combine([Root, "tests", "Golden", .. parts]);

    private static string Find([CallerFilePath] string file = "")
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = System.IO.Path.GetDirectoryName(at))
            if (File.Exists(System.IO.Path.Combine(at, "Warm.sln"))) return at;
        return System.IO.Path.GetFullPath(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(file)!, "..", ".."));
    }
}

/// <summary>A folder of a test's own, gone with it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("warm-test-").FullName;
    public string this[string name] => System.IO.Path.Combine(Path, name);
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
