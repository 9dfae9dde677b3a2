using System.Text.Json.Nodes;

namespace Warm;

/// <summary>A method whose dials differ from tensor to tensor: each tensor is averaged as its own record says, all on the same base.</summary>
/// <remarks>What recipes with filters and gradients over the layers come to. Memory: as the methods that are used.</remarks>
public sealed record ByTensor : AverageMethod
{
    private readonly IReadOnlyDictionary<string, AverageMethod> _methods;
    private readonly AverageMethod[] _distinct;

    /// <summary>A method for each tensor.</summary>
    /// <param name="methods">By tensor name; every tensor that is averaged needs one. All of one base or none, and without masks.</param>
    public ByTensor(IReadOnlyDictionary<string, AverageMethod> methods)
    {
        ArgumentNullException.ThrowIfNull(methods);
        _methods = methods;
        _distinct = [.. methods.OrderBy(m => m.Key, CodePointOrder.Instance).Select(m => m.Value).Distinct()];
        if (_distinct.Length == 0) throw new WarmException("by tensor", "there is no method", "one for each tensor");
        if (_distinct.Any(m => !ReferenceEquals(m.Origin, _distinct[0].Origin))) throw new WarmException("by tensor", "the methods have different bases", "one base, or none");
        if (_distinct.Any(m => m.Masks.Count > 0)) throw new WarmException("by tensor", "a method has masks", "methods without masks");
    }

    /// <summary>The name of the methods where they are of one kind.</summary>
    public override string Name => _distinct.Select(m => m.Name).Distinct().Count() == 1 ? _distinct[0].Name : "by-tensor";

    /// <inheritdoc/>
    public override string Formula => string.Join("; or ", _distinct.Select(m => m.Formula).Distinct());

    /// <inheritdoc/>
    public override string Paper => string.Join(", ", _distinct.Select(m => m.Paper).Distinct());

    internal override Weights? Origin => _distinct[0].Origin;

    internal override IEnumerable<string> Remarks => _distinct.SelectMany(m => m.Remarks).Distinct();

    internal override void Check(int members)
    {
        foreach (AverageMethod method in _distinct) method.Check(members);
    }

    /// <summary>The mean over the tensors of what each gives a member.</summary>
    internal override double[] Shares(int members)
    {
        var sums = new double[members];
        foreach (IGrouping<AverageMethod, AverageMethod> group in _methods.OrderBy(m => m.Key, CodePointOrder.Instance).Select(m => m.Value).GroupBy(m => m))
        {
            double[] own = group.Key.Shares(members);
            for (int i = 0; i < members; i++) sums[i] += own[i] * group.Count();
        }
        return [.. sums.Select(s => s / _methods.Count)];
    }

    /// <summary>Each set of dials with the tensors that have it.</summary>
    internal override JsonObject Dials() => new()
    {
        ["byTensor"] = new JsonArray([.. _methods.OrderBy(m => m.Key, CodePointOrder.Instance).GroupBy(m => m.Value).Select(group => new JsonObject
        {
            ["method"] = group.Key.Name,
            ["dials"] = group.Key.Dials(),
            ["tensors"] = new JsonArray([.. group.Select(m => (JsonNode)m.Key)]),
        })]),
    };

    internal override RunAverage Prepare<R>(TensorValues tensor) =>
        (_methods.TryGetValue(tensor.Name, out AverageMethod? method) ? method : throw new WarmException(tensor.Name, "has no method", "one for every tensor that is averaged")).Prepare<R>(tensor);
}
