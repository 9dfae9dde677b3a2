namespace Warm.Transformers;

/// <summary>Scale and shift of a layer norm.</summary>
internal sealed record NormWeight(EngineWeight Weight, EngineWeight Bias)
{
    /// <summary><c>path.weight</c> and <c>path.bias</c>, both [width].</summary>
    public static NormWeight Of(WeightScope scope, string path, int width) => new(scope.Weight($"{path}.weight", width), scope.Weight($"{path}.bias", width));

    /// <summary><c>(x - mean) / sqrt(var + epsilon) weight + bias</c></summary>
    public EngineTensor Apply(Engine engine, EngineTensor x, double epsilon) => engine.LayerNorm(x, Weight, Bias, epsilon);
}
