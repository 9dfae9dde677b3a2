using System.Runtime.InteropServices;

namespace Warm;

/// <summary>A tensor copied into native memory, aligned to 64 bytes: nothing that happens to its file can touch it.</summary>
internal sealed unsafe class CopiedView : TensorView
{
    private nint _address;

    private CopiedView(TensorInfo info) : base(info)
    {
        _address = (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(64, info.Bytes), 64);
        GC.AddMemoryPressure(Math.Max(64, info.Bytes));
    }

    /// <summary>Memory for a tensor, to be filled by <see cref="Write"/>.</summary>
    public static CopiedView Empty(TensorInfo info) => new(info);

    /// <summary>Puts values in, beginning with number <paramref name="start"/>. From many threads, if no two write the same values.</summary>
    public void Write(long start, ReadOnlySpan<byte> bits) => bits.CopyTo(new Span<byte>((byte*)Address + start * Info.DType.Bits() / 8, bits.Length));

    /// <summary>Reads a tensor as <c>Save</c> would write it. Memory: the tensor; read in pieces of 64 MB, so an average never needs more beside it.</summary>
    public static CopiedView Of(Weights weights, string name)
    {
        TensorInfo info = weights.Info(name);
        var view = new CopiedView(info);
        try
        {
            int bits = info.DType.Bits();
            long values = info.Count, step = 64L * 1024 * 1024 * 8 / bits / 8 * 8; // a multiple of 8 values is whole bytes for every type
            for (long start = 0; start < values; start += step)
            {
                long count = Math.Min(step, values - start);
                weights.ReadRaw(name, start, new Span<byte>((byte*)view._address + start * bits / 8, (int)(count * bits / 8)));
            }
            return view;
        }
        catch
        {
            view.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override nint Address => _address != 0 ? _address : throw new ObjectDisposedException(Info.Name);

    /// <inheritdoc/>
    public override void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the memory back where nobody disposed the view.</summary>
    ~CopiedView() => Release();

    private void Release()
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address == 0) return;
        NativeMemory.AlignedFree((void*)address);
        GC.RemoveMemoryPressure(Math.Max(64, Info.Bytes));
    }
}
