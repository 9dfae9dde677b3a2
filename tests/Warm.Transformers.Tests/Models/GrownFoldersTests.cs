using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Warm.Testing;
using Xunit.Abstractions;

namespace Warm.Transformers.Tests;

/// <summary>
/// Every architecture again with other layers, heads and widths: config.json is changed, and the tensors are made as the refusals ask for them, so a refusal must say all that is needed.
/// The CPU's kernels are held against the naive engine, module by module.
/// </summary>
public partial class GrownFoldersTests(ITestOutputHelper output)
{
    public static TheoryData<string, int> Folders => Each(ReferenceFolder.Names);

    public static TheoryData<string, int> Tiny => Each(["llama", "gemma2", "bert", "deberta", "modernbert"]);

    private static TheoryData<string, int> Each(IEnumerable<string> models)
    {
        var data = new TheoryData<string, int>();
        foreach (string model in models) data.Add(model, data.Count % 2);
        return data;
    }

    [ReferenceTheory]
    [MemberData(nameof(Folders))]
    public void Hidden_of_a_folder_with_other_sizes_on_the_cpu_agrees_with_the_naive_engine(string folder, int growth)
    {
        using var temporary = new TemporaryFolder();
        using Checkpoint origin = Checkpoint.Open(Reference.Path("architectures", folder));
        Compare(origin, temporary, growth, folder);
        Reference.Count("architectures with other sizes", 1);
    }

    [Theory]
    [MemberData(nameof(Tiny))]
    public void Hidden_of_a_tiny_model_with_other_sizes_on_the_cpu_agrees_with_the_naive_engine(string kind, int growth)
    {
        using var temporary = new TemporaryFolder();
        Func<string, string> make = kind switch
        {
            "llama" => f => TinyModel.Llama(f),
            "gemma2" => f => TinyModel.Gemma2(f),
            "bert" => f => TinyModel.Bert(f),
            "deberta" => f => TinyModel.Deberta(f),
            _ => f => TinyModel.ModernBert(f),
        };
        using Checkpoint origin = Checkpoint.Open(make(temporary["m"]));
        Compare(origin, temporary, growth, kind);
    }

    private void Compare(Checkpoint origin, TemporaryFolder temporary, int growth, string what)
    {
        string config = MadeWeights.Config(temporary["grown"], origin.Folder!.Config!.Path, json => Grow(json, growth));
        using MadeWeights weights = Made(origin, config);
        int columns = 0, modules = 0;
        double worst = 0;
        var naive = new Dictionary<string, double[]>();
        double[] exact = Run(new ReferenceEngine(), (module, values) => naive[module] = values);
        double[] fast = Run(new CpuEngine(), (module, values) =>
        {
            double difference = Math.Sqrt(naive[module].Zip(values, (e, a) => (e - a) * (e - a)).Sum() / Math.Max(1e-30, naive[module].Sum(e => e * e)));
            Assert.True(difference <= 1e-5, $"{what} {growth}, {module}: {difference:E2} off");
            (worst, modules) = (Math.Max(worst, difference), modules + 1);
        });
        Assert.Equal(naive.Count, modules);
        // As a user has it: packed, shared, only the rows that are read.
        double[] rewards = Rewards(new CpuEngine());
        double scale = Math.Sqrt(exact.Sum(r => r * r) / exact.Length);
        Assert.True(exact.Zip(rewards, (e, a) => Math.Abs(e - a)).Max() <= 2e-5 * Math.Max(1, scale), $"{what} {growth}: {string.Join(' ', exact)} and {string.Join(' ', rewards)}");
        Assert.True(exact.Distinct().Count() == exact.Length && exact.All(double.IsFinite), "the rewards tell nothing apart");
        output.WriteLine($"{what}, growth {growth}: hidden {columns}, {modules} modules, largest relative RMS difference {worst:E1}");

        double[] Run(Engine engine, Action<string, double[]> check)
        {
            using Transformer model = Architectures.Load(weights, engine);
            columns = model.Architecture.HiddenSize;
            int[][] texts = Texts(model);
            BatchLayout layout = BatchLayout.Of(texts);
            int calls = 0;
            void Trace(string module, EngineTensor values) => check($"{module} ({calls++})", Download(engine, values));
            using EngineTensor hidden = model.Architecture.Hidden(layout, model.Head.Position == RewardPosition.Mean ? null : [.. texts.Select((t, n) => layout.RowOf(n, model.Head.ReadAt(t)))], Trace);
            using EngineTensor? mean = model.Head.Position == RewardPosition.Mean ? engine.MeanRows(hidden, layout) : null;
            using EngineTensor result = model.Head.Apply(mean ?? hidden, Trace);
            return Download(engine, result);
        }

        double[] Rewards(Engine engine)
        {
            using Transformer model = Architectures.Load(weights, engine);
            EncodedText[] texts = [.. Texts(model).Select(ids => new EncodedText(ids, null, model.Head.ReadAt(ids), 0, []))];
            return [.. ScoringPass.Run(model, engine, texts, 1000, null, default).SelectMany(r => r.Select(v => (double)v))];
        }
    }

    private static double[] Download(Engine engine, EngineTensor tensor)
    {
        double[] values = new double[tensor.Rows * tensor.Columns];
        engine.Download(tensor, values);
        return values;
    }

