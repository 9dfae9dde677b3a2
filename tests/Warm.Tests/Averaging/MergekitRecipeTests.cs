using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Tests.Averaging;

public class MergekitRecipeTests
{
    private static string Write(TemporaryFolder folder, string text)
    {
        File.WriteAllText(folder["recipe.yml"], text.ReplaceLineEndings("\n"));
        return folder["recipe.yml"];
    }

    private static double[] All(Weights weights, string name)
    {
        var values = new double[weights.Info(name).Count];
        weights.Read(name, 0, values);
        return values;
    }

    private static void SameBits(WeightAverage expected, WeightAverage got)
    {
        Assert.Equal(expected.Names, got.Names);
        Assert.All(expected.Names, name => Assert.Equal(TinyFolder.Bits(expected, name), TinyFolder.Bits(got, name)));
    }

    /// <summary>The recipes with which the reference ran mergekit, written as YAML, give what the definitions say.</summary>
    [ReferenceFact]
    public void Recipes_of_the_reference_mean_its_averages()
    {
        using var folder = new TemporaryFolder();
        int count = 0;
        foreach (JsonNode? entry in JsonNode.Parse(File.ReadAllText(Reference.Path("merges", "expected.json")))!["entries"]!.AsArray())
        {
            if (entry!["mergekit"] is not JsonObject kit || entry["file"] is null || kit.ContainsKey("masks")) continue;
            string family = (string)entry["family"]!, name = (string)entry["name"]!;
            var yaml = new StringBuilder($"# {name}\nmerge_method: {kit["merge_method"]}\nmodels:\n");
            string[] members = [.. entry["inputs"]!.AsArray().Select(i => (string)i!).Where(i => i != "base")];
            for (int i = 0; i < members.Length; i++)
            {
                yaml.Append(CultureInfo.InvariantCulture, $"- model: {Reference.Path("merges", family, members[i])}\n");
                string[] own = [.. new[] { kit["weights"] is JsonArray w ? $"weight: {w[i]}" : null, kit["density"] is { } d ? $"density: {d}" : null, kit["gamma"] is { } g ? $"gamma: {g}" : null }.OfType<string>()];
                if (own.Length > 0) yaml.Append(CultureInfo.InvariantCulture, $"  parameters: {{{string.Join(", ", own)}}}\n");
            }
            if (kit["base"] is { } origin) yaml.Append(CultureInfo.InvariantCulture, $"base_model: '{Reference.Path("merges", family, (string)origin!)}'\n");
            string[] shared = [.. kit.Where(k => k.Key is not ("merge_method" or "weights" or "density" or "gamma" or "base")).Select(k => $"  {k.Key}: {k.Value!.ToJsonString()}\n")];
            if (shared.Length > 0) yaml.Append("parameters:\n").AppendJoin("", shared);

            WeightAverage average = MergekitRecipe.Read(Write(folder, yaml.ToString())).Average(Checkpoint.Open);
            Checkpoint expected = Checkpoint.Open(Reference.Path("merges", (string)entry["file"]!));
            foreach (string tensor in expected.Names)
            {
                double[] want = All(expected, tensor), got = All(average, tensor);
                for (int i = 0; i < want.Length; i++)
                    Assert.True(Math.Abs(want[i] - got[i]) <= 1.2e-7 * Math.Max(2e-2, Math.Abs(want[i])), $"{family}/{name}: {tensor}[{i}] is {got[i]:R}, expected {want[i]:R}\n{yaml}");
            }
            count++;
        }
        Assert.True(count >= 25, $"only {count}");
        Reference.Count("recipes of mergekit", count);
    }

    [ReferenceFact]
    public void Recipe_files_that_mergekit_ran_open_beside_their_models()
    {
        foreach (string file in Directory.GetFiles(Reference.Path("merges", "mergekit", "configs"), "*.yml"))
        {
            // They name ./llama/member-0, as seen from two folders above.
            WeightAverage average = MergekitRecipe.Read(file).Average(model => Checkpoint.Open(Path.GetFullPath(model, Reference.Path("merges"))));
            using Checkpoint theirs = Checkpoint.Open(Reference.Path("merges", "mergekit", "outputs", Path.GetFileNameWithoutExtension(file)));
            if (file.EndsWith("dare_linear.yml", StringComparison.Ordinal)) continue; // other random numbers
            foreach (string tensor in theirs.Names) Assert.Equal(All(theirs, tensor), All(average, tensor), (a, b) => Math.Abs(a - b) <= 5e-7);
        }
    }

