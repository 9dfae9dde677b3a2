namespace Warm;

/// <summary>
/// The last large pieces of tensors whose values lie scattered in their file: a transposed matrix, read a few rows at a time, would otherwise come in runs of a few values, and every block of it
/// from all over the file. A piece is gathered once and then read from memory. Safe from many threads, which wait for the piece they share.
/// </summary>
internal sealed class GatheredPieces
{
    /// <summary>Bytes of a piece: with rows of 16 KB its runs are of 1,000 values.</summary>
    public const int Size = 1 << 24;

    /// <summary>Pieces held: threads that are done with a piece or a tensor begin the next one.</summary>
    private const int Most = 2;

    private readonly Lock _gate = new();
    private readonly List<(TorchTensor Tensor, long Start, byte[] Bytes)> _pieces = [];

    /// <summary>Gathers bytes of a tensor from byte <paramref name="start"/> on.</summary>
    public delegate void Gatherer(long start, Span<byte> destination);

    /// <summary>Reads bytes of a tensor of so many bytes, which <paramref name="gather"/> gives.</summary>
    public void Read(TorchTensor tensor, long bytes, long start, Span<byte> destination, Gatherer gather)
    {
        while (!destination.IsEmpty)
        {
            long first = start / Size * Size;
            int inside = (int)(start - first), count = (int)Math.Min(destination.Length, Math.Min(Size, bytes - first) - inside);
            lock (_gate) Piece(tensor, first, (int)Math.Min(Size, bytes - first), gather).AsSpan(inside, count).CopyTo(destination);
            start += count;
            destination = destination[count..];
        }
    }

    /// <summary>Gives the memory back.</summary>
    public void Clear()
    {
        lock (_gate) _pieces.Clear();
    }

    private byte[] Piece(TorchTensor tensor, long start, int count, Gatherer gather)
    {
        int at = _pieces.FindIndex(piece => ReferenceEquals(piece.Tensor, tensor) && piece.Start == start);
        if (at >= 0) return _pieces[at].Bytes;
        byte[] room = _pieces.Count == Most ? _pieces[0].Bytes : GC.AllocateUninitializedArray<byte>(Size);
        if (_pieces.Count == Most) _pieces.RemoveAt(0);
        gather(start, room.AsSpan(0, count));
        _pieces.Add((tensor, start, room));
        return room;
    }
}
