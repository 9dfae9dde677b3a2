using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Warm.Testing;

namespace Warm.HouseTests;

/// <summary>
/// The walls of the house: a file names types of its own room and of every lower floor; never a neighbour on the same floor, never upward. Checked on symbols
/// (which type is declared in which file), as namespaces cannot tell: there is one a package.
/// </summary>
public class HouseTests
{
    /// <summary>Rooms of the two packages from the ground up; rooms on one line are neighbours.</summary>
    private static readonly string[][] Floors =
    [
        ["Warm/Files"],
        ["Warm/Checkpoints", "Warm/Preferences", "Warm/Statistics", "Warm/Charts"],
        ["Warm/Averaging", "Warm/Rewards"],
        ["Warm/Diversity"],
        ["Warm/Reports"],
        ["Warm.Transformers/Text", "Warm.Transformers/Engines"],
        ["Warm.Transformers/Models"],
        ["Warm.Transformers/Scoring", "Warm.Transformers/Generation"],
        ["Warm.Transformers/Training"],
    ];

    [Fact]
    public void Every_file_lies_in_a_room()
    {
        string[] rooms = [.. Floors.SelectMany(floor => floor)];
        Assert.Empty(Sources("Warm").Concat(Sources("Warm.Transformers")).Where(file => !rooms.Contains(Room(file))));
    }

    [Fact]
    public void Files_name_types_of_their_own_room_and_of_lower_floors()
    {
        string[] files = [.. Sources("Warm"), .. Sources("Warm.Transformers")];
        CSharpParseOptions options = new(LanguageVersion.Preview);
        string usings = "global using System; global using System.IO; global using System.Linq; global using System.Collections.Generic; global using System.Threading; global using System.Threading.Tasks;";
        List<SyntaxTree> trees = [CSharpSyntaxTree.ParseText(usings, options), .. files.Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), options, file))];
        string platform = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        CSharpCompilation house = CSharpCompilation.Create("house", trees,
            Directory.GetFiles(platform, "System.*.dll").Concat(Directory.GetFiles(AppContext.BaseDirectory, "System.*.dll")).DistinctBy(Path.GetFileName)
                .Where(IsManaged).Select(file => MetadataReference.CreateFromFile(file)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));

        List<string> broken = [];
        int checkedNames = 0;
        foreach (SyntaxTree tree in trees.Skip(1))
        {
            SemanticModel model = house.GetSemanticModel(tree);
            string room = Room(tree.FilePath);
            foreach (SimpleNameSyntax name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
            {
                SymbolInfo info = model.GetSymbolInfo(name);
                ISymbol? symbol = info.Symbol ?? info.CandidateSymbols.FirstOrDefault();
                INamedTypeSymbol? type = symbol as INamedTypeSymbol ?? symbol?.ContainingType;
                if (type is null) continue;
                string[] homes = [.. type.OriginalDefinition.DeclaringSyntaxReferences.Select(at => Room(at.SyntaxTree.FilePath)).Distinct()];
                if (homes.Length == 0) continue;
                checkedNames++;
                if (homes.All(home => home != room && Floor(home) >= Floor(room)))
                    broken.Add($"{Path.GetRelativePath(Repository.Path("src"), tree.FilePath)}:{name.GetLocation().GetLineSpan().StartLinePosition.Line + 1} names {type.Name} of {homes[0]}");
            }
        }
        Assert.True(broken.Count == 0, "Walls broken:\n" + string.Join('\n', broken.Distinct().Take(40)));
        Assert.True(checkedNames > 1000, $"Only {checkedNames} names resolved: the test sees nothing.");
    }

    [Theory]
    [InlineData("Utils"), InlineData("Helpers"), InlineData("Helper"), InlineData("Common"), InlineData("Manager"), InlineData("Base"), InlineData("Tensor")]
    public void No_file_has_a_name_that_says_nothing(string name) =>
        Assert.Empty(Directory.GetFiles(Repository.Path("src"), "*.cs", SearchOption.AllDirectories).Where(file => Path.GetFileNameWithoutExtension(file) == name));

    private static IEnumerable<string> Sources(string package) =>
        Directory.GetFiles(Repository.Path("src", package), "*.cs", SearchOption.AllDirectories)
            .Where(file => Path.GetRelativePath(Repository.Path("src", package), file).Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj"));

    /// <summary><c>Warm.Transformers/Engines</c> for src/Warm.Transformers/Engines/Cpu/MatMul.cs.</summary>
    private static string Room(string file) => string.Join('/', Path.GetRelativePath(Repository.Path("src"), file).Split(Path.DirectorySeparatorChar).Take(2));

    private static int Floor(string room) => Array.FindIndex(Floors, floor => floor.Contains(room));

    private static bool IsManaged(string file)
    {
        try { System.Reflection.AssemblyName.GetAssemblyName(file); return true; }
        catch (BadImageFormatException) { return false; }
    }
}
