namespace Warm.Transformers;

/// <summary>
/// A reward model that is loaded when the first candidate must be scored: not at all where a <see cref="ScoreCache"/> has every score, for its identity takes no more than reading what its folder and
/// tensors hold.
/// </summary>
internal sealed class UnloadedModel : IRewardModel, IDisposable
{
    private readonly TextForm _form;
    private readonly Lazy<string> _identity;
    private readonly Lazy<RewardModel> _model;

    private UnloadedModel(Weights weights, ModelFolder folder, HeadLayout head, RewardModelOptions options, Func<Weights, RewardModel> load)
    {
        _form = options.TextForm ?? Recipe.TextFormOf(folder);
        IReadOnlyList<int> labels = options.Labels ?? (weights.Info(head.Output).Shape is { Rank: 2 } shape && shape[0] == 1 ? [0] : []); // without a choice a head with several is refused when it is loaded
        _identity = new(() => ModelIdentity.Of(weights, _form, options.ReadAt ?? CandidateReader.RecordedPosition(folder) ?? head.Position, labels, options.Tokenizer?.Name));
        _model = new(() => load(weights));
    }

    /// <summary>A model that is loaded when it is needed; at once where the weights do not even say what they are.</summary>
    /// <param name="weights">Of the model; they must stay open.</param>
    /// <param name="options">How <paramref name="load"/> loads it.</param>
    /// <param name="load">Loads it.</param>
    public static IRewardModel Of(Weights weights, RewardModelOptions options, Func<Weights, RewardModel> load) =>
        weights.Folder is { } folder && HeadLayout.Of(weights) is { } head ? new UnloadedModel(weights, folder, head, options, load) : load(weights);

    /// <inheritdoc/>
    public string Identity => _identity.Value;

    /// <inheritdoc/>
    public TextForm? TextForm => _model.IsValueCreated ? _model.Value.TextForm : _form;

    /// <inheritdoc/>
    public Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default) =>
        _model.Value.ScoreAsync(candidates, options, progress, cancellation);

    /// <summary>Gives the weights back, if they were loaded.</summary>
    public void Dispose()
    {
        if (_model.IsValueCreated) _model.Value.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString() => _model.IsValueCreated ? $"{_model.Value}" : "a model that is not loaded yet";
}
