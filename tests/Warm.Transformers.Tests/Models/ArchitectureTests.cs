using Warm.Testing;
using Xunit.Abstractions;

namespace Warm.Transformers.Tests;

/// <summary>Every architecture on every engine, against what PyTorch computed in double: single texts, batches, given positions, inner masks, traces.</summary>
public class ArchitectureTests(ITestOutputHelper output)
{
    [ReferenceTheory]
    [MemberData(nameof(ReferenceFolder.Built), MemberType = typeof(ReferenceFolder))]
    public void Hidden_and_head_in_double_agree_with_the_reference(string folder) => Compare(folder, new ReferenceEngine(), _ => 1e-9);

    [ReferenceTheory]
    [MemberData(nameof(ReferenceFolder.Built), MemberType = typeof(ReferenceFolder))]
    public void Hidden_and_head_on_the_cpu_agree_with_the_reference(string folder) => Compare(folder, new CpuEngine(), reference => reference.SingleTolerance);

    [ReferenceTheory]
    [MemberData(nameof(ReferenceFolder.Built), MemberType = typeof(ReferenceFolder))]
    public void Hidden_in_double_traces_every_module_of_the_reference(string folder) => Trace(folder, new ReferenceEngine(), 1e-7);

    [ReferenceTheory]
    [MemberData(nameof(ReferenceFolder.Built), MemberType = typeof(ReferenceFolder))]
    public void Hidden_on_the_cpu_traces_every_module_of_the_reference(string folder) => Trace(folder, new CpuEngine(), 1e-5);

    /// <summary>Every module whose output the reference stores (in single, so 1e-7 is the least that can be asked for) is told to the trace, with a relative RMS difference of at most <paramref name="bound"/>.</summary>
    private void Trace(string folder, Engine engine, double bound)
    {
        var reference = new ReferenceFolder(folder);
        string file = Path.Combine(reference.Path, "hidden.safetensors");
        if (!File.Exists(file)) return;
        using Checkpoint weights = Checkpoint.Open(reference.Path), hidden = Checkpoint.Open(file);
        using Transformer model = Architectures.Load(weights, engine, Residency.Mapped, null);
        ReferenceFolder.Case one = reference.Cases.Single(c => c.Name == hidden.Metadata["case"]);
        BatchLayout layout = BatchLayout.Of(one.Ids, typeIds: one.Types);
        var compared = new HashSet<string>();
        double worst = 0;
        int at = model.Head.ReadAt(one.Ids[0]);
        void Check(string module, EngineTensor output)
        {
            module = InLibrary(hidden, module);
            if (!hidden.Contains(module)) return;
            double[] expected = new double[hidden.Info(module).Count], actual = new double[output.Rows * output.Columns];
            hidden.Read(module, 0, expected.AsSpan());
            engine.Download(output, actual);
            if (module.EndsWith(".conv.conv", StringComparison.Ordinal)) // PyTorch's convolution keeps its channels first
                expected = [.. Enumerable.Range(0, actual.Length).Select(i => expected[i % output.Columns * output.Rows + i / output.Columns])];
            if (hidden.Info(module).Shape is { Rank: 4 } shape && shape[1] != layout.Rows) expected = HeadsToRows(expected, (int)shape[1], (int)shape[2], (int)shape[3]);
            double difference = Math.Sqrt(expected.Zip(actual, (e, a) => (e - a) * (e - a)).Sum() / expected.Sum(e => e * e));
            Assert.True(difference <= bound, $"{folder} {module}: relative RMS difference {difference:E2}, {bound:E0} allowed");
            worst = Math.Max(worst, difference);
            compared.Add(module);
        }
        // PyTorch's decoders put every token through the head, its encoders the token that is read.
        bool everyToken = at < 0 || hidden.Info(InLibrary(hidden, model.Head.OutputPath)).Shape is { Rank: 3 };
        using EngineTensor states = model.Architecture.Hidden(layout, everyToken ? null : [layout.RowOf(0, at)], Check);
        using EngineTensor? mean = at < 0 ? engine.MeanRows(states, layout) : null;
        using EngineTensor rewards = model.Head.Apply(mean ?? states, Check);
        Assert.Empty(hidden.Names.Except(compared));
        output.WriteLine($"{folder}: {compared.Count} modules, largest relative RMS difference {worst:E1}");
        Reference.Count($"architectures: traced modules on {engine.Name.Split(',')[0]}", compared.Count);
    }

