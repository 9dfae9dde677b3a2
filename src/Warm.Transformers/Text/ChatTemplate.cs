using System.Text.Json.Nodes;

namespace Warm.Transformers;

/// <summary>
/// A model's chat template: what makes one text of a conversation. Templates are written in Jinja; the interpreter here renders as the Python side does
/// (transformers' <c>apply_chat_template</c>), in a sandbox: a template can read nothing but its variables, and its steps, texts and lists are bounded.
/// Rendering is safe from many threads.
/// </summary>
/// <remarks>
/// A template writes its special tokens itself: tokenise the text without adding any. Contents are not sanitised: one that spells <c>&lt;|im_end|&gt;</c> can end its own turn.
/// </remarks>
public sealed class ChatTemplate
{
    private const string ContinuationTag = "CONTINUE_FINAL_MESSAGE_TAG ";
    private readonly string _where;
    private readonly IReadOnlyDictionary<string, string> _specialTokens;
    private readonly IReadOnlyDictionary<string, (string Where, string Source)> _sources;
    private readonly Dictionary<string, JinjaTemplate> _parsed = [];
    private readonly bool _named;

    internal ChatTemplate(string where, IReadOnlyDictionary<string, (string Where, string Source)> sources, bool named, IReadOnlyDictionary<string, string> specialTokens) =>
        (_where, _sources, _named, _specialTokens) = (where, sources, named, specialTokens);

    /// <summary>
    /// The template of a model's folder, or null where it has none. Read are <c>additional_chat_templates/*.jinja</c> and <c>chat_template.jinja</c> (which together replace all others),
    /// else tokenizer_config.json (a text, or a list of named ones), else special_tokens_map.json. It is parsed when first rendered.
    /// </summary>
    public static ChatTemplate? Open(string folder) => ChatTemplateFolder.Open(folder);

    /// <summary>A template from its text.</summary>
    /// <param name="source">The Jinja text.</param>
    /// <param name="specialTokens">Special tokens by their names (<c>bos_token</c>, <c>eos_token</c> ...); names that are not there are undefined in the template.</param>
    /// <param name="where">What errors call the template.</param>
    /// <exception cref="WarmException">The text is no template; names the line.</exception>
    public static ChatTemplate Parse(string source, IReadOnlyDictionary<string, string>? specialTokens = null, string where = "chat template")
    {
        var template = new ChatTemplate(where, new Dictionary<string, (string, string)> { ["default"] = (where, source) }, named: false, specialTokens ?? new Dictionary<string, string>());
        template.Parsed("default");
        return template;
    }

    /// <summary>The Jinja text of the default template (of the first one where none is called default).</summary>
    public string Source => _sources.TryGetValue("default", out var source) ? source.Source : _sources.Values.FirstOrDefault().Source ?? "";

    /// <summary>The names of the templates; one without a name is called default.</summary>
    public IReadOnlyCollection<string> Names => [.. _sources.Keys];

    /// <summary>Special tokens by the names that templates know them by.</summary>
    public IReadOnlyDictionary<string, string> SpecialTokens => _specialTokens;

    /// <summary>The conversation as one text.</summary>
    /// <param name="messages">The turns, at least one. Keys whose value is null are left out, and a turn's reasoning is given under all the names that templates read it by.</param>
    /// <param name="options">What else the template sees; null for the defaults.</param>
    /// <exception cref="WarmException">The template refuses the conversation (its own message), fails, or reaches a limit; names file and line.</exception>
    public string Render(IReadOnlyList<Message> messages, TemplateOptions? options = null)
    {
        options ??= TemplateOptions.Default;
        string name = Choose(options);
        JinjaTemplate template = Parsed(name);
        try
        {
            if (messages.Count == 0) throw JinjaException.Value("a conversation without messages cannot be rendered");
            if (options is { ContinueFinalMessage: true, AddGenerationPrompt: true }) throw JinjaException.Value("continue_final_message and add_generation_prompt cannot go together: the one leaves the last turn open, the other begins a new one");
            JinjaDictionary[] turns = [.. messages.Select(ChatMessages.ToValue)];
            string? open = options.ContinueFinalMessage ? ChatMessages.Mark(turns, options.ContinueField, ContinuationTag, _sources[name].Source) : null;
            string text = template.Render(Variables(turns, options), options.Now ?? (() => DateTimeOffset.Now));
            return open is null ? text : ChatMessages.Cut(text, open, ContinuationTag);
        }
        catch (JinjaException error)
        {
            throw Refusal(error, _sources[name].Where);
        }
    }

    private Dictionary<string, JinjaValue> Variables(JinjaDictionary[] turns, TemplateOptions options)
    {
        var variables = new Dictionary<string, JinjaValue>();
        foreach ((string token, string text) in _specialTokens) variables[token] = new JinjaString(text);
        foreach ((string key, JsonNode? value) in options.Variables ?? [])
        {
            if (key is "messages" or "tools" or "documents" or "add_generation_prompt") throw JinjaException.Type($"\"{key}\" cannot be given as a variable of its own");
            variables[key] = JinjaJsonData.Of(value);
        }
        if (options.Tools is { } tools and not JsonArray || options.Tools is JsonArray list && list.Any(t => t is not JsonObject)) throw JinjaException.Value("tools must be a list of JSON schemas");
        if (options.Documents is { } documents and not JsonArray || options.Documents is JsonArray texts && texts.Any(d => d is not JsonObject)) throw JinjaException.Type("documents must be a list of objects with 'title' and 'text'");
        variables["messages"] = new JinjaList(turns);
        variables["tools"] = JinjaJsonData.Of(options.Tools);
        variables["documents"] = JinjaJsonData.Of(options.Documents);
        variables["add_generation_prompt"] = JinjaBoolean.Of(options.AddGenerationPrompt);
        return variables;
    }

    private string Choose(TemplateOptions options)
    {
        if (options.Name is { } name)
            return _sources.ContainsKey(name) ? name : throw new WarmException(_where, $"there is no template named \"{name}\"", $"one of {string.Join(", ", _sources.Keys.Order(StringComparer.Ordinal))}");
        if (_named && options.Tools is not null && _sources.ContainsKey("tool_use")) return "tool_use";
        if (_sources.ContainsKey("default")) return "default";
        throw new WarmException(_where, "holds several chat templates and none is called default", fix: $"Name one of {string.Join(", ", _sources.Keys.Order(StringComparer.Ordinal))}.");
    }

    private JinjaTemplate Parsed(string name)
    {
        lock (_parsed)
        {
            if (_parsed.TryGetValue(name, out JinjaTemplate? known)) return known;
            (string where, string source) = _sources[name];
            try
            {
                return _parsed[name] = JinjaTemplate.Parse(source);
            }
            catch (JinjaException error)
            {
                throw Refusal(error, where);
            }
        }
    }

    private static WarmException Refusal(JinjaException error, string where) =>
        new(error.Line > 0 ? $"{where}, line {error.Line}" : where, error.Message, inner: error);

    /// <summary>Where it is from, and its names where there are several.</summary>
    public override string ToString() => _named ? $"{_where}: {string.Join(", ", _sources.Keys)}" : $"{_where} ({Source.Length} characters)";
}
