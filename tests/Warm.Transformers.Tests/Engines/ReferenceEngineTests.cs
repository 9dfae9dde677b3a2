namespace Warm.Transformers.Tests;

/// <summary>The twin itself, on numbers that can be checked by hand; the operations of the reference are compared by the engine contract tests.</summary>
public class ReferenceEngineTests
{
    private readonly ReferenceEngine _engine = new();

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.5, 0.5204998778130465)]
    [InlineData(-1, -0.8427007929497149)]
    [InlineData(2, 0.9953222650189527)]
    [InlineData(4, 0.9999999845827421)]
    [InlineData(7, 1)]
    public void Erf_is_that_of_the_tables(double x, double erf) => Assert.Equal(erf, ReferenceEngine.Erf(x), 1e-15);

    [Fact]
    public void Linear_multiplies_by_the_transpose_and_adds_the_bias()
    {
        EngineTensor x = _engine.Upload(new float[] { 1, 2, 3, 4 }, 2, 2);
        EngineWeight w = _engine.Load(PinnedView.Of("w", (ReadOnlySpan<float>)[1, 10, 100, 1000, 5, 7], 3, 2)), b = _engine.Load(PinnedView.Of("b", (ReadOnlySpan<double>)[0.5, 0, 0], 3));
        Assert.Equal([21.5, 2100, 19, 43.5, 4300, 43], Values(_engine.Linear(x, new(w, b))));
    }

    [Fact]
    public void Attention_of_equal_keys_is_the_mean_of_what_a_token_sees()
    {
        BatchLayout layout = BatchLayout.Of([[1, 2, 3], [1, 2, 4]], shareBeginnings: true);
        EngineTensor zero = _engine.Upload(new float[4], 4, 1), values = _engine.Upload(new float[] { 3, 5, 10, 100 }, 4, 1);
        var form = new AttentionForm { Heads = 1, KeyHeads = 1, HeadSize = 1, Scale = 1, Causal = true };
        Assert.Equal([3, 4, 6, 36], Rounded(_engine.Attention(zero, zero, values, form, layout, layout)));
        Assert.Equal([3, 4, 7.5, 52.5], Rounded(_engine.Attention(zero, zero, values, form with { WindowLeft = 1 }, layout, layout)));
    }

    [Fact]
    public void Load_widens_every_float_type()
    {
        foreach (PinnedView view in (PinnedView[])[PinnedView.Of("f16", (ReadOnlySpan<Half>)[(Half)1.5f, (Half)(-2f)], 2), PinnedView.OfBFloat16("bf16", [0x3FC0, 0xC000], 2),
            PinnedView.Of("f32", (ReadOnlySpan<float>)[1.5f, -2], 2), PinnedView.Of("f64", (ReadOnlySpan<double>)[1.5, -2], 2)])
            Assert.Equal([1.5, -2], Values(_engine.Embed(_engine.Load(view), [0])));
    }

    private double[] Rounded(EngineTensor tensor) => [.. Values(tensor).Select(v => Math.Round(v, 12))];

    private double[] Values(EngineTensor tensor)
    {
        double[] values = new double[tensor.Rows * tensor.Columns];
        _engine.Download(tensor, values);
        return values;
    }
}
