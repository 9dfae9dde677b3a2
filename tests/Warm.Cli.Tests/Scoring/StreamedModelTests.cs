using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Cli.Tests;

/// <summary>A model of twice the memory that the process may have: streamed, it scores layer by layer; resident, it cannot.</summary>
public class StreamedModelTests
{
    private const int Hidden = 1024, Inner = 4096, Layers = 12, Words = 1000, LimitKilobytes = 400_000;

    [Fact]
    public void Score_of_a_model_of_twice_the_memory_limit_goes_layer_by_layer()
    {
        if (!OperatingSystem.IsLinux()) return; // ulimit -d counts what Linux counts
        using var folder = new TemporaryFolder();
        long bytes = Write(folder.Path);
        Assert.True(bytes >= 2L * LimitKilobytes * 1000, $"{bytes} bytes");
        File.WriteAllText(folder["texts.jsonl"], """{"input_ids":[5,6,7,8,9,10,11,12]}""");

        (int code, string streamed) = Limited("streamed");
        Assert.True(code == 0, streamed);
        JsonNode whole = WarmProcess.Run("score", folder.Path, "--from", folder["texts.jsonl"], "--json").JsonLines[0];
        Assert.Equal((float)whole["reward"]!, (float)JsonNode.Parse(streamed)!["reward"]!);
        Assert.NotEqual(0, (float)whole["reward"]!);

        (code, string resident) = Limited("resident");
        Assert.True(code != 0, $"the limit does not hold: {resident}");

        (int, string) Limited(string residency)
        {
            var start = new ProcessStartInfo("bash", ["-c", $"ulimit -d {LimitKilobytes}; exec dotnet \"$0\" score \"$1\" --from \"$2\" --residency {residency} --threads 1 --json",
                Path.Combine(AppContext.BaseDirectory, "Warm.Cli.dll"), folder.Path, folder["texts.jsonl"]]) { RedirectStandardOutput = true, RedirectStandardError = true };
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            Assert.True(process.WaitForExit(TimeSpan.FromMinutes(2)));
            return (process.ExitCode, process.ExitCode == 0 ? output : error.Result);
        }
    }

    /// <summary>A Llama whose layers are zeros that take no place on the disk; embedding, norm and head are not. Gives the bytes of its tensors.</summary>
    private static long Write(string folder)
    {
        var sizes = new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForSequenceClassification"), ["model_type"] = "llama", ["hidden_size"] = Hidden, ["intermediate_size"] = Inner, ["num_hidden_layers"] = Layers,
            ["num_attention_heads"] = 16, ["num_key_value_heads"] = 16, ["vocab_size"] = Words, ["max_position_embeddings"] = 512, ["hidden_act"] = "silu", ["pad_token_id"] = 0, ["num_labels"] = 1,
        };
        File.WriteAllText(Path.Combine(folder, "config.json"), sizes.ToJsonString());
        List<(string Name, int[] Shape)> tensors = [("model.embed_tokens.weight", [Words, Hidden]), ("model.norm.weight", [Hidden]), ("score.weight", [1, Hidden])];
        for (int i = 0; i < Layers; i++)
        {
            foreach (string norm in (string[])["input_layernorm", "post_attention_layernorm"]) tensors.Add(($"model.layers.{i}.{norm}.weight", [Hidden]));
            foreach (char letter in "qkvo") tensors.Add(($"model.layers.{i}.self_attn.{letter}_proj.weight", [Hidden, Hidden]));
            foreach (string part in (string[])["gate", "up"]) tensors.Add(($"model.layers.{i}.mlp.{part}_proj.weight", [Inner, Hidden]));
            tensors.Add(($"model.layers.{i}.mlp.down_proj.weight", [Hidden, Inner]));
        }
        var header = new JsonObject();
        long end = 0;
        foreach ((string name, int[] shape) in tensors)
        {
            long start = end;
            end += 4L * shape.Aggregate(1L, (product, size) => product * size);
            header[name] = new JsonObject { ["dtype"] = "F32", ["shape"] = new JsonArray([.. shape.Select(size => (JsonNode)size)]), ["data_offsets"] = new JsonArray(start, end) };
        }
        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString());
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        using FileStream file = File.Create(Path.Combine(folder, "model.safetensors"));
        file.Write(length);
        file.Write(json);
        var random = new Random(1);
        foreach ((string _, int[] shape) in tensors.Take(3)) // what is not all zeros stands first
        {
            float[] values = new float[shape.Aggregate(1, (product, size) => product * size)];
            for (int i = 0; i < values.Length; i++) values[i] = shape.Length == 1 ? 1 : (float)(random.NextDouble() - 0.5) / 8;
            file.Write(MemoryMarshal.AsBytes(values.AsSpan()));
        }
        file.SetLength(8 + json.Length + end);
        return end;
    }
}
