using System.Diagnostics;
using System.Text.Json;

namespace Warm.Testing;

/// <summary>
/// The bar for hostile files: each is opened, or refused by a <see cref="WarmException"/>, within a second and 64 MB of what a good file of its size takes; all of them are tiny, so a second and
/// 64 MB are the bar. Nothing is executed (the reference's files would make a file named <c>executed</c>) and nothing is written.
/// </summary>
internal static class HostileBar
{
    /// <summary>The entries of one kind of the reference's hostile.json.</summary>
    public static IEnumerable<JsonElement> Entries(string kind) =>
        JsonDocument.Parse(File.ReadAllBytes(Reference.Path("checkpoints", "hostile.json"))).RootElement.GetProperty(kind).EnumerateArray();

    /// <summary>Runs <paramref name="open"/> and judges it; the refusal, or null where it opened.</summary>
    /// <param name="name">The file, for messages.</param>
    /// <param name="folder">Where it lies if it may be written to; null in the reference, which is read-only.</param>
    /// <param name="open">Opens it and reads everything.</param>
    public static WarmException? Holds(string name, string? folder, Action open)
    {
        string[] before = Listing(folder);
        Exception? error = null;
        TimeSpan fastest = TimeSpan.MaxValue;
        // The clock runs on while other work has the processor: the best of three counts.
        for (int attempt = 0; attempt < 3 && fastest > TimeSpan.FromSeconds(1); attempt++)
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread(), started = Stopwatch.GetTimestamp();
            error = Record.Exception(open);
            TimeSpan taken = Stopwatch.GetElapsedTime(started);
            if (taken < fastest) fastest = taken;
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - allocated < 64_000_000, $"{name} took {(GC.GetAllocatedBytesForCurrentThread() - allocated) / 1e6:F0} MB");
        }
        Assert.True(fastest <= TimeSpan.FromSeconds(1), $"{name} took {fastest.TotalSeconds:F1} s");
        Assert.True(error is null or WarmException, $"{name}: {error}");
        Assert.Equal(before, Listing(folder));
        Assert.False(File.Exists("executed"), $"{name} ran something");
        return error as WarmException;
    }

    /// <summary>A hostile folder as it is meant: the reference's own, or a copy with its links (beside one of the good folder, which links may name) where it has some.</summary>
    public static string Folder(JsonElement entry, TemporaryFolder copies)
    {
        string path = Reference.Path("checkpoints", entry.GetProperty("folder").GetString()!);
        if (!entry.TryGetProperty("make_symlinks", out JsonElement links)) return path;
        foreach (string folder in (string[])[path, Path.Combine(Path.GetDirectoryName(path)!, "good")])
        {
            Directory.CreateDirectory(copies[Path.GetFileName(folder)]);
            foreach (string file in Directory.GetFiles(folder)) File.Copy(file, Path.Combine(copies[Path.GetFileName(folder)], Path.GetFileName(file)), overwrite: true);
        }
        string copy = copies[Path.GetFileName(path)];
        foreach (JsonElement link in links.EnumerateArray())
        {
            string at = Path.Combine(copy, link[0].GetString()!);
            File.Delete(at);
            if (link[1].GetString() == ".") Directory.CreateSymbolicLink(at, ".");
            else File.CreateSymbolicLink(at, link[1].GetString()!);
        }
        return copy;
    }

    private static string[] Listing(string? folder) => [.. ((string[])[".", .. folder is null ? new string[0] : [folder]]).SelectMany(Directory.EnumerateFileSystemEntries).Order(StringComparer.Ordinal)];
}
