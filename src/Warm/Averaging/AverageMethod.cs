using System.Globalization;
using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// A way to average that is more than a weighted sum: <c>WeightAverage.Of(members, new AverageOptions { Method = new Ties(@base) { Density = 0.2 } })</c>. Each method is a record of its
/// dials in a file of its own. It computes in double (or single: <see cref="AverageOptions.Accumulate"/>), value by value in member order, and rounds once; the bits depend neither on threads nor on how much is read at once.
/// </summary>
/// <remarks>What a method must know of a whole tensor first (an angle, a threshold) it takes in a counted pass when the tensor's first value is asked for, and keeps only that.</remarks>
public abstract record AverageMethod
{
    private protected AverageMethod() { }

    /// <summary>The name that command lines and recipes use: <c>task-arithmetic</c>.</summary>
    public abstract string Name { get; }

    /// <summary>The method in a line.</summary>
    public abstract string Formula { get; }

    /// <summary>Where it was published.</summary>
    public abstract string Paper { get; }

    /// <summary>The model that differences are taken from, or null.</summary>
    internal virtual Weights? Origin => null;

    /// <summary>What else is read: keep-masks.</summary>
    internal virtual IReadOnlyList<Weights> Masks => [];

    /// <summary>What a reader should know of the dials, or nothing.</summary>
    internal virtual IEnumerable<string> Remarks => [];

    /// <summary>Refuses dials that mean nothing, for so many members.</summary>
    internal abstract void Check(int members);

    /// <summary>The nominal weight of each member: what the recipe and the card show.</summary>
    internal virtual double[] Shares(int members) => Equal(members);

    /// <summary>The dials as the recipe holds them.</summary>
    internal abstract JsonObject Dials();

    /// <summary>Looks at a tensor as far as it must, in double, and returns what computes any run of it in steps of a type.</summary>
    internal abstract RunAverage Prepare<R>(TensorValues tensor) where R : struct, IStep;

    private protected static double[] Equal(int members) => [.. Enumerable.Repeat(1.0 / members, members)];

    /// <summary>Refuses a dial unless it <paramref name="holds"/>.</summary>
    private protected static void Demand(bool holds, string dial, double value, string expected)
    {
        if (!holds) throw new WarmException($"--{dial}", $"is {value.ToString(CultureInfo.InvariantCulture)}", expected);
    }

    private protected void DemandMembers(bool holds, int members, string expected)
    {
        if (!holds) throw new WarmException(Name, $"there {(members == 1 ? "is 1 member" : $"are {members} members")}", expected);
    }

    /// <summary>Refuses weights that are not one finite number a member, or that cannot be divided by.</summary>
    private protected static void DemandWeights(IReadOnlyList<double> weights, int members, bool divides)
    {
        if (weights.Count != members) throw new WarmException("weights", $"there are {weights.Count}", $"one for each of the {members} members");
        if (!weights.All(double.IsFinite)) throw new WarmException("weights", "one is not a finite number", "finite numbers");
        double sum = weights.Sum();
        if (divides && (sum == 0 || !double.IsFinite(sum))) throw new WarmException("weights", $"their sum is {sum}", "a sum other than 0 to divide by", "Give other weights, or do not normalise.");
    }

    private protected static IEnumerable<string> Outside(double t) =>
        t is < 0 or > 1 ? [$"t is {t.ToString(CultureInfo.InvariantCulture)}: beyond the members, an extrapolation"] : [];
}

/// <summary>Computes a run of values, at most <see cref="WeightedSum.Run"/> of them.</summary>
/// <param name="start">Index of the first in the tensor.</param>
/// <param name="members">The members' values; the method may use the arrays as scratch.</param>
/// <param name="origin">The base's values; zeros where the method has none.</param>
/// <param name="result">The average, unrounded; its length says how many values there are.</param>
internal delegate void RunAverage(long start, double[][] members, double[] origin, Span<double> result);

/// <summary>What an angle or a threshold is taken over.</summary>
public enum MethodScope
{
    /// <summary>Each tensor by itself.</summary>
    Tensor,

    /// <summary>All averaged tensors as one long vector, in code-point order of their names.</summary>
    Model,

    /// <summary>Each vector along the last axis by itself.</summary>
    Vector,

    /// <summary>Each vector along the first axis by itself: of a matrix its columns.</summary>
    Column,
}
