using System.Text.Json.Nodes;

namespace Warm;

/// <summary>Takes a run of one tensor's values as <c>Save</c> writes them. Called from several threads at once, each run of values exactly once, in no promised order.</summary>
/// <param name="tensor">Name, type and shape as saved.</param>
/// <param name="start">Index of the first value.</param>
/// <param name="bits">The values' bytes, valid during the call only.</param>
public delegate void BlockSink(TensorInfo tensor, long start, ReadOnlySpan<byte> bits);

/// <summary>How a pass over weights is run. The bits that it hands out depend on none of this.</summary>
public sealed record PassOptions
{
    /// <summary>The defaults.</summary>
    public static PassOptions Default { get; } = new();

    /// <summary>Number of threads; 0 (default) for all cores.</summary>
    public int Threads { get; init; }

    /// <summary>Whether the SHA-256 of every file read is computed on the way; default false.</summary>
    public bool Hash { get; init; }

    /// <summary>Most bytes of one block, at least 64; default 64 KiB. Memory is threads x (members + 1) blocks.</summary>
    public int BlockBytes { get; init; } = 1 << 16;
}

/// <summary>
/// One reading of all weights from the first value to the last: what <see cref="Weights.Save"/> writes and what a model loads. An average judges its members'
/// values (NaN, infinity, kinship) in its pass and refuses by a <see cref="WarmException"/>, so whoever wants that check reads through a pass.
/// </summary>
public class WeightsPass
{
    /// <summary>A pass over those weights.</summary>
    public WeightsPass(Weights weights, PassOptions? options = null)
    {
        Weights = weights;
        Options = options ?? PassOptions.Default;
    }

    /// <summary>What is read.</summary>
    public Weights Weights { get; }

    /// <summary>How.</summary>
    public PassOptions Options { get; }

    /// <summary>Number of threads that will run.</summary>
    protected int Threads => Options.Threads > 0 ? Options.Threads : Environment.ProcessorCount;

    /// <summary>Reads everything once and hands it to <paramref name="sink"/>.</summary>
    /// <param name="sink">Takes the blocks; null where only the judgement is wanted.</param>
    /// <param name="progress">Told the bytes done so far, from any thread.</param>
    /// <param name="cancellation">Stops between two blocks.</param>
    public virtual void Run(BlockSink? sink, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        List<WeightsBlock> blocks = WeightsBlock.Of(Weights.Names.Select(Weights.Info), Options.BlockBytes);
        long done = 0;
        Parallel(blocks.Count, cancellation, () => new byte[Math.Max(Options.BlockBytes, 8)], (index, buffer) =>
        {
            WeightsBlock block = blocks[index];
            Span<byte> bits = buffer.AsSpan(0, block.Bytes);
            Weights.ReadRaw(block.Tensor.Name, block.Start, bits);
            sink?.Invoke(block.Tensor, block.Start, bits);
            progress?.Report(Interlocked.Add(ref done, block.Bytes));
        });
    }

    /// <summary>What a reader should know after the pass.</summary>
    public virtual IReadOnlyList<string> Remarks => Weights.Remarks;

    /// <summary>The config.json to save, given the one of <see cref="Weights.Folder"/> with its number type already set. Called after <see cref="Run"/>.</summary>
    protected internal virtual void ChangeConfig(JsonObject config) { }

    /// <summary>Files of its own that <c>Save</c> adds to the folder (a card): name and content. Called after <see cref="Run"/>, with what <see cref="Recipe"/> gave.</summary>
    protected internal virtual IEnumerable<(string Name, string Content)> ExtraFiles(JsonObject? recipe) => [];

    /// <summary>Folders and files that are read: <c>Save</c> never writes there.</summary>
    protected internal virtual IEnumerable<string> Sources => Weights switch
    {
        Checkpoint checkpoint => [checkpoint.Name, .. checkpoint.Files],
        LowRankAdapter adapter => [adapter.AdapterFolder, .. adapter.Factors.Files, .. adapter.Base.Pass().Sources],
        { Folder: { } folder } => [folder.Path],
        _ => [],
    };

    /// <summary>Where the weights come from, as <c>Save</c> writes it into <c>warm.json</c>; null where there is nothing to tell. Called after <see cref="Run"/>.</summary>
    protected internal virtual JsonObject? Recipe() => null;

    /// <summary>Runs items 0, 1, .. on <see cref="Threads"/> threads, taken in order; each thread makes its own state. The first failure stops all and is thrown as it was.</summary>
    protected void Parallel<T>(int count, CancellationToken cancellation, Func<T> state, Action<int, T> run)
    {
        int next = -1;
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
        void Work()
        {
            try
            {
                T own = state();
                int index;
                while (Volatile.Read(ref failure) is null && (index = Interlocked.Increment(ref next)) < count)
                {
                    cancellation.ThrowIfCancellationRequested();
                    run(index, own);
                }
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref failure, System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(error), null);
                Failed();
            }
        }
        Thread[] others = [.. Enumerable.Range(1, Math.Max(0, Math.Min(Threads, count) - 1)).Select(_ => new Thread(Work) { IsBackground = true })];
        foreach (Thread thread in others) thread.Start();
        Work();
        foreach (Thread thread in others) thread.Join();
        failure?.Throw();
    }

    /// <summary><c>a pass over runs/rm-1</c></summary>
    public override string ToString() => $"a pass over {Weights.Name}";

    /// <summary>Told that a thread failed, so that none waits for it.</summary>
    protected virtual void Failed() { }
}

/// <summary>A run of one tensor's values that is handled at once.</summary>
internal readonly record struct WeightsBlock(TensorInfo Tensor, long Start, int Count, int Bytes)
{
    /// <summary>Cuts tensors into blocks of at most so many bytes; a block of 4- or 6-bit values ends on a whole byte. Tensors without values have no block.</summary>
    public static List<WeightsBlock> Of(IEnumerable<TensorInfo> tensors, int blockBytes)
    {
        List<WeightsBlock> blocks = [];
        foreach (TensorInfo tensor in tensors)
        {
            int bits = tensor.DType.Bits();
            long most = Math.Max(8, blockBytes * 8L / bits / 8 * 8), count = tensor.Count;
            for (long start = 0; start < count; start += most)
            {
                int here = (int)Math.Min(most, count - start);
                blocks.Add(new(tensor, start, here, (int)((long)here * bits / 8)));
            }
        }
        return blocks;
    }
}
