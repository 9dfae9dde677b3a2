using System.Text.Json;

namespace Warm.Transformers;

/// <summary>How many tokens each layer sees, itself included (null: all before it), as config.json says.</summary>
internal static class LayerWindows
{
    /// <summary><c>sliding_window</c> in every layer (Mistral, Phi-3); null is none, and a missing key is the family's default.</summary>
    public static int?[] Everywhere(ConfigKeys config, int layers, int? missing) => [.. Enumerable.Repeat(Window(config, missing), layers)];

    /// <summary>Qwen2 and Qwen3: windows only with <c>use_sliding_window</c>, in the layers that <c>layer_types</c> says, else from <c>max_window_layers</c> on. Trap: a sliding_window alone means nothing.</summary>
    public static int?[] Upper(ConfigKeys config, int layers)
    {
        int first = config.Index("max_window_layers", 28);
        int? window = Window(config, 4096);
        if (!config.Flag("use_sliding_window", false)) window = null;
        return ByType(config, layers, window, i => window is not null && i >= first);
    }

    /// <summary><c>layer_types</c> names the windowed layers; where it is missing, <paramref name="windowed"/> says (Gemma 2: even ones).</summary>
    public static int?[] Alternating(ConfigKeys config, int layers, Func<int, bool> windowed) => ByType(config, layers, Window(config, 4096), windowed);

    private static int? Window(ConfigKeys config, int? missing) => config.Has("sliding_window") ? config.Size("sliding_window") : config.Stands("sliding_window") ? null : missing;

    private static int?[] ByType(ConfigKeys config, int layers, int? window, Func<int, bool> windowed)
    {
        bool[] sliding = [.. Enumerable.Range(0, layers).Select(windowed)];
        if (config.Find("layer_types") is { } types)
        {
            const string Expected = "a list of full_attention and sliding_attention, one for each layer";
            if (types.ValueKind != JsonValueKind.Array) throw config.Refusal("layer_types", $"is {JsonText.Show(types)}", Expected);
            string?[] names = [.. types.EnumerateArray().Select(t => t.ValueKind == JsonValueKind.String ? t.GetString() : null)];
            if (names.Length != layers) throw config.Refusal("layer_types", $"has {names.Length} entries", $"{Expected} ({layers} layers)");
            if (names.FirstOrDefault(n => n is not ("full_attention" or "sliding_attention")) is { } other || names.Contains(null)) throw config.Refusal("layer_types", $"is {JsonText.Show(types)}", Expected);
            sliding = [.. names.Select(n => n == "sliding_attention")];
        }
        if (window is null && sliding.Contains(true)) throw config.Refusal("sliding_window", "is none, and some layers are windowed", "the number of tokens that they see");
        return [.. sliding.Select(s => s ? window : null)];
    }
}
