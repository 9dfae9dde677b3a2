namespace Warm;

/// <summary>
/// A tensor as torch describes it: a storage, where in it the first value lies, and how many values apart the neighbours along each axis are. Neighbours may overlap or be the
/// same value (stride 0).
/// </summary>
/// <param name="Storage">The values.</param>
/// <param name="Type">Type of the values.</param>
/// <param name="Offset">Index of the first value in the storage, in values of that type.</param>
/// <param name="Sizes">Sizes of the axes.</param>
/// <param name="Strides">Distances along the axes, in values.</param>
/// <param name="Negated">Whether the values are those of the storage with the other sign.</param>
/// <param name="Conjugated">Whether the imaginary parts are.</param>
internal sealed record TorchTensor(TorchStorage Storage, DType Type, long Offset, long[] Sizes, long[] Strides, bool Negated, bool Conjugated)
{
    private const int SmallWindow = 1 << 14;

    /// <summary>Reads bytes of a storage.</summary>
    public delegate void StorageReader(TorchStorage storage, long start, Span<byte> destination);

    /// <summary>Whether the values lie in the order in which they are counted.</summary>
    public bool IsContiguous { get; } = RowMajor(Sizes, Strides);

    /// <summary>Number of values.</summary>
    public long Count { get; } = Sizes.Aggregate(1L, (product, size) => checked(product * size));

    private int Item => Type.Bits() / 8;

    /// <summary>Reads values from number <paramref name="start"/> on, row-major and little-endian, piece by piece.</summary>
    /// <param name="read">Gives the storage's bytes.</param>
    /// <param name="bigEndian">Whether the storage holds its values with the largest byte first.</param>
    /// <param name="start">Index of the first value.</param>
    /// <param name="destination">Room for whole values.</param>
    public void Read(StorageReader read, bool bigEndian, long start, Span<byte> destination)
    {
        if (destination.IsEmpty) return;
        if (IsContiguous) read(Storage, (Offset + start) * Item, destination);
        else Boxes(read, 0, start, Offset, destination);
        if (bigEndian) Swap(destination);
        if (Negated || Conjugated) Flip(destination);
    }

