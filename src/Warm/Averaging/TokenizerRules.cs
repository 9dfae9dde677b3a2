namespace Warm;

/// <summary>Whether two folders turn text into the same ids: vocabulary, special tokens, chat template.</summary>
internal static class TokenizerRules
{
    public static IEnumerable<Difference> Compare(ModelFolder first, ModelFolder other)
    {
        yield break;
    }

    public static bool HasTemplate(ModelFolder folder) => folder.Has("chat_template.jinja");
}
