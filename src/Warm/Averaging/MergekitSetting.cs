using System.Globalization;

namespace Warm;

/// <summary>
/// One parameter of a mergekit recipe: a value, a list of values spread over the layers (a gradient), or a list of conditions <c>{filter, value}</c>, of which the first counts whose filter stands
/// in the tensor's name. Read as written; what it means depends on the tensor.
/// </summary>
internal sealed class MergekitSetting
{
    private readonly double[]? _gradient;
    private readonly (string? Filter, MergekitSetting Value)[]? _conditions;
    private readonly double _value;

    /// <summary>Reads a setting; what is no number, list of numbers or condition is refused with its line.</summary>
    public MergekitSetting(YamlNode node, string name)
    {
        Name = name;
        if (node.Items is { Count: 0 }) throw new WarmException(node.Where, $"{name} is an empty list", "a number, a list of numbers, or conditions with filter and value");
        if (node.Items is { } items && items.All(item => item.Text is not null)) _gradient = [.. items.Select(item => Number(item, name))];
        else if (node.Items is { } conditions) _conditions = [.. conditions.Select(Condition)];
        else if (node.Keys is not null) _conditions = [Condition(node)];
        else _value = Number(node, name);
    }

    /// <summary>The parameter.</summary>
    public string Name { get; }

    /// <summary>The value for a tensor; null where no condition's filter stands in its name.</summary>
    /// <param name="tensor">The name.</param>
    /// <param name="t">How far through the layers it is, 0 to 1.</param>
    public double? At(string tensor, double t)
    {
        if (_conditions is { } conditions)
            return conditions.FirstOrDefault(c => c.Filter is null or "*" || tensor.Contains(c.Filter, StringComparison.Ordinal)).Value?.At(tensor, t);
        if (_gradient is not { } gradient) return _value;
        double at = t * (gradient.Length - 1);
        int below = Math.Min((int)at, gradient.Length - 1), above = Math.Min(below + 1, gradient.Length - 1);
        return (1 - (at - below)) * gradient[below] + (at - below) * gradient[above];
    }

    private (string?, MergekitSetting) Condition(YamlNode node)
    {
        if (node.Keys is null) throw new WarmException(node.Where, $"{Name} holds {node.Kind} among conditions", "a map with value and filter");
        foreach ((YamlNode key, _) in node.Keys)
            if (key.Text is not ("filter" or "value")) throw new WarmException(key.Where, $"{JsonText.Quote(key.Text!)} is no key of a condition", "filter and value");
        YamlNode value = node["value"] ?? throw new WarmException(node.Where, $"a condition of {Name} has no value", "filter and value");
        if (node["filter"] is { Text: null } filter) throw new WarmException(filter.Where, $"the filter is {filter.Kind}", "a part of tensor names");
        if (value.Keys is not null || value.Items?.Any(item => item.Text is null) == true) throw new WarmException(value.Where, $"the value of a condition is {value.Kind}", "a number or a list of numbers");
        return (node["filter"]?.Text is { Length: > 0 } text ? text : null, new(value, Name));
    }

    /// <summary>A number; true and false are 1 and 0.</summary>
    private static double Number(YamlNode node, string name) => node.Text?.ToLowerInvariant() switch
    {
        "true" or "yes" or "on" => 1,
        "false" or "no" or "off" => 0,
        { } text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) => number,
        _ => throw new WarmException(node.Where, $"{name} is {node.Kind}", "a finite number, true or false"),
    };
}
