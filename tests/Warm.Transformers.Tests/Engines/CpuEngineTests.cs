using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Warm.Transformers.Tests;

/// <summary>What the CPU engine promises beyond every engine's contract: bits that depend on nothing but the text, and functions with stated errors.</summary>
public class CpuEngineTests
{
    public static TheoryData<CpuKernel> Kernels()
    {
        var kernels = new TheoryData<CpuKernel>();
        foreach (CpuKernel kernel in new[] { CpuKernel.Vector512, CpuKernel.Vector256, CpuKernel.Portable })
            if (CpuEngine.Supports(kernel)) kernels.Add(kernel);
        return kernels;
    }

    /// <summary>The kernel where this processor has it; else the portable one, so that the tests still run.</summary>
    internal static CpuKernel OrPortable(CpuKernel kernel) => CpuEngine.Supports(kernel) ? kernel : CpuKernel.Portable;

    [Fact]
    public void Kernel_is_the_widest_unless_asked()
    {
        var best = new CpuEngine();
        Assert.True(CpuEngine.Supports(best.Kernel));
        Assert.Equal(Environment.ProcessorCount, best.Threads);
        Assert.Equal("cpu portable, 1 thread", new CpuEngine(new() { Kernel = CpuKernel.Portable, Threads = 1 }).Name);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Bits_of_a_product_depend_on_its_row_alone(CpuKernel kernel)
    {
        const int Rows = 700, Inputs = 600, Outputs = 150;
        float[] x = Random(Rows * Inputs, 1), w = Random(Inputs * Outputs, 2), b = Random(Outputs, 3);
        foreach (bool transposed in new[] { false, true })
        {
            float[] Run(int threads, int first, int count)
            {
                var engine = new CpuEngine(new() { Kernel = kernel, Threads = threads });
                return Values(engine, engine.Linear(engine.Upload(x.AsSpan(first * Inputs, count * Inputs), count, Inputs), new(
                    engine.Load(PinnedView.Of("w", w, transposed ? Inputs : Outputs, transposed ? Outputs : Inputs)), engine.Load(PinnedView.Of("b", b, Outputs)), transposed)));
            }
            float[] all = Run(1, 0, Rows);
            foreach (int threads in new[] { 2, 4, 8 }) SameBits(all, Run(threads, 0, Rows));
            foreach ((int first, int count) in new[] { (0, 1), (699, 1), (3, 2), (5, 7), (13, 64), (100, 255), (1, 600) })
                SameBits(all.AsSpan(first * Outputs, count * Outputs), Run(count % 3 + 1, first, count));
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Bits_of_a_product_are_one_chain_over_k(CpuKernel kernel)
    {
        const int Rows = 19, Inputs = 521, Outputs = 37;
        float[] x = Random(Rows * Inputs, 1), w = Random(Inputs * Outputs, 2), b = Random(Outputs, 3);
        var engine = new CpuEngine(new() { Kernel = kernel, Threads = 2 });
        float[] got = Values(engine, engine.Linear(engine.Upload(x, Rows, Inputs), new(engine.Load(PinnedView.Of("w", w, Outputs, Inputs)), engine.Load(PinnedView.Of("b", b, Outputs)))));
        for (int r = 0; r < Rows; r++)
            for (int o = 0; o < Outputs; o++)
            {
                float sum = 0; // the naive twin, to the bit
                for (int k = 0; k < Inputs; k++)
                    sum = kernel == CpuKernel.Portable ? sum + x[r * Inputs + k] * w[o * Inputs + k] : MathF.FusedMultiplyAdd(x[r * Inputs + k], w[o * Inputs + k], sum);
                Assert.Equal(BitConverter.SingleToInt32Bits(sum + b[o]), BitConverter.SingleToInt32Bits(got[r * Outputs + o]));
            }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Bits_of_attention_depend_on_the_text_alone(CpuKernel kernel)
    {
        // Texts that share beginnings of 63, 64, 100 and 130 tokens, of which some end inside others.
        int[] Text(int shared, int seed, int own) => [.. Enumerable.Range(0, shared), .. Enumerable.Range(0, own).Select(i => 1000 * seed + i)];
        int[][] texts = [Text(63, 1, 20), Text(64, 2, 1), Text(100, 3, 300), Text(130, 4, 0), Text(130, 5, 77), Text(0, 6, 5), Text(100, 7, 64), Text(290, 8, 9)];
        foreach (AttentionForm form in new AttentionForm[]
        {
            new() { Heads = 4, KeyHeads = 2, HeadSize = 40, Scale = 0.9, Causal = true },
            new() { Heads = 2, KeyHeads = 1, HeadSize = 64, Scale = 0.9, Causal = true, WindowLeft = 70, Softcap = 3 },
            new() { Heads = 2, KeyHeads = 2, HeadSize = 8, Scale = 0.9, Causal = true, AlibiSlopes = new float[] { 0.1f, 0.5f } },
            new() { Heads = 2, KeyHeads = 2, HeadSize = 32, Scale = 0.9, Causal = false },
            new() { Heads = 2, KeyHeads = 2, HeadSize = 32, Scale = 0.9, Causal = false, WindowLeft = 9, WindowRight = 11 },
        })
        {
            var rotary = new RotaryForm { Heads = form.Heads, HeadSize = form.HeadSize, Frequencies = _ => [.. Enumerable.Range(0, form.HeadSize / 2).Select(i => Math.Pow(100, -i / 4.0))] };
            float[][] Run(int threads, bool share, params int[][] batch)
            {
                var engine = new CpuEngine(new() { Kernel = kernel, Threads = threads });
                BatchLayout layout = BatchLayout.Of(batch, share);
                EngineTensor Input(int columns, int salt)
                {
                    float[] values = new float[layout.Rows * columns];
                    for (int row = 0; row < layout.Rows; row++)
                        Random(columns, layout.Ids[row] * 31 + layout.Positions[row] * 7 + salt).CopyTo(values, row * columns); // what a row holds depends on its token alone
                    return engine.Upload(values, layout.Rows, columns);
                }
                EngineTensor q = engine.Rotary(Input(form.Heads * form.HeadSize, 1), rotary, layout), k = Input(form.KeyHeads * form.HeadSize, 2), v = Input(form.KeyHeads * form.HeadSize, 3);
                float[] y = Values(engine, engine.Attention(q, k, v, form, layout, layout));
                int columns = form.Heads * form.HeadSize;
                return [.. Enumerable.Range(0, batch.Length).Select(t => Enumerable.Range(0, layout.Length(t)).SelectMany(i => y.AsSpan(layout.RowOf(t, i) * columns, columns).ToArray()).ToArray())];
            }
            float[][] alone = [.. texts.Select(text => Run(1, false, text)[0])];
            void Same(float[][] got, params int[] which)
            {
                for (int i = 0; i < which.Length; i++)
                    SameBits(alone[which[i]], got[i], $"{form}, text {which[i]}");
            }
            Same(Run(1, false, texts), 0, 1, 2, 3, 4, 5, 6, 7);
            Same(Run(4, false, texts), 0, 1, 2, 3, 4, 5, 6, 7);
            Same(Run(2, false, texts[3], texts[2]), 3, 2);
            if (!form.Causal) continue;
            foreach (int threads in new[] { 1, 2, 8 }) Same(Run(threads, true, texts), 0, 1, 2, 3, 4, 5, 6, 7);
            Same(Run(1, true, texts[4], texts[6], texts[0]), 4, 6, 0);
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Bits_of_attention_by_distance_depend_on_the_text_alone(CpuKernel kernel)
    {
        int[][] texts = [[.. Enumerable.Range(0, 600)], [7], [.. Enumerable.Range(3, 65)], [.. Enumerable.Range(50, 130)]];
        const int Heads = 2, Size = 12, Columns = Heads * Size;
        float[] table = Random(32 * Heads, 1), kr = Random(64 * Columns, 2), qr = Random(64 * Columns, 3), w = Random(9 * Columns * 3, 4);
        float[][] Run(int threads, params int[][] batch)
        {
            var engine = new CpuEngine(new() { Kernel = kernel, Threads = threads });
            BatchLayout layout = BatchLayout.Of(batch);
            EngineTensor Input(int salt)
            {
                float[] values = new float[layout.Rows * Columns];
                for (int row = 0; row < layout.Rows; row++) Random(Columns, layout.Ids[row] * 31 + layout.Positions[row] * 7 + salt).CopyTo(values, row * Columns);
                return engine.Upload(values, layout.Rows, Columns);
            }
            EngineTensor q = Input(1), k = Input(2), v = Input(3);
            var biased = new AttentionForm { Heads = Heads, KeyHeads = Heads, HeadSize = Size, Scale = 0.4, Causal = false, Buckets = new(engine.Load(PinnedView.Of("bias", (ReadOnlySpan<float>)table, 32, Heads)), d => RelativeBuckets.T5(d, 32, 128, true)) };
            var disentangled = new DisentangledForm { Heads = Heads, HeadSize = Size, Scale = 0.4, RowOf = d => Math.Clamp(RelativeBuckets.Deberta(d, 32, 128) + 32, 0, 63) };
            float[][] results =
            [
                Values(engine, engine.Attention(q, k, v, biased, layout, layout)),
                Values(engine, engine.DisentangledAttention(q, k, v, engine.Upload(kr, 64, Columns), engine.Upload(qr, 64, Columns), disentangled, layout)),
                Values(engine, engine.TokenConvolution(q, new(engine.Load(PinnedView.Of("w", (ReadOnlySpan<float>)w, 9, Columns, 3))), layout)),
            ];
            return [.. Enumerable.Range(0, batch.Length).Select(t => results.SelectMany(y => y.AsSpan(layout.RowOf(t, 0) * (y.Length / layout.Rows), layout.Length(t) * (y.Length / layout.Rows)).ToArray()).ToArray())];
        }
        float[][] alone = [.. texts.Select(text => Run(1, text)[0])];
        foreach (int threads in new[] { 1, 3 })
        {
            float[][] all = Run(threads, texts);
            for (int i = 0; i < texts.Length; i++) SameBits(alone[i], all[i], $"text {i}, {threads} threads");
        }
        SameBits(alone[2], Run(2, texts[3], texts[2])[1]);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Bits_of_values_and_norms_depend_on_their_row_alone(CpuKernel kernel)
    {
        foreach (int width in new[] { 1, 5, 77, 130 })
        {
            const int Rows = 500;
            float[] x = Random(Rows * width, 1), w = Random(width, 2);
            float[][] Run(int threads, int first, int count)
            {
                var engine = new CpuEngine(new() { Kernel = kernel, Threads = threads });
                EngineTensor rows = engine.Upload(x.AsSpan(first * width, count * width), count, width);
                EngineWeight weight = engine.Load(PinnedView.Of("w", w, width));
                return
                [
                    Values(engine, engine.RmsNorm(rows, weight, 1e-6)), Values(engine, engine.LayerNorm(rows, weight, weight, 1e-6)),
                    .. Enum.GetValues<Activation>().Select(a => Values(engine, engine.ActivateGated(rows, rows, a))),
                ];
            }
            float[][] all = Run(1, 0, Rows);
            foreach ((int threads, int first, int count) in new[] { (3, 0, Rows), (1, 499, 1), (2, 7, 3), (8, 13, 400) })
            {
                float[][] some = Run(threads, first, count);
                for (int i = 0; i < all.Length; i++) SameBits(all[i].AsSpan(first * width, count * width), some[i]);
            }
        }
    }

    /// <summary>The errors that Exp, Tanh, Erf and Sigmoid state, over their whole range: relative, in units of 1e-7.</summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void Functions_keep_their_stated_errors(CpuKernel kernel)
    {
        (string Name, double From, double To, Func<double, double> Exact, double Relative, double Absolute)[] functions =
        [
            ("exp", -87.2, 88.3, Math.Exp, kernel == CpuKernel.Portable ? 2.5e-7 : 1.5e-7, 0),
            ("tanh", -12, 12, Math.Tanh, 4e-7, 0),
            ("erf", -5, 5, ReferenceEngine.Erf, 3e-7, 0),
            ("sigmoid", -100, 100, x => 1 / (1 + Math.Exp(-x)), 0, 2e-7),
        ];
        foreach (var function in functions)
        {
            float[] x = [.. Enumerable.Range(0, 200_000).Select(i => (float)(function.From + (function.To - function.From) * i / 199_999)), 1e-30f, -1e-8f, 0.01f, 0.3f];
            float[] y = Function(kernel, function.Name, x);
            double worst = 0;
            for (int i = 0; i < x.Length; i++)
            {
                double exact = function.Exact(x[i]), error = Math.Abs(y[i] - exact);
                worst = Math.Max(worst, function.Absolute > 0 ? error / function.Absolute : exact == 0 ? error : error / Math.Abs(exact) / function.Relative);
            }
            Assert.True(worst <= 1, $"{function.Name}: {worst:F2} times its stated error");
        }
        float[] Exp(params float[] x) => Function(kernel, "exp", x);
        Assert.Equal([1, 1, 0, 0, 0, float.PositiveInfinity, float.PositiveInfinity], Exp(0, -0f, -87.4f, float.MinValue, float.NegativeInfinity, 88.5f, float.PositiveInfinity));
        foreach (string name in new[] { "exp", "tanh", "erf", "sigmoid" }) Assert.True(float.IsNaN(Function(kernel, name, [float.NaN])[0]), name);
    }

    private static float[] Function(CpuKernel kernel, string name, float[] x) => kernel switch
    {
        CpuKernel.Vector512 => Function<Simd512, Vector512<float>>(name, x),
        CpuKernel.Vector256 => Function<Simd256, Vector256<float>>(name, x),
        _ => Function<Simd128, Vector128<float>>(name, x),
    };

    private static unsafe float[] Function<S, V>(string name, float[] x) where S : ISimd<V> where V : struct
    {
        float[] padded = new float[x.Length + 16];
        x.CopyTo(padded, 0);
        fixed (float* p = padded)
            for (int i = 0; i < x.Length; i += S.Lanes)
            {
                V v = S.Load(p + i);
                S.Store(p + i, name switch { "exp" => Exp.Of<S, V>(v), "tanh" => Tanh.Of<S, V>(v), "erf" => Erf.Of<S, V>(v), _ => Sigmoid.Of<S, V>(v) });
            }
        return padded[..x.Length];
    }

    private static void SameBits(ReadOnlySpan<float> wanted, ReadOnlySpan<float> got, string what = "") =>
        Assert.True(MemoryMarshal.Cast<float, int>(wanted).SequenceEqual(MemoryMarshal.Cast<float, int>(got)), $"Other bits. {what}");

    private static float[] Random(int count, int seed)
    {
        var random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (float)(random.NextDouble() * 2 - 1);
        return values;
    }

    private static float[] Values(Engine engine, EngineTensor tensor)
    {
        float[] values = new float[tensor.Rows * tensor.Columns];
        engine.Download(tensor, values);
        return values;
    }
}
