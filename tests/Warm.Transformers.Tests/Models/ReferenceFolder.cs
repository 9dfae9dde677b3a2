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
        Cases = [.. _reference.GetProperty("cases").EnumerateArray().Where(c => c.TryGetProperty("logits_f64", out _)).Select(c => new Case(c, name))];
    }

    public string Path { get; }

    /// <summary>How far an engine in single may be off: four times torch's own gap, at least 2e-5.</summary>
    public double SingleTolerance { get; }

    public IReadOnlyList<Case> Cases { get; }

    public JsonElement Root => _reference;

    /// <summary>Beginnings of the folders' names of the kinds that are built.</summary>
    private static readonly string[] Kinds =
    [
        "llama", "bert", "roberta", "xlm-roberta", "camembert", "distilbert", "electra", "mpnet", "deberta-v2", "deberta-v3", "modernbert",
        "mistral", "qwen2", "qwen3", "phi3", "gemma", "olmo2", "gpt2", "gpt-neox", "opt",
        "trl", "grm", "oasst", "ultrarm", "beaver", "openrlhf", "inf-orm", "starling",
    ];

    /// <summary>Folders of the kinds that are built.</summary>
    public static TheoryData<string> Built => [.. Names];

    /// <summary>The same, as a list.</summary>
    public static string[] Names => Reference.Root is not { } root ? ["none"]
        : [.. Directory.GetDirectories(System.IO.Path.Combine(root, "architectures")).Select(d => System.IO.Path.GetFileName(d)!).Where(IsBuilt).Order(StringComparer.Ordinal)];

    private static bool IsBuilt(string name) => Kinds.Any(kind => name == kind || name.StartsWith(kind, StringComparison.Ordinal)) && name is not "bert-relative-key-ignored" && !name.EndsWith("-moe", StringComparison.Ordinal) && name != "operations";

    /// <summary>One call as PyTorch got it.</summary>
    internal sealed class Case
    {
        public Case(JsonElement json, string folder)
        {
            // Positions that are counted from the mask: OPT's own way (masked tokens take the row before the first), and OpenRLHF's.
            Func<int, int, int>? fromMask = folder.StartsWith("opt", StringComparison.Ordinal) ? (seen, mask) => seen * mask - 1 : folder.StartsWith("openrlhf", StringComparison.Ordinal) ? (seen, mask) => mask == 1 ? seen - 1 : 1 : null;
            Name = json.GetProperty("name").GetString()!;
            _splits = folder.Contains("composite", StringComparison.Ordinal);
            Ids = Rows<int>(json, "input_ids", e => e.GetInt32())!;
            Mask = Rows(json, "attention_mask", e => e.GetInt32() != 0);
            Positions = Rows(json, "position_ids", e => e.GetInt32());
            Types = Rows(json, "token_type_ids", e => e.GetInt32());
            Logits = Rows(json, "logits_f64", e => e.GetDouble())!;
            Alone = Rows(json, "alone_logits_f64", e => e.GetDouble());
            Normalised = Rows(json, "normalised_f64", e => e.GetDouble());
            if (json.GetProperty("read_position") is { ValueKind: JsonValueKind.Array } read) ReadAt = [.. read.EnumerateArray().Select(e => e.GetInt32())];
            if (fromMask is not null && Positions is null && Mask is not null)
                Positions = [.. Mask.Select(row => row.Select((seen, i) => fromMask(row.Take(i + 1).Count(m => m), seen ? 1 : 0)).ToArray())];
        }

        public string Name { get; }
        public int[][] Ids { get; }
        public bool[][]? Mask { get; }
        public int[][]? Positions { get; }
        public int[][]? Types { get; }
        public double[][] Logits { get; }
        public double[][]? Alone { get; }
        public double[][]? Normalised { get; }

        /// <summary>The token of each row whose state is read, or null where it is the mean.</summary>
        public int[]? ReadAt { get; }

        /// <summary>Whether the row has a token that is not attended.</summary>
        public bool Hides(int row) => Mask?[row].Contains(false) == true;

        /// <summary>Several texts in one row, told apart by positions that start again: each is scored by itself.</summary>
        public bool Packed => Name == "packed_two_texts" || Name == "position_ids_given" && _splits;

        private readonly bool _splits; // an image-text model takes jumps in positions for the ends of texts even with a cache

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
