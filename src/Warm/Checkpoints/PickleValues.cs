namespace Warm;

/// <summary>A Python dictionary as it was written: entries in order, a key that stands twice kept twice.</summary>
internal sealed class PickleDict
{
    /// <summary>The entries.</summary>
    public List<KeyValuePair<object?, object?>> Entries { get; } = [];
}

/// <summary>A name that a pickle may mention: a class or function that is on the list. Nothing stands behind it.</summary>
/// <param name="Name">As in <c>torch.FloatStorage</c>.</param>
internal sealed record PickleGlobal(string Name);

/// <summary>A harmless value that holds no weights (a set, a slice, a device): known by its kind only.</summary>
/// <param name="Kind">As in <c>a set</c>.</param>
internal sealed record PickleOther(string Kind)
{
    /// <summary>What a value is, in words for a message.</summary>
    public static string KindOf(object? value) => value switch
    {
        null => "None",
        bool => "True or False",
        long or System.Numerics.BigInteger => "an integer",
        double => "a float",
        string => "a text",
        byte[] => "bytes",
        object?[] => "a tuple",
        List<object?> => "a list",
        PickleDict => "a dictionary",
        PickleGlobal global => global.Name,
        PickleOther other => other.Kind,
        TorchStorage or TorchStorageSlice => "a storage",
        TorchTensor => "a tensor",
        _ => value.GetType().Name,
    };
}
