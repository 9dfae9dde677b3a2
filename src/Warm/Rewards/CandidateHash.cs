using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Warm;

/// <summary>The first 128 bits of the hash of everything of a candidate that is scored; ids and sources stay out. Each part is led by its length, so that no two candidates run together.</summary>
internal static class CandidateHash
{
    public static (ulong, ulong) Of(Candidate text)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Part(text.Text);
        Part(text.Prompt);
        Part(text.Response);
        foreach (Message message in text.Messages ?? []) Part(message.Json.ToJsonString());
        Numbers(text.Ids);
        Numbers(text.TypeIds);
        Span<byte> sum = stackalloc byte[32];
        hash.GetHashAndReset(sum);
        return Half(sum);

        void Part(string? part) => Bytes(part is null ? -1 : part.Length, part is null ? [] : Encoding.Unicode.GetBytes(part));

        void Numbers(IReadOnlyList<int>? numbers)
        {
            byte[] bytes = new byte[4 * (numbers?.Count ?? 0)];
            for (int i = 0; i < bytes.Length / 4; i++) BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4 * i), numbers![i]);
            Bytes(numbers?.Count ?? -1, bytes);
        }

        void Bytes(int length, byte[] bytes)
        {
            Span<byte> head = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(head, length);
            hash.AppendData(head);
            hash.AppendData(bytes);
        }
    }

    /// <summary>The first 128 bits of the hash of a text alone.</summary>
    public static (ulong, ulong) Of(string text)
    {
        Span<byte> sum = stackalloc byte[32];
        SHA256.HashData(MemoryMarshal.AsBytes(text.AsSpan()), sum);
        return Half(sum);
    }

    private static (ulong, ulong) Half(ReadOnlySpan<byte> sum) => (BinaryPrimitives.ReadUInt64LittleEndian(sum), BinaryPrimitives.ReadUInt64LittleEndian(sum[8..]));
}
