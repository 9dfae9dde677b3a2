namespace Warm.Transformers;

/// <summary>Runs the pieces of an operation on some threads. Pieces write to different places, so their order is of no account.</summary>
internal static class Work
{
    /// <summary>
    /// Calls <paramref name="piece"/> with 0 .. pieces - 1, at most <paramref name="threads"/> at a time, and returns when all are done, or between two of them when <see cref="PassCancellation"/> says so.
    /// </summary>
    public static void Run(int threads, int pieces, Action<int> piece)
    {
        CancellationToken cancellation = PassCancellation.Current;
        if (threads == 1 || pieces == 1)
            for (int i = 0; i < pieces; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                piece(i);
            }
        else if (pieces > 0) ComputeThreads.Run(threads, pieces, piece, cancellation);
    }

    /// <summary>Cuts 0 .. count - 1 into stretches of at most <paramref name="size"/> and runs them.</summary>
    public static void Run(int threads, long count, int size, Action<long, int> stretch)
    {
        int pieces = checked((int)((count + size - 1) / size));
        Run(threads, pieces, i => stretch((long)i * size, (int)Math.Min(size, count - (long)i * size)));
    }
}
