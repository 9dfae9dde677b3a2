using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Warm.Transformers.Tests;

/// <summary>Reward models of a few thousand random values, written as users have them.</summary>
internal static class TinyModel
{
    /// <summary>A Llama with two layers, grouped heads and 40 ids, in a folder of that name. Changes are made to config and tensors before they are written.</summary>
    public static string Llama(string folder, int seed = 1, Action<JsonObject>? config = null, Action<Dictionary<string, Shape>>? tensors = null)
    {
        var json = JsonNode.Parse("""
            {"architectures":["LlamaForSequenceClassification"],"model_type":"llama","hidden_size":16,"intermediate_size":24,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,
             "vocab_size":40,"max_position_embeddings":512,"rms_norm_eps":1e-5,"hidden_act":"silu","pad_token_id":0,"eos_token_id":2,"bos_token_id":1,"num_labels":1,
             "rope_parameters":{"rope_type":"default","rope_theta":10000.0}}
            """)!.AsObject();
        var shapes = new Dictionary<string, Shape> { ["model.embed_tokens.weight"] = new(40, 16), ["model.norm.weight"] = new(16), ["score.weight"] = new(1, 16) };
        for (int i = 0; i < 2; i++)
        {
            foreach (string norm in (string[])["input_layernorm", "post_attention_layernorm"]) shapes[$"model.layers.{i}.{norm}.weight"] = new(16);
            foreach ((string name, int outputs, int inputs) in ((string, int, int)[])[("self_attn.q_proj", 16, 16), ("self_attn.k_proj", 8, 16), ("self_attn.v_proj", 8, 16), ("self_attn.o_proj", 16, 16),
                ("mlp.gate_proj", 24, 16), ("mlp.up_proj", 24, 16), ("mlp.down_proj", 16, 24)]) shapes[$"model.layers.{i}.{name}.weight"] = new(outputs, inputs);
        }
        return Write(folder, seed, json, shapes, config, tensors);
    }

    /// <summary>A BERT with one layer, two token types and 32 positions.</summary>
    public static string Bert(string folder, int seed = 1, Action<JsonObject>? config = null, Action<Dictionary<string, Shape>>? tensors = null)
    {
        var json = JsonNode.Parse("""
            {"architectures":["BertForSequenceClassification"],"model_type":"bert","hidden_size":16,"intermediate_size":24,"num_hidden_layers":1,"num_attention_heads":4,
             "vocab_size":40,"max_position_embeddings":32,"type_vocab_size":2,"layer_norm_eps":1e-12,"hidden_act":"gelu","pad_token_id":0,"id2label":{"0":"LABEL_0"}}
            """)!.AsObject();
        var shapes = new Dictionary<string, Shape>
        {
            ["bert.embeddings.word_embeddings.weight"] = new(40, 16), ["bert.embeddings.position_embeddings.weight"] = new(32, 16), ["bert.embeddings.token_type_embeddings.weight"] = new(2, 16),
        };
        foreach (string norm in (string[])["bert.embeddings.LayerNorm", "bert.encoder.layer.0.attention.output.LayerNorm", "bert.encoder.layer.0.output.LayerNorm"])
            (shapes[$"{norm}.weight"], shapes[$"{norm}.bias"]) = (new(16), new(16));
        foreach ((string name, int outputs, int inputs) in ((string, int, int)[])[("bert.encoder.layer.0.attention.self.query", 16, 16), ("bert.encoder.layer.0.attention.self.key", 16, 16),
            ("bert.encoder.layer.0.attention.self.value", 16, 16), ("bert.encoder.layer.0.attention.output.dense", 16, 16), ("bert.encoder.layer.0.intermediate.dense", 24, 16),
            ("bert.encoder.layer.0.output.dense", 16, 24), ("bert.pooler.dense", 16, 16), ("classifier", 1, 16)])
            (shapes[$"{name}.weight"], shapes[$"{name}.bias"]) = (new(outputs, inputs), new(outputs));
        return Write(folder, seed, json, shapes, config, tensors);
    }

    /// <summary>A DeBERTa v3 with one layer, 8 buckets and a convolution, 32 positions and 40 ids.</summary>
    public static string Deberta(string folder, int seed = 1, Action<JsonObject>? config = null, Action<Dictionary<string, Shape>>? tensors = null)
    {
        var json = JsonNode.Parse("""
            {"architectures":["DebertaV2ForSequenceClassification"],"model_type":"deberta-v2","hidden_size":16,"intermediate_size":24,"num_hidden_layers":1,"num_attention_heads":4,
             "vocab_size":40,"max_position_embeddings":32,"type_vocab_size":0,"layer_norm_eps":1e-7,"hidden_act":"gelu","pad_token_id":0,"id2label":{"0":"LABEL_0"},
             "relative_attention":true,"position_buckets":8,"max_relative_positions":-1,"norm_rel_ebd":"layer_norm","share_att_key":true,"pos_att_type":"p2c|c2p","position_biased_input":false,
             "conv_kernel_size":3,"conv_act":"gelu","pooler_hidden_size":16,"pooler_hidden_act":"gelu"}
            """)!.AsObject();
        var shapes = new Dictionary<string, Shape>
        {
            ["deberta.embeddings.word_embeddings.weight"] = new(40, 16), ["deberta.encoder.rel_embeddings.weight"] = new(16, 16),
            ["deberta.encoder.conv.conv.weight"] = new(16, 16, 3), ["deberta.encoder.conv.conv.bias"] = new(16),
        };
        foreach (string norm in (string[])["embeddings.LayerNorm", "encoder.LayerNorm", "encoder.conv.LayerNorm", "encoder.layer.0.attention.output.LayerNorm", "encoder.layer.0.output.LayerNorm"])
            (shapes[$"deberta.{norm}.weight"], shapes[$"deberta.{norm}.bias"]) = (new(16), new(16));
        foreach ((string name, int outputs, int inputs) in ((string, int, int)[])[("deberta.encoder.layer.0.attention.self.query_proj", 16, 16), ("deberta.encoder.layer.0.attention.self.key_proj", 16, 16),
            ("deberta.encoder.layer.0.attention.self.value_proj", 16, 16), ("deberta.encoder.layer.0.attention.output.dense", 16, 16), ("deberta.encoder.layer.0.intermediate.dense", 24, 16),
            ("deberta.encoder.layer.0.output.dense", 16, 24), ("pooler.dense", 16, 16), ("classifier", 1, 16)])
            (shapes[$"{name}.weight"], shapes[$"{name}.bias"]) = (new(outputs, inputs), new(outputs));
        return Write(folder, seed, json, shapes, config, tensors);
    }

