namespace Warm.Transformers;

/// <summary>The scalar functions between two products, by the names of config.json's <c>hidden_act</c>.</summary>
public enum Activation
{
    /// <summary>gelu: x Phi(x), exact (erf).</summary>
    Gelu,
    /// <summary>gelu_new, gelu_pytorch_tanh: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).</summary>
    GeluTanh,
    /// <summary>gelu_fast: 0.5 x (1 + tanh(0.7978845608 x (1 + 0.044715 x^2))).</summary>
    GeluFast,
    /// <summary>quick_gelu: x sigmoid(1.702 x).</summary>
    GeluQuick,
    /// <summary>silu, swish: x sigmoid(x).</summary>
    Silu,
    /// <summary>relu: max(x, 0).</summary>
    Relu,
    /// <summary>relu2: max(x, 0)^2.</summary>
    Relu2,
    /// <summary>tanh.</summary>
    Tanh,
    /// <summary>sigmoid.</summary>
    Sigmoid,
    /// <summary>mish: x tanh(log(1 + e^x)).</summary>
    Mish,
}
