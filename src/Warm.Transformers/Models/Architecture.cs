namespace Warm.Transformers;

/// <summary>Told the output of a module by its path in the checkpoint (<c>model.layers.0.self_attn</c>) as it is computed. The tensor is the callee's to read, not to keep.</summary>
public delegate void Trace(string module, EngineTensor output);

/// <summary>A transformer without its head: token ids to hidden states. Written once, against <see cref="Engine"/>.</summary>
public abstract class Architecture : IDisposable
{
    /// <summary>Columns of the hidden states.</summary>
    public abstract int HiddenSize { get; }

    /// <summary>Number of ids: a text's ids are 0 .. VocabularySize - 1.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>Number of token types (BERT: two, for pairs of texts); 0 where the model has none and ignores them.</summary>
    public virtual int TokenTypes => 0;

    /// <summary>Whether a token sees only what comes before it.</summary>
    public abstract bool Causal { get; }

    /// <summary>Whether texts may share the rows of a common beginning: causal, and no part of a token's computation depends on the text's length.</summary>
    public abstract bool SharesBeginnings { get; }

    /// <summary>Number of rows of a learned position table: a longer text cannot be read. Null where there is no table.</summary>
    public abstract int? PositionTable { get; }

    /// <summary>max_position_embeddings of a rotary or relative model: longer texts are scored with a remark. Null where unknown.</summary>
    public abstract int? TrainedPositions { get; }

    /// <summary>Final hidden states: [rows of the layout, hidden size], or [rows.Count, hidden size] where only some rows are asked for.</summary>
    /// <param name="layout">The texts.</param>
    /// <param name="rows">The rows of the layout whose final state is wanted (the last layer then computes no others where it need not), or null for all.</param>
    /// <param name="trace">Told what each module puts out; with it every row is computed.</param>
    /// <param name="cancellation">Looked at between layers.</param>
    public abstract EngineTensor Hidden(BatchLayout layout, IReadOnlyList<int>? rows = null, Trace? trace = null, CancellationToken cancellation = default);

    /// <summary>Gives the weights back.</summary>
    public abstract void Dispose();
}
