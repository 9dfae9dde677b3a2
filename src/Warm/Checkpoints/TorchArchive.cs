using System.Numerics;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>
/// A file that <c>torch.save</c> wrote, as named tensors: the zip archive (since torch 1.6) or the older stream of pickles and storages. Its pickle is read as data (<see cref="TorchPickle"/>),
/// views are read as a person sees them, tensors may share a storage. Memory: names and shapes; a deflated storage is unpacked while it is read.
/// </summary>
/// <remarks>
/// Stricter than torch, which looks at no CRC-32, takes the first of two entries of one name, gives a storage declared with two types the first of them, and leaves a storage that a
/// stream does not fill uninitialised: all refused here. Checksums of storages are compared before their first value is handed out, or by <see cref="Verify"/>.
/// </remarks>
internal sealed class TorchArchive : TensorFile
{
    /// <summary>Largest pickle in bytes, as it lies in the file and where it must be unpacked.</summary>
    private const long MostPickle = 1L << 26, MostUnpacked = 1L << 23;

    /// <summary>Unpacked storages are kept while they are together smaller than this, the latest always.</summary>
    private const long MostHeld = 1L << 26;

    private static readonly BigInteger Magic = BigInteger.Parse("1950a86a20f9469cfc6c", System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);

    private readonly GatheredPieces _pieces = new();
    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, TorchStorage> _storages = [];
    private readonly Queue<TorchStorage> _held = [];
    private Dictionary<string, TorchTensor> _tensors = [];
    private IReadOnlyList<string> _remarks = [];
    private bool _bigEndian;

    private TorchArchive(string path, SafeFileHandle handle) : base(path) => _handle = handle;

    /// <summary>Opens a file and reads its pickle; no value of a tensor is read.</summary>
    public static new TorchArchive Open(string path)
    {
        SafeFileHandle handle = InputFile.Open(path);
        try
        {
            var file = new TorchArchive(path, handle);
            Span<byte> first = stackalloc byte[(int)Math.Min(RandomAccess.GetLength(handle), FileKind.Sample)];
            InputFile.Read(handle, path, first, 0);
            object? value = first.StartsWith("PK"u8) ? file.ReadZip() : NotTorch(path, first) is { } other ? throw other : file.ReadStream();
            (file._tensors, file._remarks) = StateDict.Of(value, path);
            return file;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public override IEnumerable<string> Names => _tensors.Keys;

    public override IReadOnlyList<string> Remarks => _remarks;

    public override bool Contains(string name) => _tensors.ContainsKey(name);

    public override TensorInfo Info(string name) => new(name, _tensors[name].Type, new(_tensors[name].Sizes));

    public override long OffsetOf(string name) => _tensors[name] is var tensor ? tensor.Storage.Offset + tensor.Offset * tensor.Type.Bits() / 8 : 0;

    public override void ReadBytes(string name, long start, Span<byte> destination)
    {
        TorchTensor tensor = _tensors[name];
        int item = tensor.Type.Bits() / 8;
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + destination.Length, tensor.Count * item, nameof(destination));
        if (start % item != 0 || destination.Length % item != 0) throw new ArgumentException($"{tensor.Type.Name()} is read in whole values: byte {start}, {destination.Length} bytes.");
        try
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            // What lies scattered and is more than a piece is gathered in large pieces.
            if (tensor.IsContiguous || tensor.Count * item <= 1 << 20) tensor.Read(ReadStorage, _bigEndian, start / item, destination);
            else _pieces.Read(tensor, tensor.Count * item, start, destination, (from, piece) => tensor.Read(ReadStorage, _bigEndian, from / item, piece));
        }
        catch (ObjectDisposedException error)
        {
            throw new WarmException(Path, "is closed", fix: "Dispose a checkpoint after its last read.", inner: error);
        }
    }

    public override void Verify(CancellationToken cancellation)
    {
        foreach (TorchStorage storage in _storages.Values) storage.Verify(_handle, Path, cancellation);
    }

    public override void Dispose()
    {
        _handle.Dispose();
        _pieces.Clear();
    }

    private void ReadStorage(TorchStorage storage, long start, Span<byte> destination)
    {
        if (!storage.Read(_handle, Path, start, destination)) return;
        lock (_held)
        {
            _held.Enqueue(storage);
            while (_held.Count > 1 && _held.Sum(s => (long)s.Held) > MostHeld) _held.Dequeue().Forget();
        }
    }

