using System.Runtime.InteropServices;

namespace Warm.Transformers;

/// <summary>
/// Native memory that is used again: a pass asks for the same sizes layer after layer, and fresh pages cost more than most operations do on them.
/// What nobody asks for within some seconds goes back to the system.
/// </summary>
/// <remarks>The collector is told of memory when it comes from the system and when it goes back, not each time it is used again: it answered each use with collections, 50 a pass, which took an eighth of minilm's processor time and a twentieth of llama-0.1b's (one thread of a Xeon).</remarks>
internal static unsafe class MemoryPool
{
    private const long MostIdle = 1L << 29; // bytes kept for a next use at most
    private const int IdleMilliseconds = 3000;

    private static readonly Lock Gate = new();
    private static readonly Dictionary<long, Stack<(nint Address, long Since)>> Idle = [];
    private static readonly Timer Sweeper = new(_ => Sweep());
    private static long _idle;
    private static bool _sweeping;

    /// <summary>Memory of at least that many bytes, aligned to 64, and the size to give it back with.</summary>
    public static (nint Address, long Bytes) Rent(long bytes)
    {
        bytes = SizeClass(bytes);
        lock (Gate)
            if (Idle.TryGetValue(bytes, out var stack) && stack.TryPop(out var block))
            {
                _idle -= bytes;
                return (block.Address, bytes);
            }
        nint address = (nint)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        GC.AddMemoryPressure(bytes);
        return (address, bytes);
    }

    /// <summary>Gives memory back.</summary>
    public static void Return(nint address, long bytes)
    {
        lock (Gate)
            if (_idle + bytes <= MostIdle)
            {
                if (!Idle.TryGetValue(bytes, out var stack)) Idle[bytes] = stack = [];
                stack.Push((address, Environment.TickCount64));
                _idle += bytes;
                if (!_sweeping) Sweeper.Change(IdleMilliseconds, Timeout.Infinite);
                _sweeping = true;
                return;
            }
        Free(address, bytes);
    }

    private static void Free(nint address, long bytes)
    {
        NativeMemory.AlignedFree((void*)address);
        GC.RemoveMemoryPressure(bytes);
    }

    /// <summary>Eight sizes to each power of two, so that passes of about the same length find each other's memory.</summary>
    private static long SizeClass(long bytes)
    {
        long step = Math.Max(4096, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)bytes) / 16);
        return (bytes + step - 1) / step * step;
    }

    private static void Sweep()
    {
        lock (Gate)
        {
            long now = Environment.TickCount64;
            foreach ((long bytes, var stack) in Idle)
            {
                var kept = stack.Where(block => now - block.Since < IdleMilliseconds).Reverse().ToArray();
                foreach (var block in stack.Where(block => now - block.Since >= IdleMilliseconds))
                {
                    Free(block.Address, bytes);
                    _idle -= bytes;
                }
                stack.Clear();
                foreach (var block in kept) stack.Push(block);
            }
            _sweeping = _idle > 0;
            if (_sweeping) Sweeper.Change(IdleMilliseconds, Timeout.Infinite);
        }
    }
}
