using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>One entry of a zip archive: where its bytes lie and what they must be.</summary>
/// <param name="Name">The name in the directory.</param>
/// <param name="Offset">Where in the file its bytes begin.</param>
/// <param name="Stored">How many bytes lie in the file.</param>
/// <param name="Size">How many bytes they are when unpacked.</param>
/// <param name="Deflated">Whether they are compressed.</param>
/// <param name="Crc">Their CRC-32 when unpacked.</param>
internal sealed record ZipEntry(string Name, long Offset, long Stored, long Size, bool Deflated, uint Crc);

/// <summary>
/// The directory of a zip archive, read strictly: it ends the file (a comment apart), its entries lie before it without touching each other, local headers say the same, no name stands
/// twice, nothing is encrypted. Zip64 where its markers stand. Format: PKWARE APPNOTE 6.3.
/// </summary>
/// <remarks>No size is trusted before it has been compared with the file's; a compressed entry can announce at most what deflate can make of its bytes.</remarks>
internal static class ZipDirectory
{
    /// <summary>Largest directory in bytes; a tensor has about a hundred.</summary>
    private const int Most = 8_000_000;

    /// <summary>Deflate makes at most 1032 bytes of one.</summary>
    private const long Expansion = 1032;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>Reads the directory.</summary>
    public static IReadOnlyList<ZipEntry> Read(SafeFileHandle handle, string path)
    {
        long size = RandomAccess.GetLength(handle);
        (long at, long length, long count) = Find(handle, path, size);
        if (length > Most) throw new WarmException(path, $"the zip directory has {length:N0} bytes", $"at most {Most:N0}");
        if (count * 46 > length) throw new WarmException(path, $"the zip directory promises {count:N0} entries and has {length:N0} bytes", "46 bytes or more an entry");
        var directory = new byte[length];
        InputFile.Read(handle, path, directory, at);
        var entries = new List<ZipEntry>((int)count);
        var names = new HashSet<string>((int)count);
        int next = 0;
        for (long i = 0; i < count; i++)
        {
            ZipEntry entry = Entry(handle, path, directory, ref next, at, i);
            if (!names.Add(entry.Name)) throw new WarmException($"{path}, {JsonText.Quote(entry.Name)}", "stands twice in the zip archive", "each entry once");
            entries.Add(entry);
        }
        if (next != length) throw new WarmException(path, $"{length - next:N0} bytes of the zip directory belong to no entry");
        ZipEntry? before = null;
        foreach (ZipEntry entry in entries.OrderBy(e => e.Offset).ThenBy(e => e.Stored))
        {
            if (before is not null && before.Offset + before.Stored > entry.Offset && before.Stored > 0 && entry.Stored > 0)
                throw new WarmException($"{path}, {JsonText.Quote(entry.Name)}", $"shares bytes with {JsonText.Quote(before.Name)}", "entries that do not overlap");
            before = entry;
        }
        return entries;
    }

    /// <summary>Where the directory begins, its length and number of entries, from the record that ends the file.</summary>
    private static (long At, long Length, long Count) Find(SafeFileHandle handle, string path, long size)
    {
        const int End = 22, MostComment = 65535;
        var tail = new byte[(int)Math.Min(size, End + MostComment)];
        InputFile.Read(handle, path, tail, size - tail.Length);
        int found = -1;
        for (int i = tail.Length - End; i >= 0 && found < 0; i--)
            if (U32(tail, i) == 0x06054b50 && i + End + U16(tail, i + 20) == tail.Length) found = i;
        if (found < 0) throw new WarmException(path, "begins as a zip archive and has no zip directory at its end", fix: "The file was cut short or something was added to it: download or copy it again.");
        long end = size - tail.Length + found;
        long count = U16(tail, found + 10), length = U32(tail, found + 12), at = U32(tail, found + 16);
        bool split = U16(tail, found + 4) is not (0 or 0xFFFF) || U16(tail, found + 6) is not (0 or 0xFFFF) || (U16(tail, found + 8) != count);
        long last = end;
        if (end >= 20 + 56)
        {
            var locator = new byte[20];
            InputFile.Read(handle, path, locator, end - 20);
            if (U32(locator, 0) == 0x07064b50)
            {
                long place = Long(locator, 8, path);
                var record = new byte[56];
                if (place > end - 20 - 56) throw new WarmException(path, $"the zip64 record is said to be at byte {place:N0}", "a place before the end of the archive");
                InputFile.Read(handle, path, record, place);
                if (U32(record, 0) != 0x06064b50 || Long(record, 4, path) != end - 20 - place - 12) throw new WarmException(path, $"there is no zip64 record at byte {place:N0}, where the archive says it is");
                split |= U32(record, 16) != 0 || U32(record, 20) != 0;
                long count64 = Long(record, 32, path), length64 = Long(record, 40, path), at64 = Long(record, 48, path);
                if ((count != 0xFFFF && count != count64) || (length != 0xFFFFFFFF && length != length64) || (at != 0xFFFFFFFF && at != at64) || Long(record, 24, path) != count64)
                    throw new WarmException(path, "its two zip directory records disagree", "the same entries, size and place in both");
                (count, length, at, last) = (count64, length64, at64, place);
            }
        }
        if (split) throw new WarmException(path, "is one part of a zip archive in several", "a whole archive");
        if (at > last || length != last - at)
            throw new WarmException(path, $"the zip directory is said to have {length:N0} bytes from byte {at:N0} on", $"it ends at byte {last:N0}", "Something was added or taken away: download or copy it again.");
        return (at, length, count);
    }

