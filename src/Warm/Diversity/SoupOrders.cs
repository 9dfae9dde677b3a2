using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Warm;

/// <summary>What a greedy soup is in other orders than that of accuracy: how much of the result is the order's.</summary>
/// <param name="Tried">Number of orders.</param>
/// <param name="Soups">Number of different soups that were measured for them.</param>
/// <param name="Best">Accuracy of the best result, on the selection pairs: it flatters, the more orders the more.</param>
/// <param name="Worst">Accuracy of the worst result.</param>
/// <param name="ByAccuracy">Accuracy of the result in the order of the members' own accuracies.</param>
/// <param name="Taken">For each member the share of the orders in whose result it is.</param>
public sealed record SoupOrders(
    [property: JsonPropertyName("tried")] int Tried,
    [property: JsonPropertyName("soups")] int Soups,
    [property: JsonPropertyName("best")] double Best,
    [property: JsonPropertyName("worst")] double Worst,
    [property: JsonPropertyName("byAccuracy")] double ByAccuracy,
    [property: JsonPropertyName("taken")] IReadOnlyList<double> Taken)
{
    /// <summary>Members of which every order is tried: eight, 40,320 orders of 255 soups.</summary>
    public const int MostForAll = 8;

    /// <summary>Grows a soup in several orders and takes the best; of equal ones the first, and the order of accuracy is the first.</summary>
    /// <param name="ranking">Accuracies of the members alone.</param>
    /// <param name="accuracy">The accuracy of the soup of these members, numbers in the ranking's order; asked once for each soup.</param>
    /// <param name="acceptance">When a member enters.</param>
    /// <param name="orders">Number of orders, that of accuracy included; at or above the number of all of them every order is tried.</param>
    /// <param name="seed">Other seeds draw other orders; default 0.</param>
    /// <exception cref="WarmException">Every order of more than <see cref="MostForAll"/> members is asked for.</exception>
    public static async Task<(SoupOrders Orders, GreedySoup Best)> TryAsync(TopByAccuracy ranking, Func<IReadOnlyList<int>, Task<double>> accuracy, Acceptance acceptance, int orders, long seed = 0)
    {
        ArgumentNullException.ThrowIfNull(ranking);
        ArgumentNullException.ThrowIfNull(accuracy);
        if (orders < 1) throw new WarmException("orders", FormattableString.Invariant($"is {orders}"), "1 or more");
        int n = ranking.Order.Count;
        double all = Enumerable.Range(1, n).Aggregate(1.0, (product, i) => product * i);
        if (n > MostForAll && (orders >= all || orders == int.MaxValue))
            throw new WarmException("orders", FormattableString.Invariant($"all of {n} members are {all:G3}"), FormattableString.Invariant($"every order of at most {MostForAll} members"), "Give a number of orders, which are then drawn.");
        var known = new Dictionary<string, double>(StringComparer.Ordinal);
        async Task<double> Once(IReadOnlyList<int> soup)
        {
            int[] sorted = [.. ranking.Order.Where(soup.Contains)];
            string key = string.Join(',', sorted);
            return known.TryGetValue(key, out double value) ? value : known[key] = await accuracy(sorted).ConfigureAwait(false);
        }
        GreedySoup? best = null;
        int tried = 0;
        (double worst, double byAccuracy) = (double.PositiveInfinity, 0);
        var taken = new int[n];
        foreach (int[] order in orders >= all ? Permutations([.. ranking.Order]) : Drawn([.. ranking.Order], orders, seed))
        {
            GreedySoup grown = await GreedySoup.ChooseAsync(ranking, Once, acceptance, order).ConfigureAwait(false);
            if (best is null) byAccuracy = grown.Accuracy;
            if (best is null || grown.Accuracy > best.Accuracy) best = grown;
            worst = Math.Min(worst, grown.Accuracy);
            foreach (int member in grown.Members) taken[member]++;
            tried++;
        }
        return (new(tried, known.Count, best!.Accuracy, worst, byAccuracy, [.. taken.Select(count => (double)count / tried)]), best);
    }

    /// <summary>Every order; the given one comes first.</summary>
    private static IEnumerable<int[]> Permutations(int[] items)
    {
        if (items.Length <= 1)
        {
            yield return items;
            yield break;
        }
        for (int first = 0; first < items.Length; first++)
            foreach (int[] rest in Permutations([.. items.Where((_, i) => i != first)])) yield return [items[first], .. rest];
    }

    /// <summary>The given order and others that are drawn.</summary>
    private static IEnumerable<int[]> Drawn(int[] items, int count, long seed)
    {
        yield return items;
        for (int draw = 1; draw < count; draw++) yield return CountedRandom.Shuffled(items, CountedRandom.Stream(seed, "orders", draw));
    }

    internal JsonObject ToJson() => new()
    {
        ["tried"] = Tried,
        ["soups"] = Soups,
        ["best"] = Best,
        ["worst"] = Worst,
        ["byAccuracy"] = ByAccuracy,
        ["taken"] = new JsonArray([.. Taken.Select(share => JsonValue.Create(share))]),
    };

    /// <summary><c>720 orders, 63 soups: 0.8167 to 0.8333, in order of accuracy 0.8333</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Tried:N0} orders, {Soups:N0} soups: {Worst:F4} to {Best:F4}, in order of accuracy {ByAccuracy:F4}");
}
