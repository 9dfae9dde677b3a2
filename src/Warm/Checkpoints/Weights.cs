namespace Warm;

/// <summary>
/// Named tensors that can be read a piece at a time: a checkpoint on disk, an average that was never written, an adapter on its base. Whatever takes
/// weights takes any of them, so averages nest and a model loads from an average as from a folder. Safe to read from many threads at once.
/// </summary>
/// <remarks>
/// Memory: making weights reads headers only; <c>Read</c> costs its destination; <c>Save</c> streams.
/// In every reading method <c>start</c> counts values (not bytes) of the tensor in row-major order, and the destination's length says how many are read.
/// </remarks>
[TypeFormatterSource(typeof(RichDisplay))]
public abstract class Weights : IDisposable, IRichDisplay
{
    /// <summary>What the weights are called in messages and recipes: a folder's path, or <c>uniform average of 6</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Names of all tensors in code-point order.</summary>
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>The type and shape <b>that <c>Save</c> would write</b>. A name that is not there is a <see cref="WarmException"/>.</summary>
    public abstract TensorInfo Info(string name);

    /// <summary>Whether a tensor of that name is there.</summary>
    public abstract bool Contains(string name);

    /// <summary>The bits that <c>Save</c> would write, from value <paramref name="start"/> on; the destination holds whole values.</summary>
    public abstract void ReadRaw(string name, long start, Span<byte> destination);

    /// <summary>Values rounded once to single. Refused for integers, booleans and complex numbers.</summary>
    public abstract void Read(string name, long start, Span<float> destination);

    /// <summary>Values unrounded: an average gives its sum in double before rounding to <see cref="Info"/>'s type. Refused for integers, booleans and complex numbers.</summary>
    public abstract void Read(string name, long start, Span<double> destination);

    /// <summary>A zero-copy view where the tensor lies mapped in memory as it would be saved, else null (read it with <see cref="ReadRaw"/>).</summary>
    public virtual TensorView? View(string name) => null;

    /// <summary>The folder with config, tokenizer and companion files; an average has its first member's. Null for bare tensors.</summary>
    public virtual ModelFolder? Folder => null;

    /// <summary>What a reader should know of these weights (a format taken where two lay side by side, a key nobody knows). Empty where nothing is odd.</summary>
    public virtual IReadOnlyList<string> Remarks => [];

    /// <summary>A reading of everything from the first value to the last; an average judges its members' values in it.</summary>
    public virtual WeightsPass Pass(PassOptions? options = null) => new(this, options);

    /// <summary>
    /// Writes a complete Hugging Face folder: weights, config.json with the number type that was written, tokenizer and companion files; an average adds a model card and <c>warm.json</c>,
    /// its recipe. Streams. The folder appears whole or not at all, and the same inputs give the same bytes.
    /// </summary>
    /// <param name="folder">Where the folder will be; it must not exist unless <see cref="SaveOptions.Overwrite"/>.</param>
    /// <param name="options">Shards, hashes, threads; null for the defaults.</param>
    /// <param name="progress">Told how far it is, from any thread.</param>
    /// <param name="cancellation">Stops between two blocks and leaves nothing behind.</param>
    /// <exception cref="WarmException">The place exists, cannot be written or is too small; or the values are refused. Nothing is left behind.</exception>
    public SaveResult Save(string folder, SaveOptions? options = null, IProgress<SaveProgress>? progress = null, CancellationToken cancellation = default) =>
        CheckpointWriter.Write(this, folder, options ?? SaveOptions.Default, progress, cancellation);

    /// <summary>Number of values in all tensors.</summary>
    public long Parameters
    {
        get
        {
            long count = 0;
            foreach (string name in Names) count = checked(count + Info(name).Count);
            return count;
        }
    }

    /// <summary>Bytes of all tensors as they would be saved.</summary>
    public long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (string name in Names) bytes = checked(bytes + Info(name).Bytes);
            return bytes;
        }
    }

    /// <summary>Lets go of the files. Views and models made from the weights live on by themselves.</summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    string IRichDisplay.ToHtml() => HtmlTable.Of(ToString(), ["tensor", "type", "shape", "values"],
        [.. Names.Select(name => Info(name)).Select(info => (string[])[info.Name, info.DType.Name(), info.Shape.ToString(), info.Count.ToString("N0", System.Globalization.CultureInfo.InvariantCulture)])]) + HtmlTable.Remarks(Remarks);

    /// <summary><c>runs/rm-1: 39 tensors, 1,036,928 parameters, 2.1 MB (BF16)</c></summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Name}: {Names.Count:N0} tensors, {Parameters:N0} parameters, {Bytes / 1e6:N1} MB ({string.Join(", ", Names.Select(n => Info(n).DType.Name()).Distinct().Order(StringComparer.Ordinal))})");
}