    [Fact]
    public void Weights_and_dials_mean_our_methods_to_the_bit()
    {
        using var folder = new TemporaryFolder();
        Weights[] rm = TinyFolder.Siblings(folder, 2);
        Weights origin = Checkpoint.Open(TinyFolder.Write(folder["base"], TinyFolder.Values(50)));
        Weights Open(string model) => new[] { rm[0], rm[1], origin }.Single(w => w.Name == model);
        WeightAverage Imported(string text) => MergekitRecipe.Read(Write(folder, text)).Average(Open);
        // Relative names lie beside the recipe.
        SameBits(WeightAverage.Of(rm, new AverageOptions { Weights = [3, 1] }), Imported("merge_method: linear\nmodels:\n  - model: rm-0\n    parameters: {weight: 3}\n  - model: ./rm-1\n    parameters:\n      weight: 1.0\ndtype: float32\n".Replace("./rm-1", folder["rm-1"])));
        SameBits(WeightAverage.Of(rm, new AverageOptions { Weights = [3, 1], Normalise = false, DType = DType.BF16 }),
            Imported("merge_method: linear\nout_dtype: bfloat16\nparameters: {normalize: false, weight: 1}\nmodels: [{model: rm-0, parameters: {weight: 3}}, {model: rm-1}]\n"));
        SameBits(WeightAverage.Of([rm[1], rm[0]], new AverageOptions { Method = new Slerp(0.3) }), Imported("merge_method: slerp\nbase_model: rm-1\nmodels:\n- model: rm-0\nparameters:\n  t: 0.3\n"));
        SameBits(WeightAverage.Of(rm, new AverageOptions { Method = new Ties(origin) { Weights = [1, 0.5], Density = 0.3, Lambda = 0.8 } }),
            Imported("merge_method: ties\nbase_model: base\nmodels:\n- model: base\n- model: rm-0\n  parameters: {weight: 1}\n- model: rm-1\n  parameters: {weight: 0.5}\nparameters: {density: 0.3, lambda: 0.8, int8_mask: true}\n"));
        SameBits(WeightAverage.Of(rm, new AverageOptions { Method = new NuSlerp(0.25) { Scope = MethodScope.Tensor } }),
            Imported("merge_method: nuslerp\nmodels:\n- {model: rm-0, parameters: {weight: 0.75}}\n- {model: rm-1, parameters: {weight: 0.25}}\n"));
        SameBits(WeightAverage.Of(rm, new AverageOptions { Method = new Dare(origin) { Weights = [0.4, 0.4], Density = 0.5, Rescale = Rescaling.L1 } }),
            Imported("merge_method: dare_linear\nbase_model: base\nparameters: {weight: 0.4, density: 0.5}\nmodels:\n- model: rm-0\n- model: rm-1\n"));
        SameBits(WeightAverage.Of(rm[..1]), Imported("merge_method: passthrough\nmodels:\n- model: rm-0\n"));
    }

