namespace Warm;

/// <summary>One open file of named tensors, whatever its format: what <see cref="Checkpoint"/> reads from. Safe from many threads.</summary>
internal abstract class TensorFile : IDisposable
{
    /// <summary>A file at that path.</summary>
    protected TensorFile(string path) => Path = path;

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Names of its tensors, in no promised order.</summary>
    public abstract IEnumerable<string> Names { get; }

    /// <summary>Free texts that the format carries; empty where it has none.</summary>
    public virtual IReadOnlyDictionary<string, string> Metadata => new Dictionary<string, string>();

    /// <summary>What a reader should know of how the file was read.</summary>
    public virtual IReadOnlyList<string> Remarks => [];

    /// <summary>Where the data begins if all tensors lie end to end from there to the end of the file, else -1.</summary>
    public virtual long DataOffset => -1;

    /// <summary>Whether there is a tensor of that name.</summary>
    public abstract bool Contains(string name);

    /// <summary>Name, type and shape of a tensor that is there.</summary>
    public abstract TensorInfo Info(string name);

    /// <summary>Where in the file a tensor's bytes begin: what to sort by to read in the disk's order.</summary>
    public abstract long OffsetOf(string name);

    /// <summary>Row-major little-endian bytes of a tensor from byte <paramref name="start"/> of it on; whole values, but for types narrower than a byte.</summary>
    public abstract void ReadBytes(string name, long start, Span<byte> destination);

    /// <summary>A zero-copy view, or null where the format needs its bytes worked on first.</summary>
    public virtual TensorView? View(string name) => null;

    /// <summary>Compares the data with the checksums that the format carries, reading it through; a format without any has nothing to compare.</summary>
    public virtual void Verify(CancellationToken cancellation) { }

    /// <summary>Closes the file. Views live on.</summary>
    public abstract void Dispose();

    /// <summary>Opens a file by the format that its name promises: <c>.bin .pt .pth .ckpt</c> are torch's, all others safetensors.</summary>
    public static TensorFile Open(string path) => IsTorch(path) ? TorchArchive.Open(path) : SafetensorsFile.Open(path);

    /// <summary>Whether the name is one that <c>torch.save</c> is used with.</summary>
    public static bool IsTorch(string path) => System.IO.Path.GetExtension(path).ToLowerInvariant() is ".bin" or ".pt" or ".pth" or ".ckpt";
}
