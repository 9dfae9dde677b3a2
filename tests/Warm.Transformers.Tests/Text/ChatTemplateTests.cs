using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Transformers.Tests;

public class ChatTemplateTests
{
    private const string Plain = "{% for m in messages %}{{ m.role }}:{{ m.content }}|{% endfor %}", Keys = "{{ messages | tojson }}";
    private static readonly Message Question = new("user", "q"), Answer = new("assistant", "ans ");
    private static readonly Dictionary<string, string> Tokens = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };
    private static readonly TemplateOptions Continue = new() { ContinueFinalMessage = true };

    private static string Render(string source, TemplateOptions? options = null, params Message[] messages) => ChatTemplate.Parse(source, Tokens).Render(messages, options);
    private static Message Json(string json) => new(JsonNode.Parse(json)!.AsObject());
    private static Message Says(string fields) => Json("{\"role\":\"assistant\"" + fields + "}");

    /// <summary>The calls that calls.json records, made here. Left out: batches and masks (not built), and Python objects that JSON has not.</summary>
    private static readonly Dictionary<string, Func<string>> Calls = new()
    {
        ["empty-conversation"] = () => Render(Plain),
        ["both-prompt-and-continue"] = () => Render(Plain, new() { AddGenerationPrompt = true, ContinueFinalMessage = true }, Question, Answer),
        ["none-keys-dropped"] = () => Render(Keys, null, Says(",\"content\":null,\"tool_calls\":null,\"x\":{\"y\":null}")),
        ["reasoning-copied"] = () => Render(Keys, null, Says(",\"content\":\"c\",\"reasoning_content\":\"r\"")),
        ["thinking-copied"] = () => Render(Keys, null, Says(",\"content\":\"c\",\"thinking\":\"t\"")),
        ["reasoning-key-copied"] = () => Render(Keys, null, Says(",\"content\":\"c\",\"reasoning\":\"t\"")),
        ["all-three"] = () => Render(Keys, null, Says(",\"content\":\"c\",\"reasoning\":\"1\",\"thinking\":\"2\",\"reasoning_content\":\"3\"")),
        ["empty-reasoning"] = () => Render(Keys, null, Says(",\"content\":\"c\",\"reasoning_content\":\"\"")),
        ["order-of-keys"] = () => Render(Keys, null, Json("{\"z\":1,\"content\":\"c\",\"role\":\"user\",\"a\":[1.0,true,null]}")),
        ["continue"] = () => Render(Plain, Continue, Question, Answer),
        ["continue-trimmed"] = () => Render("{% for m in messages %}{{ m.content | trim }}|{% endfor %}", Continue, Question, Answer),
        ["continue-user"] = () => Render(Plain, Continue, Question),
        ["continue-missing-in-output"] = () => Render("{{ messages[0].content }}", Continue, Question, Answer),
        ["continue-upper"] = () => Render("{% for m in messages %}{{ m.content | upper }}|{% endfor %}", Continue, Question, Answer),
        ["continue-empty"] = () => Render(Plain, Continue, Question, new Message("assistant", "")),
        ["continue-no-content"] = () => Render(Plain, Continue, Question, Says("")),
        ["continue-parts"] = () => Render("{% for m in messages %}{% for p in m.content %}{{ p.text if p.text is defined }};{% endfor %}{% endfor %}", Continue, Question,
            Says(",\"content\":[{\"type\":\"text\",\"text\":\"one\"},{\"type\":\"text\",\"text\":\"two\"},{\"type\":\"image\"}]")),
        ["continue-field"] = () => Render("{% for m in messages %}{{ m.reasoning_content }}|{{ m.content }}{% endfor %}", Continue with { ContinueField = "reasoning_content" }, Question,
            Says(",\"content\":\"c\",\"reasoning_content\":\"think\"")),
        ["continue-number"] = () => Render(Plain, Continue, Question, Says(",\"content\":5")),
        ["continue-twice-shown"] = () => Render("{{ messages[-1].content }}#{{ messages[-1].content }}#end", Continue, Question, Answer),
        ["continue-template-without-word-content"] = () => Render("{% for m in messages %}{{ m['con' ~ 'tent'] }}{% endfor %}", Continue, Question, Answer),
        ["tools-string"] = () => Render(Plain, new() { Tools = new JsonArray("x") }, Question),
        ["documents-string"] = () => Render(Plain, new() { Documents = new JsonArray("x") }, Question),
        ["tools-null-inside"] = () => Render("{{ tools | tojson }}", new() { Tools = JsonNode.Parse("[{\"a\":null,\"b\":1.0}]") }, Question),
        ["tools-default"] = () => Render("{{ tools is none }}{{ documents is none }}{{ tools is defined }}", null, Question),
        ["kwargs-override-bos"] = () => Render("{{ bos_token }}{{ own }}", new() { Variables = JsonNode.Parse("{\"bos_token\":\"[B]\",\"own\":{\"k\":null}}")!.AsObject() }, Question),
        ["kwargs-messages"] = () => Render("{{ messages }}", new() { Variables = new() { ["messages"] = 5 } }, Question),
        ["surrogate"] = () => Render(Plain, null, Json("{\"role\":\"user\",\"content\":\"\\ud83d\"}")),
    };

    public static TheoryData<string> Names => [.. Calls.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Render_follows_the_rules_of_the_Python_call(string name)
    {
        JsonNode expected = JsonNode.Parse(File.ReadAllText(Repository.Golden("templates", "calls.json")))![name]!;
        if (expected is JsonObject) Assert.Throws<WarmException>(() => Calls[name]());
        else Assert.Equal(((JinjaString)JinjaJsonData.Of(expected)).Value, Calls[name]());
    }

    [Fact]
    public void Render_gives_the_templates_own_message_and_line()
    {
        ChatTemplate template = ChatTemplate.Parse("{% if messages[0].role != 'user' %}\n\n{{ raise_exception('Roles must alternate') }}\n{% endif %}", where: "chat_template.jinja");
        WarmException error = Assert.Throws<WarmException>(() => template.Render([Answer]));
        Assert.Equal(("chat_template.jinja, line 3", "Roles must alternate"), (error.Where, error.Found));
    }

    [Theory]
    [InlineData("a\n{% if %}", "line 2", "Expected an expression")]
    [InlineData("\n\n{{ x | shout }}", "line 3", "No filter named 'shout'")]
    [InlineData("{% for x in y %}", "line 1", "'endfor'")]
    [InlineData("{% if false %}{{ 1 is odder }}{% endif %}", "line 1", "No test named 'odder'")]
    public void Parse_names_the_line(string source, string line, string message)
    {
        WarmException error = Assert.Throws<WarmException>(() => ChatTemplate.Parse(source));
        Assert.EndsWith(line, error.Where, StringComparison.Ordinal);
        Assert.Contains(message, error.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "steps")]
    [InlineData("{{ 'a' * 99999999999 }}", "64 MiB")]
    [InlineData("{% set s = 'aaaaaaaa' * 1000000 %}{% for i in range(99) %}{{ s }}{% endfor %}", "64 MiB")]
    [InlineData("{{ [0] * 1000001 }}", "1,000,000 elements")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "200 deep")]
    [InlineData("{{ 10 ** 5000 }}", "4300 digits")]
    [InlineData("{{ '%200000d' % 1 }}", "100,000")]
    [InlineData("{{ '{:200000}'.format(1) }}", "100,000")]
    [InlineData("{{ range(100001) }}", "100000")]
    [InlineData("{% set ns = namespace(a=1) %}{% for i in range(9999) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}", "100 deep")]
    [InlineData("{% set ns = namespace(a=1) %}{% for i in range(99999) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a == [ns.a] }}", "nested too deep")]
    public void Render_names_the_limit_it_reached(string source, string limit) =>
        Assert.Contains(limit, Assert.Throws<WarmException>(() => Render(source, null, Question)).Found, StringComparison.Ordinal);

    [Fact]
    public void Render_is_the_same_from_many_threads()
    {
        ChatTemplate template = ChatTemplate.Parse("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + m.content | length %}{{ loop.index }}{% endfor %}={{ ns.n }}");
        string[] texts = new string[64];
        Parallel.For(0, texts.Length, i => texts[i] = template.Render([.. Enumerable.Range(0, i + 1).Select(_ => Question)]));
        for (int i = 0; i < texts.Length; i++) Assert.EndsWith($"={i + 1}", texts[i], StringComparison.Ordinal);
    }

    [Fact]
    public void Open_of_a_folder_without_template_is_null()
    {
        using var folder = new TemporaryFolder();
        Assert.Null(ChatTemplate.Open(folder.Path));
        File.WriteAllText(folder["tokenizer_config.json"], "{\"chat_template\":null}");
        Assert.Null(ChatTemplate.Open(folder.Path));
    }

    [Fact]
    public void Open_prefers_files_to_the_configuration()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["tokenizer_config.json"], "{\"chat_template\":\"config\",\"bos_token\":{\"content\":\"<s>\"},\"eos_token\":null,\"image_token\":\"<i>\"}");
        Assert.Equal("config", ChatTemplate.Open(folder.Path)!.Render([Question]));
        File.WriteAllText(folder["chat_template.jinja"], "file{{ bos_token }}{{ eos_token is defined }}{{ image_token }}");
        Assert.Equal("file<s>False<i>", ChatTemplate.Open(folder.Path)!.Render([Question]));
        Directory.CreateDirectory(folder["additional_chat_templates"]);
        File.WriteAllText(Path.Combine(folder["additional_chat_templates"], "tool_use.jinja"), "tools");
        ChatTemplate several = ChatTemplate.Open(folder.Path)!;
        Assert.Equal(["default", "tool_use"], several.Names.Order());
        Assert.Equal("tools", several.Render([Question], new() { Tools = new JsonArray() }));
        Assert.Equal("tools", several.Render([Question], new() { Name = "tool_use" }));
        Assert.Throws<WarmException>(() => several.Render([Question], new() { Name = "rag" }));
    }

    [Theory]
    [InlineData("{\"chat_template\":5}"), InlineData("{\"chat_template\":[{\"name\":\"a\"}]}"), InlineData("[]"), InlineData("{"), InlineData("{\"chat_template\":[\"x\"]}")]
    public void Open_refuses_a_broken_configuration(string json)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["tokenizer_config.json"], json);
        Assert.Throws<WarmException>(() => ChatTemplate.Open(folder.Path));
    }
}