    private object? ReadZip()
    {
        IReadOnlyList<ZipEntry> entries = ZipDirectory.Read(_handle, Path);
        if (entries.Count == 0) throw new WarmException(Path, "is a zip archive without entries", "a file as torch.save writes it");
        int slash = entries[0].Name.IndexOf('/');
        string root = slash < 0 ? "" : entries[0].Name[..(slash + 1)];
        // The root's name is only a beginning of names: nothing is ever written under it.
        if (entries.FirstOrDefault(e => root.Length == 0 || !e.Name.StartsWith(root, StringComparison.Ordinal)) is { } outside)
            throw new WarmException($"{Path}, {JsonText.Quote(outside.Name)}", $"lies outside {(root.Length == 0 ? "any folder" : JsonText.Quote(root))}", "all entries of the archive in one folder, as torch.save writes them");
        Dictionary<string, ZipEntry> records = entries.ToDictionary(e => e.Name[root.Length..]);
        if (records.ContainsKey("constants.pkl") || records.Keys.Any(n => n.StartsWith("code/", StringComparison.Ordinal)))
            throw new WarmException(Path, "is a TorchScript program, not weights", "a state dictionary", "Save a state dictionary: torch.save(torch.jit.load(path).state_dict(), other).");
        if (!records.TryGetValue("data.pkl", out ZipEntry? pickle)) throw new WarmException(Path, "is a zip archive without data.pkl", "a file as torch.save writes it");
        CheckVersion(records);
        _bigEndian = IsBigEndian(records);

        ByteWindow window = Window(pickle);
        object? value = new TorchPickle(window, $"{Path}, data.pkl", (key, type, count, wrong) => Storage(key, type, count, wrong, () =>
        {
            if (!records.TryGetValue($"data/{key}", out ZipEntry? entry)) throw wrong("has no entry in the archive", $"data/{JsonText.Quote(key).Trim('"')}");
            var storage = new TorchStorage(key, type, count) { Entry = entry, Offset = entry.Offset };
            if (storage.Bytes != entry.Size) throw wrong($"has {entry.Size:N0} bytes", $"{storage.Bytes:N0} for {count:N0} values of {type.Name()}");
            return storage;
        })).Read();
        if (window.Left > 0) throw new WarmException($"{Path}, data.pkl, byte {window.Position:N0}", $"{window.Left:N0} bytes follow the end of the pickle", "one pickle");
        return value;
    }

    /// <summary>The pickle's bytes, checked.</summary>
    private ByteWindow Window(ZipEntry pickle)
    {
        if (pickle.Deflated) return new(ZipDirectory.ReadAll(_handle, Path, pickle, MostUnpacked), Path);
        if (pickle.Size > MostPickle) throw new WarmException($"{Path}, data.pkl", $"has {pickle.Size:N0} bytes", $"at most {MostPickle:N0}");
        ZipDirectory.ReadThrough(_handle, Path, pickle, null, default);
        return new(_handle, Path, pickle.Offset, pickle.Offset + pickle.Size);
    }

    private void CheckVersion(Dictionary<string, ZipEntry> records)
    {
        const int Newest = 10;
        if (!records.TryGetValue("version", out ZipEntry? entry)) throw new WarmException(Path, "has no entry version", "a file as torch.save writes it");
        string text = Encoding.Latin1.GetString(ZipDirectory.ReadAll(_handle, Path, entry, 64)).TrimEnd('\n');
        if (!int.TryParse(text, System.Globalization.NumberStyles.None, null, out int version) || version is < 1 or > Newest)
            throw new WarmException($"{Path}, version", $"is {JsonText.Quote(text)}", $"a number from 1 to {Newest}");
    }

    private bool IsBigEndian(Dictionary<string, ZipEntry> records)
    {
        if (!records.TryGetValue("byteorder", out ZipEntry? entry)) return false; // torch before 2.1
        string text = Encoding.Latin1.GetString(ZipDirectory.ReadAll(_handle, Path, entry, 64));
        return text switch { "little" => false, "big" => true, _ => throw new WarmException($"{Path}, byteorder", $"is {JsonText.Quote(text)}", "little or big") };
    }

