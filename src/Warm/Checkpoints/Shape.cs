namespace Warm;

/// <summary>Sizes of a tensor's axes, outermost first; no axes is a single number. Two shapes are equal when their sizes are.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    private readonly long[]? _sizes;

    /// <summary>A shape of these sizes, each at least 0.</summary>
    public Shape(params long[] sizes) => _sizes = sizes;

    /// <summary>The sizes, outermost first.</summary>
    public ReadOnlySpan<long> Sizes => _sizes;

    /// <summary>Number of axes.</summary>
    public int Rank => _sizes?.Length ?? 0;

    /// <summary>Size of one axis; <c>^1</c> is the innermost.</summary>
    public long this[Index axis] => _sizes![axis];

    /// <summary>Number of values: the product of the sizes.</summary>
    public long Count
    {
        get
        {
            long count = 1;
            foreach (long size in Sizes) count = checked(count * size);
            return count;
        }
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) => Sizes.SequenceEqual(other.Sizes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (long size in Sizes) hash.Add(size);
        return hash.ToHashCode();
    }

    /// <summary><c>[2, 4096]</c></summary>
    public override string ToString() => $"[{string.Join(", ", _sizes ?? [])}]";

    /// <summary>Whether the sizes are equal.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Whether a size differs.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);
}
