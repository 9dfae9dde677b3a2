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

    /// <summary>What writes, for tests: a file system that writes less than it was given, or nothing at all. Null is the real one.</summary>
    internal static readonly AsyncLocal<WriteBytes?> Seam = new();

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
        DemandFree(path, overwrite);
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        string temporary = System.IO.Path.Combine(folder, $".{System.IO.Path.GetFileName(path)}.{Guid.NewGuid():N}.partial");
        try
        {
            if (size > 0 && Directory.Exists(folder) && new DriveInfo(folder).AvailableFreeSpace < size) throw new WarmException(path, "cannot be written: the disk is full", $"room for {size:N0} bytes", "Free some space or choose another place.");
            SafeFileHandle handle = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            return new(path, temporary, handle, overwrite, sync);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Remove(temporary);
            throw Refusal(path, error);
        }
    }

    /// <summary>Refuses a place that is taken, or that no file can be written to: to be asked before hours of work.</summary>
    public static void Demand(string path, bool overwrite)
    {
        DemandFree(path, overwrite);
        if (Directory.Exists(path)) throw new WarmException(path, "is a folder", "the name of a file");
        if (!Directory.Exists(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)))) throw Refusal(path, new DirectoryNotFoundException());
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
            WriteBytes write = Seam.Value ?? Whole;
            for (int done = 0; done < bytes.Length;)
            {
                int written = write(_handle, bytes[done..], offset + done);
                if (written <= 0) throw new IOException($"nothing could be written at byte {offset + done}");
                done += written;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException) // the last is .NET's word for a file that grows beyond what the file system takes
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
            DemandFree(Path, _overwrite);
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
        if (error is ArgumentOutOfRangeException) return new(path, "cannot be written: the file system takes no file of that size", fix: "Write smaller shards (--shard-size) or choose another place; nothing was left behind.", inner: error);
        return error is DirectoryNotFoundException
            ? new(path, "cannot be written: its folder is not there", inner: error)
            : new(path, $"cannot be written: {error.Message.TrimEnd('.')}", inner: error);
    }

    private static int Whole(SafeFileHandle handle, ReadOnlySpan<byte> bytes, long offset)
    {
        RandomAccess.Write(handle, bytes, offset);
        return bytes.Length;
    }

    private static void Remove(string path)
    {
        try { File.Delete(path); }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException) { } // the error that brought us here says more
    }

    private static void DemandFree(string path, bool overwrite)
    {
        if (!overwrite && (File.Exists(path) || Directory.Exists(path) || new FileInfo(path).LinkTarget is not null))
            throw new WarmException(path, "exists already", "a place that is free", "Choose another, or say --overwrite (overwrite = true).");
    }
}

/// <summary>Writes at a place and says how many bytes it wrote.</summary>
internal delegate int WriteBytes(SafeFileHandle handle, ReadOnlySpan<byte> bytes, long offset);
