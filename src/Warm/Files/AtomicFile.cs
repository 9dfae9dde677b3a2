using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>
/// A file that appears whole or not at all: written under another name beside its place, flushed to the disk, then renamed. Disposed before <see cref="Commit"/> (an error, a
/// cancelled run) it leaves nothing behind. Safe for positioned writes from many threads.
/// </summary>
internal sealed class AtomicFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly bool _overwrite, _sync;
    private bool _done;

    private AtomicFile(string path, string temporary, SafeFileHandle handle, bool overwrite, bool sync)
    {
        Path = path;
        TemporaryPath = temporary;
        _handle = handle;
        _overwrite = overwrite;
        _sync = sync;
    }

    /// <summary>Where the file will be.</summary>
    public string Path { get; }

    /// <summary>Where it is until then: in the same folder, so that the rename cannot fail half-way.</summary>
    public string TemporaryPath { get; }

    /// <summary>Begins a file.</summary>
    /// <param name="path">Where it will be; its folder must exist.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced; default false, which refuses at once.</param>
    /// <param name="sync">Whether the bytes are on the disk before the name is (fsync); default true.</param>
    /// <param name="size">The final size where it is known: a disk too small for it is then refused before anything is computed. 0 (default) where it is not. The place is not
    /// allocated beforehand: a file system in memory would clear every page first, for nothing.</param>
    public static AtomicFile Create(string path, bool overwrite = false, bool sync = true, long size = 0)
    {
        if (!overwrite && WouldReplace(path)) throw Exists(path);
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        string temporary = System.IO.Path.Combine(folder, $".{System.IO.Path.GetFileName(path)}.{Guid.NewGuid():N}.partial");
        try
        {
            if (size > 0 && new DriveInfo(folder).AvailableFreeSpace < size) throw new WarmException(path, "cannot be written: the disk is full", $"room for {size:N0} bytes", "Free some space or choose another place.");
            SafeFileHandle handle = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            return new(path, temporary, handle, overwrite, sync);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Remove(temporary);
            throw Refusal(path, error);
        }
    }

    /// <summary>Writes a whole small file.</summary>
    public static void Write(string path, ReadOnlySpan<byte> bytes, bool overwrite = false, bool sync = true)
    {
        using AtomicFile file = Create(path, overwrite, sync);
        file.Write(0, bytes);
        file.Commit();
    }

    /// <summary>Writes bytes at a place.</summary>
    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(_handle, bytes, offset);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Refusal(Path, error);
        }
    }

    /// <summary>Flushes and gives the file its name.</summary>
    public void Commit()
    {
        ObjectDisposedException.ThrowIf(_done, this);
        try
        {
            if (_sync) RandomAccess.FlushToDisk(_handle);
            _handle.Dispose();
            if (!_overwrite && WouldReplace(Path)) throw Exists(Path);
            File.Move(TemporaryPath, Path, _overwrite);
            _done = true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Refusal(Path, error);
        }
    }

    /// <summary>Removes what was not committed.</summary>
    public void Dispose()
    {
        _handle.Dispose();
        if (_done) return;
        _done = true;
        Remove(TemporaryPath);
    }

    /// <summary>An error of writing as one that names the place.</summary>
    public static WarmException Refusal(string path, Exception error)
    {
        const int DiskFull = 28; // ENOSPC; Windows says ERROR_DISK_FULL, 112
        if (error is IOException io && ((io.HResult & 0xFFFF) is DiskFull or 112 || io.Message.Contains("disk was full", StringComparison.Ordinal))) // the second is .NET's own where size is asked for beforehand
            return new(path, "cannot be written: the disk is full", fix: "Free some space or choose another place; nothing was left behind.", inner: error);
        return error is DirectoryNotFoundException
            ? new(path, "cannot be written: its folder is not there", inner: error)
            : new(path, $"cannot be written: {error.Message.TrimEnd('.')}", inner: error);
    }

    private static void Remove(string path)
    {
        try { File.Delete(path); }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException) { } // the error that brought us here says more
    }

    private static bool WouldReplace(string path) => File.Exists(path) || Directory.Exists(path) || new FileInfo(path).LinkTarget is not null;

    private static WarmException Exists(string path) => new(path, "exists already", "a place that is free", "Choose another, or allow overwriting.");
}
