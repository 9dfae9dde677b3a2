using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>SHA-256 of files, as 64 lower-case hex digits: what <c>sha256sum</c>, git-LFS pointers and model cards print. Memory: one buffer of 1 MB a thread.</summary>
internal static class ContentHash
{
    /// <summary>The hash of one file.</summary>
    public static string OfFile(string path, CancellationToken cancellation = default)
    {
        using SafeFileHandle handle = InputFile.Open(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        try
        {
            long length = RandomAccess.GetLength(handle);
            for (long at = 0; at < length;)
            {
                cancellation.ThrowIfCancellationRequested();
                Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at));
                InputFile.Read(handle, path, piece, at);
                hash.AppendData(piece);
                at += piece.Length;
            }
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The hashes of several files in their order, several at a time; <paramref name="threads"/> 0 is one a core. Two paths to one file are hashed once.</summary>
    public static IReadOnlyList<string> OfFiles(IReadOnlyList<string> paths, int threads = 0, CancellationToken cancellation = default)
    {
        string[] distinct = [.. paths.Distinct(StringComparer.Ordinal)];
        foreach (string path in distinct) InputFile.Open(path).Dispose(); // of several that cannot be opened the first is named, whichever thread runs
        // The largest first: the last thread to finish then has little left.
        int[] order = [.. Enumerable.Range(0, distinct.Length).OrderByDescending(i => new FileInfo(distinct[i]) is { Exists: true } file ? file.Length : 0)];
        var hashes = new string[distinct.Length];
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount, CancellationToken = cancellation };
        try
        {
            Parallel.ForEach(Partitioner.Create(order, loadBalance: true), options, i => hashes[i] = OfFile(distinct[i], cancellation));
        }
        catch (AggregateException errors) when (errors.InnerExceptions.FirstOrDefault(e => e is WarmException) is WarmException refusal)
        {
            throw refusal;
        }
        Dictionary<string, string> byPath = distinct.Zip(hashes).ToDictionary(p => p.First, p => p.Second);
        return [.. paths.Select(path => byPath[path])];
    }

    /// <summary>The hash of bytes in memory.</summary>
    public static string Of(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
