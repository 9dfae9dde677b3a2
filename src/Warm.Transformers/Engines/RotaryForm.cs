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

    /// <summary>The frequencies of each segment of a layout; segments of one length, or all where nothing depends on it, have the same array.</summary>
    /// <exception cref="ArgumentException">Texts share beginnings although the frequencies depend on their length, or there are more frequencies than a head has pairs.</exception>
    public IReadOnlyList<double[]> FrequenciesOf(BatchLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        var ofLength = new Dictionary<int, double[]>();
        double[][] frequencies = new double[layout.Segments.Length][];
        int whole = DependsOnLength ? 0 : End(layout.Positions);
        for (int s = 0; s < frequencies.Length; s++)
        {
            BatchLayout.Segment segment = layout.Segments[s];
            if (DependsOnLength && segment.Parent >= 0) throw new ArgumentException("Frequencies that depend on a text's length cannot be shared between texts.", nameof(layout));
            int length = DependsOnLength ? End(layout.Positions.Slice(segment.Row, segment.Length)) : whole;
            if (!ofLength.TryGetValue(length, out double[]? own)) ofLength[length] = own = Frequencies(length);
            if (2 * own.Length > HeadSize) throw new ArgumentException($"{own.Length} frequencies do not fit a head of {HeadSize}.", nameof(layout));
            frequencies[s] = own;
        }
        return frequencies;

        static int End(ReadOnlySpan<int> positions)
        {
            int end = 0;
            foreach (int position in positions) end = Math.Max(end, position + 1);
            return end;
        }
    }
}