    /// <summary>What the library calls a module where the file calls it otherwise: the heads of other projects stand beside a base, and an image-text model's text part lies elsewhere.</summary>
    private static string InLibrary(Checkpoint hidden, string module)
    {
        if (hidden.Contains(module)) return module;
        if (hidden.Contains($"head.{module}")) return $"head.{module}";
        foreach ((string prefix, string named) in (ReadOnlySpan<(string, string)>)[("language_model.model.", "model.language_model."), ("pretrained_model.transformer.", "base."), ("transformer.", "base."), ("model.", "base."), ("gpt_neox.", "base.")])
            if (module.StartsWith(prefix, StringComparison.Ordinal)) return named + module[prefix.Length..];
        return module;
    }

    /// <summary>[heads, rows, size] to [rows, heads x size].</summary>
    private static double[] HeadsToRows(double[] values, int heads, int rows, int size)
    {
        double[] result = new double[values.Length];
        for (int h = 0; h < heads; h++)
            for (int r = 0; r < rows; r++) Array.Copy(values, (h * rows + r) * size, result, (r * heads + h) * size, size);
        return result;
    }

    [ReferenceFact]
    public void Hidden_of_dynamic_rotation_remembers_no_earlier_text()
    {
        // transformers keeps the longest text's frequencies in the model; here each text has its own, as a fresh model would.
        var reference = new ReferenceFolder("llama-rope-dynamic");
        var engine = new ReferenceEngine();
        using Checkpoint weights = Checkpoint.Open(reference.Path);
        using Transformer model = Architectures.Load(weights, engine);
        var calls = reference.Root.GetProperty("calls_in_order_on_one_model").EnumerateArray()
            .Select(call => (Ids: call.GetProperty("input_ids")[0].EnumerateArray().Select(id => id.GetInt32()).ToArray(), Reward: call.GetProperty("fresh_model_f64")[0][0].GetDouble())).ToArray();
        foreach ((int[] ids, double reward) in calls)
        {
            BatchLayout layout = BatchLayout.Of([ids]);
            AssertClose([reward], Rewards(model, engine, layout, [layout.RowOf(0, model.Head.ReadAt(ids))]), 1e-9, $"{ids.Length} ids");
        }
        BatchLayout together = BatchLayout.Of([.. calls.Select(c => c.Ids)], model.Architecture.SharesBeginnings);
        AssertClose([.. calls.Select(c => c.Reward)], Rewards(model, engine, together, [.. calls.Select((c, n) => together.RowOf(n, model.Head.ReadAt(c.Ids)))]), 1e-9, "all in one pass");
    }

    [ReferenceFact]
    public void Load_of_relative_positions_is_refused()
    {
        using Checkpoint weights = Checkpoint.Open(Reference.Path("architectures", "bert-relative-key-ignored"));
        WarmException refusal = Assert.Throws<WarmException>(() => Architectures.Load(weights, new ReferenceEngine(), Residency.Mapped, null));
        Assert.Contains("position_embedding_type", refusal.Message);
        output.WriteLine($"bert-relative-key-ignored refuses: {refusal.Message}");
    }

    private void Compare(string folder, Engine engine, Func<ReferenceFolder, double> toleranceOf)
    {
        (int cases, double worst) = Measure(folder, engine, toleranceOf);
        output.WriteLine($"{folder}: agrees, {cases} cases, worst {worst:E1}");
        Reference.Count($"architectures: cases on {engine.Name.Split(',')[0]}", cases);
    }