    /// <summary>A ModernBERT with two layers, the second with a window, and 40 ids.</summary>
    public static string ModernBert(string folder, int seed = 1, Action<JsonObject>? config = null, Action<Dictionary<string, Shape>>? tensors = null)
    {
        var json = JsonNode.Parse("""
            {"architectures":["ModernBertForSequenceClassification"],"model_type":"modernbert","hidden_size":16,"intermediate_size":24,"num_hidden_layers":2,"num_attention_heads":4,
             "vocab_size":40,"max_position_embeddings":32,"norm_eps":1e-5,"hidden_activation":"gelu","pad_token_id":0,"id2label":{"0":"LABEL_0"},"local_attention":6,
             "layer_types":["full_attention","sliding_attention"],
             "rope_parameters":{"full_attention":{"rope_type":"default","rope_theta":160000.0},"sliding_attention":{"rope_type":"default","rope_theta":10000.0}}}
            """)!.AsObject();
        var shapes = new Dictionary<string, Shape>
        {
            ["model.embeddings.tok_embeddings.weight"] = new(40, 16), ["model.embeddings.norm.weight"] = new(16), ["model.final_norm.weight"] = new(16), ["model.layers.1.attn_norm.weight"] = new(16),
            ["head.dense.weight"] = new(16, 16), ["head.norm.weight"] = new(16), ["classifier.weight"] = new(1, 16), ["classifier.bias"] = new(1),
        };
        for (int i = 0; i < 2; i++)
            foreach ((string name, Shape shape) in ((string, Shape)[])[("attn.Wqkv", new(48, 16)), ("attn.Wo", new(16, 16)), ("mlp_norm", new(16)), ("mlp.Wi", new(48, 16)), ("mlp.Wo", new(16, 24))])
                shapes[$"model.layers.{i}.{name}.weight"] = shape;
        return Write(folder, seed, json, shapes, config, tensors);
    }

    /// <summary>A Gemma 2 with three layers, windows of five tokens in two of them, bounded scores and one key head for two query heads.</summary>
    public static string Gemma2(string folder, int seed = 1, Action<JsonObject>? config = null, Action<Dictionary<string, Shape>>? tensors = null)
    {
        var json = JsonNode.Parse("""
            {"architectures":["Gemma2ForSequenceClassification"],"model_type":"gemma2","hidden_size":20,"intermediate_size":28,"num_hidden_layers":3,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":6,
             "vocab_size":40,"max_position_embeddings":512,"rms_norm_eps":1e-6,"hidden_activation":"gelu_pytorch_tanh","query_pre_attn_scalar":10,"attn_logit_softcapping":7.0,"final_logit_softcapping":30.0,
             "sliding_window":5,"pad_token_id":0,"eos_token_id":1,"bos_token_id":2,"num_labels":1,"rope_theta":10000.0}
            """)!.AsObject();
        var shapes = new Dictionary<string, Shape> { ["model.embed_tokens.weight"] = new(40, 20), ["model.norm.weight"] = new(20), ["score.weight"] = new(1, 20) };
        for (int i = 0; i < 3; i++)
        {
            foreach (string norm in (string[])["input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"]) shapes[$"model.layers.{i}.{norm}.weight"] = new(20);
            foreach ((string name, int outputs, int inputs) in ((string, int, int)[])[("self_attn.q_proj", 24, 20), ("self_attn.k_proj", 12, 20), ("self_attn.v_proj", 12, 20), ("self_attn.o_proj", 20, 24),
                ("mlp.gate_proj", 28, 20), ("mlp.up_proj", 28, 20), ("mlp.down_proj", 20, 28)]) shapes[$"model.layers.{i}.{name}.weight"] = new(outputs, inputs);
        }
        return Write(folder, seed, json, shapes, config, tensors);
    }

    /// <summary>Writes the value of a tensor; default: around 1 for norms, else normal with deviation 0.25.</summary>
    public static float Value(Random random, string name) =>
        (float)((name.Contains("norm", StringComparison.OrdinalIgnoreCase) && name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0) + 0.25 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));

    private static string Write(string folder, int seed, JsonObject json, Dictionary<string, Shape> shapes, Action<JsonObject>? config, Action<Dictionary<string, Shape>>? tensors)
    {
        config?.Invoke(json);
        tensors?.Invoke(shapes);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), json.ToJsonString());
        using SafetensorsWriter writer = SafetensorsWriter.Create(Path.Combine(folder, "model.safetensors"), shapes.Select(s => new TensorInfo(s.Key, DType.F32, s.Value)), SafetensorsWriter.FormatPt);
        foreach ((string name, Shape shape) in shapes)
        {
            var random = new Random(seed * 1000 + name.Sum(c => c)); // by name, so that changing one tensor leaves the others
            float[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(_ => Value(random, name))];
            writer.Write(name, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        }
        writer.Commit();
        return folder;
    }
}
