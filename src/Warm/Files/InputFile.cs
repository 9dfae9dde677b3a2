using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>An input file opened for positioned reads. Whatever is not a plain file with something in it is refused before it is opened.</summary>
/// <remarks>Links are followed (a hub cache is made of them); one that leads nowhere or in a circle is refused by name.</remarks>
internal static class InputFile
{
    /// <summary>Opens a file. Nobody is locked out: others may go on writing, and a read past the end is then an error of the reader.</summary>
    public static SafeFileHandle Open(string path)
    {
        Check(path);
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new WarmException(path, "may not be read", fix: "Give this user the right to read it.", inner: error);
        }
        catch (IOException error)
        {
            throw new WarmException(path, $"cannot be opened: {error.Message.TrimEnd('.')}", inner: error);
        }
    }

    /// <summary>All bytes of a file that is at most <paramref name="limit"/> bytes long.</summary>
    public static byte[] ReadAll(string path, long limit)
    {
        using SafeFileHandle handle = Open(path);
        long length = RandomAccess.GetLength(handle);
        if (length > limit) throw new WarmException(path, $"has {length:N0} bytes", $"at most {limit:N0}");
        var bytes = new byte[length];
        Read(handle, path, bytes, 0);
        return bytes;
    }

    /// <summary>Fills the destination from a place in the file; a file that ends before is refused with both sizes.</summary>
    public static void Read(SafeFileHandle handle, string path, Span<byte> destination, long offset)
    {
        try
        {
            for (int done = 0; done < destination.Length;)
            {
                int read = RandomAccess.Read(handle, destination[done..], offset + done);
                if (read == 0)
                    throw new WarmException(path, $"ends at byte {offset + done:N0}", $"{offset + destination.Length:N0} bytes or more", "It was cut short while it was read; copy it again.");
                done += read;
            }
        }
        catch (IOException error)
        {
            throw new WarmException(path, $"cannot be read at byte {offset:N0}: {error.Message.TrimEnd('.')}", inner: error);
        }
    }

    private static void Check(string path)
    {
        if (path.Contains('\0')) throw new WarmException(JsonText.Quote(path), "is not a file name: it holds a NUL");
        if (Directory.Exists(path)) throw new WarmException(path, "is a folder", "a file");
        var file = new FileInfo(path);
        if (file.LinkTarget is { } target)
        {
            FileSystemInfo? end;
            try { end = file.ResolveLinkTarget(returnFinalTarget: true); }
            catch (IOException error) { throw new WarmException(path, $"is a link to {target} that leads in a circle", inner: error); }
            if (end is not { Exists: true })
                throw new WarmException(path, $"is a link to {target}, which is not there", "a link to a file", "In a hub cache this is an unfinished download: download it again.");
            file = new FileInfo(end.FullName);
        }
        if (!file.Exists) throw new WarmException(path, "is not there");
        // Pipes and devices have no length either: opening one could wait for ever.
        if (file.Length == 0) throw new WarmException(path, "is empty");
    }
}
