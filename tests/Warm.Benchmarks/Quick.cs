using System.Diagnostics;
using System.Globalization;
using Warm.Transformers;

namespace Warm.Benchmarks;

/// <summary>Speeds in seconds rather than minutes, for work on a kernel: the best of some laps.</summary>
internal static class Quick
{
    private static string _only = "";

    /// <param name="part"><c>Vector512/1</c>: kernels and threads that begin so, or null for all.</param>
    /// <param name="only">Operations whose line begins so, or null for all.</param>
    public static void Run(string? part, string? only)
    {
        _only = only ?? "";
        foreach (CpuKernel kernel in new[] { CpuKernel.Vector512, CpuKernel.Vector256, CpuKernel.Portable }.Where(CpuEngine.Supports))
            foreach (int threads in new[] { 1, 2 })
            {
                if (part is not null && !$"{kernel}/{threads}".StartsWith(part, StringComparison.OrdinalIgnoreCase)) continue;
                var engine = new CpuEngine(new() { Kernel = kernel, Threads = threads });
                Console.WriteLine(engine.Name);
                foreach ((int rows, int inputs, int outputs) in new[] { (1024, 1024, 1024), (4096, 384, 384), (4096, 384, 1536), (4096, 1536, 384), (512, 768, 2048), (8, 1024, 1024), (1, 1024, 1024) })
                    Line($"product {rows} x {inputs} x {outputs}", 2.0 * rows * inputs * outputs, () => Product(engine, rows, inputs, outputs, DType.F32));
                Line("product 1024 x 1024 x 1024, bf16 weights", 2.0 * 1024 * 1024 * 1024, () => Product(engine, 1024, 1024, 1024, DType.BF16));
                foreach ((int heads, int size, bool causal) in new[] { (12, 32, false), (12, 64, true) })
                    Line($"attention, 16 texts of 300, {heads} x {size}{(causal ? ", causal" : "")}", 4.0 * 16 * 300 * 300 * heads * size / (causal ? 2 : 1), () => Attention(engine, heads, size, causal));
                foreach (Activation activation in new[] { Activation.Gelu, Activation.Silu })
                    Values($"{activation}", 4096 * 1536, engine, x => engine.Activate(x, activation));
                Values("add", 4096 * 1536, engine, x => engine.Add(x, x));
                EngineWeight norm = engine.Load(new Memory(DType.F32, 384));
                Values("layer norm", 4096 * 384, engine, x => engine.LayerNorm(x, norm, norm, 1e-12));
                if ("MiniLM".StartsWith(_only, StringComparison.OrdinalIgnoreCase)) Encoder(engine);
            }
    }

