using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Warm.Testing;

namespace Warm.HouseTests;

/// <summary>A model's name is looked at in one place: whatever else differs from model to model is a key of its config.json, a tensor of its file, or a word of its tokenizer.</summary>
public class OneSwitchTests
{
    /// <summary>From config.json's name to the code that computes it.</summary>
    private const string Switch = "Architectures.cs";

    /// <summary>What another library's names make of a tokenizer.json: for remarks, never for ids.</summary>
    private const string OthersNames = "TokenizerClass.cs";

    /// <summary>What no file of a folder says of a family, as a table: the package below knows no model.</summary>
    private const string Facts = "ModelFamily.cs";

    /// <summary>What names models, classes and templates have: config.json's model_type, and transformers' classes.</summary>
    private static bool NamesAModel(string text) =>
        text is "llama" or "mistral" or "qwen2" or "qwen3" or "phi3" or "gemma" or "gemma2" or "gemma3" or "gemma3_text" or "olmo2" or "gpt2" or "gpt_neox" or "opt" or "bert" or "roberta" or "xlm-roberta"
            or "camembert" or "distilbert" or "electra" or "mpnet" or "deberta-v2" or "modernbert" or "t5" or "bart" or "falcon" or "bloom" or "gptj" or "phi" or "albert"
            or "chatml" or "zephyr" or "vicuna" or "alpaca" or "tulu"
        || !text.Any(char.IsWhiteSpace) && (text.Contains("ForSequenceClassification", StringComparison.Ordinal) || text.Contains("ForCausalLM", StringComparison.Ordinal)); // a script for another stack is no name

    [Fact]
    public void No_code_tests_a_models_name_outside_the_one_switch()
    {
        var found = new List<string>();
        int texts = 0;
        foreach (string package in (string[])["Warm", "Warm.Transformers", "Warm.Cli"])
            foreach (string file in Sources(package).Where(file => Path.GetFileName(file) is not (Switch or OthersNames or Facts)))
                foreach (LiteralExpressionSyntax literal in CSharpSyntaxTree.ParseText(File.ReadAllText(file)).GetRoot().DescendantNodes().OfType<LiteralExpressionSyntax>().Where(l => l.IsKind(SyntaxKind.StringLiteralExpression)))
                {
                    texts++;
                    if (NamesAModel(literal.Token.ValueText)) found.Add($"{Path.GetRelativePath(Repository.Root, file)}:{literal.GetLocation().GetLineSpan().StartLinePosition.Line + 1} {literal}");
                }
        Assert.True(found.Count == 0, "Models are named here:\n" + string.Join('\n', found));
        Assert.True(texts > 1000, $"Only {texts} texts were seen.");
    }

    [Fact]
    public void An_architecture_fits_on_a_few_screens()
    {
        string[] files = [.. Sources("Warm.Transformers").Where(file => file.Contains($"{Path.DirectorySeparatorChar}Models{Path.DirectorySeparatorChar}", StringComparison.Ordinal))];
        Assert.Empty(files.Where(file => File.ReadAllLines(file).Length >= 250).Select(Path.GetFileName));
        Assert.True(files.Length > 20);
    }

    private static IEnumerable<string> Sources(string package) =>
        Directory.GetFiles(Repository.Path("src", package), "*.cs", SearchOption.AllDirectories)
            .Where(file => Path.GetRelativePath(Repository.Path("src", package), file).Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj"));
}
