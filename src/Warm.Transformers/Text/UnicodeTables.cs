using System.Collections.Concurrent;
using System.IO.Compression;

namespace Warm.Transformers;

/// <summary>
/// The character classes and normal forms of the tokenizers library, measured by running it (its parts follow different Unicode versions, and .NET's
/// tables fit none of them). Made by tests/Golden/text/unicode_tables.py, which also describes the form of the resource.
/// </summary>
internal static class UnicodeTables
{
    private static readonly Lazy<(Dictionary<string, (int, int)[]> Sets, Dictionary<string, Dictionary<int, int[]>> Maps)> s_tables = new(Read);
    private static readonly ConcurrentDictionary<string, CodePointSet> s_sets = new();

    /// <summary>The set of a name, or null where the tables have none of it.</summary>
    public static CodePointSet? Find(string name) =>
        s_tables.Value.Sets.TryGetValue(name, out (int, int)[]? ranges) ? s_sets.GetOrAdd(name, _ => CodePointSet.Of(ranges)) : null;

    /// <summary>A set that the tables do have.</summary>
    public static CodePointSet Set(string name) => Find(name) ?? throw new ArgumentException(name);

    /// <summary>Code point to code points: lowercase, fold, NFD, NFKD, compose (the composed one to its two parts), marks (to the combining class).</summary>
    public static Dictionary<int, int[]> Map(string name) => s_tables.Value.Maps[name];

    private static (Dictionary<string, (int, int)[]>, Dictionary<string, Dictionary<int, int[]>>) Read()
    {
        var unpacked = new MemoryStream();
        using (var packed = new DeflateStream(typeof(UnicodeTables).Assembly.GetManifestResourceStream("unicode.tables")!, CompressionMode.Decompress)) packed.CopyTo(unpacked);
        byte[] bytes = unpacked.ToArray();
        var sets = new Dictionary<string, (int, int)[]>();
        var maps = new Dictionary<string, Dictionary<int, int[]>>();
        for (int at = 0; at < bytes.Length;)
        {
            int length = bytes[at++];
            string name = System.Text.Encoding.ASCII.GetString(bytes, at, length);
            at += length;
            int kind = bytes[at++], count = Number(), last = 0;
            if (kind == 0)
            {
                var ranges = new (int, int)[count];
                for (int i = 0; i < count; i++)
                {
                    int first = last + Number();
                    ranges[i] = (first, last = first + Number());
                }
                sets[name] = ranges;
            }
            else
            {
                var map = new Dictionary<int, int[]>(count);
                for (int i = 0; i < count; i++)
                {
                    last += Number();
                    int[] values = new int[Number()];
                    for (int v = 0; v < values.Length; v++) values[v] = Number();
                    map[last] = values;
                }
                maps[name] = map;
            }

            int Number()
            {
                int value = 0;
                for (int shift = 0; ; shift += 7)
                {
                    byte b = bytes[at++];
                    value |= (b & 127) << shift;
                    if (b < 128) return value;
                }
            }
        }
        return (sets, maps);
    }
}
