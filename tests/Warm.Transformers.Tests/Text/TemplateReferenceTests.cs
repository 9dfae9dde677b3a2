using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>All renderings that the Python side recorded, case by case.</summary>
public class TemplateReferenceTests
{
    internal static readonly Func<DateTimeOffset> Clock = () => new DateTimeOffset(2026, 3, 5, 14, 7, 9, TimeSpan.Zero);

    /// <summary>What stands in the repository: a part of the reference.</summary>
    private static JsonObject Golden(string file) => JsonNode.Parse(File.ReadAllText(Repository.Golden("templates", file)))!.AsObject();

    internal static JsonObject Load(string file)
    {
        using Stream stream = File.OpenRead(Reference.Path("templates", file));
        using Stream plain = file.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(stream, CompressionMode.Decompress) : stream;
        return JsonNode.Parse(plain)!.AsObject();
    }

    private static string Text(JsonNode? node) => ((JinjaString)JinjaJsonData.Of(node)).Value;
    private static Dictionary<string, string> Texts(JsonNode? node) => node!.AsObject().Where(p => p.Value is not null).ToDictionary(p => p.Key, p => Text(p.Value));

    private static TemplateOptions Options(JsonNode conversation, string mode) => new()
    {
        AddGenerationPrompt = mode == "prompt",
        ContinueFinalMessage = mode == "continue",
        Tools = conversation["tools"],
        Documents = conversation["documents"],
        Variables = conversation["kwargs"]?.AsObject(),
        Now = Clock,
    };

    private static Message[] Messages(JsonNode conversation) => [.. conversation["messages"]!.AsArray().Select(m => new Message(m!.AsObject()))];

    /// <summary>Null where the rendering is the expected one, else what differs.</summary>
    private static string? Differs(Func<string> render, JsonNode expected)
    {
        try
        {
            string got = render();
            return expected is JsonObject error ? $"expected {Text(error["error"])} but got {Short(got)}" : got == Text(expected) ? null : $"expected {Short(Text(expected))} but got {Short(got)}";
        }
        catch (WarmException error)
        {
            if (expected is not JsonObject wanted) return $"expected {Short(Text(expected))} but: {error.Message}";
            string kind = (error.InnerException as JinjaException)?.Kind ?? "none";
            return Text(wanted["error"]) == "TemplateError" && error.Found != Text(wanted["message"]) ? $"another message: {error.Found}" : kind == Text(wanted["error"]) ? null : $"expected {Text(wanted["error"])} but {kind}: {error.Found}";
        }
    }

    private static string Short(string text) => JsonSerializer.Serialize(text.Length > 160 ? text[..160] + "..." : text);

    private static void Holds(string what, int cases, List<string> failures)
    {
        if (Reference.Root is not null) Reference.Count(what, cases - failures.Count);
        Assert.True(failures.Count == 0, $"{failures.Count} of {cases} {what} differ:\n{string.Join('\n', failures.Take(400))}");
    }

    private static (int Cases, List<string> Failures) RenderAll(JsonObject expected, JsonObject conversations, Func<string, string> source)
    {
        var failures = new List<string>();
        int cases = 0;
        foreach ((string name, JsonNode? entry) in expected)
        {
            ChatTemplate template = ChatTemplate.Parse(source(name), Texts(entry!["special_tokens"]), name);
            foreach ((string conversation, JsonNode? modes) in entry["expected"]!.AsObject())
                foreach ((string mode, JsonNode? wanted) in modes!.AsObject())
                {
                    cases++;
                    JsonNode chat = conversations[conversation]!;
                    if (Differs(() => template.Render(Messages(chat), Options(chat, mode)), wanted!) is { } difference) failures.Add($"{name}/{conversation}/{mode}: {difference}");
                }
        }
        return (cases, failures);
    }

    [Fact]
    public void Render_agrees_on_the_golden_templates()
    {
        JsonObject golden = Golden("renderings.json"), templates = golden["templates"]!.AsObject();
        (int cases, List<string> failures) = RenderAll(templates, golden["conversations"]!.AsObject(), name => Text(templates[name]!["source"]));
        Holds("golden renderings", cases, failures);
    }

    [Theory]
    [InlineData("features.json")]
    [InlineData("corners.json")]
    public void Render_agrees_on_the_golden_features(string file) => Features(Golden(file), $"golden {file}");

    [ReferenceFact]
    public void Render_agrees_on_all_templates_and_conversations()
    {
        (int cases, List<string> failures) = RenderAll(Load("expected.json.gz"), Load("conversations.json"), name => File.ReadAllText(Reference.Path("templates", "templates", $"{name}.jinja")));
        Holds("renderings", cases, failures);
    }

    [ReferenceFact]
    public void Render_agrees_on_the_real_templates()
    {
        string file = Reference.Path("..", "data", "jinja.cpp", "chat_templates.json");
        if (!File.Exists(file)) return;
        JsonObject sources = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        (int cases, List<string> failures) = RenderAll(Load("real.json.gz"), Load("conversations.json"), name => Text(sources[name]!["template"]));
        Holds("renderings of real templates", cases, failures);
    }

    [ReferenceFact]
    public void Render_agrees_on_every_feature_of_the_language() => Features(Load("features.json.gz"), "template features");

