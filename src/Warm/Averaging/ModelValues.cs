namespace Warm;

/// <summary>A method at work on one average: each tensor is prepared once, by whichever thread asks first, and what concerns the whole model is taken once.</summary>
internal sealed class ModelValues
{
    private readonly AverageMethod _method;
    private readonly Dictionary<string, Prepared> _tensors = [];
    private readonly Dictionary<object, object> _once = [];

    public ModelValues(WeightAverage average, AverageMethod method)
    {
        _method = method;
        IsSingle = average.Options.Accumulate == DType.F32;
        Member? origin = method.Origin is { } weights ? new Member(weights) : null;
        long offset = 0;
        List<TensorValues> all = [];
        foreach (PlannedTensor tensor in average.Plan.Tensors.Where(t => t.IsAveraged))
        {
            var values = new TensorValues(average, tensor, origin, offset, this);
            offset += values.Count;
            all.Add(values);
            _tensors.Add(values.Name, new(values));
        }
        Tensors = all;
        Count = offset;
    }

    /// <summary>The averaged tensors in code-point order of their names.</summary>
    public IReadOnlyList<TensorValues> Tensors { get; }

    /// <summary>Whether the sums are made in single: then every value that is read is rounded to it.</summary>
    public bool IsSingle { get; }

    /// <summary>Number of values in all of them.</summary>
    public long Count { get; }

    /// <summary>The values of a tensor.</summary>
    public TensorValues this[string name] => _tensors[name].Values;

    /// <summary>What computes runs of a tensor.</summary>
    public RunAverage Of(string name)
    {
        Prepared tensor = _tensors[name];
        if (tensor.Average is { } ready) return ready;
        lock (tensor) return tensor.Average ??= IsSingle ? Singles(_method.Prepare<SingleStep>(tensor.Values)) : _method.Prepare<DoubleStep>(tensor.Values);
    }

    /// <summary>The same of values that were rounded to single.</summary>
    private static RunAverage Singles(RunAverage average) => (start, members, origin, result) =>
    {
        foreach (double[] values in members) SingleStep.Round(values.AsSpan(0, result.Length));
        SingleStep.Round(origin.AsSpan(0, result.Length));
        average(start, members, origin, result);
    };

    /// <summary>A statistic of the whole model, computed the first time.</summary>
    public T Once<T>(object key, Func<T> compute) where T : notnull
    {
        lock (_once)
        {
            if (!_once.TryGetValue(key, out object? value)) _once.Add(key, value = compute());
            return (T)value;
        }
    }

    /// <summary>Reads a member's deltas where all tensors lie end to end.</summary>
    public void ReadDelta(int member, long start, Span<double> delta)
    {
        int at = 0;
        for (int high = Tensors.Count - 1; at < high;)
        {
            int middle = (at + high + 1) / 2;
            if (Tensors[middle].Offset <= start) at = middle;
            else high = middle - 1;
        }
        for (; delta.Length > 0; at++)
        {
            TensorValues tensor = Tensors[at];
            int count = (int)Math.Min(delta.Length, tensor.Offset + tensor.Count - start);
            if (count <= 0) continue;
            tensor.ReadDelta(member, start - tensor.Offset, delta[..count]);
            start += count;
            delta = delta[count..];
        }
    }

    private sealed class Prepared(TensorValues values)
    {
        public TensorValues Values => values;

        public volatile RunAverage? Average;
    }
}
