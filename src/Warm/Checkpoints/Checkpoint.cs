using System.Buffers;
using System.Runtime.InteropServices;

namespace Warm;

/// <summary>
/// Trained weights on disk: a Hugging Face folder, or one safetensors or torch file (<c>.bin .pt .pth .ckpt</c>). Opening reads headers and config only; tensors are read when they are asked for, a piece at a time,
/// from any number of threads. Names are kept as stored, older spellings and leftover buffers included.
/// </summary>
/// <remarks>
/// In a folder <c>model.safetensors</c> or <c>model.safetensors.index.json</c> is taken; <c>pytorch_model.bin</c> beside it is left alone, with a remark, and taken where it (or its index) stands alone. An index beside a single
/// file is refused, for the libraries differ in which they take: name one, as the path or with <see cref="OpenFile"/>. Links are followed, so a hub cache's <c>snapshots/...</c> folder opens.
/// <para>A torch file is read as data: nothing in it is ever run, and whatever is no tensor or plain value is refused by name. Views are read as a person sees them; the checksum of a
/// storage is compared before its first value is handed out, or for all by <see cref="Verify"/>.</para>
/// <para><see cref="View"/> maps a file. Trap: when another program shortens a mapped file, the next touch of the missing part kills the process. Plain reads give an error instead.</para>
/// </remarks>
public sealed class Checkpoint : Weights
{
    private readonly Dictionary<string, TensorFile> _places;
    private readonly IReadOnlyList<TensorFile> _files;
    private readonly string[] _names;

