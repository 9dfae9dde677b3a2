using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>The tokenizers of the trained families on the odd texts whose ids were recorded when the models scored them.</summary>
public class FamilyTextsTests
{
    [ReferenceTheory]
    [InlineData("decoder", "clean-1", false)]
    [InlineData("minilm", "base", true)]
    public void EncodeIds_gives_the_ids_that_the_models_saw(string family, string folder, bool specials)
    {
        Tokenizer tokenizer = Tokenizer.Open(Reference.Path("families", family, folder));
        int compared = 0;
        using JsonDocument rows = JsonDocument.Parse(File.ReadAllText(Reference.Path("families", family, "odd.json")));
        foreach (JsonElement row in rows.RootElement.EnumerateArray())
        {
            int[] ids = [.. row.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            if (ids.Length >= row.GetProperty("max_length").GetInt32()) continue; // cut
            // The empty second text was no second text there: transformers asks whether it is true.
            string? pair = row.TryGetProperty("pair", out JsonElement second) && second.GetString() is { Length: > 0 } some ? some : null;
            string text = row.GetProperty("text").GetString()!;
            Assert.Equal(ids, tokenizer.EncodeIds(text, pair, specials));
            if (row.TryGetProperty("token_type_ids", out JsonElement types)) Assert.Equal(types.EnumerateArray().Select(t => t.GetInt32()), tokenizer.Encode(text, pair, specials).TypeIds);
            compared++;
        }
        Assert.True(compared > 10);
        Reference.Count("odd texts of the families", compared);
    }
}
