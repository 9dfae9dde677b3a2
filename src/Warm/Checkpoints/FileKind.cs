using System.Text;

namespace Warm;

/// <summary>What a file that should hold tensors holds instead, told by its first bytes.</summary>
internal static class FileKind
{
    /// <summary>Bytes that <see cref="Name"/> wants to see, or as many as there are.</summary>
    public const int Sample = 512;

    /// <summary>A refusal that names the other format, or null where the bytes look like none that is known.</summary>
    public static WarmException? Refusal(string file, ReadOnlySpan<byte> first)
    {
        if (first.StartsWith("version https://git-lfs"u8))
            return new(file, "is a git-LFS pointer, not the weights themselves", fix: $"Fetch the real file with: git lfs pull{Size(first)}");
        string? kind = Name(first);
        return kind is null ? null : new(file, $"is {kind}", "a safetensors file", kind.Contains("page") ? "The download failed (a login or error page was saved): download it again." : null);
    }

    /// <summary>The format in words, or null.</summary>
    public static string? Name(ReadOnlySpan<byte> first)
    {
        ReadOnlySpan<byte> text = first.TrimStart(" \t\r\n\uFEFF"u8);
        if (text.StartsWith("<!"u8) || StartsWithAnyCase(text, "<html"u8) || text.StartsWith("<?xml"u8)) return "a web page";
        if (first.StartsWith("PK\x03\x04"u8) || first.StartsWith("PK\x05\x06"u8)) return "a zip archive (as torch.save writes it)";
        if (first.StartsWith("GGUF"u8)) return "a GGUF file, which Warm does not read";
        // The next two could be the length of a real header: a real one ends in four zeros.
        bool noLength = first.Length >= 8 && first[4..8].ContainsAnyExcept((byte)0);
        if (noLength && first[0] == 0x80 && first[1] is >= 2 and <= 5) return "a pickle (as older torch.save writes it)";
        if (first.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B])) return "gzip-compressed";
        if (first.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD])) return "zstd-compressed";
        if (first.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'H', (byte)'D', (byte)'F'])) return "an HDF5 file";
        if (noLength && text.StartsWith("{"u8)) return "a text that begins with { (a JSON document without the 8 bytes of length before it)";
        return null;
    }

    private static bool StartsWithAnyCase(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lower) =>
        text.Length >= lower.Length && Ascii.EqualsIgnoreCase(text[..lower.Length], lower);

    private static string Size(ReadOnlySpan<byte> pointer)
    {
        string text = Encoding.UTF8.GetString(pointer);
        int at = text.IndexOf("\nsize ", StringComparison.Ordinal);
        return at > 0 && long.TryParse(text[(at + 6)..].Split('\n')[0], out long size) ? $" (it has {size:N0} bytes)" : "";
    }
}