    /// <summary>The older form: four pickles (magic number, version, system, value), the storages' keys, then each storage as its number of values and their bytes.</summary>
    private object? ReadStream()
    {
        long size = RandomAccess.GetLength(_handle);
        var window = new ByteWindow(_handle, Path, 0, size);
        object? Plain() => new TorchPickle(window, Path, null).Read();
        if (!Magic.Equals(Plain())) throw new WarmException(Path, "is a pickle without the mark of torch.save", "a file as torch.save writes it");
        if (Plain() is not 1001L) throw new WarmException(Path, "is of another version of torch's stream", "version 1001");
        if (Plain() is not PickleDict system) throw new WarmException(Path, "has no description of the system it was written on", "a dictionary");
        if (system.Entries.Exists(e => e is { Key: "little_endian", Value: false })) throw new WarmException(Path, "was written on a machine that stores numbers with the largest byte first", "little-endian numbers", "Load it with torch and save it again.");
        object? value = new TorchPickle(window, Path, (key, type, count, wrong) => Storage(key, type, count, wrong, () => new(key, type, count))).Read();
        if (Plain() is not List<object?> keys) throw new WarmException(Path, "has no list of storages after its pickle", "a list of keys");

        long at = window.Position;
        Span<byte> number = stackalloc byte[8];
        foreach (object? key in keys)
        {
            if (key is not string name || !_storages.TryGetValue(name, out TorchStorage? storage)) throw new WarmException(Path, $"lists the storage {(key is string text ? JsonText.Quote(text) : PickleOther.KindOf(key))}", "storages that its tensors use");
            string where = $"{Path}, storage {JsonText.Quote(name)}";
            if (size - at < 8) throw new WarmException(where, $"would begin at byte {at:N0}, and the file has {size:N0}", fix: "The file was cut short: download or copy it again.");
            InputFile.Read(_handle, Path, number, at);
            long count = System.Buffers.Binary.BinaryPrimitives.ReadInt64LittleEndian(number);
            if (count != storage.Count) throw new WarmException(where, $"holds {count:N0} values", $"{storage.Count:N0}, as its tensors say");
            if (storage.Bytes > size - at - 8) throw new WarmException(where, $"has {size - at - 8:N0} bytes", $"{storage.Bytes:N0}", "The file was cut short: download or copy it again.");
            storage.Offset = at + 8;
            at = storage.Offset + storage.Bytes;
        }
        if (at < size) throw new WarmException(Path, $"{size - at:N0} bytes follow the last storage", "none");
        if (_storages.Values.FirstOrDefault(s => s.Offset < 0) is { } unfilled) throw new WarmException($"{Path}, storage {JsonText.Quote(unfilled.Key)}", "is never filled", "a place in the list of storages");
        return value;
    }

    /// <summary>The storage of that key; made where it is new, else it must be what it was.</summary>
    private TorchStorage Storage(string key, DType type, long count, Func<string, string?, WarmException> wrong, Func<TorchStorage> make)
    {
        if (!_storages.TryGetValue(key, out TorchStorage? storage)) _storages.Add(key, storage = make());
        if (storage.Type != type) throw wrong($"holds {type.Name()}", $"{storage.Type.Name()}, as before");
        if (storage.Count != count) throw wrong($"has {count:N0} values", $"{storage.Count:N0}, as before");
        return storage;
    }

    /// <summary>What the file is instead, or null.</summary>
    private static WarmException? NotTorch(string path, ReadOnlySpan<byte> first)
    {
        const string Expected = "a file as torch.save writes it";
        if (first.Length > 262 && first[257..262].SequenceEqual("ustar"u8)) return new(path, "is a tar archive, as torch 0.1 wrote it", Expected, "Load it with torch (weights_only=False, if you trust it) and save it again.");
        if (first.Length > 10 && first[8..].StartsWith("{\""u8) && first[4..8].SequenceEqual("\0\0\0\0"u8)) return new(path, "is a safetensors file by another name", Expected, "Let its name end in .safetensors.");
        if (first[0] == 0x80) return null;
        if (FileKind.Refusal(path, first) is { } known) return new(path, known.Found, Expected, known.Fix);
        // Protocol 0 and 1 write the mark of torch.save as a number in digits.
        return first[0] == 'L' ? null : new(path, "is no file of torch.save", $"{Expected}: a zip archive or a pickle");
    }
}
