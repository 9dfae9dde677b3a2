using System.Text.Json.Nodes;

namespace Warm;

/// <summary>The methods that go from one member to another round a sphere: what slerp, slerp-deltas and nuslerp have in common.</summary>
public abstract record SphericalMethod : AverageMethod
{
    private protected SphericalMethod(double t, MethodScope scope) => (T, Scope) = (t, scope);

    /// <summary>The place on the way: 0 is the first member, 1 the second; any finite number.</summary>
    public double T { get; }

    /// <summary>What one angle is for.</summary>
    public MethodScope Scope { get; init; }

    internal override IEnumerable<string> Remarks => Outside(T);

    /// <summary>The scopes that the method has, and what has the others.</summary>
    private protected abstract (MethodScope[] Scopes, string Otherwise) Has { get; }

    internal sealed override void Check(int members)
    {
        DemandMembers(members == 2, members, "exactly two");
        Demand(double.IsFinite(T), "t", T, "a finite number");
        if (!Has.Scopes.Contains(Scope)) throw new WarmException("--scope", $"is {Text(Scope)}", string.Join(" or ", Has.Scopes.Select(Text)), Has.Otherwise);
    }

    internal sealed override double[] Shares(int members) => [1 - T, T];

    internal sealed override JsonObject Dials() => new() { ["t"] = T, ["scope"] = Text(Scope) };

    /// <summary>The inner products of the two, of each tensor or once of all.</summary>
    private protected double[,] Products(TensorValues tensor, bool deltas) =>
        Scope == MethodScope.Model ? tensor.Model.Once(this, () => InnerProducts.Of(tensor.Model, deltas)) : InnerProducts.Of(tensor, deltas);

    private static string Text(MethodScope scope) => scope.ToString().ToLowerInvariant();
}
