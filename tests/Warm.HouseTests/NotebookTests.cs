using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Warm.Testing;

namespace Warm.HouseTests;

/// <summary>
/// samples/warm.ipynb, cell after cell: its C# cells become one program, whose outputs are compared with those in the notebook. What a cell ends with is shown as .NET Interactive shows it: by the
/// formatter that its type names, found by the names of attribute and methods alone. No kernel is needed, and none is run. <c>WARM_UPDATE=1</c> writes the outputs anew.
/// </summary>
[Collection("the SDK")]
public sealed class NotebookTests : IDisposable
{
    private const string Cell = "\u0001cell", Html = "\u0001html", End = "\u0001end";
    private readonly TemporaryFolder _folder = new();

    /// <summary>What .NET Interactive does with a type that it does not know (its Formatter.cs of February 2026), where the attribute is not its own.</summary>
    private const string Kernel = """
        internal static class Kernel
        {
            public static void Show(object value)
            {
                foreach (object attribute in value.GetType().GetCustomAttributes(true).Where(a => a.GetType().Name == "TypeFormatterSourceAttribute"))
                {
                    object source = Activator.CreateInstance((Type)attribute.GetType().GetProperty("FormatterSourceType")!.GetValue(attribute)!)!;
                    foreach (object formatter in (System.Collections.IEnumerable)source.GetType().GetMethod("CreateTypeFormatters")!.Invoke(source, null)!)
                    {
                        var writer = new StringWriter();
                        if (formatter.GetType().GetProperty("MimeType")!.GetValue(formatter) is not "text/html" || !(bool)formatter.GetType().GetMethod("Format")!.Invoke(formatter, [value, writer])!) continue;
                        Console.WriteLine($"\u0001html\n{writer}\n\u0001end");
                        return;
                    }
                }
                Console.WriteLine($"{value.GetType()} has no formatter");
            }
        }
        """;

    [Fact]
    public void Cells_print_what_the_notebook_shows()
    {
        string file = Repository.Path("samples", "warm.ipynb");
        JsonNode notebook = JsonNode.Parse(File.ReadAllText(file))!;
        JsonObject[] cells = [.. notebook["cells"]!.AsArray().Select(cell => cell!.AsObject()).Where(cell => (string?)cell["cell_type"] == "code")];
        JsonArray[] fresh = Run([.. cells.Select(cell => Text(cell["source"]!))]);
        Assert.Equal(cells.Length, fresh.Length);
        Assert.True(fresh.Count(outputs => outputs.Any(output => output!["data"] is not null)) >= 5, "The notebook shows next to nothing.");
        if (Environment.GetEnvironmentVariable("WARM_UPDATE") == "1")
        {
            for (int i = 0; i < cells.Length; i++) cells[i]["outputs"] = fresh[i].DeepClone();
            File.WriteAllText(file, notebook.ToJsonString(new JsonSerializerOptions { WriteIndented = true, IndentSize = 1, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n");
            return;
        }
        List<string> wrong = [];
        for (int i = 0; i < cells.Length; i++)
            wrong.AddRange(ShownOutput.Differences(Lines(cells[i]["outputs"]!.AsArray()), Lines(fresh[i]), 1).Select(difference => $"code cell {i + 1}, {difference}"));
        Assert.True(wrong.Count == 0, "samples/warm.ipynb is out of date (WARM_UPDATE=1 writes it anew):\n" + string.Join('\n', wrong.Take(20)));
    }

    /// <summary>Compiles the cells to one program, runs it where the notebook lies, and gives the outputs of each.</summary>
    private JsonArray[] Run(string[] cells)
    {
        var usings = new StringBuilder("using System; using System.IO; using System.Linq; using System.Collections.Generic; using System.Threading.Tasks;\n");
        var body = new StringBuilder();
        for (int i = 0; i < cells.Length; i++)
        {
            CompilationUnitSyntax unit = CSharpSyntaxTree.ParseText(cells[i], new CSharpParseOptions(LanguageVersion.Preview, kind: SourceCodeKind.Script)).GetCompilationUnitRoot();
            Assert.DoesNotContain(unit.GetDiagnostics(), problem => problem.Severity == DiagnosticSeverity.Error);
            foreach (UsingDirectiveSyntax directive in unit.Usings) usings.AppendLine(directive.WithoutTrivia().NormalizeWhitespace().ToString());
            body.AppendLine($"Console.WriteLine(\"{Cell.Replace("\u0001", "\\u0001")} {i}\");");
            foreach (MemberDeclarationSyntax member in unit.Members)
                body.AppendLine(member is GlobalStatementSyntax { Statement: ExpressionStatementSyntax { SemicolonToken.IsMissing: true } last } ? $"Kernel.Show({last.Expression});" : member.ToString());
        }
        string[] ours = ["Warm.dll", "Warm.Transformers.dll", "System.Numerics.Tensors.dll"];
        CSharpCompilation program = CSharpCompilation.Create("notebook", [CSharpSyntaxTree.ParseText($"{usings}{body}{Kernel}", new CSharpParseOptions(LanguageVersion.Preview))],
            ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal) || ours.Contains(Path.GetFileName(path)))
                .Concat(ours.Select(name => Path.Combine(AppContext.BaseDirectory, name))).DistinctBy(Path.GetFileName).Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        var built = program.Emit(_folder["notebook.dll"]);
        Assert.True(built.Success, string.Join('\n', built.Diagnostics.Where(problem => problem.Severity == DiagnosticSeverity.Error)));
        foreach (string name in ours) File.Copy(Path.Combine(AppContext.BaseDirectory, name), _folder[name]);
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Warm.HouseTests.runtimeconfig.json"), _folder["notebook.runtimeconfig.json"]);

        var start = new ProcessStartInfo("dotnet", [_folder["notebook.dll"]]) { WorkingDirectory = Repository.Path("samples"), RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.UTF8 };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)), "The notebook did not end.");
        Assert.True(process.ExitCode == 0, $"{output.Result}\n{error.Result}");
        return [.. output.Result.Split(Cell)[1..].Select(part => Outputs(part[(part.IndexOf('\n') + 1)..]))];
    }

    private static JsonArray Outputs(string printed)
    {
        var outputs = new JsonArray();
        while (printed.Length > 0)
        {
            int at = printed.IndexOf(Html, StringComparison.Ordinal);
            string text = at < 0 ? printed : printed[..at];
            if (text.Trim().Length > 0) outputs.Add(new JsonObject { ["name"] = "stdout", ["output_type"] = "stream", ["text"] = Array(text.Trim('\n') + "\n") });
            if (at < 0) break;
            int end = printed.IndexOf(End, at, StringComparison.Ordinal);
            outputs.Add(new JsonObject { ["data"] = new JsonObject { ["text/html"] = Array(printed[(at + Html.Length)..end].Trim('\n')) }, ["metadata"] = new JsonObject(), ["output_type"] = "display_data" });
            printed = printed[(end + End.Length)..].TrimStart('\n');
        }
        return outputs;

        static JsonArray Array(string text) => [.. text.Split('\n').Select((line, i) => (JsonNode)(i == text.Split('\n').Length - 1 ? line : line + "\n")).Where(line => ((string)line!).Length > 0)];
    }

    private static string[] Lines(JsonArray outputs) => [.. outputs.SelectMany(output => Text(output!["text"] ?? output["data"]!["text/html"]!).Split('\n'))];

    private static string Text(JsonNode lines) => string.Concat(lines.AsArray().Select(line => (string)line!));

    public void Dispose() => _folder.Dispose();
}
