using System.Text.Json.Nodes;

namespace Warm;

/// <summary>
/// The methods that add the members' differences from a base to it: <c>base + lambda sum c_i d_i</c>, where <c>d_i</c> is what the method leaves of <c>theta_i - base</c>; as a plain sum, or of the
/// entries that agree in sign with the weighted sum (<see cref="SignElection"/>).
/// </summary>
public abstract record DeltaMethod : AverageMethod
{
    private protected DeltaMethod(Weights @base) => Base = @base;

    /// <summary>The model that the members were fine-tuned from. Its type need not be theirs.</summary>
    public Weights Base { get; }

    /// <summary>One coefficient a member, in member order, any finite number; null (default) for ones.</summary>
    public IReadOnlyList<double>? Weights { get; init; }

    internal override Weights Origin => Base;

    /// <summary>What the sum of deltas is multiplied by.</summary>
    private protected virtual double Scale => 1;

    /// <summary>Whether the sum is divided by the sum of the weights that went into it.</summary>
    private protected virtual bool Divides => false;

    /// <summary>Whether only entries count that agree in sign.</summary>
    private protected virtual bool Elects => false;

    /// <summary>What makes of a member's deltas what is left of them, in place; null where all is left.</summary>
    private protected virtual TrimRun? Trim(TensorValues tensor, int member) => null;

    /// <summary>Refuses dials of its own.</summary>
    private protected virtual void CheckDials(int members) { }

    internal sealed override void Check(int members)
    {
        if (Weights is { } weights) DemandWeights(weights, members, Divides && !Elects);
        Demand(double.IsFinite(Scale), "lambda", Scale, "a finite number");
        CheckDials(members);
    }

    internal override double[] Shares(int members) => Weights is { } weights ? [.. weights] : [.. Enumerable.Repeat(1.0, members)];

    internal override JsonObject Dials()
    {
        var dials = new JsonObject();
        if (Weights is { } weights) dials["weights"] = new JsonArray([.. weights.Select(w => JsonValue.Create(w))]);
        return dials;
    }

    internal sealed override RunAverage Prepare<R>(TensorValues tensor)
    {
        double[] c = Shares(tensor.Members);
        double scale = Scale, divisor = Divides ? c.Sum() : 1;
        bool divides = Divides, elects = Elects;
        TrimRun?[] trims = [.. Enumerable.Range(0, c.Length).Select(i => Trim(tensor, i))];
        return (start, members, origin, result) =>
        {
            for (int m = 0; m < c.Length; m++)
            {
                Span<double> delta = members[m].AsSpan(0, result.Length);
                for (int i = 0; i < delta.Length; i++) delta[i] -= origin[i];
                trims[m]?.Invoke(start, delta);
                for (int i = 0; i < delta.Length; i++) delta[i] = R.Of(R.Of(c[m]) * R.Of(delta[i]));
            }
            if (elects) SignElection.Sum<R>(members, c, divides, result);
            else
            {
                result.Clear();
                for (int m = 0; m < c.Length; m++)
                    for (int i = 0; i < result.Length; i++) result[i] = R.Of(result[i] + members[m][i]);
            }
            for (int i = 0; i < result.Length; i++)
            {
                double scaled = R.Of(R.Of(scale) * result[i]);
                result[i] = R.Of(origin[i] + (elects ? scaled : R.Of(scaled / R.Of(divisor))));
            }
        };
    }
}

/// <summary>Changes a run of deltas in place.</summary>
internal delegate void TrimRun(long start, Span<double> delta);
