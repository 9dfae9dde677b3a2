using Warm.Transformers;

namespace Warm.Cli;

/// <summary>Loads the models of a command that scores several, one after another and all alike; what they say of themselves is told once.</summary>
internal sealed class ModelLoader(CpuEngine engine, RewardModelOptions options, Report report)
{
    private readonly HashSet<string> _told = [];

    /// <summary>How the model that was loaded last reads its texts; null before the first.</summary>
    public TextForm? Form { get; private set; }

    /// <summary>Loads a model.</summary>
    public RewardModel Load(Weights weights)
    {
        RewardModel model = RewardModel.Load(weights, engine, options);
        Form = model.TextForm;
        foreach (string remark in model.Remarks)
            if (_told.Add($"{weights.Name}: {remark}")) report.Remark($"{weights.Name}: {remark}");
        return model;
    }

    /// <summary>A model that is loaded when the first text must be scored.</summary>
    public IRewardModel LoadLater(Weights weights) => UnloadedModel.Of(weights, options, Load);
}
