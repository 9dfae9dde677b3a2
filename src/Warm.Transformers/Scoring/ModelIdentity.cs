using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Warm.Transformers;

/// <summary>What can be said of a model by reading all of its weights: its content hash, and the first value that is no number.</summary>
internal static class ModelIdentity
{
    private const int Block = 1 << 20; // bytes, a multiple of every type's size

    /// <summary>Files of a folder that a reward can depend on.</summary>
    private static readonly string[] Files = ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "chat_template.json"];

    /// <summary>SHA-256 in hexadecimal over everything that a reward depends on. Each part is led by its name and length.</summary>
    public static string Of(Weights weights, TextForm form, RewardPosition position, IReadOnlyList<int> labels, string? tokenizer = null)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Text($"warm 1\n{form.Name}\n{position}\n{string.Join(',', labels)}\n");
        if (tokenizer is not null) Text($"tokenizer {tokenizer}\n"); // of another library: its name is all that is known
        foreach (string name in Files)
        {
            if (weights.Folder is not { } folder || !folder.Has(name)) continue;
            byte[] bytes = File.ReadAllBytes(folder.File(name));
            Text($"{name} {bytes.Length}\n");
            hash.AppendData(bytes);
        }
        Blocks(weights, (info, start, bytes) =>
        {
            if (start == 0) Text($"{info}\n");
            hash.AppendData(bytes);
            return true;
        });
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Text(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Which tensor first holds a value that is NaN or infinite, in words; null where all are finite.</summary>
    public static string? FirstNotFinite(Weights weights)
    {
        float[] values = new float[Block];
        foreach (string name in weights.Names)
        {
            TensorInfo info = weights.Info(name);
            if (!info.DType.IsFloat()) continue;
            for (long start = 0; start < info.Count; start += values.Length)
            {
                Span<float> some = values.AsSpan(0, (int)Math.Min(values.Length, info.Count - start));
                weights.Read(name, start, some);
                for (int i = 0; i < some.Length; i++)
                    if (!float.IsFinite(some[i])) return FormattableString.Invariant($"'{name}' holds {some[i]} at value {start + i}");
            }
        }
        return null;
    }

    private delegate bool BlockReader(TensorInfo info, long start, ReadOnlySpan<byte> bytes);

    private static void Blocks(Weights weights, BlockReader read)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Block);
        foreach (string name in weights.Names)
        {
            TensorInfo info = weights.Info(name);
            int bits = info.DType.Bits();
            long step = Block * 8L / bits / 8 * 8;
            for (long start = 0; start < Math.Max(1, info.Count); start += step)
            {
                Span<byte> bytes = buffer.AsSpan(0, (int)(Math.Min(step, info.Count - start) * bits / 8));
                if (info.Count > 0) weights.ReadRaw(name, start, bytes);
                read(info, start, bytes);
            }
        }
        ArrayPool<byte>.Shared.Return(buffer);
    }
}