    /// <summary>Every case of a folder as PyTorch got it, and each text alone: how many there were and the largest difference; fails where one is beyond the tolerance.</summary>
    internal static (int Cases, double Worst) Measure(string folder, Engine engine, Func<ReferenceFolder, double> toleranceOf)
    {
        var reference = new ReferenceFolder(folder);
        double tolerance = toleranceOf(reference), worst = 0;
        using Checkpoint weights = Checkpoint.Open(reference.Path);
        using Transformer model = Architectures.Load(weights, engine, Residency.Mapped, null);
        int? pad = weights.Folder!.Config!.PadTokenId;
        int cases = 0;
        foreach (ReferenceFolder.Case one in reference.Cases)
        {
            // As PyTorch got it, padding, masks and positions included; one row at a time, for a text's length is that of its row here.
            for (int r = 0; r < one.Ids.Length && !one.Packed; r++)
            {
                if (!model.Architecture.SharesBeginnings && model.Architecture.Causal && one.Alone is not null) break; // rotation by length: PyTorch takes the longest row's
                BatchLayout layout = BatchLayout.Of([one.Ids[r]], false, one.Types is null ? null : [one.Types[r]], one.Positions is null ? null : [one.Positions[r]], one.Mask is null ? null : [one.Mask[r]]);
                // The heads of other projects read by the mask; here a text has none, so where the mask hides something the place is theirs.
                bool masked = one.Hides(r) && weights.Folder!.Config!.Architecture!.EndsWith("ForSequenceClassification", StringComparison.Ordinal) is false;
                if (masked && one.ReadAt is not null && !one.Mask![r][one.ReadAt[r]]) continue; // GRM under left padding reads a token that is none
                int at = masked && one.ReadAt is not null ? one.ReadAt[r] : model.Head.ReadAt(one.Ids[r]);
                Assert.Equal(one.ReadAt?[r] ?? -1, at);
                if (at >= 0 && one.Mask?[r][at] == false && SeesNothingAsPad(folder)) continue; // what a pad makes of pads is nothing to imitate: eager and sdpa differ
                double[] rewards = Rewards(model, engine, layout, at < 0 ? null : [layout.RowOf(0, at)]);
                worst = Math.Max(worst, AssertClose(one.Logits[r], rewards, tolerance, $"{folder} {one.Name} row {r}"));
                if (one.Normalised is not null) AssertClose(one.Normalised[r], [model.Head.Normaliser!.Normalise((float)rewards[0], 0)], Math.Max(tolerance, 1e-6), $"{folder} {one.Name} normalised");
            }
            if (one.Alone is not null)
            {
                int[][] texts = one.AloneIds(pad);
                BatchLayout layout = BatchLayout.Of(texts, model.Architecture.SharesBeginnings);
                double[] rewards = Rewards(model, engine, layout, model.Head.Position == RewardPosition.Mean ? null : [.. texts.Select((t, n) => layout.RowOf(n, model.Head.ReadAt(t)))]);
                worst = Math.Max(worst, AssertClose([.. one.Alone.SelectMany(r => r)], rewards, tolerance, $"{folder} {one.Name} alone"));
            }
            cases++;
        }
        return (cases, worst);
    }

    /// <summary>Encoders in which a padded query may see no key at all, and is given all of them: DeBERTa hides them from queries that are pads too, ModernBERT's window may hold only pads.</summary>
    private static bool SeesNothingAsPad(string folder) => folder.StartsWith("deberta", StringComparison.Ordinal) || folder.StartsWith("modernbert", StringComparison.Ordinal);

    /// <summary>The head's outputs for some rows; for each text's mean where there are none.</summary>
    private static double[] Rewards(Transformer model, Engine engine, BatchLayout layout, int[]? rows)
    {
        using EngineTensor hidden = model.Architecture.Hidden(layout, rows);
        using EngineTensor? mean = rows is null ? engine.MeanRows(hidden, layout) : null;
        using EngineTensor rewards = model.Head.Apply(mean ?? hidden);
        double[] values = new double[rewards.Rows * rewards.Columns];
        engine.Download(rewards, values);
        return values;
    }

    private static double AssertClose(double[] expected, double[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        double worst = expected.Zip(actual, (e, a) => Math.Abs(e - a)).DefaultIfEmpty().Max();
        Assert.True(worst <= tolerance, $"{what}: {worst:E2} off, {tolerance:E1} allowed");
        return worst;
    }
}
