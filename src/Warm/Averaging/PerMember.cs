using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>A dial with one value for all members, or one for each in member order: <c>Density = 0.2</c>, <c>Density = new[] { 0.2, 0.5 }</c>.</summary>
public readonly struct PerMember : IEquatable<PerMember>
{
    private readonly ImmutableArray<double> _values;

    /// <summary>One value a member; equal ones are one for all.</summary>
    /// <param name="values">At least one.</param>
    public PerMember(params IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Count == 0) throw new ArgumentException("there are no values", nameof(values));
        _values = values.Distinct().Count() == 1 ? [values[0]] : [.. values];
    }

    /// <summary>The values: a single one counts for all members. A dial that nobody set is 0.</summary>
    public IReadOnlyList<double> Values => _values.IsDefault ? [0] : _values;

    /// <summary>A member's value.</summary>
    /// <param name="member">Its index.</param>
    public double this[int member] => Values.Count == 1 ? Values[0] : Values[member];

    /// <summary>The same for all.</summary>
    public static implicit operator PerMember(double value) => new(value);

    /// <summary>One a member.</summary>
    public static implicit operator PerMember(double[] values) => new(values);

    /// <summary>Whether the values are the same.</summary>
    public static bool operator ==(PerMember left, PerMember right) => left.Equals(right);

    /// <summary>Whether a value differs.</summary>
    public static bool operator !=(PerMember left, PerMember right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(PerMember other) => Values.SequenceEqual(other.Values);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is PerMember other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Values.Aggregate(Values.Count, HashCode.Combine);

    /// <summary><c>0.2</c>, or <c>0.2,0.5</c></summary>
    public override string ToString() => string.Join(',', Values.Select(v => v.ToString(CultureInfo.InvariantCulture)));

    /// <summary>A number, or a list of them.</summary>
    internal JsonNode ToJson() => Values is [var one] ? JsonValue.Create(one) : new JsonArray([.. Values.Select(v => JsonValue.Create(v))]);
}
