namespace Warm;

/// <summary>
/// One of the weights that are averaged or compared, its tensors found by their present-day names: <c>LayerNorm.gamma</c> and <c>beta</c> are <c>weight</c> and <c>bias</c>,
/// and a prefix that every name carries because the model was wrapped when it was saved (<c>module.</c>, <c>_orig_mod.</c>) is taken off.
/// </summary>
internal sealed class Member
{
    private static readonly string[] Wrappers = ["module.", "_orig_mod.", "_forward_module."];
    private readonly Dictionary<string, string> _own = [];

    public Member(Weights weights)
    {
        Weights = weights;
        Wrapper = Wrappers.FirstOrDefault(prefix => weights.Names.Count > 0 && weights.Names.All(n => n.StartsWith(prefix, StringComparison.Ordinal)));
        foreach (string own in weights.Names)
        {
            string name = Wrapper is null ? own : own[Wrapper.Length..];
            if (name.EndsWith("LayerNorm.gamma", StringComparison.Ordinal)) name = $"{name[..^5]}weight";
            else if (name.EndsWith("LayerNorm.beta", StringComparison.Ordinal)) name = $"{name[..^4]}bias";
            if (!_own.TryAdd(name, own)) throw new WarmException($"{weights.Name}: {own}", $"stands beside {_own[name]}", "one of the two spellings");
        }
    }

    /// <summary>The weights themselves.</summary>
    public Weights Weights { get; }

    /// <summary>What it is called in messages.</summary>
    public string Name => Weights.Name;

    /// <summary>The prefix that all its names carry, or null.</summary>
    public string? Wrapper { get; }

    /// <summary>Present-day names.</summary>
    public IReadOnlyCollection<string> Names => _own.Keys;

    /// <summary>Whether the values are what lies on disk, so that raw bits and values are the same thing.</summary>
    public bool IsStored => Weights is Checkpoint;

    /// <summary>Whether there is a tensor of that present-day name.</summary>
    public bool Contains(string name) => _own.ContainsKey(name);

    /// <summary>The name that the member itself uses.</summary>
    public string Own(string name) => _own[name];

    /// <summary>Type and shape under the present-day name.</summary>
    public TensorInfo Info(string name) => Weights.Info(_own[name]) with { Name = name };

    /// <summary>The file of a tensor, for messages.</summary>
    public string Where(string name) => Weights is Checkpoint checkpoint ? $"{checkpoint.FileOf(_own[name])}: '{_own[name]}'" : $"{Name}: '{_own[name]}'";
}