    [Fact]
    public void Dials_of_each_member_modules_and_models_written_as_maps_mean_our_methods_to_the_bit()
    {
        using var folder = new TemporaryFolder();
        Weights[] rm = TinyFolder.Siblings(folder, 2);
        Weights origin = Checkpoint.Open(TinyFolder.Write(folder["base"], TinyFolder.Values(50)));
        WeightAverage Imported(string text) => MergekitRecipe.Read(Write(folder, text)).Average(model => new[] { rm[0], rm[1], origin }.Single(w => w.Name == model));
        WeightAverage Own(AverageMethod method) => WeightAverage.Of(rm, new AverageOptions { Method = method });
        const string Two = "base_model: base\nmodels:\n- model: rm-0\n  parameters: {weight: 1, density: 0.3, epsilon: 0.1, gamma: 0.02}\n- model: rm-1\n  parameters: {weight: 0.5, density: 0.6, epsilon: 0.2, gamma: 0.1}\n";
        double[] weights = [1, 0.5], densities = [0.3, 0.6];
        SameBits(Own(new Ties(origin) { Weights = weights, Density = densities, Rescale = Rescaling.None }), Imported($"merge_method: ties\n{Two}"));
        SameBits(Own(new Ties(origin) { Weights = weights, Density = densities, Rescale = Rescaling.L1, Normalise = false }), Imported($"merge_method: ties\n{Two}parameters: {{rescale: true, normalize: false}}\n"));
        SameBits(Own(new Dare(origin) { Weights = weights, Density = densities, Rescale = Rescaling.None, Signs = true }), Imported($"merge_method: dare_ties\n{Two}parameters: {{rescale: false}}\n"));
        SameBits(Own(new Breadcrumbs(origin) { Weights = weights, Density = densities, Gamma = new[] { 0.02, 0.1 }, Lambda = 0.5 }), Imported($"merge_method: breadcrumbs\n{Two}parameters: {{lambda: 0.5}}\n"));
        SameBits(Own(new Della(origin) { Weights = weights, Density = densities, Epsilon = new[] { 0.1, 0.2 }, Rescale = Rescaling.L1, Lambda = 1.1 }), Imported($"merge_method: della\n{Two}parameters: {{lambda: 1.1}}\n"));
        SameBits(Own(new Della(origin) { Weights = weights, Density = densities, Epsilon = new[] { 0.1, 0.2 }, Rescale = Rescaling.None, Signs = false, Normalise = true }), Imported($"merge_method: della_linear\n{Two}parameters: {{rescale: false, normalize: true}}\n"));
        SameBits(Own(new Della(origin) { Weights = [1, 1], Density = 1, Epsilon = 0, Rescale = Rescaling.L1 }), Imported("merge_method: della\nbase_model: base\nparameters: {weight: 1}\nmodels: [{model: rm-0}, {model: rm-1}]\n"));
        foreach ((string dials, MethodScope scope) in (ReadOnlySpan<(string, MethodScope)>)[("nuslerp_flatten: false, nuslerp_row_wise: true", MethodScope.Column), ("nuslerp_flatten: false", MethodScope.Vector), ("nuslerp_row_wise: true", MethodScope.Tensor)])
            SameBits(Own(new NuSlerp(0.25) { Scope = scope }), Imported($"merge_method: nuslerp\nparameters: {{{dials}}}\nmodels:\n- {{model: rm-0, parameters: {{weight: 0.75}}}}\n- {{model: rm-1, parameters: {{weight: 0.25}}}}\n"));
        // What a module says goes before what is said for all; mergekit writes models as maps.
        SameBits(WeightAverage.Of(rm, new AverageOptions { Weights = [3, 1], Normalise = false }),
            Imported("merge_method: linear\nparameters: {normalize: true, weight: 1}\ntokenizer: {source: base}\nmodules:\n  default:\n    models:\n    - model: {model: {path: rm-0}}\n      parameters: {weight: 3}\n    - model: {model: rm-1, lora: null}\n    parameters: {normalize: false}\n"));
        SameBits(WeightAverage.Of(rm[..1], new AverageOptions { Weights = [0.5], Normalise = false }), Imported("merge_method: passthrough\nmodels:\n- model: rm-0\n  parameters: {scale: 0.5}\n"));
        Assert.Equal(["rm-0+lora"], MergekitRecipe.Read(Write(folder, "merge_method: linear\nmodels: [{model: {model: {path: rm-0}, lora: {path: lora}}, parameters: {weight: 1}}]\n")).Models);
    }

