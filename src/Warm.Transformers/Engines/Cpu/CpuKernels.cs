namespace Warm.Transformers;

/// <summary>The operations compiled for one vector width. <see cref="CpuEngine"/> checks arguments and makes results; here they are filled.</summary>
internal abstract unsafe class CpuKernels
{
    public abstract void Linear(CpuTensor x, CpuWeight weight, bool transposed, float* bias, CpuTensor y, int threads);
    public abstract void RmsNorm(float* x, float* weight, float* y, int groups, int width, double epsilon, float offset);
    public abstract void LayerNorm(float* x, float* weight, float* bias, float* y, int groups, int width, double epsilon);
    public abstract void Rotary(CpuTensor x, CpuTensor y, RotaryForm form, BatchLayout layout, int threads);
    public abstract void Attention(CpuTensor queries, CpuTensor keys, CpuTensor values, CpuTensor y, AttentionForm form, BatchLayout queryLayout, BatchLayout keyLayout, int threads);
    public abstract void TokenLogProbabilities(CpuTensor x, CpuWeight head, float* bias, double? softcap, int[] ids, CpuTensor y, int threads);
    public abstract void DisentangledAttention(CpuTensor queries, CpuTensor keys, CpuTensor values, CpuTensor? positionKeys, CpuTensor? positionQueries, CpuTensor y, DisentangledForm form, BatchLayout layout, int threads);
    public abstract void Activate(Activation activation, float* x, float* y, int count);
    public abstract void ActivateGated(Activation activation, float* gate, float* up, float* y, int count);
    public abstract void Add(float* a, float* b, float* y, int count);
    public abstract void Multiply(float* a, float* b, float* y, int count);
    public abstract void Scale(float* x, float factor, float* y, int count);
}

/// <inheritdoc/>
internal sealed unsafe class CpuKernels<S, V> : CpuKernels where S : ISimd<V> where V : struct
{
    public override void Linear(CpuTensor x, CpuWeight weight, bool transposed, float* bias, CpuTensor y, int threads) =>
        MatMul.Forward<S, V>(x.Pointer, x.Rows, x.Columns, weight, transposed, bias, y.Pointer, y.Columns, threads);

    public override void RmsNorm(float* x, float* weight, float* y, int groups, int width, double epsilon, float offset) =>
        Transformers.RmsNorm.Forward<S, V>(x, weight, y, groups, width, epsilon, offset);

    public override void LayerNorm(float* x, float* weight, float* bias, float* y, int groups, int width, double epsilon) =>
        Transformers.LayerNorm.Forward<S, V>(x, weight, bias, y, groups, width, epsilon);

    public override void Rotary(CpuTensor x, CpuTensor y, RotaryForm form, BatchLayout layout, int threads) =>
        Transformers.Rotary.Forward<S, V>(x.Pointer, y.Pointer, form, layout, threads);

    public override void Attention(CpuTensor queries, CpuTensor keys, CpuTensor values, CpuTensor y, AttentionForm form, BatchLayout queryLayout, BatchLayout keyLayout, int threads) =>
        Transformers.Attention.Forward<S, V>(queries, keys, values, y, form, queryLayout, keyLayout, threads);

    public override void TokenLogProbabilities(CpuTensor x, CpuWeight head, float* bias, double? softcap, int[] ids, CpuTensor y, int threads) =>
        Transformers.TokenLogProbabilities.Forward<S, V>(x, head, bias, softcap, ids, y.Pointer, threads);

    public override void DisentangledAttention(CpuTensor queries, CpuTensor keys, CpuTensor values, CpuTensor? positionKeys, CpuTensor? positionQueries, CpuTensor y, DisentangledForm form, BatchLayout layout, int threads) =>
        Transformers.DisentangledAttention.Forward<S, V>(queries, keys, values, positionKeys, positionQueries, y, form, layout, threads);

    public override void Activate(Activation activation, float* x, float* y, int count) => Activations.Forward<S, V>(activation, x, y, count);

    public override void ActivateGated(Activation activation, float* gate, float* up, float* y, int count) => Activations.Gated<S, V>(activation, gate, up, y, count);

    public override void Add(float* a, float* b, float* y, int count) => Elementwise.Add<S, V>(a, b, y, count);

    public override void Multiply(float* a, float* b, float* y, int count) => Elementwise.Multiply<S, V>(a, b, y, count);

    public override void Scale(float* x, float factor, float* y, int count) => Elementwise.Scale<S, V>(x, factor, y, count);
}
