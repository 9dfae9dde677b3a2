namespace Warm;

/// <summary>
/// A folder that appears whole or not at all: filled under another name beside its place, then renamed. Disposed before <see cref="Commit"/> it leaves nothing behind, not even
/// parents that it made.
/// </summary>
internal sealed class OutputFolder : IDisposable
{
    private readonly string _place, _temporary;
    private readonly List<string> _parents, _files = [];
    private bool _done;

    private OutputFolder(string place, string temporary, List<string> parents) => (_place, _temporary, _parents) = (place, temporary, parents);

    /// <summary>Names of the files written so far, in order.</summary>
    public IReadOnlyList<string> Files => [.. Directory.EnumerateFiles(_done ? _place : _temporary, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(_done ? _place : _temporary, f)).Order(StringComparer.Ordinal)];

    /// <summary>Where the folder is for now.</summary>
    public string Temporary => _temporary;

    /// <summary>Where a file of that name is written for now.</summary>
    public string File(string name) => Path.Combine(_temporary, name);

    /// <summary>Begins a folder: refuses a place that is taken, that is being read from, or where so many bytes do not fit.</summary>
    public static OutputFolder Begin(string folder, bool overwrite, IEnumerable<string> sources, long bytes)
    {
        string place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        string? parent = Path.GetDirectoryName(place);
        if (parent is null) throw new WarmException(folder, "is the root of the file system", "a folder that is not there yet");
        bool exists = Directory.Exists(place) || System.IO.File.Exists(place) || new FileInfo(place).LinkTarget is not null;
        if (exists && !overwrite) throw new WarmException(folder, "exists already", "a place that is free", "Choose another, or say --overwrite (Overwrite = true).");
        if (exists && !(Directory.Exists(place) && new DirectoryInfo(place).LinkTarget is null && IsModel(place)))
            throw new WarmException(folder, "is there and is no model folder", "a folder with config.json, warm.json or model weights, or a place that is free", "Only a model is overwritten; remove it yourself or choose another place.");
        foreach (string source in sources)
            if (Within(Path.GetFullPath(source), place) || (exists && Within(place, Path.GetFullPath(source))) || Path.GetFullPath(source) == place)
                throw new WarmException(folder, $"holds {source}, which is being read", "another folder than the members'");

        var made = new List<string>();
        try
        {
            for (string? up = parent; up is not null && !Directory.Exists(up); up = Path.GetDirectoryName(up)) made.Add(up);
            Directory.CreateDirectory(parent);
            if (new DriveInfo(parent).AvailableFreeSpace is var free && free < bytes)
                throw new WarmException(folder, $"has {free / 1e6:N1} MB of free space", $"{bytes / 1e6:N1} MB for the weights", "Free some space or choose another place.");
            string temporary = Path.Combine(parent, $".{Path.GetFileName(place)}.{Guid.NewGuid():N}.partial");
            Directory.CreateDirectory(temporary);
            return new(place, temporary, made);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            RemoveParents(made);
            throw AtomicFile.Refusal(folder, error);
        }
        catch
        {
            RemoveParents(made);
            throw;
        }
    }

    /// <summary>Writes a small text file.</summary>
    public void Write(string name, string content, bool sync) => AtomicFile.Write(File(name), System.Text.Encoding.UTF8.GetBytes(content), overwrite: true, sync);

    /// <summary>Copies a file, in pieces; where a link points, what it points at.</summary>
    public void Copy(string from, string name, bool sync)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File(name))!);
        AtomicFile.Write(File(name), System.IO.File.ReadAllBytes(from), overwrite: true, sync);
    }

    /// <summary>Gives the folder its name.</summary>
    public void Commit()
    {
        string old = $"{_temporary}.old";
        try
        {
            bool replaced = Directory.Exists(_place);
            if (replaced) Directory.Move(_place, old);
            try
            {
                Directory.Move(_temporary, _place);
            }
            catch when (replaced)
            {
                Directory.Move(old, _place);
                throw;
            }
            _done = true;
            if (replaced) Directory.Delete(old, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.Refusal(_place, error);
        }
    }

    /// <summary>Removes what was not committed.</summary>
    public void Dispose()
    {
        if (_done) return;
        try { Directory.Delete(_temporary, recursive: true); }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException) { } // the error that brought us here says more
        RemoveParents(_parents);
    }

    private static void RemoveParents(List<string> made)
    {
        foreach (string parent in made)
            try { Directory.Delete(parent); }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException) { return; }
    }

    private static bool Within(string inner, string outer) => inner.StartsWith(outer + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>Whether a folder may be replaced: it is empty, or what is in it says that it is a model.</summary>
    private static bool IsModel(string folder) =>
        !Directory.EnumerateFileSystemEntries(folder).Any()
        || System.IO.File.Exists(Path.Combine(folder, "config.json")) || System.IO.File.Exists(Path.Combine(folder, "warm.json"))
        || Directory.EnumerateFiles(folder, "model*.safetensors").Any();
}
