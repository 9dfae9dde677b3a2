using System.Security.Cryptography;

namespace Warm;

/// <summary>
/// The SHA-256 of one weight file. Where the pass over the average comes through the file from end to end (the usual case: siblings saved alike), the bytes are hashed as they are
/// read, and threads take turns by position. A file that is met in another order is hashed by itself.
/// </summary>
internal sealed class FileHash
{
    private readonly object _turn = new();
    private IncrementalHash? _hash;
    private string? _hex;
    private long _position;
    private bool _abandoned;

    private FileHash(string path) => Path = path;

    /// <summary>The member whose reads are hashed: the same file may be there twice. Negative where the file is hashed by itself.</summary>
    public int Member { get; private set; } = -1;

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The hash in lower-case hexadecimal, once all bytes have come by.</summary>
    public string Hex => _hex ??= Convert.ToHexStringLower(_hash!.GetHashAndReset());

    /// <summary>Opens a hash for each weight file under an average, its members' members included.</summary>
    /// <param name="average">The average.</param>
    /// <param name="blocks">What will be read, in this order.</param>
    public static IReadOnlyDictionary<string, FileHash> Of(WeightAverage average, IReadOnlyList<WeightsBlock> blocks)
    {
        var hashes = new Dictionary<string, FileHash>();
        foreach (Checkpoint checkpoint in Checkpoints(average))
            foreach (string path in checkpoint.Files) hashes.TryAdd(path, new(path));
        for (int i = 0; i < average.AllMembers.Count; i++)
            if (average.AllMembers[i].Weights is Checkpoint member)
                foreach (string path in member.Files)
                    if (hashes[path].Member < 0) hashes[path].Follow(member, average, i, blocks);
        return hashes;
    }

    /// <summary>All that lies on disk under some weights: averages' members, adapters' bases and factors.</summary>
    private static IEnumerable<Checkpoint> Checkpoints(Weights weights) => RecordedNames.Leaves(weights).SelectMany(leaf => leaf switch
    {
        LowRankAdapter adapter => Checkpoints(adapter.Base).Append(adapter.Factors),
        Checkpoint checkpoint => [checkpoint],
        _ => [],
    });

    /// <summary>Hashes a block that was just read; waits until it is its turn.</summary>
    public void Append(long offset, ReadOnlySpan<byte> bytes)
    {
        lock (_turn)
        {
            while (_position != offset && !_abandoned) Monitor.Wait(_turn);
            if (_abandoned) return;
            _hash!.AppendData(bytes);
            _position += bytes.Length;
            Monitor.PulseAll(_turn);
        }
    }

    /// <summary>Lets nobody wait any longer: the run failed.</summary>
    public void Abandon()
    {
        lock (_turn)
        {
            _abandoned = true;
            Monitor.PulseAll(_turn);
        }
    }

    /// <summary>Reads and hashes the file by itself.</summary>
    public void HashWhole(CancellationToken cancellation) => _hex = ContentHash.OfFile(Path, cancellation);

    /// <summary>Simulates the pass: in order means that the blocks cover the file from the end of its header to its end, without a gap and with raw bits.</summary>
    private void Follow(Checkpoint checkpoint, WeightAverage average, int member, IReadOnlyList<WeightsBlock> blocks)
    {
        long at = -1, header = 0;
        foreach (WeightsBlock block in blocks)
        {
            TensorInfo info = average.Tensor(block.Tensor.Name).Members[member];
            if (checkpoint.FileOf(info.Name) != Path) continue;
            long offset = checkpoint.OffsetOf(info.Name) + block.Start * info.DType.Bits() / 8;
            if (at < 0) at = header = offset;
            if (at != offset || !average.ReadsRaw(average.Tensor(block.Tensor.Name), member)) return;
            at += (long)block.Count * info.DType.Bits() / 8;
        }
        if (at < 0 || at != new FileInfo(Path).Length || header != checkpoint.DataOffsetOf(Path)) return;
        var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var first = new byte[header];
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = InputFile.Open(Path);
        InputFile.Read(handle, Path, first, 0);
        hash.AppendData(first);
        (_position, _hash, Member) = (header, hash, member);
    }
}
