namespace Warm.Transformers;

/// <summary>What happens to messages before and after a template sees them: the rules of <c>apply_chat_template</c>, outside the language.</summary>
internal static class ChatMessages
{
    private static readonly string[] Reasoning = ["reasoning_content", "thinking", "reasoning"];

    /// <summary>
    /// A message as the template sees it. Trap: keys whose value is null are not there at all, so that <c>content is none</c> does not hold; and the first reasoning that is there
    /// is also called <c>reasoning_content</c> and, in front of all keys, <c>thinking</c>.
    /// </summary>
    public static JinjaDictionary ToValue(Message message)
    {
        var given = new JinjaDictionary();
        foreach ((string key, var value) in message.Json)
            if (JinjaJsonData.Of(value) is var v and not JinjaNone) given.Set(key, v);
        JinjaValue? reasoning = Reasoning.Select(given.Get).FirstOrDefault(r => r is not null);
        if (reasoning is null) return given;
        var turn = new JinjaDictionary();
        turn.Set("thinking", reasoning);
        foreach ((JinjaValue key, JinjaValue value) in given.Pairs) turn.Set(key, value);
        turn.Set("reasoning_content", reasoning);
        return turn;
    }

    /// <summary>Puts a tag after the text that is to stay open, and gives back that text.</summary>
    public static string Mark(JinjaDictionary[] turns, string field, string tag, string source)
    {
        JinjaDictionary last = turns[^1];
        JinjaValue content = last.Get(field) ?? throw JinjaException.Value($"the last message has no \"{field}\" to go on with");
        string[] fields = Reasoning.Contains(field) ? [.. Reasoning.Where(r => content.Equals(last.Get(r)))] : [field];
        if (!fields.Any(f => source.Contains(f, StringComparison.Ordinal))) throw JinjaException.Value($"the template never reads \"{field}\", so that it cannot be gone on with");
        if (content is JinjaString text)
        {
            foreach (string name in fields) last.Set(name, new JinjaString(text.Value + tag));
            return text.Value;
        }
        if (content is not JinjaList parts) throw JinjaException.Type($"the last message's \"{field}\" is neither text nor a list of parts ({content.TypeName})");
        int open = -1;
        for (int i = parts.Elements.Count - 1; i >= 0 && open < 0; i--)
            if (parts.Elements[i] is JinjaDictionary part && part.Get("text") is JinjaString) open = i;
        if (open < 0) throw JinjaException.Value("the last message has no text to go on with");
        JinjaDictionary marked = ((JinjaDictionary)parts.Elements[open]).Copy();
        string begun = ((JinjaString)marked.Get("text")!).Value;
        marked.Set("text", new JinjaString(begun + tag));
        last.Set(field, new JinjaList([.. parts.Elements.Select((p, i) => i == open ? marked : p)]));
        return begun;
    }

    /// <summary>The rendered text up to the tag's last place. Where the template trimmed the message, the white space before goes as well.</summary>
    public static string Cut(string rendered, string open, string tag)
    {
        string bare = tag.TrimEnd();
        int at = rendered.LastIndexOf(bare, StringComparison.Ordinal);
        if (at < 0 || !rendered.Contains(JinjaStringMethods.Strip(open, null, "strip"), StringComparison.Ordinal))
            throw JinjaException.Value("the last message does not appear as it is in the rendered text, so that it cannot be gone on with: the template changes or leaves out part of it");
        return rendered.AsSpan(at).StartsWith(tag) ? rendered[..at] : JinjaStringMethods.Strip(rendered[..at], null, "rstrip", left: false);
    }
}
