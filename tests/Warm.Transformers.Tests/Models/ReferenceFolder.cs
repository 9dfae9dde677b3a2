using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>A folder of the reference's architectures: a tiny model and the rewards that PyTorch computes from it.</summary>
internal sealed class ReferenceFolder
{
    private readonly JsonElement _reference;

    public ReferenceFolder(string name)
    {
        Path = Reference.Path("architectures", name);
        _reference = JsonText.Read(System.IO.Path.Combine(Path, "reference.json"), namedNumbers: true);
        double gap = _reference.GetProperty("max_gap_f32_f64").GetDouble();
        SingleTolerance = Math.Max(2e-5, 4 * gap);
        Cases = [.. _reference.GetProperty("cases").EnumerateArray().Where(c => c.TryGetProperty("logits_f64", out _)).Select(c => new Case(c))];
    }

    public string Path { get; }

    /// <summary>How far an engine in single may be off: four times torch's own gap, at least 2e-5.</summary>
    public double SingleTolerance { get; }

    public IReadOnlyList<Case> Cases { get; }

    public JsonElement Root => _reference;

    /// <summary>Folders of the kinds that are built.</summary>
    public static TheoryData<string> Built => Reference.Root is not { } root ? ["none"]
        : [.. Prefixes.SelectMany(prefix => Directory.GetDirectories(System.IO.Path.Combine(root, "architectures"), prefix)).Select(d => System.IO.Path.GetFileName(d)!).Where(n => n != "bert-relative-key-ignored").Order(StringComparer.Ordinal)];

    private static readonly string[] Prefixes =
    [
        "llama-*",
        "bert*", "roberta*", "xlm-roberta*", "camembert*", "distilbert*", "electra*", "mpnet*", "deberta-v2*", "deberta-v3*", "modernbert*",
    ];

    /// <summary>One call as PyTorch got it.</summary>
    internal sealed class Case
    {
        public Case(JsonElement json)
        {
            Name = json.GetProperty("name").GetString()!;
            Ids = Rows<int>(json, "input_ids", e => e.GetInt32())!;
            Mask = Rows(json, "attention_mask", e => e.GetInt32() != 0);
            Positions = Rows(json, "position_ids", e => e.GetInt32());
            Types = Rows(json, "token_type_ids", e => e.GetInt32());
            Logits = Rows(json, "logits_f64", e => e.GetDouble())!;
            Alone = Rows(json, "alone_logits_f64", e => e.GetDouble());
            ReadAt = json.GetProperty("read_position") is { ValueKind: JsonValueKind.Array } at ? [.. at.EnumerateArray().Select(e => e.GetInt32())] : [.. Ids.Select(_ => -1)];
        }

        public string Name { get; }
        public int[][] Ids { get; }
        public bool[][]? Mask { get; }
        public int[][]? Positions { get; }
        public int[][]? Types { get; }
        public double[][] Logits { get; }
        public double[][]? Alone { get; }

        /// <summary>The token that is read in each row, -1 for the mean.</summary>
        public int[] ReadAt { get; }

        /// <summary>Several texts in one row, told apart by positions that start again: each is scored by itself.</summary>
        public bool Packed => Name == "packed_two_texts";

        /// <summary>The texts without their padding, and without the first of two packed ones: what <see cref="Alone"/> belongs to.</summary>
        public int[][] AloneIds(int? pad) => [.. Ids.Select((row, r) =>
            Packed ? row[(Array.LastIndexOf(Positions![r], 0))..]
            : Mask is not null ? [.. row.Where((_, i) => Mask[r][i])]
            : row[..(Array.FindLastIndex(row, id => id != pad) + 1)])];

        public override string ToString() => Name;

        private static T[][]? Rows<T>(JsonElement json, string key, Func<JsonElement, T> value) =>
            json.TryGetProperty(key, out JsonElement rows) && rows.ValueKind == JsonValueKind.Array ? [.. rows.EnumerateArray().Select(row => row.EnumerateArray().Select(value).ToArray())] : null;
    }
}
