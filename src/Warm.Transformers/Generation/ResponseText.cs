namespace Warm.Transformers;

/// <summary>The text of a response while its tokens come: what can be shown already, and whether a stop text has come up.</summary>
internal sealed class ResponseText(Tokenizer? tokenizer, IReadOnlyList<string> stopTexts)
{
    private int _shown;

    /// <summary>The text so far, without a stop text and what follows.</summary>
    public string Text { get; private set; } = "";

    /// <summary>Takes one more token in. What it adds to the text that is shown, and whether a stop text is there.</summary>
    /// <param name="ids">All ids so far, without an end token.</param>
    /// <param name="ends">Whether nothing will follow, so that nothing is held back.</param>
    public (string Added, bool Stopped) Take(IReadOnlyList<int> ids, bool ends)
    {
        if (tokenizer is null) return ("", false);
        Text = tokenizer.Decode(ids, skipSpecialTokens: true);
        int stop = -1;
        foreach (string text in stopTexts)
            if (Text.IndexOf(text, StringComparison.Ordinal) is >= 0 and var at && (stop < 0 || at < stop)) stop = at;
        if (stop >= 0) Text = Text[..stop];
        int safe = stop >= 0 || ends ? Text.Length : Safe();
        if (safe <= _shown) return ("", stop >= 0);
        string added = Text[_shown..safe];
        _shown = safe;
        return (added, stop >= 0);
    }

    /// <summary>How much of the text cannot change any more: not a character whose bytes are unfinished, not the beginning of a stop text.</summary>
    private int Safe()
    {
        int safe = Text.Length;
        while (safe > 0 && Text[safe - 1] == '\uFFFD') safe--;
        foreach (string text in stopTexts)
            for (int length = Math.Min(text.Length - 1, safe); length > 0; length--)
                if (Text.AsSpan(0, safe).EndsWith(text.AsSpan(0, length), StringComparison.Ordinal))
                {
                    safe -= length;
                    break;
                }
        return safe;
    }
}