    private static ZipEntry Entry(SafeFileHandle handle, string path, byte[] directory, ref int next, long limit, long index)
    {
        string where = $"{path}, zip entry {index + 1:N0}";
        if (directory.Length - next < 46 || U32(directory, next) != 0x02014b50) throw new WarmException(where, "is not in the directory", "as many entries as the directory promises");
        int flags = U16(directory, next + 8), method = U16(directory, next + 10), nameLength = U16(directory, next + 28), extra = U16(directory, next + 30), comment = U16(directory, next + 32);
        if (directory.Length - next - 46 < nameLength + extra + comment) throw new WarmException(where, "is cut off by the end of the directory");
        string name;
        ReadOnlySpan<byte> nameBytes = directory.AsSpan(next + 46, nameLength);
        try { name = Strict.GetString(nameBytes); }
        catch (DecoderFallbackException error) { throw new WarmException(where, "its name is not UTF-8", inner: error); }
        where = $"{path}, {JsonText.Quote(name)}";
        if ((flags & 0x2041) != 0) throw new WarmException(where, "is encrypted", "plain entries");
        if (method is not (0 or 8)) throw new WarmException(where, $"is compressed by method {method}", "stored or deflated entries", "Unpack and save it again with torch.save.");

        long stored = U32(directory, next + 20), size = U32(directory, next + 24), local = U32(directory, next + 42);
        Widen(directory.AsSpan(next + 46 + nameLength, extra), where, ref size, ref stored, ref local);
        uint crc = U32(directory, next + 16);
        next += 46 + nameLength + extra + comment;

        if (local > limit - 30) throw new WarmException(where, $"is said to begin at byte {local:N0}", $"a place before the directory at byte {limit:N0}");
        var header = new byte[(int)Math.Min(30 + nameLength, limit - local)];
        InputFile.Read(handle, path, header, local);
        if (U32(header, 0) != 0x04034b50) throw new WarmException(where, $"has no local header at byte {local:N0}, where the directory says it is");
        if (U16(header, 26) != nameLength || header.Length < 30 + nameLength || !header.AsSpan(30, nameLength).SequenceEqual(nameBytes)) throw new WarmException(where, "has another name in its local header", "the same name in both places");
        if (U16(header, 8) != method || (U16(header, 6) & 0x2041) != 0) throw new WarmException(where, "is stored in another way by its local header", "the same in both places");
        bool after = (U16(header, 6) & 8) != 0; // checksum and sizes follow the data
        if (!after && (U32(header, 14) != crc || (U32(header, 18) is var here and not 0xFFFFFFFF && here != stored) || (U32(header, 22) is var there and not 0xFFFFFFFF && there != size)))
            throw new WarmException(where, "has another size or checksum in its local header", "the same in both places");
        long offset = local + 30 + nameLength + U16(header, 28);
        if (offset > limit || stored > limit - offset) throw new WarmException(where, $"has {stored:N0} bytes from byte {offset:N0} on", $"they end before the directory at byte {limit:N0}");
        if (method == 0 && stored != size) throw new WarmException(where, $"is stored in {stored:N0} bytes and has {size:N0}", "as many, for it is not compressed");
        if (method == 8 && size / Expansion > stored) throw new WarmException(where, $"is said to unpack from {stored:N0} to {size:N0} bytes", $"at most {Expansion} times as many");
        return new(name, offset, stored, size, method == 8, crc);
    }

