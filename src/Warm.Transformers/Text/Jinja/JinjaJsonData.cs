using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Warm.Transformers;

/// <summary>JSON as values of the language: 1 is an integer, 1.0 a float, as written.</summary>
internal static class JinjaJsonData
{
    public static JinjaValue Of(JsonNode? node, int depth = 0)
    {
        if (depth > JinjaLimits.Nesting) throw JinjaException.Limit($"JSON nested more than {JinjaLimits.Nesting} deep");
        switch (node)
        {
            case null: return JinjaNone.Value;
            case JsonArray array: return new JinjaList([.. array.Select(item => Of(item, depth + 1))]);
            case JsonObject members:
                var dictionary = new JinjaDictionary(members.Count);
                foreach ((string key, JsonNode? value) in members) dictionary.Set(key, Of(value, depth + 1));
                return dictionary;
        }
        return node.GetValueKind() switch
        {
            JsonValueKind.True => JinjaBoolean.True,
            JsonValueKind.False => JinjaBoolean.False,
            JsonValueKind.Number => Number(node.ToJsonString()),
            JsonValueKind.String => new JinjaString(Text(node)),
            _ => JinjaNone.Value,
        };
    }

    private static JinjaValue Number(string text)
    {
        if (text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0) return new JinjaFloat(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture));
        if (text.Length > JinjaLimits.Digits) throw JinjaRun.TooManyDigits();
        return JinjaInteger.Of(BigInteger.Parse(text, CultureInfo.InvariantCulture));
    }

    /// <summary>A string; one with a lone surrogate is read from its escapes, for JsonNode refuses it.</summary>
    private static string Text(JsonNode node)
    {
        try
        {
            return node.GetValue<string>();
        }
        catch (InvalidOperationException)
        {
            return JinjaSurrogates.Unescape(node.GetValue<JsonElement>().GetRawText());
        }
    }
}

/// <summary>JSON strings with escapes that make no whole character.</summary>
internal static class JinjaSurrogates
{
    /// <summary>The text of a JSON string, quotes included.</summary>
    public static string Unescape(string json)
    {
        var text = new System.Text.StringBuilder(json.Length);
        for (int i = 1; i < json.Length - 1; i++)
        {
            if (json[i] != '\\') { text.Append(json[i]); continue; }
            char c = json[++i];
            if (c == 'u')
            {
                text.Append((char)int.Parse(json.AsSpan(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                i += 4;
            }
            else text.Append(c switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f', _ => c });
        }
        return text.ToString();
    }
}
