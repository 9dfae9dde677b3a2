using System.Text.Json.Nodes;
using Warm.Testing;
using Xunit.Abstractions;

namespace Warm.Transformers.Tests;

/// <summary>Every folder of the reference, damaged in every way that can be told from headers: nothing is invented, nothing is dropped without a word.</summary>
public class DamagedFoldersTests(ITestOutputHelper output)
{
    [ReferenceTheory]
    [MemberData(nameof(ReferenceFolder.Built), MemberType = typeof(ReferenceFolder))]
    public void Load_without_any_one_tensor_is_refused_by_its_name(string folder)
    {
        using Checkpoint weights = Checkpoint.Open(Reference.Path("architectures", folder));
        string[] needed = Needed(weights);
        Assert.True(needed.Length > 10, $"{needed.Length} tensors");
        foreach (string name in needed)
        {
            WarmException refusal = Assert.Throws<WarmException>(() => Check(new MadeWeights(weights, null, t => t.Remove(name))));
            // Without its output a head is not known for one: then what is left of it is named, or that there is none.
            Assert.True(refusal.Message.Contains(name.Replace("gamma", "weight").Replace("beta", "bias")) || (name == HeadLayout.Of(weights)!.Output && IsOwn(weights) && refusal.Message.Contains("\"architectures\" names")) || refusal.Message.Contains("not built"), $"{name}: {refusal.Message}");
            Assert.DoesNotContain("\n", refusal.Message);
        }
        Reference.Count("damaged folders: missing tensors refused", needed.Length);
    }

    [ReferenceTheory]
    [MemberData(nameof(ReferenceFolder.Built), MemberType = typeof(ReferenceFolder))]
    public void Load_with_any_one_tensor_of_another_shape_is_refused(string folder)
    {
        using Checkpoint weights = Checkpoint.Open(Reference.Path("architectures", folder));
        string[] needed = Needed(weights);
        foreach (string name in needed)
            foreach (bool last in (bool[])[false, true])
            {
                if (!last && IsOwn(weights) && name == HeadLayout.Of(weights)!.Output) continue; // heads of other projects have as many labels as rows; one of several is asked for
                long[] sizes = weights.Info(name).Shape.Sizes.ToArray();
                sizes[last ? ^1 : 0]++;
                WarmException refusal = Assert.Throws<WarmException>(() => Check(new MadeWeights(weights, null, t => t[name] = t[name] with { Shape = new Shape(sizes) })));
                // A wider first layer of a head of two is right in itself; then the bias or the next layer does not fit.
                Assert.True(refusal.Message.Contains(name) || refusal.Message.Contains(name.Split('.')[0]), $"{name}: {refusal.Message}");
            }
        Reference.Count("damaged folders: shapes refused", 2 * needed.Length);
    }