    /// <summary>Cuts a run of values into boxes: the rest of the first row, whole rows, the begin of the last, and so on inwards.</summary>
    private void Boxes(StorageReader read, int axis, long start, long place, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            long row = 1;
            for (int i = axis + 1; i < Sizes.Length; i++) row *= Sizes[i];
            long index = start / row, inside = start % row, values = destination.Length / Item;
            if (inside == 0 && values >= row)
            {
                long rows = values / row;
                var extents = (long[])Sizes.Clone();
                Array.Fill(extents, 1, 0, axis);
                extents[axis] = rows;
                int bytes = (int)(rows * row * Item);
                Gather(read, extents, place + index * Strides[axis], destination[..bytes]);
                start += rows * row;
                destination = destination[bytes..];
            }
            else
            {
                int bytes = (int)(Math.Min(row - inside, values) * Item);
                Boxes(read, axis + 1, inside, place + index * Strides[axis], destination[..bytes]);
                start += bytes / Item;
                destination = destination[bytes..];
            }
        }
    }

    /// <summary>
    /// Reads a box of values. What it spans in the storage is read at once if most of that is wanted or it is small; else the box is halved along the axis whose neighbours lie
    /// farthest apart, so that a transposed matrix is read in runs along its columns.
    /// </summary>
    private void Gather(StorageReader read, long[] extents, long place, Span<byte> destination)
    {
        // Only the axes that the box extends over, with their distances in the destination.
        var axes = new List<(long Extent, long Stride, long Step)>();
        long step = 1;
        for (int i = extents.Length - 1; i >= 0; i--)
        {
            if (extents[i] > 1) axes.Insert(0, (extents[i], Strides[i], step));
            step *= extents[i];
        }
        Gather(read, [.. axes], place, 0, destination);
    }

    private void Gather(StorageReader read, (long Extent, long Stride, long Step)[] box, long place, long at, Span<byte> destination)
    {
        if (IsTransposed(box))
        {
            Transpose(read, box[0].Step == 1 ? (box[1], box[0]) : (box[0], box[1]), place, at, destination);
            return;
        }
        long span = 1, wanted = 1;
        foreach ((long extent, long stride, _) in box)
        {
            span += (extent - 1) * stride;
            wanted *= extent;
        }
        if (span * Item <= Math.Max(SmallWindow, 2 * wanted * Item))
        {
            byte[] window = System.Buffers.ArrayPool<byte>.Shared.Rent((int)(span * Item));
            try
            {
                read(Storage, place * Item, window.AsSpan(0, (int)(span * Item)));
                Copy(window, box, 0, at, destination);
            }
            finally
            {
                System.Buffers.ArrayPool<byte>.Shared.Return(window);
            }
            return;
        }
        int widest = 0;
        for (int i = 1; i < box.Length; i++)
            if (box[i].Stride > box[widest].Stride) widest = i;
        long half = box[widest].Extent / 2, other = box[widest].Extent - half;
        foreach ((long from, long extent) in ((long, long)[])[(0, half), (half, other)])
        {
            var part = ((long Extent, long Stride, long Step)[])box.Clone();
            part[widest].Extent = extent;
            long first = place + from * box[widest].Stride, to = at + from * box[widest].Step;
            if (extent == 1) part = [.. part.Where((_, i) => i != widest)];
            Gather(read, part, first, to, destination);
        }
    }

    /// <summary>Whether a box is a matrix whose columns lie end to end where its rows are wanted so, with columns long enough to be read one by one.</summary>
    private bool IsTransposed((long Extent, long Stride, long Step)[] box) =>
        box is [var a, var b] && ((a.Stride == 1 && b.Step == 1) || (b.Stride == 1 && a.Step == 1)) && (a.Stride == 1 ? a : b).Extent * Item >= 64;

    /// <summary>Reads such a matrix: a few columns at a time, each at once, and from them every row's few values side by side.</summary>
    private void Transpose(StorageReader read, ((long Extent, long Stride, long Step) Runs, (long Extent, long Stride, long Step) Lines) box, long place, long at, Span<byte> destination)
    {
        int item = Item, run = (int)box.Runs.Extent, step = (int)box.Runs.Step;
        bool together = box.Lines.Stride >= run && box.Lines.Stride <= 2 * run; // most of what lies between is wanted
        int pitch = together ? (int)box.Lines.Stride : run, most = Math.Max(1, Math.Min(64, (1 << 18) / (pitch * item)));
        byte[] window = System.Buffers.ArrayPool<byte>.Shared.Rent(most * pitch * item);
        try
        {
            for (long line = 0; line < box.Lines.Extent; line += most)
            {
                int lines = (int)Math.Min(most, box.Lines.Extent - line);
                if (together) read(Storage, (place + line * box.Lines.Stride) * item, window.AsSpan(0, ((lines - 1) * pitch + run) * item));
                else
                    for (int i = 0; i < lines; i++) read(Storage, (place + (line + i) * box.Lines.Stride) * item, window.AsSpan(i * run * item, run * item));
                Span<byte> target = destination[(int)((at + line) * item)..];
                switch (item)
                {
                    case 1: Turn<byte>(window, pitch, run, lines, target, step); break;
                    case 2: Turn<ushort>(window, pitch, run, lines, target, step); break;
                    case 4: Turn<uint>(window, pitch, run, lines, target, step); break;
                    default: Turn<ulong>(window, pitch, run, lines, target, step); break;
                }
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(window);
        }
    }

    /// <summary>target[r step + i] = window[i pitch + r].</summary>
    private static void Turn<T>(ReadOnlySpan<byte> window, int pitch, int run, int lines, Span<byte> target, int step) where T : struct
    {
        ReadOnlySpan<T> from = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(window);
        Span<T> to = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(target);
        for (int r = 0; r < run; r++)
        {
            Span<T> line = to.Slice(r * step, lines);
            for (int i = 0; i < line.Length; i++) line[i] = from[i * pitch + r];
        }
    }

    private void Copy(ReadOnlySpan<byte> window, ReadOnlySpan<(long Extent, long Stride, long Step)> box, long from, long to, Span<byte> destination)
    {
        int item = Item;
        if (box.IsEmpty) window.Slice((int)from * item, item).CopyTo(destination[((int)to * item)..]);
        else if (box is [(var run, 1, 1)]) window.Slice((int)from * item, (int)run * item).CopyTo(destination[((int)to * item)..]);
        else
            for (long i = 0; i < box[0].Extent; i++) Copy(window, box[1..], from + i * box[0].Stride, to + i * box[0].Step, destination);
    }

    private void Swap(Span<byte> bytes)
    {
        int size = Type == DType.C64 ? 4 : Item; // a complex number is two numbers
        if (size == 1) return;
        for (int i = 0; i < bytes.Length; i += size) bytes.Slice(i, size).Reverse();
    }

    /// <summary>Turns signs: of all numbers, and of every second one of a complex type.</summary>
    private void Flip(Span<byte> bytes)
    {
        int size = Type == DType.C64 ? 4 : Item;
        for (int i = 0, number = 0; i < bytes.Length; i += size, number++)
            if (Negated != (Conjugated && number % 2 == 1)) bytes[i + size - 1] ^= 0x80;
    }

    private static bool RowMajor(long[] sizes, long[] strides)
    {
        long expected = 1;
        for (int i = sizes.Length - 1; i >= 0; i--)
        {
            if (sizes[i] == 0) return true;
            if (sizes[i] != 1 && strides[i] != expected) return false;
            expected *= sizes[i];
        }
        return true;
    }
}