    [Fact]
    public void Filters_gradients_and_slices_give_each_tensor_its_dials()
    {
        using var folder = new TemporaryFolder();
        // Three layers, so that a gradient over them has a middle.
        string Make(string name, int seed) => TinyFolder.Write(folder[name], TinyFolder.Values(seed), more: tensors =>
        {
            foreach (int layer in (int[])[1, 2])
            {
                (TensorInfo first, byte[] bits) = tensors["model.layers.0.self_attn.q_proj.weight"];
                tensors[$"model.layers.{layer}.self_attn.q_proj.weight"] = (first with { Name = $"model.layers.{layer}.self_attn.q_proj.weight" }, bits);
            }
        });
        Weights[] rm = [Checkpoint.Open(Make("a", 0)), Checkpoint.Open(Make("b", 1))];
        WeightAverage Imported(string text) => MergekitRecipe.Read(Write(folder, text)).Average(Checkpoint.Open);
        void Equal(WeightAverage got, string tensor, double t) =>
            Assert.Equal(TinyFolder.Bits(WeightAverage.Of(rm, new AverageOptions { Method = new Slerp(t) }), tensor), TinyFolder.Bits(got, tensor));

        WeightAverage average = Imported("""
            merge_method: slerp
            base_model: a
            slices:
              - sources:
                  - {model: a, layer_range: [0, 3]}
                  - {model: b, layer_range: [0, 3]}
            parameters:
              t:
                - filter: self_attn
                  value: [0.25, 0.5, 1.0]   # over the layers
                - filter: mlp
                  value: [1, 0]
                - value: 0.125
            """);
        Equal(average, "model.layers.0.self_attn.q_proj.weight", 0.25);
        Equal(average, "model.layers.1.self_attn.q_proj.weight", 0.5);
        Equal(average, "model.layers.2.self_attn.q_proj.weight", 1);
        Equal(average, "model.layers.0.mlp.up_proj.weight", 1);
        Equal(average, "model.embed_tokens.weight", 0.125);
        Equal(average, "score.weight", 0.125);
        JsonNode recipe = average.Save(folder["out"], new SaveOptions { Sync = false }).Recipe!;
        Assert.Equal("slerp", (string)recipe["method"]!);
        Assert.Equal("recipe.yml", (string)recipe["import"]!["file"]!);
        Assert.Equal(4, recipe["dials"]!["byTensor"]!.AsArray().Count); // t is 0.125, 0.25, 0.5 or 1

        // Outside the layers a gradient has its first value, also behind them.
        average = Imported("merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]\nparameters: {t: [0.25, 0.75]}\n");
        Equal(average, "model.embed_tokens.weight", 0.25);
        Equal(average, "model.layers.1.self_attn.q_proj.weight", 0.5);
        Equal(average, "model.norm.weight", 0.25);

        // Two slices of the same models differ in their dials only.
        average = Imported("""
            merge_method: slerp
            base_model: a
            slices:
            - sources: [{model: a, layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}]
              parameters: {t: 0.25}
            - sources: [{model: a, layer_range: [1, 3]}, {model: b, layer_range: [1, 3]}]
            parameters: {t: [0.5, 0.75]}
            """);
        Equal(average, "model.layers.0.self_attn.q_proj.weight", 0.25);
        Equal(average, "model.layers.1.self_attn.q_proj.weight", 0.5);
        Equal(average, "model.layers.2.self_attn.q_proj.weight", 0.75);

        // Weights by tensor.
        average = Imported("merge_method: linear\nmodels:\n- model: a\n  parameters: {weight: [{filter: mlp, value: 1}, {value: 3}]}\n- model: b\n  parameters: {weight: 1}\n");
        Assert.Equal(TinyFolder.Bits(WeightAverage.Of(rm), "model.layers.0.mlp.up_proj.weight"), TinyFolder.Bits(average, "model.layers.0.mlp.up_proj.weight"));
        Assert.Equal(TinyFolder.Bits(WeightAverage.Of(rm, new AverageOptions { Weights = [3, 1] }), "score.weight"), TinyFolder.Bits(average, "score.weight"));
    }

