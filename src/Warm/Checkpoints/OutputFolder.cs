using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>
/// A folder that appears whole or not at all: filled under another name beside its place, then renamed; a folder that it replaces is exchanged with it in one step where the system can. Disposed before
/// <see cref="Commit"/> it leaves nothing behind, not even parents that it made. A process that was killed leaves its half-filled folder, and the next one that writes to the same place removes it.
/// </summary>
/// <remarks>Beside <c>.NAME.TOKEN.partial</c> lies <c>.NAME.TOKEN.lock</c>, locked as long as the process lives, made before it and removed after it: so nobody takes another's work for a leftover.</remarks>
internal sealed class OutputFolder : IDisposable
{
    private readonly string _place, _temporary, _lockPath;
    private readonly SafeFileHandle _lock;
    private readonly List<string> _parents;
    private bool _done;

    private OutputFolder(string place, string temporary, string lockPath, SafeFileHandle held, List<string> parents) =>
        (_place, _temporary, _lockPath, _lock, _parents) = (place, temporary, lockPath, held, parents);

    /// <summary>Names of the files written so far, in order.</summary>
    public IReadOnlyList<string> Files => [.. Directory.EnumerateFiles(_done ? _place : _temporary, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(_done ? _place : _temporary, f)).Order(StringComparer.Ordinal)];

    /// <summary>Where the folder is for now.</summary>
    public string Temporary => _temporary;

    /// <summary>Where a file of that name is written for now.</summary>
    public string File(string name) => Path.Combine(_temporary, name);

    /// <summary>Removes what killed runs left of a folder, and refuses its place where it is taken: also to be asked before hours of work.</summary>
    public static void Demand(string folder, bool overwrite)
    {
        string place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        string? parent = Path.GetDirectoryName(place);
        if (parent is null) throw new WarmException(folder, "is the root of the file system", "a folder that is not there yet");
        if (Directory.Exists(parent)) RemoveLeftovers(parent, place);
        bool exists = Path.Exists(place) || new FileInfo(place).LinkTarget is not null;
        if (exists && !overwrite) throw new WarmException(folder, "exists already", "a place that is free", "Choose another, or say --overwrite (Overwrite = true).");
        if (exists && !(Directory.Exists(place) && new DirectoryInfo(place).LinkTarget is null && IsModel(place)))
            throw new WarmException(folder, "is there and is no model folder", "a folder with config.json, warm.json or model weights, or a place that is free", "Only a model is overwritten; remove it yourself or choose another place.");
    }

    /// <summary>Begins a folder: refuses a place that is taken, that is being read from, or where so many bytes do not fit.</summary>
    public static OutputFolder Begin(string folder, bool overwrite, IEnumerable<string> sources, long bytes)
    {
        Demand(folder, overwrite);
        string place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)), parent = Path.GetDirectoryName(place)!;
        foreach (string source in sources)
            if (Within(Path.GetFullPath(source), place) || (Directory.Exists(place) && Within(place, Path.GetFullPath(source))) || Path.GetFullPath(source) == place)
                throw new WarmException(folder, $"holds {source}, which is being read", "another folder than the members'");

        var made = new List<string>();
        try
        {
            for (string? up = parent; up is not null && !Directory.Exists(up); up = Path.GetDirectoryName(up)) made.Add(up);
            Directory.CreateDirectory(parent);
            if (new DriveInfo(parent).AvailableFreeSpace is var free && free < bytes)
                throw new WarmException(folder, $"has {free / 1e6:N1} MB of free space", $"{bytes / 1e6:N1} MB for the weights", "Free some space or choose another place.");
            string stem = Path.Combine(parent, $".{Path.GetFileName(place)}.{Guid.NewGuid():N}"), lockPath = $"{stem}.lock";
            SafeFileHandle held = System.IO.File.OpenHandle(lockPath, FileMode.CreateNew, FileAccess.Write, FileShare.None);
            try
            {
                Directory.CreateDirectory($"{stem}.partial");
            }
            catch
            {
                held.Dispose();
                System.IO.File.Delete(lockPath);
                throw;
            }
            return new(place, $"{stem}.partial", lockPath, held, made);
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

    /// <summary>Copies a file; where a link points, what it points at.</summary>
    public void Copy(string from, string name, bool sync)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File(name))!);
        AtomicFile.Write(File(name), System.IO.File.ReadAllBytes(from), overwrite: true, sync);
    }

    /// <summary>Gives the folder its name.</summary>
    public void Commit()
    {
        try
        {
            bool replaced = Directory.Exists(_place);
            if (!replaced) Directory.Move(_temporary, _place);
            else if (!FolderExchange.TryExchange(_temporary, _place)) Replace();
            _done = true;
            if (replaced) TryRemove(_temporary); // now it is the old one; what cannot be removed is a leftover for the next run
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.Refusal(_place, error);
        }
    }

    /// <summary>Removes what was not committed.</summary>
    public void Dispose()
    {
        if (!_done) TryRemove(_temporary); // the error that brought us here says more than one of removing
        _lock.Dispose();
        try { System.IO.File.Delete(_lockPath); }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException) { }
        if (!_done) RemoveParents(_parents);
    }

    /// <summary>In two steps: for a moment nothing lies in the place, and whoever finds that after a crash puts the old folder back.</summary>
    private void Replace()
    {
        string old = $"{_temporary}.old";
        Directory.Move(_place, old);
        try
        {
            Directory.Move(_temporary, _place);
        }
        catch
        {
            Directory.Move(old, _place);
            throw;
        }
        Directory.Move(old, _temporary);
    }

    /// <summary>Removes folders that nobody fills any more: their lock is gone, or can be had because its process is.</summary>
    private static void RemoveLeftovers(string parent, string place)
    {
        string stem = Path.Combine(parent, $".{Path.GetFileName(place)}.");
        try
        {
            string[] left = [.. Directory.EnumerateFileSystemEntries(parent).Where(e => e.StartsWith(stem, StringComparison.Ordinal) && Token(e).Length == 32)];
            foreach (string token in left.Select(Token).Distinct())
            {
                string held = $"{stem}{token}.lock", partial = $"{stem}{token}.partial", old = $"{partial}.old";
                if (!left.Any(e => e == held || e == partial || e == old)) continue;
                using (SafeFileHandle? free = Free(held))
                {
                    if (free is null && System.IO.File.Exists(held)) continue; // somebody is at work
                    if (Directory.Exists(old) && !Path.Exists(place)) Directory.Move(old, place);
                    if (Directory.Exists(old)) Directory.Delete(old, recursive: true);
                    if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
                }
                System.IO.File.Delete(held);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException) { } // what cannot be removed harms nobody

        string Token(string entry) => entry[stem.Length..].Split('.')[0];

        static SafeFileHandle? Free(string path)
        {
            try { return System.IO.File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.None); }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException) { return null; }
        }
    }

    private static void TryRemove(string folder)
    {
        try { Directory.Delete(folder, recursive: true); }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException) { }
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
        || System.IO.File.Exists(Path.Combine(folder, "config.json")) || System.IO.File.Exists(Path.Combine(folder, ModelFolder.RecipeFile))
        || Directory.EnumerateFiles(folder, "model*.safetensors").Any();
}