    /// <summary>Takes the 64-bit values that stand in the extra field for those marked 0xFFFFFFFF.</summary>
    private static void Widen(ReadOnlySpan<byte> extra, string where, ref long size, ref long stored, ref long local)
    {
        if (size != uint.MaxValue && stored != uint.MaxValue && local != uint.MaxValue) return;
        while (extra.Length >= 4)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (length > extra.Length - 4) break;
            if (BinaryPrimitives.ReadUInt16LittleEndian(extra) == 1)
            {
                ReadOnlySpan<byte> values = extra.Slice(4, length);
                Take(ref size, ref values, where);
                Take(ref stored, ref values, where);
                Take(ref local, ref values, where);
                return;
            }
            extra = extra[(4 + length)..];
        }
        throw new WarmException(where, "promises sizes of 64 bits and has none", "a zip64 field");
    }

    private static void Take(ref long value, ref ReadOnlySpan<byte> values, string where)
    {
        if (value != uint.MaxValue) return;
        if (values.Length < 8) throw new WarmException(where, "its zip64 field is too short");
        value = BinaryPrimitives.ReadInt64LittleEndian(values);
        values = values[8..];
        if (value < 0) throw new WarmException(where, "has a size beyond 2^63", "a size that fits the file");
    }

    /// <summary>The unpacked bytes of an entry as a stream, without its checksum.</summary>
    public static Stream Unpack(SafeFileHandle handle, string path, ZipEntry entry)
    {
        var raw = new FileRange(handle, path, entry.Offset, entry.Stored);
        return entry.Deflated ? new DeflateStream(raw, CompressionMode.Decompress) : raw;
    }

    /// <summary>Hands the unpacked bytes on in pieces, and compares number and checksum at the end.</summary>
    public static void ReadThrough(SafeFileHandle handle, string path, ZipEntry entry, Action<byte[], int>? sink, CancellationToken cancellation)
    {
        string where = $"{path}, {JsonText.Quote(entry.Name)}";
        using Stream bytes = Unpack(handle, path, entry);
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent((int)Math.Clamp(entry.Size, 1, 1 << 18));
        try
        {
            long done = 0;
            uint crc = 0;
            int read;
            while ((read = bytes.Read(buffer)) > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                done += read;
                if (done > entry.Size) throw new WarmException(where, $"unpacks to more than {entry.Size:N0} bytes", "as many as the directory says");
                crc = Crc32.Append(crc, buffer.AsSpan(0, read));
                sink?.Invoke(buffer, read);
            }
            if (done != entry.Size) throw new WarmException(where, $"unpacks to {done:N0} bytes", $"{entry.Size:N0}, as the directory says");
            if (crc != entry.Crc) throw new WarmException(where, $"its CRC-32 is {crc:x8}", $"{entry.Crc:x8}, as the archive says", "The file is damaged: download or copy it again.");
        }
        catch (InvalidDataException error)
        {
            throw new WarmException(where, "is not deflated data", inner: error);
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The unpacked, checked bytes of a small entry.</summary>
    public static byte[] ReadAll(SafeFileHandle handle, string path, ZipEntry entry, long most)
    {
        if (entry.Size > most) throw new WarmException($"{path}, {JsonText.Quote(entry.Name)}", $"has {entry.Size:N0} bytes", $"at most {most:N0}");
        var bytes = new byte[entry.Size];
        int done = 0;
        ReadThrough(handle, path, entry, (piece, count) =>
        {
            piece.AsSpan(0, count).CopyTo(bytes.AsSpan(done));
            done += count;
        }, default);
        return bytes;
    }

    private static int U16(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));

    private static uint U32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static long Long(byte[] bytes, int at, string path) =>
        BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at)) is >= 0 and var value ? value : throw new WarmException(path, "its zip64 record holds a number beyond 2^63");
}