    [Theory]
    [InlineData("merge_method: linear\nmodells:\n- model: rm-0\n", "line 2", "\"modells\" is no key")]
    [InlineData("merge_method: linear\nmodels:\n- model: rm-0\n  parameters:\n    weigth: 1\n", "line 5", "\"weigth\" is no key")]
    [InlineData("merge_method: linear\nmodels:\n- model: rm-0\n  weight: 1\n", "line 4", "\"weight\" is no key of a model")]
    [InlineData("merge_method: slerp\nbase_model: rm-0\nmodels:\n- model: rm-0\n- model: rm-1\nparameters:\n  t:\n  - filtr: x\n    value: 1\n", "line 8", "\"filtr\" is no key of a condition")]
    [InlineData("merge_method: mystery\nmodels:\n- model: rm-0\n", "line 1", "is not one that is built")]
    [InlineData("merge_method: della\nbase_model: rm-1\nmodels:\n- model: rm-0\n", "recipe.yml", "has no weight for")]
    [InlineData("merge_method: della\nbase_model: rm-1\nmodels:\n- model: rm-0\n  parameters: {weight: 1, density: 0.9}\n", "--epsilon", "is 0.15")]
    [InlineData("merge_method: ties\nbase_model: rm-1\nmodels:\n- model: rm-0\n  parameters: {weight: 1, density: 0}\n", "--density", "is 0")]
    [InlineData("merge_method: multislerp\nmodels:\n- model: rm-0\n", "line 1", "multislerp is not one that is built")]
    [InlineData("merge_method: linear\nmodules:\n  text: {models: [{model: rm-0}]}\n  image: {models: [{model: rm-0}]}\n", "line 3", "several parts")]
    [InlineData("merge_method: linear\nmodules: {text: {models: [{model: rm-0}]}}\nmodels: [{model: rm-0}]\n", "line 2", "one of the three")]
    [InlineData("merge_method: linear\ntokenizer: {source: union}\nmodels:\n- model: rm-0\n", "line 2", "never joined")]
    [InlineData("merge_method: linear\ntokenizer: {source: base, tokens: {a: {source: x}}}\nmodels:\n- model: rm-0\n", "line 2", "tokenizer tokens")]
    [InlineData("merge_method: linear\nmodels:\n- model: {model: {path: rm-0, revision: main}}\n", "line 3", "revision main")]
    [InlineData("merge_method: linear\nmodels:\n- model: rm-0\n  parameters: {weight: heavy}\n", "line 4", "weight is \"heavy\"")]
    [InlineData("merge_method: linear\nmodels:\n- model: rm-0\n  parameters: {weight: .nan}\n", "line 4", "weight is \".nan\"")]
    [InlineData("merge_method: linear\nmodels:\n- model: rm-0\n", "recipe.yml", "has no weight for")]
    [InlineData("merge_method: ties\nmodels:\n- model: rm-0\n  parameters: {weight: 1}\n", "line 1", "base_model is missing")]
    [InlineData("merge_method: linear\nmodels: []\n", "line 2", "a list of models")]
    [InlineData("merge_method: linear\n", "line 1", "neither models nor slices")]
    [InlineData("merge_method: linear\nmodules: {}\n", "line 2", "not built")]
    [InlineData("merge_method: linear\ntokenizer_source: union\nmodels:\n- model: rm-0\n", "line 2", "not built")]
    [InlineData("merge_method: linear\ndtype: int4\nmodels:\n- model: rm-0\n", "line 2", "int4")]
    [InlineData("merge_method: passthrough\nslices:\n- sources: [{model: rm-0, layer_range: [0, 1]}]\n- sources: [{model: rm-0, layer_range: [0, 1]}]\n", "line 4", "stack layers")]
    [InlineData("merge_method: linear\nmerge_method: slerp\n", "line 2", "stands twice")]
    [InlineData("merge_method: linear\nmodels:\n- model: rm-0\n- model: rm-0\nparameters: {weight: 1}\n", "line 3", "stands twice")]
    [InlineData("a: &x [1]\nb: *x\n", "line 2", "alias")]
    [InlineData("merge_method: [linear\n", "line", "not YAML")]
    [InlineData("", "recipe.yml", "empty")]
    [InlineData("just a text\n", "line 1", "a map")]
    [InlineData("--- \na: 1\n---\nb: 1\n", "line 3", "second document")]
    public void What_is_unknown_or_not_built_is_refused_with_its_line(string text, string where, string found)
    {
        using var folder = new TemporaryFolder();
        _ = TinyFolder.Siblings(folder, 2);
        WarmException error = Assert.Throws<WarmException>(() => MergekitRecipe.Read(Write(folder, text)).Average(Checkpoint.Open));
        Assert.Contains(where, error.Where);
        Assert.Contains(found, error.Message);
    }

    [Theory]
    [InlineData('[')]
    [InlineData('{')]
    public void Deep_nesting_ends_at_once(char open)
    {
        using var folder = new TemporaryFolder();
        WarmException error = Assert.Throws<WarmException>(() => MergekitRecipe.Read(Write(folder, new string(open, 500_000))));
        Assert.Contains("deeper", error.Message);
        Assert.Throws<WarmException>(() => MergekitRecipe.Read(Write(folder, new string(' ', 1 << 20) + "a: 1")));
        Assert.Contains("values", Assert.Throws<WarmException>(() => MergekitRecipe.Read(Write(folder, $"[{string.Join(',', Enumerable.Repeat('1', 200_000))}]"))).Message);
    }
}
