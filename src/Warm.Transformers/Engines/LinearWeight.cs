namespace Warm.Transformers;

/// <summary>
/// What <see cref="Engine.Linear"/> multiplies with: a weight as stored, [outputs, inputs] (or [inputs, outputs] where <see cref="Transposed"/>: GPT-2's Conv1D),
/// and an optional bias [outputs].
/// </summary>
public sealed record LinearWeight(EngineWeight Weight, EngineWeight? Bias = null, bool Transposed = false)
{
    /// <summary>Columns of the input.</summary>
    public int Inputs => Transposed ? Weight.Rows : Weight.Columns;

    /// <summary>Columns of the output.</summary>
    public int Outputs => Transposed ? Weight.Columns : Weight.Rows;

    /// <summary><c>model.layers.0.mlp.up_proj.weight BF16 [352, 128]</c></summary>
    public override string ToString() => Weight.ToString();
}
