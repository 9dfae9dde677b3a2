namespace Warm.Transformers;

/// <summary>
/// Rotary position embedding of each head's first 2r components, r the number of frequencies: the angle of component i at position p is p f_i;
/// cos and sin are multiplied by <see cref="AttentionFactor"/>.
/// </summary>
public sealed record RotaryForm
{
    /// <summary>Number of heads in the rotated matrix.</summary>
    public required int Heads { get; init; }

    /// <summary>Width of one head; components from 2r on pass unchanged.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Frequencies for a text of that many tokens (where positions are given: its largest position plus one). A form whose frequencies do not depend on the length ignores it and says so by <see cref="DependsOnLength"/>.</summary>
    public required Func<int, double[]> Frequencies { get; init; }

    /// <summary>Whether <see cref="Frequencies"/> depends on the length (dynamic, longrope): then no rows may be shared between texts.</summary>
    public bool DependsOnLength { get; init; }

    /// <summary>Factor on cos and sin; default 1 (yarn, longrope: another).</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>Whether component 2i pairs with 2i + 1 (GPT-J); default: i pairs with i + r.</summary>
    public bool Interleaved { get; init; }
}
