using System.Text.Json;

namespace Warm;

/// <summary>
/// <c>model.safetensors.index.json</c>: which file of the folder holds which tensor. A file must lie inside the folder: no absolute path, no <c>..</c>, no drive, no address.
/// <c>metadata.total_size</c> is advice that nobody keeps, and is not read.
/// </summary>
internal sealed class ShardIndex
{
    private ShardIndex(string path, IReadOnlyDictionary<string, string> files)
    {
        Path = path;
        Files = files;
    }

    /// <summary>The index file.</summary>
    public string Path { get; }

    /// <summary>Tensor name to file name, as written.</summary>
    public IReadOnlyDictionary<string, string> Files { get; }

    /// <summary>Reads an index whose files end in <paramref name="extension"/>.</summary>
    public static ShardIndex Read(string path, string extension = ".safetensors")
    {
        JsonElement json = JsonText.Read(path, duplicate => throw new WarmException(path, $"a key stands twice ({duplicate})", "each tensor once"));
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty("weight_map", out JsonElement map))
            throw new WarmException(path, json.ValueKind == JsonValueKind.Object ? "has no \"weight_map\"" : $"is {JsonText.Kind(json)}", "an object with \"weight_map\": {tensor: file}");
        if (map.ValueKind != JsonValueKind.Object) throw new WarmException(path, $"\"weight_map\" is {JsonText.Kind(map)}", "an object {tensor: file}");
        var files = new Dictionary<string, string>(map.GetPropertyCount());
        foreach (JsonProperty tensor in map.EnumerateObject())
        {
            if (tensor.Value.ValueKind != JsonValueKind.String)
                throw new WarmException(path, $"the file of {JsonText.Quote(tensor.Name)} is {JsonText.Show(tensor.Value)}", "a file name");
            string file = tensor.Value.GetString()!;
            Check(path, tensor.Name, file, extension);
            files.Add(tensor.Name, file);
        }
        if (files.Count == 0) throw new WarmException(path, "\"weight_map\" is empty", "at least one tensor");
        return new(path, files);
    }

    private static void Check(string path, string tensor, string file, string extension)
    {
        string[] parts = file.Split('/');
        bool inside = parts.All(part => part is not ("" or "." or "..")) && !file.AsSpan().ContainsAny("\\:\0");
        if (!inside)
            throw new WarmException(path, $"the file of {JsonText.Quote(tensor)} is {JsonText.Quote(file)}", "a shard lies inside the folder, named without .., drive or address");
        if (!file.EndsWith(extension, StringComparison.Ordinal))
            throw new WarmException(path, $"the file of {JsonText.Quote(tensor)} is {JsonText.Quote(file)}", $"a name that ends in {extension}");
    }
}
