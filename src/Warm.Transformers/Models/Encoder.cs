namespace Warm.Transformers;

/// <summary>An encoder with sizes under BERT's names: every token sees every attended token, so texts share no beginnings, and positions end where their table does.</summary>
internal abstract class Encoder : Architecture
{
    /// <summary>An encoder of these sizes.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="sizes">As config.json has them.</param>
    /// <param name="firstPosition">Rows of the position table before a text's first token.</param>
    protected Encoder(Engine engine, EncoderSizes sizes, int firstPosition = 0) => (Engine, Sizes, PositionTable) = (engine, sizes, sizes.Positions - firstPosition);

    protected Engine Engine { get; }

    protected EncoderSizes Sizes { get; }

    public sealed override int HiddenSize => Sizes.Hidden;

    public sealed override int VocabularySize => Sizes.Vocabulary;

    public sealed override int TokenTypes => Sizes.Types;

    public sealed override bool Causal => false;

    public sealed override bool SharesBeginnings => false;

    /// <inheritdoc/>
    public override int? PositionTable { get; }

    /// <inheritdoc/>
    public override int? TrainedPositions => null;
}
