namespace Warm.Transformers;

/// <summary>How a family spells its rotation in config.json, and what it takes where that is silent.</summary>
internal sealed record RopeKeys
{
    /// <summary>Llama's, and of most of its relatives: whole heads, <c>rope_theta</c> 10000.</summary>
    public static RopeKeys Llama { get; } = new();

    /// <summary>The older key of theta at top level.</summary>
    public string Theta { get; init; } = "rope_theta";

    /// <summary>Theta where nothing is said.</summary>
    public double DefaultTheta { get; init; } = 10000;

    /// <summary>The share of a head that rotates where nothing is said; null where the family rotates whole heads only.</summary>
    public double? DefaultShare { get; init; }

    /// <summary>The older key of that share at top level, or null.</summary>
    public string? Share { get; init; }

    /// <summary>The object inside <c>rope_parameters</c> for one kind of layer (Gemma 3), or null where there is one rotation only.</summary>
    public string? LayerType { get; init; }

    /// <summary>Whether the older <c>rope_scaling</c> applies (Gemma 3: not to windowed layers).</summary>
    public bool Scaled { get; init; } = true;

    /// <summary>Other names of longrope (Phi-3: su, yarn).</summary>
    public IReadOnlyList<string> OtherLongrope { get; init; } = [];

    /// <summary>original_max_position_embeddings where config.json has none at top level; null for the rotation's own, or max_position_embeddings.</summary>
    public int? DefaultOriginal { get; init; }
}
