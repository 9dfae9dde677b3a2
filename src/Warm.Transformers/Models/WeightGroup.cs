namespace Warm.Transformers;

/// <summary>Answers requests for weights by name and shape, and gives back together what was loaded together.</summary>
internal sealed class WeightScope(Func<string, Shape, EngineWeight> answer) : IDisposable
{
    private readonly List<EngineWeight> _loaded = [];

    /// <summary>The weight of that name, which must have that shape.</summary>
    public EngineWeight Weight(string name, params long[] shape)
    {
        EngineWeight weight = answer(name, new Shape(shape));
        _loaded.Add(weight);
        return weight;
    }

    /// <summary><c>path.weight</c> [outputs, inputs] and, if there is one, <c>path.bias</c> [outputs].</summary>
    public LinearWeight Linear(string path, int inputs, int outputs, bool bias) =>
        new(Weight($"{path}.weight", outputs, inputs), bias ? Weight($"{path}.bias", outputs) : null);

    /// <summary><c>path.weight</c> as GPT-2 keeps it, [inputs, outputs], and <c>path.bias</c> [outputs].</summary>
    public LinearWeight Conv1D(string path, int inputs, int outputs) => new(Weight($"{path}.weight", inputs, outputs), Weight($"{path}.bias", outputs), Transposed: true);

    /// <summary>Gives all of them back.</summary>
    public void Dispose()
    {
        foreach (EngineWeight weight in _loaded) weight.Dispose();
        _loaded.Clear();
    }
}

/// <summary>Weights that are used together: kept, or, where weights are streamed, read for each use and let go after it.</summary>
internal sealed class WeightGroup<T>(Func<WeightScope> open, Func<WeightScope, T> build, bool streamed) : IDisposable where T : class
{
    private Loan? _kept;

    /// <summary>Reads the weights, unless they are streamed.</summary>
    public void Load()
    {
        if (!streamed) _kept = Read(kept: true);
    }

    /// <summary>The weights, for as long as the loan is not disposed.</summary>
    public Loan Use() => streamed ? Read(kept: false) : _kept ?? throw new ObjectDisposedException(typeof(T).Name);

    /// <summary>Gives the weights back.</summary>
    public void Dispose()
    {
        _kept?.Return();
        _kept = null;
    }

    private Loan Read(bool kept)
    {
        WeightScope scope = open();
        try
        {
            return new Loan(build(scope), scope, kept);
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    /// <summary>Weights in use.</summary>
    internal sealed class Loan(T value, WeightScope scope, bool kept) : IDisposable
    {
        public T Value => value;

        public void Return() => scope.Dispose();

        public void Dispose()
        {
            if (!kept) scope.Dispose();
        }
    }
}
