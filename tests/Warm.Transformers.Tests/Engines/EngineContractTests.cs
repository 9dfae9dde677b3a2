using System.Globalization;

namespace Warm.Transformers.Tests;

/// <summary>What every engine must do, written once: each operation on random shapes beside <see cref="ReferenceEngine"/>, and on the inputs of the reference beside what PyTorch gives.</summary>
public abstract class EngineContractTests
{
    private protected abstract Engine Engine { get; }

    /// <summary>How far a value may be off, relative to the larger of 1 and the largest value of its row.</summary>
    protected virtual double Tolerance => 2e-6;

    private readonly ReferenceEngine _twin = new();
    private readonly Random _random = new(7);

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 7, 3)]
    [InlineData(5, 33, 31)]
    [InlineData(17, 300, 65)]
    [InlineData(64, 64, 64)]
    [InlineData(70, 257, 1)]
    [InlineData(29, 513, 130)]
    [InlineData(8, 40, 1100)]
    [InlineData(1030, 20, 33)]
    public void Linear_equals_the_twin(int rows, int inputs, int outputs)
    {
        foreach (bool transposed in new[] { false, true })
            foreach (DType dtype in new[] { DType.F32, DType.BF16, DType.F16, DType.F64 })
                foreach (bool biased in new[] { false, true })
                {
                    float[] x = Random(rows * inputs), w = Random(inputs * outputs), b = Random(outputs);
                    EngineTensor Run(Engine engine) => engine.Linear(engine.Upload(x, rows, inputs), new LinearWeight(
                        engine.Load(View("w", dtype, w, transposed ? inputs : outputs, transposed ? outputs : inputs)), biased ? engine.Load(View("b", dtype, b, outputs)) : null, transposed));
                    Compare(Run, Math.Sqrt(inputs));
                }
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 4, 9)]
    [InlineData(2, 3, 64)]
    [InlineData(70, 1, 384)]
    [InlineData(5, 2, 77)]
    public void Norms_equal_the_twin(int rows, int groups, int width)
    {
        float[] x = Random(rows * groups * width), w = Random(width), b = Random(width);
        for (int i = 0; i < x.Length; i++) x[i] = x[i] * 3 + 1;
        Compare(e => e.RmsNorm(e.Upload(x, rows, groups * width), e.Load(View("w", DType.F32, w, width)), 1e-6));
        Compare(e => e.RmsNorm(e.Upload(x, rows, groups * width), e.Load(View("w", DType.BF16, w, width)), 1e-5, 1));
        Compare(e => e.LayerNorm(e.Upload(x, rows, groups * width), e.Load(View("w", DType.F32, w, width)), e.Load(View("b", DType.F16, b, width)), 1e-5));
        Compare(e => e.LayerNorm(e.Upload(x, rows, groups * width), e.Load(View("w", DType.F32, w, width)), null, 1e-5));
    }

    [Theory]
    [InlineData(1, 8, 4, false)]
    [InlineData(3, 64, 32, false)]
    [InlineData(2, 80, 37, false)]
    [InlineData(2, 12, 4, true)]
    public void Rotary_equals_the_twin(int heads, int size, int half, bool interleaved)
    {
        BatchLayout layout = BatchLayout.Of([[1, 2, 3, 4], [1, 2, 5], [.. Enumerable.Range(0, 90)]], shareBeginnings: true);
        var form = new RotaryForm
        {
            Heads = heads, HeadSize = size, Interleaved = interleaved, AttentionFactor = 1.2,
            Frequencies = _ => [.. Enumerable.Range(0, half).Select(i => Math.Pow(10000, -i / (double)half))],
        };
        float[] x = Random(layout.Rows * heads * size);
        Compare(e => e.Rotary(e.Upload(x, layout.Rows, heads * size), form, layout));

        layout = BatchLayout.Of([[1, 2, 3, 4], [1, 2, 5]], positions: [[0, 1, 7, 8], [3, 4, 5]]);
        RotaryForm byLength = form with { DependsOnLength = true, Frequencies = n => [.. Enumerable.Range(0, half).Select(i => Math.Pow(1000 + n, -i / (double)half))] };
        x = Random(layout.Rows * heads * size);
        Compare(e => e.Rotary(e.Upload(x, layout.Rows, heads * size), byLength, layout));
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 20, 7)]
    [InlineData(40, 24, 4096)]
    [InlineData(130, 16, 4500)]
    [InlineData(1030, 8, 4097)]
    public void TokenLogProbabilities_equal_the_twin(int rows, int inputs, int vocabulary)
    {
        foreach (DType dtype in new[] { DType.F32, DType.BF16 })
            foreach (double? softcap in new double?[] { null, 2.5 })
            {
                float[] x = Random(rows * inputs), w = Random(inputs * vocabulary), b = Random(vocabulary);
                int[] ids = [.. Enumerable.Range(0, rows).Select(r => (r * 977 + vocabulary - 1) % vocabulary)];
                Compare(e => e.TokenLogProbabilities(e.Upload(x, rows, inputs), new LinearWeight(e.Load(View("w", dtype, w, vocabulary, inputs)), softcap is null ? null : e.Load(View("b", dtype, b, vocabulary))), ids, softcap), 10);
            }
    }

    [Fact]
    public void TokenLogProbabilities_of_extreme_logits_are_right()
    {
        float[] x = [1000, -1000, 0];
        foreach (Engine e in new[] { Engine, _twin })
        {
            float[] y = new float[3];
            e.Download(e.TokenLogProbabilities(e.Upload(x, 3, 1), new LinearWeight(e.Load(View("w", DType.F32, [1, 0, -1], 3, 1))), [0, 0, 1]), y);
            Assert.Equal([0f, -2000f, (float)-Math.Log(3)], y);
        }
    }

    [Fact]
    public void CacheAppend_puts_rows_below_the_past()
    {
        float[] x = Random(700 * 6);
        EngineTensor? past = null;
        for (int from = 0, step = 1; from < 700; from += step, step = Math.Min(step + 3, 700 - from))
            past = Engine.CacheAppend(past, Engine.Upload(x.AsSpan(from * 6, step * 6), step, 6));
        float[] y = new float[x.Length];
        Engine.Download(past!, y);
        Assert.Equal(x, y);
    }

    public static TheoryData<string> AttentionForms() => [.. Forms.Keys];

    private static readonly Dictionary<string, AttentionForm> Forms = new()
    {
        ["causal"] = new() { Heads = 4, KeyHeads = 4, HeadSize = 32, Scale = 0.2, Causal = true },
        ["causal, grouped"] = new() { Heads = 6, KeyHeads = 2, HeadSize = 24, Scale = 0.3, Causal = true },
        ["causal, window"] = new() { Heads = 2, KeyHeads = 1, HeadSize = 64, Scale = 0.2, Causal = true, WindowLeft = 50 },
        ["causal, capped"] = new() { Heads = 2, KeyHeads = 2, HeadSize = 17, Scale = 0.5, Causal = true, Softcap = 1.5 },
        ["causal, alibi"] = new() { Heads = 3, KeyHeads = 3, HeadSize = 8, Scale = 0.5, Causal = true, AlibiSlopes = new float[] { 0.25f, 0.0625f, 0.5f } },
        ["both ways"] = new() { Heads = 4, KeyHeads = 2, HeadSize = 32, Scale = 0.2, Causal = false },
        ["both ways, window"] = new() { Heads = 1, KeyHeads = 1, HeadSize = 40, Scale = 0.2, Causal = false, WindowLeft = 20, WindowRight = 20 },
        ["both ways, one-sided window"] = new() { Heads = 1, KeyHeads = 1, HeadSize = 128, Scale = 0.1, Causal = false, WindowRight = 3 },
    };

    [Theory]
    [MemberData(nameof(AttentionForms))]
    public void Attention_equals_the_twin(string name)
    {
        AttentionForm form = Forms[name];
        int[] one = [.. Enumerable.Range(0, 150)], two = [.. Enumerable.Range(0, 70), .. Enumerable.Range(300, 130)];
        BatchLayout shared = BatchLayout.Of([one, [5], two, [.. Enumerable.Range(0, 64)], [9, 9, 9]], shareBeginnings: form.Causal);
        Attend(form, shared, shared);

        bool[] hidden = [.. one.Select(i => i % 7 != 2)], none = [false, false, true];
        BatchLayout masked = BatchLayout.Of([one, [1, 2, 3]], attended: [hidden, none]);
        Attend(form, masked, masked);

        BatchLayout queries = BatchLayout.Of([[1, 2, 3], [4, 5, 6, 7, 8, 9, 10], one]), keys = BatchLayout.Of([one, [1, 2], [1, 2, 3]]);
        Attend(form, queries, keys);
    }

    [Fact]
    public void Attention_with_a_bias_by_distance_equals_the_twin()
    {
        BatchLayout own = BatchLayout.Of([[.. Enumerable.Range(0, 150)], [5], [.. Enumerable.Range(0, 70)]]), other = BatchLayout.Of([[1, 2, 3], [.. Enumerable.Range(0, 90)], [1]]);
        float[] table = Random(32 * 3), q = Random(own.Rows * 24), k = Random(own.Rows * 24), v = Random(own.Rows * 24), far = Random(other.Rows * 24);
        foreach (bool bothWays in new[] { true, false })
        {
            AttentionForm Form(Engine e) => new()
            {
                Heads = 3, KeyHeads = 3, HeadSize = 8, Scale = 0.4, Causal = !bothWays,
                Buckets = new(e.Load(View("bias", DType.F32, table, 32, 3)), distance => RelativeBuckets.T5(distance, 32, 128, bothWays)),
            };
            Compare(e => e.Attention(e.Upload(q, own.Rows, 24), e.Upload(k, own.Rows, 24), e.Upload(v, own.Rows, 24), Form(e), own, own), 4);
            Compare(e => e.Attention(e.Upload(far, other.Rows, 24), e.Upload(k, own.Rows, 24), e.Upload(v, own.Rows, 24), Form(e), other, own), 4);
        }
    }

    [Theory]
    [InlineData(2, 32, 8, 64)]
    [InlineData(3, 17, -1, 40)]
    [InlineData(1, 64, 64, 512)]
    public void DisentangledAttention_equals_the_twin(int heads, int size, int buckets, int reach)
    {
        int[] one = [.. Enumerable.Range(0, 150)], two = [.. Enumerable.Range(0, 65)];
        int span = buckets > 0 ? buckets : reach, columns = heads * size;
        var form = new DisentangledForm { Heads = heads, HeadSize = size, Scale = 0.3, RowOf = distance => Math.Clamp(RelativeBuckets.Deberta(distance, buckets, reach) + span, 0, 2 * span - 1) };
        foreach (BatchLayout layout in new[] { BatchLayout.Of([one, [5], two]), BatchLayout.Of([one, [1, 2, 3]], attended: [[.. one.Select(i => i % 7 != 2)], [false, false, false]]) })
        {
            float[] q = Random(layout.Rows * columns), k = Random(layout.Rows * columns), v = Random(layout.Rows * columns), kr = Random(2 * span * columns), qr = Random(2 * span * columns);
            foreach ((bool ofKeys, bool ofQueries) in new[] { (true, true), (true, false), (false, true) })
                Compare(e => e.DisentangledAttention(e.Upload(q, layout.Rows, columns), e.Upload(k, layout.Rows, columns), e.Upload(v, layout.Rows, columns),
                    ofKeys ? e.Upload(kr, 2 * span, columns) : null, ofQueries ? e.Upload(qr, 2 * span, columns) : null, form, layout), 8);
        }
    }

    [Fact]
    public void DisentangledAttention_of_a_text_of_many_blocks_equals_the_twin()
    {
        BatchLayout layout = BatchLayout.Of([[.. Enumerable.Range(0, 700)]]);
        float[] q = Random(700 * 8), k = Random(700 * 8), v = Random(700 * 8), kr = Random(64 * 8), qr = Random(64 * 8);
        var form = new DisentangledForm { Heads = 1, HeadSize = 8, Scale = 0.3, RowOf = distance => Math.Clamp(RelativeBuckets.Deberta(distance, 32, 128) + 32, 0, 63) };
        Compare(e => e.DisentangledAttention(e.Upload(q, 700, 8), e.Upload(k, 700, 8), e.Upload(v, 700, 8), e.Upload(kr, 64, 8), e.Upload(qr, 64, 8), form, layout), 8);
    }

    [Theory]
    [InlineData(1, 5, 4)]
    [InlineData(3, 33, 31)]
    [InlineData(5, 16, 40)]
    public void TokenConvolution_equals_the_twin(int kernel, int inputs, int outputs)
    {
        float[] w = Random(outputs * inputs * kernel), b = Random(outputs);
        foreach (BatchLayout layout in new[] { BatchLayout.Of([[1, 2, 3, 4, 5, 6, 7, 8, 9], [1], [1, 2]]), BatchLayout.Of([[1, 2, 3], [4, 5]], attended: [[true, true, false], [false, true]]) })
        {
            float[] x = Random(layout.Rows * inputs);
            foreach (DType dtype in new[] { DType.F32, DType.BF16 })
                Compare(e => e.TokenConvolution(e.Upload(x, layout.Rows, inputs), new(e.Load(View("w", dtype, w, outputs, inputs, kernel)), e.Load(View("b", dtype, b, outputs))), layout), Math.Sqrt(inputs * kernel));
        }
    }

    private void Attend(AttentionForm form, BatchLayout queries, BatchLayout keys)
    {
        float[] q = Random(queries.Rows * form.Heads * form.HeadSize), k = Random(keys.Rows * form.KeyHeads * form.HeadSize), v = Random(keys.Rows * form.KeyHeads * form.HeadSize);
        Compare(e => e.Attention(e.Upload(q, queries.Rows, form.Heads * form.HeadSize), e.Upload(k, keys.Rows, form.KeyHeads * form.HeadSize),
            e.Upload(v, keys.Rows, form.KeyHeads * form.HeadSize), form, queries, keys), 4);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 37)]
    [InlineData(129, 130)]
    public void Values_equal_the_twin(int rows, int columns)
    {
        float[] a = Random(rows * columns), b = Random(rows * columns);
        for (int i = 0; i < a.Length; i++) a[i] *= i % 3 == 0 ? 10 : 2;
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            Compare(e => e.Activate(e.Upload(a, rows, columns), activation));
            Compare(e => e.ActivateGated(e.Upload(a, rows, columns), e.Upload(b, rows, columns), activation));
        }
        Compare(e => e.Add(e.Upload(a, rows, columns), e.Upload(b, rows, columns)));
        Compare(e => e.Multiply(e.Upload(a, rows, columns), e.Upload(b, rows, columns)));
        Compare(e => e.Scale(e.Upload(a, rows, columns), 1.25));
        Compare(e => e.Columns(e.Upload(a, rows, columns), columns / 3, columns - columns / 3 - columns / 4));
        Compare(e => e.Columns(e.Upload(a, 1, rows * columns), columns / 3, columns - columns / 3 - columns / 4, groups: rows));
        Compare(e => e.Rows(e.Upload(a, rows, columns), [rows - 1, 0, rows / 2]));
    }

    [Fact]
    public void Embed_and_MeanRows_equal_the_twin()
    {
        float[] table = Random(11 * 19);
        foreach (DType dtype in new[] { DType.F32, DType.BF16, DType.F16, DType.F64 })
            Compare(e => e.Embed(e.Load(View("table", dtype, table, 11, 19)), [10, 0, 3, 3]));
        BatchLayout shared = BatchLayout.Of([[1, 2, 3, 4], [1, 2, 5]], shareBeginnings: true), masked = BatchLayout.Of([[1, 2, 3, 4], [1, 2, 5]], attended: [[true, false, true, true], [false, true, true]]);
        foreach (BatchLayout layout in new[] { shared, masked })
        {
            float[] x = Random(layout.Rows * 19);
            Compare(e => e.MeanRows(e.Upload(x, layout.Rows, 19), layout));
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Engine e = Engine;
        if (e is ReferenceEngine) return; // the twin asserts
        EngineTensor x = e.Upload(new float[6], 2, 3), narrow = e.Upload(new float[4], 2, 2);
        EngineWeight w = e.Load(View("w", DType.F32, new float[8], 2, 4)), v = e.Load(View("v", DType.F32, new float[2], 2));
        BatchLayout layout = BatchLayout.Of([[1]]);
        Assert.Throws<ArgumentException>(() => e.Linear(x, new(w)));
        Assert.Throws<ArgumentException>(() => e.RmsNorm(x, v, 1e-6));
        Assert.Throws<ArgumentException>(() => e.Add(x, narrow));
        Assert.Throws<ArgumentException>(() => e.MeanRows(x, layout));
        Assert.Throws<ArgumentException>(() => e.Upload(new float[5], 2, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => e.Embed(w, [2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => e.Rows(x, [-1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => e.Columns(x, 1, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => e.Columns(x, 0, 1, groups: x.Columns + 1));
        Assert.Throws<ArgumentException>(() => e.Attention(x, x, x, new() { Heads = 3, KeyHeads = 3, HeadSize = 1, Scale = 1, Causal = true }, layout, layout));
        Assert.Throws<WarmException>(() => e.Load(PinnedView.Of(new TensorInfo("ids", DType.I64, new Shape(1)), new byte[8])));
        narrow.Dispose();
        Assert.Throws<ObjectDisposedException>(() => e.Scale(narrow, 2));
    }

    [ReferenceFact]
    public void Operations_of_the_reference_agree()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Reference.Path("architectures", "operations", "operations.safetensors"));
        int cases = 0;
        double[] Get(string name) => Doubles(file, name);
        int[] Sizes(string name) => [.. file.Header.Tensors[name].Info.Shape.Sizes.ToArray().Select(s => (int)s)];
        EngineTensor Up(string name)
        {
            int[] sizes = Sizes(name);
            return Upload(Get(name), sizes.Length == 1 ? 1 : sizes[..^1].Aggregate((a, b) => a * b), sizes[^1]);
        }
        EngineWeight Down(string name) => Engine.Load(file.View(name));
        void Check(string operation, EngineTensor got, double scale = 1)
        {
            Same(operation, Get(operation + ".out"), got, scale);
            cases++;
        }

        Check("linear", Engine.Linear(Up("linear.x"), new(Down("linear.weight"), Down("linear.bias"))), 3);
        Check("conv1d_gpt2", Engine.Linear(Up("conv1d_gpt2.x"), new(Down("conv1d_gpt2.weight"), Down("conv1d_gpt2.bias"), Transposed: true)), 3);
        Check("rmsnorm", Engine.RmsNorm(Up("rmsnorm.x"), Down("rmsnorm.weight"), 1e-6));
        Check("rmsnorm_one_plus_weight", Engine.RmsNorm(Up("rmsnorm_one_plus_weight.x"), Down("rmsnorm_one_plus_weight.weight"), 1e-6, 1));
        Check("layernorm", Engine.LayerNorm(Up("layernorm.x"), Down("layernorm.weight"), Down("layernorm.bias"), 1e-5));
        Check("layernorm_eps_1e-12", Engine.LayerNorm(Up("layernorm_eps_1e-12.x"), Down("layernorm_eps_1e-12.weight"), Down("layernorm_eps_1e-12.bias"), 1e-12));
        foreach ((string name, Activation activation) in new[]
        {
            ("gelu", Activation.Gelu), ("gelu_tanh", Activation.GeluTanh), ("gelu_new", Activation.GeluTanh), ("gelu_bloom", Activation.GeluTanh), ("gelu_fast", Activation.GeluFast),
            ("gelu_quick", Activation.GeluQuick), ("silu", Activation.Silu), ("relu", Activation.Relu), ("relu2", Activation.Relu2), ("tanh", Activation.Tanh), ("sigmoid", Activation.Sigmoid),
            ("mish", Activation.Mish),
        })
            Check(name, Engine.Activate(Up(name + ".x"), activation), name == "gelu_bloom" ? 100 : 1); // BLOOM's constant has eight digits
        Check("swiglu", Engine.ActivateGated(Up("swiglu.gate"), Up("swiglu.up"), Activation.Silu));
        Check("geglu_tanh", Engine.ActivateGated(Up("geglu_tanh.gate"), Up("geglu_tanh.up"), Activation.GeluTanh));
        foreach (string name in new[] { "embedding", "embedding_padding_idx" })
            Check(name, Engine.Embed(Down(name + ".weight"), [.. Integers(file, name + ".ids").Select(i => (int)i)]));

        foreach ((string name, int rotated) in new[] { ("rope_half_split", 8), ("rope_interleaved", 8), ("rope_partial", 8) })
        {
            int[] sizes = Sizes(name + ".x"); // [heads, tokens, size]
            int[] positions = [.. Integers(file, name + ".positions").Select(i => (int)i)];
            BatchLayout layout = BatchLayout.Of([positions], positions: [positions]);
            var form = new RotaryForm
            {
                Heads = sizes[0], HeadSize = sizes[2], Interleaved = name == "rope_interleaved",
                Frequencies = _ => [.. Enumerable.Range(0, rotated / 2).Select(i => Math.Pow(10000, -2.0 * i / rotated))],
            };
            Same(name, Packed(Get(name + ".out"), sizes), Engine.Rotary(Upload(Packed(Get(name + ".x"), sizes), sizes[1], sizes[0] * sizes[2]), form, layout), 1);
            cases++;
        }

        AttentionForm plain = new() { Heads = 4, KeyHeads = 2, HeadSize = 8, Scale = 0.3535533905932738, Causal = true }, open = plain with { Causal = false };
        foreach ((string name, AttentionForm form) in new[]
        {
            ("causal_gqa", plain), ("window", plain with { WindowLeft = 2 }), ("softcap", plain with { Softcap = 2 }), ("window_softcap", plain with { WindowLeft = 3, Softcap = 1.5 }),
            ("alibi", plain with { AlibiSlopes = Get("attention_alibi.slopes").Select(s => (float)s).ToArray() }), ("bidirectional", open),
            ("bidirectional_window", open with { WindowLeft = 2, WindowRight = 2 }), ("bidirectional_key_mask", open),
        })
        {
            string operation = "attention_" + name;
            bool[]? attended = name == "bidirectional_key_mask" ? [.. Integers(file, operation + ".key_mask").Select(i => i != 0)] : null;
            int[] ids = [.. Enumerable.Range(0, Sizes(operation + ".q")[1])];
            BatchLayout layout = BatchLayout.Of([ids], attended: attended is null ? null : [attended]);
            EngineTensor Input(string part) => Upload(Packed(Get($"{operation}.{part}"), Sizes($"{operation}.{part}")), ids.Length, Sizes($"{operation}.{part}")[0] * 8);
            Same(operation, Packed(Get(operation + ".out"), Sizes(operation + ".out")), Engine.Attention(Input("q"), Input("k"), Input("v"), form, layout, layout), 4);
            cases++;
        }
        Reference.Count("operations, " + Engine.Name, cases);
        Assert.Equal(33, cases);
    }

    /// <summary>[heads, tokens, size] as [tokens, heads x size].</summary>
    private static double[] Packed(double[] values, int[] sizes)
    {
        double[] packed = new double[values.Length];
        for (int h = 0; h < sizes[0]; h++)
            for (int t = 0; t < sizes[1]; t++)
                for (int c = 0; c < sizes[2]; c++) packed[(t * sizes[0] + h) * sizes[2] + c] = values[(h * sizes[1] + t) * sizes[2] + c];
        return packed;
    }

    private EngineTensor Upload(double[] values, int rows, int columns) =>
        Engine is ReferenceEngine exact ? exact.Upload(values, rows, columns) : Engine.Upload([.. values.Select(v => (float)v)], rows, columns);

    private static double[] Doubles(SafetensorsFile file, string name)
    {
        using TensorView view = file.View(name);
        double[] values = new double[view.Info.Count];
        FloatBits.Widen(view.Info.DType, view.Bytes(0, (int)view.Info.Bytes), values);
        return values;
    }

    private static long[] Integers(SafetensorsFile file, string name)
    {
        using TensorView view = file.View(name);
        return System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(view.Bytes(0, (int)view.Info.Bytes)).ToArray();
    }

    private protected float[] Random(int count)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (float)(_random.NextDouble() * 2 - 1);
        return values;
    }

    private protected static PinnedView View(string name, DType dtype, float[] values, params long[] shape)
    {
        byte[] bytes = new byte[values.Length * dtype.Bits() / 8];
        FloatBits.Narrow(dtype, values, bytes);
        return PinnedView.Of(new TensorInfo(name, dtype, new Shape(shape)), bytes);
    }

    private void Compare(Func<Engine, EngineTensor> run, double scale = 1)
    {
        EngineTensor wanted = run(_twin);
        double[] values = new double[wanted.Rows * wanted.Columns];
        _twin.Download(wanted, values);
        using EngineTensor got = run(Engine);
        Assert.Equal((wanted.Rows, wanted.Columns), (got.Rows, got.Columns));
        Same("twin", values, got, scale);
    }

    private void Same(string what, double[] wanted, EngineTensor got, double scale)
    {
        double[] values = new double[got.Rows * got.Columns];
        Engine.Download(got, values);
        Assert.Equal(wanted.Length, values.Length);
        for (int row = 0; row < got.Rows; row++)
        {
            double largest = 1;
            for (int c = row * got.Columns; c < (row + 1) * got.Columns; c++) largest = Math.Max(largest, Math.Abs(wanted[c]));
            for (int c = row * got.Columns; c < (row + 1) * got.Columns; c++)
                Assert.True(Math.Abs(wanted[c] - values[c]) <= Tolerance * scale * largest,
                    string.Create(CultureInfo.InvariantCulture, $"{what}, row {row}, column {c - row * got.Columns}: {values[c]:R}, not {wanted[c]:R}"));
        }
    }
}