    private Checkpoint(string name, ModelFolder? folder, IReadOnlyList<TensorFile> files, Dictionary<string, TensorFile> places, IReadOnlyList<string> remarks)
    {
        Name = name;
        Folder = folder;
        _files = files;
        _places = places;
        _names = [.. places.Keys];
        Array.Sort(_names, CodePointOrder.Instance);
        Remarks = remarks;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Names => _names;

    /// <inheritdoc/>
    public override ModelFolder? Folder { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Remarks { get; }

    /// <summary>The files that hold the tensors, in the order of their names.</summary>
    public IReadOnlyList<string> Files => [.. _files.Select(f => f.Path)];

    /// <summary>The file that holds a tensor.</summary>
    public string FileOf(string name) => Place(name).Path;

    /// <summary>Where the data of one of its files begins if the tensors lie end to end from there on; else -1.</summary>
    internal long DataOffsetOf(string path) => _files.First(f => f.Path == path).DataOffset;

    /// <summary>Where a tensor's bytes begin in its file.</summary>
    internal long OffsetOf(string name) => Place(name).OffsetOf(name);

    /// <summary>The free texts of the first file's header (<c>format: pt</c>).</summary>
    public IReadOnlyDictionary<string, string> Metadata => _files.Count == 0 ? new Dictionary<string, string>() : _files[0].Metadata;

    /// <summary>
    /// Opens a folder, or a single weight file. A file is tensors only, without a <see cref="Folder"/>, unless it is an index, or the model.safetensors beside a config.json:
    /// then it is that folder, with these weights.
    /// </summary>
    public static Checkpoint Open(string path)
    {
        if (path.Length == 0 || path.Contains('\0')) throw new WarmException(JsonText.Quote(path), "is no path", "a folder with config.json and model.safetensors");
        if (Directory.Exists(path)) return OpenFolder(path, WeightFiles.Choose(path, out List<string> remarks), remarks);
        if (!File.Exists(path)) throw new WarmException(path, "is not there", "a folder with config.json and model.safetensors", "Warm downloads nothing: give a path on this machine.");
        if (WeightFiles.Refusal(path) is { } refusal) throw refusal;
        // The whole of a folder's weights, named: the way to choose where an index lies beside a single file.
        if (WeightFiles.IsWholeModel(path)) return OpenFile(System.IO.Path.GetDirectoryName(path) is { Length: > 0 } folder ? folder : ".", System.IO.Path.GetFileName(path));
        TensorFile file = TensorFile.Open(path);
        return new(path, null, [file], file.Names.ToDictionary(name => name, _ => file), file.Remarks);
    }

    /// <summary>Opens a folder by the weight file or index of that name in it, whatever lies beside.</summary>
    public static Checkpoint OpenFile(string folder, string file)
    {
        string path = System.IO.Path.Combine(folder, file);
        if (!File.Exists(path)) throw new WarmException(path, "is not there", "a weight file or an index in the folder");
        if (WeightFiles.Refusal(path) is { } refusal) throw refusal;
        return OpenFolder(folder, path, []);
    }

    private static Checkpoint OpenFolder(string path, string weights, List<string> remarks)
    {
        string config = System.IO.Path.Combine(path, "config.json");
        var folder = new ModelFolder(path, null);
        if (WeightFiles.Exists(config)) folder = folder with { Config = ModelConfig.Read(config) };
        else remarks.Add($"{path} has no config.json: tensors can be read and averaged, but no model can be made of them");
        if (folder.Config is { } read) remarks.AddRange(read.Remarks);
        return weights.EndsWith(".json", StringComparison.Ordinal) ? OpenShards(folder, ShardIndex.Read(weights, WeightFiles.ShardExtension(weights)), remarks) : OpenSingle(folder, weights, remarks);
    }

    private static Checkpoint OpenSingle(ModelFolder folder, string path, List<string> remarks)
    {
        TensorFile file = TensorFile.Open(path);
        return new(folder.Path, folder, [file], file.Names.ToDictionary(name => name, _ => file), [.. remarks, .. file.Remarks]);
    }

    private static Checkpoint OpenShards(ModelFolder folder, ShardIndex index, List<string> remarks)
    {
        var files = new SortedDictionary<string, TensorFile>(StringComparer.Ordinal);
        try
        {
            string[] shards = [.. index.Files.Values.Distinct().Order(StringComparer.Ordinal)];
            string[] missing = [.. shards.Where(shard => !WeightFiles.Exists(folder.File(shard)))];
            if (missing.Length > 0)
                throw new WarmException(index.Path, $"names {Listing(missing)}, which {(missing.Length == 1 ? "is" : "are")} not there", $"{shards.Length} shards", "Download the missing files.");
            foreach (string shard in shards) files.Add(shard, TensorFile.Open(folder.File(shard)));
            var places = new Dictionary<string, TensorFile>(index.Files.Count);
            var wrong = new List<string>();
            foreach ((string tensor, string shard) in index.Files)
            {
                places.Add(tensor, files[shard]);
                if (files[shard].Contains(tensor)) continue;
                string? real = files.FirstOrDefault(f => f.Value.Contains(tensor)).Key;
                wrong.Add($"{JsonText.Quote(tensor)} is not in {shard} but {(real is null ? "in no shard" : $"in {real}")}");
            }
            if (wrong.Count > 0) throw new WarmException(index.Path, Listing(wrong, "; "), "every tensor in the shard that weight_map names");
            string[] unnamed = [.. files.SelectMany(f => f.Value.Names).Where(name => !places.ContainsKey(name)).Distinct().Order(CodePointOrder.Instance)];
            if (unnamed.Length > 0) remarks.Add($"{index.Path} leaves out {Listing(unnamed)}, which a shard holds: left out here as well");
            remarks.AddRange(files.Values.SelectMany(f => f.Remarks));
            return new(folder.Path, folder, [.. files.Values], places, remarks);
        }
        catch
        {
            foreach (TensorFile file in files.Values) file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override TensorInfo Info(string name) => Place(name).Info(name);

    /// <inheritdoc/>
    public override bool Contains(string name) => _places.ContainsKey(name);

    /// <inheritdoc/>
    public override void ReadRaw(string name, long start, Span<byte> destination)
    {
        TensorFile file = Place(name);
        TensorInfo info = file.Info(name);
        int bits = info.DType.Bits();
        if ((Int128)start * bits % 8 != 0 || (long)destination.Length * 8 % bits != 0) throw new ArgumentException($"{info.DType.Name()} values are read in whole bytes: start {start}, {destination.Length} bytes.");
        CheckRange(info, start, (long)destination.Length * 8 / bits);
        file.ReadBytes(name, start * bits / 8, destination);
    }

    /// <inheritdoc/>
    public override void Read(string name, long start, Span<float> destination)
    {
        TensorFile file = Place(name);
        TensorInfo info = Floats(file, name, start, destination.Length);
        if (info.DType == DType.F32) file.ReadBytes(name, start * 4, MemoryMarshal.AsBytes(destination));
        else ReadPieces(file, info, start, destination, []);
    }

    /// <inheritdoc/>
    public override void Read(string name, long start, Span<double> destination)
    {
        TensorFile file = Place(name);
        TensorInfo info = Floats(file, name, start, destination.Length);
        if (info.DType == DType.F64) file.ReadBytes(name, start * 8, MemoryMarshal.AsBytes(destination));
        else ReadPieces(file, info, start, [], destination);
    }

    /// <summary>
    /// Compares all data with the checksums that stand in the files, reading them through: the CRC-32 of a torch archive. Safetensors files and torch's older streams carry none, and are not read.
    /// </summary>
    /// <exception cref="WarmException">A checksum differs: the file is damaged.</exception>
    public void Verify(CancellationToken cancellation = default)
    {
        foreach (TensorFile file in _files) file.Verify(cancellation);
    }

    /// <summary>A view of the tensor where it lies in its safetensors file, which is mapped on the first call; null for a torch file. See the trap in the type's remarks.</summary>
    public override TensorView? View(string name) => Place(name).View(name);

    /// <summary>Closes the files. Views live on by themselves.</summary>
    public override void Dispose()
    {
        foreach (TensorFile file in _files) file.Dispose();
        base.Dispose();
    }

    private TensorFile Place(string name) =>
        _places.TryGetValue(name, out TensorFile? file) ? file : throw new WarmException(Name, $"has no tensor {JsonText.Quote(name)}");

    private static TensorInfo Floats(TensorFile file, string name, long start, int count)
    {
        TensorInfo info = file.Info(name);
        if (!info.DType.IsFloat())
            throw new WarmException($"{file.Path}, {JsonText.Quote(name)}", $"is {info.DType.Name()}", "a floating-point type", "Integers, booleans and complex numbers can be read with ReadRaw only.");
        CheckRange(info, start, count);
        return info;
    }

    private static void CheckRange(TensorInfo info, long start, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, info.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, info.Count - start);
    }

    /// <summary>Reads bits in pieces of 64 Ki values and widens them into whichever destination is not empty.</summary>
    private static void ReadPieces(TensorFile file, TensorInfo info, long start, Span<float> singles, Span<double> doubles)
    {
        const int Piece = 1 << 16;
        int bits = info.DType.Bits(), total = Math.Max(singles.Length, doubles.Length);
        byte[] buffer = ArrayPool<byte>.Shared.Rent((Math.Min(Piece, total) + 16) * bits / 8 + 1);
        try
        {
            for (int done = 0; done < total; done += Piece)
            {
                int count = Math.Min(Piece, total - done);
                long first = start + done;
                int lead = bits < 8 ? (int)(first % 8) : 0; // packed values before the first, in the byte it begins in
                long begin = (first - lead) * bits / 8;
                Span<byte> bytes = buffer.AsSpan(0, (int)(((first + count) * bits + 7) / 8 - begin));
                file.ReadBytes(info.Name, begin, bytes);
                if (lead > 0)
                {
                    float[] whole = new float[lead + count];
                    FloatBits.Widen(info.DType, bytes, whole);
                    for (int i = 0; i < count; i++)
                        if (doubles.IsEmpty) singles[done + i] = whole[lead + i];
                        else doubles[done + i] = whole[lead + i];
                }
                else if (doubles.IsEmpty) FloatBits.Widen(info.DType, bytes, singles.Slice(done, count));
                else FloatBits.Widen(info.DType, bytes, doubles.Slice(done, count));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string Listing(IReadOnlyList<string> items, string between = ", ") =>
        string.Join(between, items.Take(8)) + (items.Count > 8 ? $"{between}and {items.Count - 8} more" : "");
}
