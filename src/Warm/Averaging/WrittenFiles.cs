using System.Text.Json;

namespace Warm;

/// <summary>A file that a save recorded.</summary>
/// <param name="Name">Its path in the folder.</param>
/// <param name="Sha256">What <c>warm.json</c> says, 64 hexadecimal digits.</param>
/// <param name="Now">What it is now; null where the file is gone or empty.</param>
public sealed record WrittenFile(string Name, string Sha256, string? Now)
{
    /// <summary>Whether the file is as it was written.</summary>
    public bool Ok => Now == Sha256;
}

/// <summary>The files of a saved average against the SHA-256 that its <c>warm.json</c> recorded when they were written.</summary>
public static class WrittenFiles
{
    /// <summary>Hashes every recorded file again. Empty where none was recorded (<see cref="SaveOptions.Hash"/> was false).</summary>
    /// <param name="folder">A folder that <see cref="Weights.Save"/> wrote.</param>
    /// <param name="threads">Number of threads; 0 for all cores.</param>
    /// <param name="cancellation">Stops between two blocks.</param>
    /// <exception cref="WarmException">The folder has no warm.json, or what it says is no list of hashes.</exception>
    public static IReadOnlyList<WrittenFile> Check(string folder, int threads = 0, CancellationToken cancellation = default)
    {
        if (!Directory.Exists(folder)) throw new WarmException(folder, "is no folder", "a folder that warm average wrote");
        string path = Path.Combine(folder, Recipe.FileName);
        if (!File.Exists(path)) throw new WarmException(folder, $"has no {Recipe.FileName}", "a folder that warm average wrote", "Hashes and rewards are recorded when an average is written.");
        JsonElement recipe = JsonText.Read(path, namedNumbers: true);
        if (recipe.ValueKind != JsonValueKind.Object) throw new WarmException(path, $"is {JsonText.Kind(recipe)}", "an object");
        if (!recipe.TryGetProperty("files", out JsonElement files)) return [];
        if (files.ValueKind != JsonValueKind.Object) throw new WarmException($"{path}: files", $"is {JsonText.Kind(files)}", "an object of names and hashes");
        var recorded = new List<(string Name, string Hash)>();
        foreach (JsonProperty file in files.EnumerateObject())
        {
            if (file.Value.ValueKind != JsonValueKind.String) throw new WarmException($"{path}: files.{file.Name}", $"is {JsonText.Kind(file.Value)}", "64 hexadecimal digits");
            // A name leads nowhere but into the folder.
            if (Path.IsPathRooted(file.Name) || file.Name.Split('/', '\\').Any(part => part is "" or "." or "..")) throw new WarmException($"{path}: files", $"names {JsonText.Quote(file.Name)}", "files of this folder");
            recorded.Add((file.Name, file.Value.GetString()!));
        }
        string[] there = [.. recorded.Select(f => Path.Combine(folder, f.Name)).Where(f => new FileInfo(f) is { Exists: true, Length: > 0 })];
        Dictionary<string, string> hashes = there.Zip(ContentHash.OfFiles(there, threads, cancellation)).ToDictionary(f => f.First, f => f.Second);
        return [.. recorded.Select(f => new WrittenFile(f.Name, f.Hash, hashes.GetValueOrDefault(Path.Combine(folder, f.Name))))];
    }
}
