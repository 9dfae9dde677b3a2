namespace Warm;

/// <summary>The mean accuracy of several models on the same pairs: what a model drawn from them at random gets, and what their average has to beat.</summary>
public static class MeanOfModels
{
    /// <summary>The mean with its error over the units of the pairs.</summary>
    /// <param name="models">At least one, all measured on the same pairs with the same units and tie rule.</param>
    public static Estimate Accuracy(IReadOnlyList<PairwiseAccuracy> models)
    {
        PairwiseAccuracy first = Check(models);
        return Estimate.Mean(Outcomes(models), first.Units, first.Options.Resamples, first.Options.Seed);
    }

    /// <summary>A model's accuracy less the mean of <paramref name="models"/>, paired over the same units.</summary>
    public static Estimate Difference(PairwiseAccuracy model, IReadOnlyList<PairwiseAccuracy> models)
    {
        ArgumentNullException.ThrowIfNull(model);
        Check([model, .. models]);
        double[] difference = Outcomes(models);
        for (int i = 0; i < difference.Length; i++) difference[i] = model.Outcomes[i] - difference[i];
        return Estimate.Mean(difference, model.Units, model.Options.Resamples, model.Options.Seed);
    }

    private static PairwiseAccuracy Check(IReadOnlyList<PairwiseAccuracy> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        if (models.Count == 0) throw new WarmException("models", "there are none", "at least one");
        if (models.Any(m => !m.Units.Same(models[0].Units) || m.TieRule != models[0].TieRule)) throw new WarmException("models", "were measured on different pairs, units or tie rules", "the same for all");
        return models[0];
    }

    private static double[] Outcomes(IReadOnlyList<PairwiseAccuracy> models)
    {
        var mean = new double[models[0].Outcomes.Length];
        foreach (PairwiseAccuracy model in models) for (int i = 0; i < mean.Length; i++) mean[i] += model.Outcomes[i];
        for (int i = 0; i < mean.Length; i++) mean[i] /= models.Count;
        return mean;
    }
}