    private static void Features(JsonObject features, string what)
    {
        var context = features["context"]!.AsObject().ToDictionary(p => p.Key, p => JinjaJsonData.Of(p.Value));
        context["messages"] = JinjaJsonData.Of(features["messages"]);
        context["tools"] = context["documents"] = JinjaNone.Value;
        context["add_generation_prompt"] = JinjaBoolean.False;
        var failures = new List<string>();
        int cases = 0;
        foreach (JsonNode? feature in features["cases"]!.AsArray())
        {
            if (feature!["unstable"] is not null) continue;
            cases++;
            string source = Text(feature["template"]), name = Text(feature["name"]);
            string? kind = null, got = null;
            try
            {
                got = JinjaTemplate.Parse(source).Render(context, Clock);
            }
            catch (JinjaException error)
            {
                (kind, got) = (error.Kind, error.Message);
            }
            if (kind != (feature["error"] is { } wanted ? Text(wanted) : null) || kind is null && got != Text(feature["expected"]))
                failures.Add($"{name} {Short(source)}: expected {Short(Text(feature["expected"] ?? feature["error"]))} {(feature["message"] is { } m ? Text(m) : "")} but got {kind} {Short(got!)}");
        }
        Holds(what, cases, failures);
    }

    [ReferenceFact]
    public void Open_finds_the_template_of_every_place()
    {
        var failures = new List<string>();
        int cases = 0;
        Message[] messages = [new("user", "X")];
        foreach ((string name, JsonNode? row) in Load("places.json"))
        {
            if (row!["chat_template"] is null && row["error"] is { } failure)
            {
                cases++;
                if (Record.Exception(() => ChatTemplate.Open(Reference.Path("templates", "places", name))) is not WarmException) failures.Add($"{name}: opens, but should not ({Text(failure)})");
                continue;
            }
            var calls = new Dictionary<string, TemplateOptions>
            {
                ["default"] = new(),
                ["tools"] = new() { Tools = new JsonArray(new JsonObject { ["type"] = "function" }) },
                ["documents"] = new() { Documents = new JsonArray(new JsonObject { ["text"] = "t" }) },
                ["named-rag"] = new() { Name = "rag" },
                ["named-tool_use"] = new() { Name = "tool_use" },
            };
            foreach ((string call, TemplateOptions options) in calls)
            {
                if (row[call] is not { } wanted) continue;
                // An unknown name is rendered as a template by the Python side; here it is refused.
                if (options.Name is { } unknown && wanted is JsonValue && Text(wanted) == unknown) wanted = new JsonObject { ["error"] = "refused" };
                cases++;
                try
                {
                    ChatTemplate? template = ChatTemplate.Open(Reference.Path("templates", "places", name));
                    string? got = template?.Render(messages, options);
                    if (wanted is JsonObject ? got is not null : got != Text(wanted)) failures.Add($"{name}/{call}: expected {wanted.ToJsonString()} but got {got}");
                }
                catch (WarmException error)
                {
                    if (wanted is not JsonObject) failures.Add($"{name}/{call}: expected {wanted.ToJsonString()} but {error.Message}");
                }
            }
        }
        Holds("template places", cases, failures);
    }

    [ReferenceFact]
    public void Render_ends_soon_and_small_on_hostile_templates()
    {
        var failures = new List<string>();
        int cases = 0;
        foreach ((string name, JsonNode? row) in Load("hostile.json"))
        {
            if (Source(name, row!["template"]!) is not { } source) continue;
            cases++;
            long before = GC.GetTotalAllocatedBytes();
            var watch = Stopwatch.StartNew();
            string? text = null, error = null;
            try
            {
                text = ChatTemplate.Parse(source).Render([new("user", "X")], new TemplateOptions { Now = Clock });
            }
            catch (WarmException refusal)
            {
                error = refusal.Message;
            }
            if (watch.Elapsed.TotalSeconds > 20) failures.Add($"{name}: took {watch.Elapsed.TotalSeconds:F1} s");
            if (GC.GetTotalAllocatedBytes() - before > 4L << 30) failures.Add($"{name}: allocated {(GC.GetTotalAllocatedBytes() - before) >> 20} MiB");
            if (row["length"] is { } length && text is not null && text.Length != length.GetValue<int>()) failures.Add($"{name}: {text.Length} characters instead of {length}");
            if (row["begins"] is { } begins && text is not null && !text.StartsWith(Text(begins), StringComparison.Ordinal)) failures.Add($"{name}: begins otherwise: {Short(text)}");
            if (row["length"] is not null && text is null) failures.Add($"{name}: refused: {error}");
            if (row["error"] is { } wanted && text is not null && Text(wanted) is not ("RecursionError" or "MemoryError")) failures.Add($"{name}: renders, but should not: {Short(text)}");
        }
        Holds("hostile templates", cases, failures);
    }

    /// <summary>The template of a hostile case; long ones are recorded by their beginnings.</summary>
    private static string? Source(string name, JsonNode template) => template is JsonValue ? Text(template) : name switch
    {
        "deep-parens" => "{{ " + new string('(', 500) + "1" + new string(')', 500) + " }}",
        "deep-lists" => "{{ " + new string('[', 300) + new string(']', 300) + " }}",
        "deep-ifs" => Repeat("{% if 1 %}", 300) + "x" + Repeat("{% endif %}", 300),
        "deep-fors-25" => Repeat("{% for i in [1] %}", 25) + "x" + Repeat("{% endfor %}", 25),
        "long-chain" => "{{ " + string.Join(" + ", Enumerable.Repeat("1", 5000)) + " }}",
        "long-concat" => "{{ " + string.Join(" ~ ", Enumerable.Repeat("1", 5000)) + " }}",
        "long-not" => "{{ " + Repeat("not ", 3000) + "1 }}",
        "many-filters" => "{{ 'a'" + Repeat(" | upper", 3000) + " }}",
        "long-source" => new string('x', 2_000_000),
        "many-statements" => Repeat("{{ 1 }}", 20_000),
        "deep-ifs-15" => Repeat("{% if 1 %}", 15) + "x" + Repeat("{% endif %}", 15),
        _ => null,
    };

    private static string Repeat(string text, int count) => new StringBuilder(text.Length * count).Insert(0, text, count).ToString();
}