    [ReferenceTheory]
    [MemberData(nameof(ReferenceFolder.Built), MemberType = typeof(ReferenceFolder))]
    public void Load_of_odd_configs_is_refused_or_remarked(string folder)
    {
        using var temporary = new TemporaryFolder();
        using Checkpoint weights = Checkpoint.Open(Reference.Path("architectures", folder));
        string origin = weights.Folder!.Config!.Path;
        bool own = IsOwn(weights); // such a head is known by its tensors, whatever the class is called
        int labels = (int)weights.Info(HeadLayout.Of(weights)!.Output).Shape[0], cases = 0;

        Refuses("quantization_config", json => json["quantization_config"] = new JsonObject { ["load_in_4bit"] = true });
        Refuses("auto_map", json => json["auto_map"] = new JsonObject { ["AutoModel"] = "x.Y" });
        if (!own) Refuses("architectures", json => json["architectures"] = new JsonArray("NoSuchForSequenceClassification"), "one of LlamaForSequenceClassification");
        Refuses("model_type", json => json["model_type"] = "no-such-type");
        Refuses("num_labels", json => json["num_labels"] = labels + 1);
        if (!own && labels != 2) Refuses("2 labels", json => { json.Remove("num_labels"); json.Remove("id2label"); });
        foreach (string key in (string[])["hidden_act", "activation_function", "hidden_activation", "activation"])
            if (Sizes(weights.Folder.Config).Has(key)) Refuses(key, json => Sizes(json)[key] = "strange");
        foreach (string key in (string[])["num_hidden_layers", "n_layer", "n_layers", "hidden_size", "n_embd", "dim", "vocab_size"])
            if (Sizes(weights.Folder.Config).Has(key))
            {
                int size = Sizes(weights.Folder.Config).Int(key);
                Refuses(null, json => Sizes(json)[key] = size + 1); // more than the tensors have
                Refuses(key, json => Sizes(json)[key] = -1);
                Refuses(key, json => Sizes(json)[key] = "many");
            }
        if (Sizes(weights.Folder.Config).Has("rope_parameters") || Sizes(weights.Folder.Config).Has("rope_theta"))
            Refuses("rope_scaling", json => Sizes(json)["rope_scaling"] = new JsonObject { ["rope_type"] = "strange" });
        if (Sizes(weights.Folder.Config).Has("max_position_embeddings")) Refuses("max_position_embeddings", json => Sizes(json)["max_position_embeddings"] = 0);
        Remarks("some_future_key", json => json["some_future_key"] = 7);
        Reference.Count("damaged folders: odd configs", cases);

        void Refuses(string? named, Action<JsonObject> change, string? also = null)
        {
            string config = MadeWeights.Config(temporary[$"{cases++}"], origin, change);
            WarmException refusal = Assert.Throws<WarmException>(() => Check(new MadeWeights(weights, config, _ => { })));
            Assert.True((named is null || refusal.Message.Contains(named)) && (also is null || refusal.Message.Contains(also)), $"{named}: {refusal.Message}");
            output.WriteLine(refusal.Message);
        }

        void Remarks(string named, Action<JsonObject> change)
        {
            string config = MadeWeights.Config(temporary[$"{cases++}"], origin, change);
            Assert.Contains(Check(new MadeWeights(weights, config, _ => { })), remark => remark.Contains(named));
        }
    }

    [ReferenceTheory]
    [MemberData(nameof(ReferenceFolder.Built), MemberType = typeof(ReferenceFolder))]
    public void Load_with_tensors_that_nobody_knows_says_so(string folder)
    {
        using Checkpoint weights = Checkpoint.Open(Reference.Path("architectures", folder));
        Assert.Contains(Check(new MadeWeights(weights, null, t => t["some.future.weight"] = new("some.future.weight", DType.F32, new Shape(3, 4)))), remark => remark.Contains("some.future.weight"));
    }

    private static bool IsOwn(Weights weights) => HeadLayout.Of(weights)!.Project != "transformers";

    private static ModelConfig Sizes(ModelConfig config) => config.Text;

    private static JsonObject Sizes(JsonObject config) => config["text_config"] as JsonObject ?? config;

    /// <summary>The tensors whose values reach a reward: all but leftovers, statistics and language-model heads.</summary>
    private static string[] Needed(Weights weights) => [.. weights.Names.Where(name => !name.Contains("lm_head") && !name.Contains("rotary_emb") && !name.StartsWith("normalizer.", StringComparison.Ordinal)
        && !name.EndsWith("position_ids", StringComparison.Ordinal) && !name.EndsWith("attention.bias", StringComparison.Ordinal) && !name.Contains("masked_bias") && !name.StartsWith("vision_tower.", StringComparison.Ordinal) && !name.StartsWith("multi_modal", StringComparison.Ordinal))];

    private static IReadOnlyList<string> Check(Weights weights)
    {
        using Transformer model = Architectures.Load(weights, new ReferenceEngine(), headersOnly: true);
        return model.Remarks;
    }
}
