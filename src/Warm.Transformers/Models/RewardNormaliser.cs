namespace Warm.Transformers;

/// <summary>What a head says about the distribution of its rewards, one mean and deviation a label: normalised = (reward - mean) / deviation.</summary>
internal sealed class RewardNormaliser(IReadOnlyList<double> mean, IReadOnlyList<double> deviation)
{
    /// <summary>The reward of a label in deviations from the mean.</summary>
    public double Normalise(float reward, int label) => (reward - mean[label]) / deviation[label];
}
