namespace Warm;

/// <summary>
/// How a prompt and its response become the text that a model reads. <see cref="Template"/> is the default where a folder has a chat template, else
/// <see cref="Pair"/> for encoders, else <see cref="Concatenate"/>.
/// </summary>
public sealed record TextForm
{
    private TextForm(string name) => Name = name;

    /// <summary>template, pair, concatenate, response, or the format string itself.</summary>
    public string Name { get; }

    /// <summary>Through the folder's chat template as a user and an assistant turn; no special tokens are added.</summary>
    public static TextForm Template { get; } = new("template");

    /// <summary>As a pair of texts: [CLS] prompt [SEP] response [SEP].</summary>
    public static TextForm Pair { get; } = new("pair");

    /// <summary>Prompt and response end to end, with the end-of-text token if it is missing, as TRL does.</summary>
    public static TextForm Concatenate { get; } = new("concatenate");

    /// <summary>The response alone.</summary>
    public static TextForm ResponseOnly { get; } = new("response");

    /// <summary>A format string with the places <c>{prompt}</c> and <c>{response}</c>.</summary>
    public static TextForm Format(string format) =>
        format.Contains("{response}", StringComparison.Ordinal) ? new(format)
        : throw new WarmException("text form", $"\"{format}\" has no place {{response}}", "template, pair, concatenate, response, or a format with {prompt} and {response}");

    /// <summary>The form of that name, or a format string.</summary>
    public static TextForm Parse(string name) => name switch
    {
        "template" => Template,
        "pair" => Pair,
        "concatenate" => Concatenate,
        "response" => ResponseOnly,
        _ => Format(name),
    };

    /// <summary>Whether this is a user's own format string.</summary>
    public bool IsFormat => Name.Contains("{response}", StringComparison.Ordinal);

    /// <summary>The text of a format string.</summary>
    public string Fill(string prompt, string response)
    {
        // One pass from left to right: a prompt that holds the word {response} stays as it is.
        var text = new System.Text.StringBuilder();
        for (int i = 0; i < Name.Length;)
        {
            if (Name.AsSpan(i).StartsWith("{prompt}")) { text.Append(prompt); i += 8; }
            else if (Name.AsSpan(i).StartsWith("{response}")) { text.Append(response); i += 10; }
            else text.Append(Name[i++]);
        }
        return text.ToString();
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
