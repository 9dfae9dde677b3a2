using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Warm.Transformers;

/// <summary>
/// sentencepiece's precompiled character map (normalizer Precompiled): a double-array trie over UTF-8 and the replacements, each ended by a NUL.
/// Trap: the text is walked by grapheme clusters; for a cluster below six bytes the shortest entry that begins it stands for the whole cluster, so that
/// a letter can lose its accent. Otherwise each code point is looked up alone.
/// </summary>
internal sealed class CharacterMap : Normalizer
{
    private readonly uint[] _trie;
    private readonly byte[] _replacements;

    /// <summary>Reads a map. Throws <see cref="FormatException"/>, saying what is wrong.</summary>
    public CharacterMap(ReadOnlySpan<byte> map)
    {
        if (map.Length < 4 || BinaryPrimitives.ReadUInt32LittleEndian(map) is var size && (size > map.Length - 4 || size % 4 != 0)) throw new FormatException("is cut short");
        int bytes = (int)BinaryPrimitives.ReadUInt32LittleEndian(map);
        _trie = new uint[bytes / 4];
        for (int i = 0; i < _trie.Length; i++) _trie[i] = BinaryPrimitives.ReadUInt32LittleEndian(map[(4 + i * 4)..]);
        _replacements = map[(4 + bytes)..].ToArray();
    }

    public override AlignedText Apply(AlignedText text)
    {
        var points = new List<(int Point, int Change)>(text.Length + 8);
        bool changed = false;
        Span<byte> utf8 = stackalloc byte[16];
        for (int at = 0; at < text.Length;)
        {
            ReadOnlySpan<char> rest = text.Units[at..];
            ReadOnlySpan<char> cluster = rest[..StringInfo.GetNextTextElementLength(rest)];
            at += cluster.Length;
            if (Encoding.UTF8.GetByteCount(cluster) < 6 && Find(utf8[..Encoding.UTF8.GetBytes(cluster, utf8)]) is { } whole)
            {
                Replace(points, cluster, whole);
                changed = true;
                continue;
            }
            foreach (Rune rune in cluster.EnumerateRunes())
                if (Find(utf8[..rune.EncodeToUtf8(utf8)]) is { } one)
                {
                    Replace(points, rune.ToString(), one);
                    changed = true;
                }
                else points.Add((rune.Value, 0));
        }
        return changed ? Transform(text, points) : text;
    }

    private static void Replace(List<(int Point, int Change)> points, ReadOnlySpan<char> old, string by)
    {
        int more = -Count(old), first = points.Count;
        foreach (Rune rune in by.EnumerateRunes())
        {
            points.Add((rune.Value, 0));
            more++;
        }
        for (int i = points.Count - 1; i >= points.Count - more && i >= first; i--) points[i] = points[i] with { Change = 1 };
        if (more < 0 && points.Count > 0) points[^1] = points[^1] with { Change = points[^1].Change + more };

        static int Count(ReadOnlySpan<char> text)
        {
            int count = 0;
            foreach (Rune _ in text.EnumerateRunes()) count++;
            return count;
        }
    }

    /// <summary>The replacement of the shortest entry that begins the key, or null.</summary>
    private string? Find(ReadOnlySpan<byte> key)
    {
        if (_trie.Length == 0) return null;
        uint at = Offset(_trie[0]);
        foreach (byte b in key)
        {
            if (b == 0) return null;
            at ^= b;
            if (at >= _trie.Length) return null;
            uint unit = _trie[at];
            if ((unit & 0x800000FF) != b) return null;
            at ^= Offset(unit);
            if ((unit & 0x100) == 0 || at >= _trie.Length) continue;
            int start = (int)(_trie[at] & 0x7FFFFFFF);
            if (start > _replacements.Length) return null;
            int length = _replacements.AsSpan(start).IndexOf((byte)0);
            return Encoding.UTF8.GetString(_replacements, start, length < 0 ? _replacements.Length - start : length);
        }
        return null;

        static uint Offset(uint unit) => unit >> 10 << (int)((unit & 0x200) >> 6);
    }
}