    /// <summary>Texts of several lengths, two with a common beginning, longer than a block of the kernels where the position table allows it.</summary>
    private static int[][] Texts(Transformer model)
    {
        int longest = Math.Min(70, model.Architecture.PositionTable ?? 70), words = model.Architecture.VocabularySize;
        int[] text = [.. Enumerable.Range(0, longest).Select(i => 5 + (i * 7 + i / 3) % (words - 5))];
        return [text, text[..(longest * 2 / 3)], [.. text[..(longest / 2)], 6, 5, 7], [9], text[3..8]];
    }

    /// <summary>Weights of random values for a config: what the refusals name is added until nothing is refused.</summary>
    private static MadeWeights Made(Checkpoint origin, string config)
    {
        // Around 0 where the family's norms multiply by 1 + w: their own values say which it is.
        string[] norms = [.. origin.Names.Where(n => n.Contains("norm") && n.EndsWith("weight"))];
        double[] values = [.. norms.Take(4).SelectMany(name => { double[] v = new double[origin.Info(name).Count]; origin.Read(name, 0, v.AsSpan()); return v; })];
        double norm = values.Length > 0 && Math.Abs(values.Average()) < 0.5 ? 0 : 1;
        var tensors = origin.Names.ToDictionary(name => name, origin.Info);
        for (int round = 0; round < 400; round++)
        {
            var weights = new MadeWeights(tensors.Values, config, norm);
            try
            {
                Architectures.Load(weights, new ReferenceEngine(), headersOnly: true).Dispose();
                return weights;
            }
            catch (WarmException refusal)
            {
                int before = tensors.Count;
                bool mended = false;
                foreach (Match match in Missing().Matches(refusal.Message).Concat(Misshapen().Matches(refusal.Message)))
                {
                    string name = match.Groups["name"].Value;
                    Shape shape = new([.. match.Groups["shape"].Value.Split(", ").Select(long.Parse)]);
                    mended |= !tensors.TryGetValue(name, out TensorInfo? old) || old.Shape != shape;
                    tensors[name] = new(name, DType.F32, shape);
                }
                if (!mended) throw;
            }
        }
        throw new InvalidOperationException("The refusals never end.");
    }

    /// <summary>Another layer, other heads, another width of each, other tables. Two ways, which make different edges in the kernels.</summary>
    private static void Grow(JsonObject config, int growth)
    {
        JsonObject json = config["text_config"] as JsonObject ?? config;
        string Key(params string[] keys) => keys.FirstOrDefault(json.ContainsKey) ?? keys[0];
        int Int(string key, int otherwise) => json[key] is JsonValue value ? (int)value : otherwise;
        string layersKey = Key("num_hidden_layers", "n_layer", "n_layers"), headsKey = Key("num_attention_heads", "n_head", "n_heads"), hiddenKey = Key("hidden_size", "n_embd", "dim");
        int layers = Int(layersKey, 2), heads = Int(headsKey, 4), hidden = Int(hiddenKey, 48), keyHeads = Int("num_key_value_heads", heads), headSize = Int("head_dim", hidden / heads);

        int group = heads / keyHeads, moreKeyHeads = keyHeads + 1 + growth, moreHeads = group * moreKeyHeads, more = headSize + (growth == 0 ? 4 : 10), wide = moreHeads * more;
        json[layersKey] = layers + 1;
        json[headsKey] = moreHeads;
        if (json.ContainsKey("num_key_value_heads")) json["num_key_value_heads"] = moreKeyHeads;
        if (json["head_dim"] is JsonValue) (json["head_dim"], wide) = (more, hidden + 6 + 11 * growth);
        json[hiddenKey] = wide;
        foreach (string key in (string[])["pooler_hidden_size", "word_embed_proj_dim", "embedding_size"])
            if (json[key] is JsonValue size) json[key] = (int)size == hidden ? wide : (int)size + 3;
        if (json["attention_head_size"] is JsonValue) json["attention_head_size"] = more;
        foreach (string key in (string[])["intermediate_size", "n_inner", "hidden_dim", "ffn_dim"])
            if (json[key] is JsonValue inner) json[key] = (int)inner + 7 + 30 * growth;
        json["vocab_size"] = Int("vocab_size", 96) + 13;
        foreach (string key in (string[])["max_position_embeddings", "n_positions"])
            if (json[key] is JsonValue positions && config["model_type"]!.ToString() is not "phi3") json[key] = (int)positions + 11;
        if (json["layer_types"] is JsonArray types) types.Add(types[0]!.DeepClone());
        if (json["local_attention"] is JsonValue window)
        {
            json["local_attention"] = (int)window + 4;
            json.Remove("sliding_window");
        }
        else if (json["sliding_window"] is JsonValue sliding) json["sliding_window"] = (int)sliding + 3;
        // longrope has a factor for each pair of components.
        foreach (string key in (string[])["rope_parameters", "rope_scaling"])
            if (json[key] is JsonObject rope)
                foreach (string factors in (string[])["short_factor", "long_factor"])
                    if (rope[factors] is JsonArray list)
                    {
                        double share = (double?)(rope["partial_rotary_factor"] ?? json["partial_rotary_factor"]) ?? 1;
                        double[] old = [.. list.Select(f => (double)f!)];
                        rope[factors] = new JsonArray([.. Enumerable.Range(0, ((int)(more * share) + 1) / 2).Select(i => (JsonNode)(old[i % old.Length] + 0.1 * i))]);
                    }
    }

    [GeneratedRegex(@"'(?<name>[^']+)' \[(?<shape>[\d, ]+)\] is missing")] private static partial Regex Missing();
    [GeneratedRegex(@"'(?<name>[^']+)' is \[[\d, ]+\], and config\.json makes it \[(?<shape>[\d, ]+)\]")] private static partial Regex Misshapen();
}