    /// <summary>The operations of a MiniLM pass (6 layers, hidden 384, 12 heads of 32, inner 1536) over 60 texts of 100 to 500 tokens.</summary>
    private static void Encoder(CpuEngine engine)
    {
        var random = new Random(3);
        BatchLayout layout = BatchLayout.Of([.. Enumerable.Range(0, 60).Select(_ => new int[random.Next(100, 500)])]);
        LinearWeight Weight(int outputs, int inputs) => new(engine.Load(new Memory(DType.F32, outputs, inputs)), engine.Load(new Memory(DType.F32, outputs)));
        LinearWeight[] four = [.. Enumerable.Range(0, 4).Select(_ => Weight(384, 384))];
        LinearWeight up = Weight(1536, 384), down = Weight(384, 1536);
        EngineWeight norm = engine.Load(new Memory(DType.F32, 384));
        var form = new AttentionForm { Heads = 12, KeyHeads = 12, HeadSize = 32, Scale = 0.177, Causal = false };
        var clocks = new Dictionary<string, double>();
        EngineTensor Timed(string what, Func<EngineTensor> run)
        {
            double started = Seconds();
            EngineTensor result = run();
            clocks[what] = clocks.GetValueOrDefault(what) + Seconds() - started;
            return result;
        }
        double best = double.MaxValue;
        for (int lap = 0; lap < 3; lap++)
        {
            clocks.Clear();
            double started = Seconds();
            EngineTensor x = Upload(engine, layout.Rows, 384);
            for (int layer = 0; layer < 6; layer++)
            {
                using EngineTensor q = Timed("q k v o", () => engine.Linear(x, four[0])), k = Timed("q k v o", () => engine.Linear(x, four[1])), v = Timed("q k v o", () => engine.Linear(x, four[2]));
                using EngineTensor mixed = Timed("attention", () => engine.Attention(q, k, v, form, layout, layout));
                using EngineTensor o = Timed("q k v o", () => engine.Linear(mixed, four[3])), sum = Timed("add", () => engine.Add(x, o));
                x.Dispose();
                using EngineTensor h = Timed("norm", () => engine.LayerNorm(sum, norm, norm, 1e-12));
                using EngineTensor inner = Timed("up", () => engine.Linear(h, up)), bent = Timed("gelu", () => engine.Activate(inner, Activation.Gelu)), outer = Timed("down", () => engine.Linear(bent, down));
                using EngineTensor second = Timed("add", () => engine.Add(h, outer));
                x = Timed("norm", () => engine.LayerNorm(second, norm, norm, 1e-12));
            }
            x.Dispose();
            double seconds = Seconds() - started;
            if (seconds >= best) continue;
            best = seconds;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  MiniLM-shaped pass, {layout.Rows:N0} tokens: {layout.Rows / best:N0} tokens/s ({string.Join(", ", clocks.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Key} {c.Value * 1000:F0} ms")))})"));
    }

    private static double Product(CpuEngine engine, int rows, int inputs, int outputs, DType dtype)
    {
        using EngineTensor x = Upload(engine, rows, inputs);
        using EngineWeight weight = engine.Load(new Memory(dtype, outputs, inputs));
        return Best(() => engine.Linear(x, new(weight)).Dispose());
    }

    private static double Attention(CpuEngine engine, int heads, int size, bool causal)
    {
        BatchLayout layout = BatchLayout.Of([.. Enumerable.Range(0, 16).Select(_ => new int[300])]);
        using EngineTensor x = Upload(engine, layout.Rows, heads * size);
        var form = new AttentionForm { Heads = heads, KeyHeads = heads, HeadSize = size, Scale = Math.Pow(size, -0.5), Causal = causal };
        return Best(() => engine.Attention(x, x, x, form, layout, layout).Dispose());
    }

    private static void Values(string what, int count, CpuEngine engine, Func<EngineTensor, EngineTensor> run)
    {
        if (!what.StartsWith(_only, StringComparison.OrdinalIgnoreCase)) return;
        using EngineTensor x = Upload(engine, count / 384, 384);
        double seconds = Best(() => run(x).Dispose());
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what,-48} {seconds / count * 1e9,8:F3} ns a value"));
    }

    private static void Line(string what, double operations, Func<double> measure)
    {
        if (!what.StartsWith(_only, StringComparison.OrdinalIgnoreCase)) return;
        double seconds = measure();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what,-48} {operations / seconds / 1e9,8:F1} GFLOP/s {seconds * 1e3,9:F3} ms"));
    }

    private static double Best(Action run)
    {
        double best = double.MaxValue;
        long started = Stopwatch.GetTimestamp();
        for (int lap = 0; lap < 5 || Stopwatch.GetElapsedTime(started).TotalSeconds < 0.7; lap++)
        {
            double from = Seconds();
            run();
            best = Math.Min(best, Seconds() - from);
        }
        return best;
    }

    /// <summary>Processor time: on a busy machine the wall clock says little.</summary>
    private static double Seconds() => Environment.CpuUsage.TotalTime.TotalSeconds;

    private static EngineTensor Upload(CpuEngine engine, int rows, int columns)
    {
        var random = new Random(1);
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.Length; i++) values[i] = random.NextSingle() * 2 - 1;
        return engine.Upload(values, rows, columns);
    }
}
