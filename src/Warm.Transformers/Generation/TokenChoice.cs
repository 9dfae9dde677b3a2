namespace Warm.Transformers;

/// <summary>
/// One token out of a row of logits: <c>p_v = e^(l_v / T) / sum</c>, cut to the most probable by top-k and top-p, and the first token at which the running sum of p passes u times the whole.
/// In double, one after the other in the order of ids, so that it depends on the row alone.
/// </summary>
internal static class TokenChoice
{
    /// <summary>The token, and its log-probability under the logits as they are.</summary>
    /// <param name="logits">One for each id.</param>
    /// <param name="options">Temperature, top-k and top-p.</param>
    /// <param name="u">A number from 0 to below 1.</param>
    public static (int Id, float LogProbability) Choose(ReadOnlySpan<float> logits, SamplingOptions options, double u)
    {
        int best = 0;
        for (int v = 0; v < logits.Length; v++)
        {
            if (float.IsNaN(logits[v])) throw new WarmException("sampling", "a logit is no number", "finite weights", "`warm compare` says which tensor holds NaN.");
            if (logits[v] > logits[best]) best = v;
        }
        double largest = logits[best], sum = 0;
        foreach (float logit in logits) sum += Math.Exp(logit - largest);
        int id = options.Temperature == 0 ? best : Draw(logits, largest, options, u);
        return (id, (float)(logits[id] - largest - Math.Log(sum)));
    }

    private static int Draw(ReadOnlySpan<float> logits, double largest, SamplingOptions options, double u)
    {
        double[] weights = new double[logits.Length];
        double sum = 0;
        for (int v = 0; v < weights.Length; v++) sum += weights[v] = Math.Exp((logits[v] - largest) / options.Temperature);
        if (options.TopK < weights.Length || options.TopP < 1) sum = Cut(weights, sum, options);
        double target = u * sum, passed = 0;
        int last = 0;
        for (int v = 0; v < weights.Length; v++)
        {
            if (weights[v] == 0) continue;
            passed += weights[last = v];
            if (passed > target) break;
        }
        return last;
    }

    /// <summary>Sets the weights of what is cut off to 0 and gives the sum of the rest.</summary>
    private static double Cut(double[] weights, double sum, SamplingOptions options)
    {
        // Everything below (1 - p) / vocabulary together has less than 1 - p, so top-p never needs it: only the rest is sorted.
        double least = options.TopK is null ? (1 - options.TopP) * sum / weights.Length : 0;
        int[] order = [.. Enumerable.Range(0, weights.Length).Where(v => weights[v] >= least)];
        Array.Sort(order, (a, b) => weights[a] != weights[b] ? weights[b].CompareTo(weights[a]) : a.CompareTo(b));
        int kept = Math.Min(order.Length, options.TopK ?? int.MaxValue);
        if (options.TopP < 1)
        {
            double whole = sum, passed = 0;
            if (options.TopK is not null) // top-p is a share of what top-k left
            {
                whole = 0;
                for (int i = 0; i < kept; i++) whole += weights[order[i]];
            }
            int n = 0;
            while (n < kept && passed < options.TopP * whole) passed += weights[order[n++]];
            kept = Math.Max(1, n);
        }
        double[] before = (double[])weights.Clone();
        Array.Clear(weights);
        foreach (int v in order.AsSpan(0, kept)) weights[v] = before[v];
        double rest = 0;
        foreach (double weight in weights) rest += weight;
        return rest;
    }
}
