namespace Warm;

/// <summary>
/// Finds the named tensors in what a torch file holds. A dictionary with tensors in it is the state dictionary, dictionaries inside it are joined with <c>.</c>; one without is searched for
/// the keys under which trainers keep the weights (<c>state_dict</c>, <c>model_state_dict</c>, <c>model</c>, <c>module</c>), and those of that key are taken without it.
/// </summary>
internal sealed class StateDict
{
    private const int Depth = 16;

    private static readonly string[] Wrappers = ["state_dict", "model_state_dict", "model", "module"];

    private readonly string _path;
    private readonly Dictionary<PickleDict, bool> _holds = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<PickleDict> _taken = new(ReferenceEqualityComparer.Instance);
    private readonly List<string> _left = [], _remarks = [];
    private readonly Dictionary<string, TorchTensor> _tensors = [];

    private StateDict(string path) => _path = path;

    /// <summary>The tensors by name, and what a reader should know of how they were found.</summary>
    public static (Dictionary<string, TorchTensor> Tensors, IReadOnlyList<string> Remarks) Of(object? value, string path)
    {
        if (value is not PickleDict top) throw new WarmException(path, $"holds {PickleOther.KindOf(value)}", "a state dictionary: names and tensors", "Save a state dictionary: torch.save(model.state_dict(), path).");
        var found = new StateDict(path);
        if (top.Entries.Count == 0) return ([], [$"{path} holds an empty dictionary"]);
        if (!found.Holds(top, 0)) throw new WarmException(path, "holds a dictionary without tensors", "a state dictionary: names and tensors");
        found.Take(found.Unwrap(top), "", 0);
        if (found._left.Count > 0) found._remarks.Add($"{path} holds more than tensors: {string.Join(", ", found._left.Take(8))}{(found._left.Count > 8 ? $" and {found._left.Count - 8} more" : "")} left out");
        return (found._tensors, found._remarks);
    }

    /// <summary>Whether a tensor is in it, at any depth. A dictionary that holds itself is said to, and refused when it is taken.</summary>
    private bool Holds(PickleDict dictionary, int depth)
    {
        if (_holds.TryGetValue(dictionary, out bool known)) return known;
        if (depth > Depth) throw new WarmException(_path, $"holds dictionaries in dictionaries, more than {Depth} deep", "a state dictionary: names and tensors");
        _holds[dictionary] = true;
        bool holds = false;
        foreach ((_, object? value) in dictionary.Entries) holds |= value is TorchTensor || (value is PickleDict inner && Holds(inner, depth + 1));
        return _holds[dictionary] = holds;
    }

    private bool HoldsTensors(object? value) => value is PickleDict dictionary && Holds(dictionary, 0);

    private PickleDict Unwrap(PickleDict dictionary)
    {
        string prefix = "";
        for (int depth = 0; depth < Depth && !dictionary.Entries.Exists(e => e.Value is TorchTensor); depth++)
        {
            KeyValuePair<object?, object?>[] wrapped = [.. dictionary.Entries.Where(e => e.Key is string key && Array.IndexOf(Wrappers, key) >= 0 && HoldsTensors(e.Value))];
            if (wrapped.Length == 0) break;
            // The same dictionary under two names is one.
            if (wrapped.Any(e => !ReferenceEquals(e.Value, wrapped[0].Value)))
                throw new WarmException(_path, $"holds weights under {string.Join(" and under ", wrapped.Select(e => $"'{prefix}{e.Key}'"))}", "one set of weights", "Save one of them: torch.save(checkpoint['model'], path).");
            string key = (string)wrapped[0].Key!;
            string[] others = [.. dictionary.Entries.Where(e => !ReferenceEquals(e.Value, wrapped[0].Value)).Select(e => Shown(e.Key)).Take(8)];
            _remarks.Add($"{_path} holds its weights under '{prefix}{key}': those are taken{(others.Length > 0 ? $", {string.Join(", ", others)} left out" : "")}");
            prefix += $"{key}.";
            dictionary = (PickleDict)wrapped[0].Value!;
        }
        return dictionary;
    }

    private void Take(PickleDict dictionary, string prefix, int depth)
    {
        if (depth > Depth || !_taken.Add(dictionary)) throw new WarmException($"{_path}{(prefix.Length > 0 ? $", {JsonText.Quote(prefix.TrimEnd('.'))}" : "")}", "a dictionary stands in two places, or in itself", "each tensor under one name");
        foreach ((object? key, object? value) in dictionary.Entries)
        {
            bool holds = value is TorchTensor || HoldsTensors(value);
            if (!holds)
            {
                _left.Add(prefix.Length > 0 || key is not string ? $"{prefix}{Shown(key)}" : Shown(key));
                continue;
            }
            if (key is not string name)
                throw new WarmException($"{_path}{(prefix.Length > 0 ? $", {JsonText.Quote(prefix.TrimEnd('.'))}" : "")}", $"a key is {(key is long number ? $"the integer {number}" : PickleOther.KindOf(key))}", "names of tensors, which are texts",
                    "Optimizers keep their state like this: it is not weights.");
            string full = prefix + name;
            if (value is PickleDict inner) Take(inner, $"{full}.", depth + 1);
            else if (!_tensors.TryAdd(full, (TorchTensor)value!)) throw new WarmException($"{_path}, {JsonText.Quote(full)}", "stands twice", "each name once");
        }
    }

    private static string Shown(object? key) => key is string text ? JsonText.Quote(text) : key is long number ? $"{number}" : PickleOther.KindOf(key);
}
