using System.CommandLine;
using System.Text.Json.Nodes;
using Warm.Transformers;

namespace Warm.Cli;

/// <summary><c>warm inspect DIR</c>: what a model is, from its headers and companion files: architecture, head, tensors, tokenizer, hashes.</summary>
internal static class InspectCommand
{
    public static WarmCommand Create()
    {
        var path = new Argument<string>("DIR") { Description = ModelArgument.Description };
        var file = new Option<string?>("--file") { Description = "The weight file or index in the folder, where there are several." };
        Option<string> under = ModelArgument.Base();
        var noHash = new Option<bool>("--no-hash") { Description = "Do not read the files through for their SHA-256 and their own checksums." };
        return new WarmCommand("inspect", "Say what a model is: architecture, head, read position, tensors, tokenizer, hashes.", "warm inspect runs/rm-1") { path, under, file, noHash }
            .Runs((parsed, report, cancellation) =>
            {
                using Weights weights = parsed.GetValue(file) is { } name ? Checkpoint.OpenFile(parsed.GetRequiredValue(path), name) : ModelArgument.OpenWith(parsed.GetValue(under), parsed.GetRequiredValue(path));
                JsonObject document = Describe(weights, !parsed.GetValue(noHash), cancellation);
                if (report.IsJson) report.Line(document);
                else Print(weights, document, report);
                return Task.FromResult(0);
            });
    }

    private static JsonObject Describe(Weights weights, bool hash, CancellationToken cancellation)
    {
        ModelFolder? folder = weights.Folder;
        ModelConfig? config = folder?.Config;
        HeadLayout? head = HeadLayout.Of(weights);
        Vocabulary? vocabulary = folder is null ? null : Vocabulary.Of(folder);
        string? template = folder is null ? null : Vocabulary.TemplateOf(folder);
        string root = folder is null ? Path.GetDirectoryName(Path.GetFullPath(weights.Name))! : Path.GetFullPath(folder.Path);
        List<string> remarks = [.. weights.Remarks];
        if (config is not null && head is null) remarks.Add("no reward head is among the tensors: this model can be averaged, not asked for rewards");
        if (config is not null && head is not null) remarks.AddRange(RewardModel.Inspect(weights));

        var dtypes = new JsonObject();
        foreach (var type in weights.Names.GroupBy(name => weights.Info(name).DType).OrderBy(g => g.Key)) dtypes[type.Key.Name()] = type.Count();
        var document = new JsonObject
        {
            ["path"] = weights.Name,
            ["architecture"] = config?.Architecture,
            ["modelType"] = config?.ModelType,
            ["head"] = head is null ? null : new JsonObject { ["name"] = head.Name, ["output"] = head.Output, ["tensors"] = Texts(head.Tensors), ["statistics"] = Texts(head.Statistics) },
            ["readPosition"] = (head is null || folder is null ? head?.Position : CandidateReader.RecordedPosition(folder) ?? head.Position).ToString(),
            ["textForm"] = config is null ? null : Recipe.TextFormOf(folder!).Name,
            ["labels"] = head is null ? null : weights.Info(head.Output).Shape is { Rank: 2 } rows ? rows[0] : 1,
            ["parameters"] = weights.Parameters,
            ["bytes"] = weights.Bytes,
            ["dtypes"] = dtypes,
            ["tensors"] = new JsonArray([.. weights.Names.Select(name => Tensor(weights, name, root))]),
            ["tokenizer"] = vocabulary is null ? null : new JsonObject
            {
                ["kind"] = vocabulary.Kind,
                ["vocabulary"] = vocabulary.Words.Count,
                ["special"] = new JsonObject(vocabulary.Special.Select(s => KeyValuePair.Create(s.Key, (JsonNode?)s.Value))),
            },
            ["template"] = template,
        };
        if (hash && Files(weights) is { Count: > 0 } own)
        {
            if (weights is Checkpoint checkpoint) checkpoint.Verify(cancellation);
            else (weights as LowRankAdapter)?.Verify(cancellation);
            string[] files = [.. own.Concat(folder?.Companions ?? []).Distinct()];
            document["sha256"] = new JsonObject(files.Zip(ContentHash.OfFiles(files, cancellation: cancellation)).Select(f => KeyValuePair.Create(Relative(root, f.First), (JsonNode?)f.Second)));
        }
        if (folder?.Licence is { } licence) document["licence"] = licence;
        document["remarks"] = Texts(remarks);
        return document;
    }

    private static JsonObject Tensor(Weights weights, string name, string root)
    {
        TensorInfo info = weights.Info(name);
        return new()
        {
            ["name"] = name,
            ["dtype"] = info.DType.Name(),
            ["shape"] = new JsonArray([.. info.Shape.Sizes.ToArray().Select(size => (JsonNode)size)]),
            ["file"] = FileOf(weights, name) is { } file ? Relative(root, file) : null,
        };
    }

    private static void Print(Weights weights, JsonObject document, Report report)
    {
        report.Line(weights.ToString());
        if (document["architecture"] is { } architecture) report.Line($"architecture  {architecture}");
        if (HeadLayout.Of(weights) is { } head) report.Line($"head          {head}; {document["labels"]} label{(document["labels"]!.GetValue<long>() == 1 ? "" : "s")}");
        if (document["textForm"] is { } form) report.Line($"text form     {form}");
        if (document["tokenizer"] is { } tokenizer) report.Line($"tokenizer     {tokenizer["kind"]}, {tokenizer["vocabulary"]} words; {string.Join(", ", tokenizer["special"]!.AsObject().Select(s => $"{s.Key} {s.Value}"))}");
        if (document["licence"] is { } licence) report.Line($"licence       {licence}");
        if (document["sha256"] is JsonObject hashes)
            foreach ((string file, JsonNode? hash) in hashes) report.Line($"sha256        {hash}  {file}");
        report.Line();
        report.Table(["tensor", "type", "shape", "file"], weights.Names.Select(name =>
            (IReadOnlyList<string>)[name, weights.Info(name).DType.Name(), weights.Info(name).Shape.ToString(), Path.GetFileName(FileOf(weights, name)) ?? ""]));
        foreach (JsonNode? remark in document["remarks"]!.AsArray()) report.Remark((string)remark!);
    }

    /// <summary>The weight files under a model; an average has none of its own.</summary>
    private static IReadOnlyList<string> Files(Weights weights) => weights switch { Checkpoint checkpoint => checkpoint.Files, LowRankAdapter adapter => [.. Files(adapter.Base), .. adapter.Files], _ => [] };

    private static string? FileOf(Weights weights, string name) => weights switch { Checkpoint checkpoint => checkpoint.FileOf(name), LowRankAdapter adapter => adapter.FileOf(name), _ => null };

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode)text)]);

    private static string Relative(string root, string file) => Path.GetRelativePath(root, Path.GetFullPath(file)).Replace('\\', '/');
}
