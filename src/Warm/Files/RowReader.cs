namespace Warm;

/// <summary>
/// What a file holds, one thing after another, as a stream: lines of text, rows of a table (Parquet, CSV), entries of a JSON list. The name tells which it is: <c>.parquet</c>; <c>.csv</c> and
/// <c>.tsv</c>; <c>.json</c> where it begins with a list; lines else. Behind all but Parquet a <c>.gz</c> may stand.
/// </summary>
internal abstract class RowReader : IDisposable
{
    /// <summary>Whether reading on may block: a pipe or a terminal, not a file that lies there.</summary>
    public bool MayWait { get; protected init; }

    /// <summary>The next one; false at the end.</summary>
    public abstract bool TryRead(out FileLine line);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Opens a file.</summary>
    public static RowReader Open(string path)
    {
        string name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        switch (Path.GetExtension(name).ToLowerInvariant())
        {
            case ".parquet" when name.Length == path.Length: return new ParquetReader(path);
            case ".csv": return new CsvReader(OpenStream(path, out bool waits), path, ',') { MayWait = waits };
            case ".tsv": return new CsvReader(OpenStream(path, out waits), path, '\t') { MayWait = waits };
            case ".json":
                var list = new JsonListReader(OpenStream(path, out waits), path) { MayWait = waits };
                if (list.IsList || waits) return list;
                list.Dispose();
                return LineReader.Open(path); // lines under another name
            default: return LineReader.Open(path);
        }
    }

    /// <summary>The bytes of a file, unpacked where the name ends in <c>.gz</c>.</summary>
    protected static Stream OpenStream(string path, out bool mayWait)
    {
        if (Directory.Exists(path)) throw new WarmException(path, "is a folder", "a file of lines");
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new WarmException(path, "is not there", "a file of lines", inner: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new WarmException(path, $"cannot be read ({error.Message.TrimEnd('.')})", inner: error);
        }
        mayWait = !file.CanSeek;
        return path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GzipFile(file) : file;
    }
}
