using System.Diagnostics;

namespace Warm;

/// <summary>
/// Whether averaging helped: reward models, their mean, the best of them chosen on other pairs, the average of their weights, ensembles of their rewards, averages of fewer members and moving
/// averages of runs, all on the same pairs, with paired differences. Every model is loaded once, scores each distinct text of all sets once, and is let go; everything else is made of those rewards.
/// </summary>
public sealed class Evaluation
{
    private Evaluation(IReadOnlyList<SetEvaluation> sets) => Sets = sets;

    /// <summary>The results, set by set.</summary>
    public IReadOnlyList<SetEvaluation> Sets { get; }

    /// <summary>What a tie counted.</summary>
    public TieRule Ties => Sets[0].Members[0].TieRule;

    /// <summary>The members' shares on the selection pairs, in their order; null without a selection. They flatter whoever comes first.</summary>
    public TopByAccuracy? Selection { get; private init; }

    /// <summary>The pairs by which the best member was chosen; null without a selection.</summary>
    public SelectionPairs? SelectedBy { get; private init; }

    /// <summary>How each model read its texts, by its name; those that do not say are left out.</summary>
    public IReadOnlyDictionary<string, TextForm> TextForms { get; private init; } = new Dictionary<string, TextForm>();

    /// <summary>What a reader should know of the models and the choice, beside the remarks of each set.</summary>
    public IReadOnlyList<string> Remarks { get; private init; } = [];

    /// <summary>Measures models on sets of pairs.</summary>
    /// <param name="models">At least one; their weights stay the caller's.</param>
    /// <param name="load">Makes a model of weights; what it makes is disposed of after use where it can be.</param>
    /// <param name="sets">At least one, with different names.</param>
    /// <param name="options">What is measured beside the models; null for the defaults.</param>
    /// <param name="cancellation">Stops between two batches, or within one as the model does.</param>
    /// <exception cref="WarmException">A model cannot be loaded, a reward is not finite, or a set shares prompts with the selection.</exception>
    public static async Task<Evaluation> MeasureAsync(IReadOnlyList<EvaluatedModel> models, Func<Weights, IRewardModel> load, IReadOnlyList<PairSet> sets, EvaluationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(load);
        ArgumentNullException.ThrowIfNull(sets);
        options ??= new();
        if (models.Count == 0) throw new WarmException("models", "there are none", "at least one");
        if (sets.Count == 0) throw new WarmException("pairs", "there are none", "at least one set");
        List<string> remarks = options.Selection is not { } selection ? [] :
            [.. sets.SelectMany(set => ReportPairs.Of(set.Pairs, selection, options.AllowSharedPrompts, set.Name ?? "report pairs").Remarks)];
        var pass = new Pass(load, sets, options, cancellation) { Steps = models.Count + 1 };
        var members = new TextRewards[models.Count][];
        var accuracies = new double[models.Count];
        for (int m = 0; m < models.Count; m++)
            members[m] = await pass.ScoreAsync(models[m].Name, () => models[m].Weights, options.Selection is null ? null : async model => accuracies[m] =
                await options.Selection.AccuracyAsync(model, new() { Ties = sets[0].Options.Ties, Scoring = sets[0].Options.Scoring }, cancellation).ConfigureAwait(false)).ConfigureAwait(false);
        Weights[] weights = [.. models.Select(model => model.Weights)];
        string averageName = FormattableString.Invariant($"average of {models.Count}");
        TextRewards[]? average = null;
        if (options.Average && models.Count > 1)
            try
            {
                average = await pass.ScoreAsync(averageName, () => WeightAverage.Of(weights, options.Averaging)).ConfigureAwait(false);
            }
            catch (WarmException refusal)
            {
                remarks.Add($"no average: {refusal.Message}");
            }
        List<(int[] Members, TextRewards[] Average)>[] subsets = average is null ? [] : await SubsetsAsync(weights, members, average, pass, options).ConfigureAwait(false);
        MemberTraits? traits = subsets.Length == 0 ? null : new(WeightDistance.Measure(weights, cancellation: cancellation), [.. weights.Select(TrainingRun.Of)]);
        (string Name, TextRewards[] Rewards)[] moving = [.. await MovingAsync(pass, options).ConfigureAwait(false)];
        TopByAccuracy? ranking = options.Selection is null ? null : TopByAccuracy.Of(accuracies);
        var results = new List<SetEvaluation>();
        for (int s = 0; s < sets.Count; s++)
        {
            PairSet set = sets[s];
            TextRewards[] own = [.. members.Select(rewards => rewards[s])];
            EnsembleRule[] rules = [.. Rules(options, models.Count)];
            // All at once: members, ensembles, moving averages, and the average last.
            PairwiseAccuracy[] all = [.. set.Measure([.. own.Select((rewards, m) => (rewards, (string?)models[m].Name)), .. rules.Select(rule => (PairSet.Together(own, rule), (string?)$"ensemble: {rule}")),
                .. moving.Select(one => (one.Rewards[s], (string?)one.Name)), .. average is null ? [] : new[] { (average[s], (string?)averageName) }])];
            PairwiseAccuracy[] measured = all[..models.Count];
            results.Add(new SetEvaluation(set.Name)
            {
                Members = measured,
                Average = average is null ? null : all[^1],
                Ensembles = [.. rules.Select((rule, i) => (rule, all[models.Count + i]))],
                Subsets = [.. subsets.Select((size, k) => SizeOf(set, k + 1, [.. size.Select(one => one.Average[s])], [.. size.Select(one => PairSet.Together([.. one.Members.Select(m => own[m])], EnsembleRule.Mean))], models.Count))],
                Pairs = traits is null ? [] : [.. subsets[1].Select(two => traits.PairOf(set, two.Members[0], two.Members[1], own, two.Average[s]))],
                MovingAverages = all[(models.Count + rules.Length)..(models.Count + rules.Length + moving.Length)],
                Best = ranking is null ? null : measured[ranking.Order[0]],
                MeanOfMembers = models.Count > 1 ? MeanOfModels.Accuracy(measured) : null,
                Longer = set.Longer,
            }.Conclude());
        }
        return new(results) { Selection = ranking, SelectedBy = options.Selection, TextForms = pass.Forms, Remarks = remarks };
    }

    /// <summary>The same of rewards that any scorer made, from a file of several models' rewards; without texts there is no average and no baseline.</summary>
    /// <param name="path">As <see cref="RewardFile"/> reads it.</param>
    /// <param name="accuracy">Ties and units; null for the defaults.</param>
    /// <param name="options">Which ensembles; null for the defaults.</param>
    public static Evaluation OfRewards(string path, AccuracyOptions? accuracy = null, EvaluationOptions? options = null) => Of(RewardFile.Open(path, accuracy ?? new()), accuracy ?? new(), options ?? new());

    internal static Evaluation Of(RewardFile file, AccuracyOptions accuracy, EvaluationOptions options)
    {
        IReadOnlyList<PairwiseAccuracy> members = file.Measure(accuracy);
        return new([new SetEvaluation(null)
        {
            Members = members,
            Ensembles = [.. Rules(options, members.Count).Select(rule => (rule, file.Measure(rule, accuracy, $"ensemble: {rule}")))],
            MeanOfMembers = members.Count > 1 ? MeanOfModels.Accuracy(members) : null,
        }.Conclude()]);
    }

    /// <summary><c>2 models on ood, id_new</c></summary>
    public override string ToString() => FormattableString.Invariant($"{Sets[0].Members.Count} models on {string.Join(", ", Sets.Select(set => set.Name ?? "pairs"))}");

    /// <summary>Of fewer members than a rule needs there is no such ensemble.</summary>
    private static IEnumerable<EnsembleRule> Rules(EvaluationOptions options, int members) => options.Ensembles.Where(rule => rule.FewestMembers <= members);

    /// <summary>Scores of the averages of k = 1 .. M members, by k - 1.</summary>
    private static async Task<List<(int[] Members, TextRewards[] Average)>[]> SubsetsAsync(Weights[] weights, TextRewards[][] members, TextRewards[] average, Pass pass, EvaluationOptions options)
    {
        if (options.Subsets <= 0 || weights.Length < 2) return [];
        int[][][] sizes = [.. Enumerable.Range(2, weights.Length - 2).Select(k => MemberSubsets.Of(weights.Length, k, options.Subsets, options.Seed))];
        pass.Steps += sizes.Sum(size => size.Length);
        var all = new List<(int[], TextRewards[])>[weights.Length];
        all[0] = [.. members.Select((rewards, m) => (new[] { m }, rewards))];
        for (int k = 2; k < weights.Length; k++)
        {
            all[k - 1] = [];
            foreach (int[] subset in sizes[k - 2])
                all[k - 1].Add((subset, await pass.ScoreAsync($"average of {string.Join(", ", subset.Select(m => m + 1))}", () => WeightAverage.Of([.. subset.Select(m => weights[m])], options.Averaging)).ConfigureAwait(false)));
        }
        all[^1] = [([.. Enumerable.Range(0, weights.Length)], average)];
        return all;
    }

    private static async Task<List<(string, TextRewards[])>> MovingAsync(Pass pass, EvaluationOptions options)
    {
        var moving = new List<(string, TextRewards[])>();
        if (options.Runs.Count == 0) return moving;
        AverageOptions along = (options.Averaging ?? AverageOptions.Default) with { Method = options.MovingAverage ?? new StochasticWeightAverage() };
        pass.Steps += options.Runs.Count + 1;
        Weights Along(EvaluatedRun run) => WeightAverage.Of(run.Checkpoints, along);
        foreach (EvaluatedRun run in options.Runs)
        {
            string name = FormattableString.Invariant($"moving average ({along.Method.Name}) of {run.Name}, {run.Checkpoints.Count} checkpoints");
            moving.Add((name, await pass.ScoreAsync(name, () => Along(run)).ConfigureAwait(false)));
        }
        if (options.Runs.Count == 1) return moving;
        string whole = FormattableString.Invariant($"average of {options.Runs.Count} runs' moving averages");
        moving.Add((whole, await pass.ScoreAsync(whole, () => WeightAverage.Of([.. options.Runs.Select(Along)], options.Averaging)).ConfigureAwait(false)));
        return moving;
    }

    private static SubsetAccuracy SizeOf(PairSet set, int k, TextRewards[] averages, TextRewards[] ensembles, int members)
    {
        double[][] outcomes = [.. averages.Select(set.Outcomes)];
        double[] alone = [.. outcomes.Select(one => one.Average())];
        return new(k, averages.Length, MemberSubsets.Count(members, k), set.Mean(Mean(outcomes)), set.Mean(Mean([.. ensembles.Select(set.Outcomes)])), alone.Min(), alone.Max());

        static double[] Mean(double[][] rows) => [.. rows[0].Select((_, pair) => rows.Average(row => row[pair]))];
    }

    /// <summary>What is known of members beside their rewards: how far apart they lie, and how they were trained.</summary>
    private sealed record MemberTraits(WeightDistance Distance, TrainingRun?[] Runs)
    {
        public MemberPair PairOf(PairSet set, int a, int b, TextRewards[] own, TextRewards both)
        {
            double[] first = set.Outcomes(own[a]), second = set.Outcomes(own[b]);
            double[] gain = [.. set.Outcomes(both).Select((outcome, pair) => outcome - 0.5 * (first[pair] + second[pair]))];
            return new(a, b, MemberPair.KindOf(Runs[a], Runs[b]), Distance.Distance(a, b), ScoreAgreement.Of(set, own[a], own[b]), Estimate.Mean(gain, set.Units, set.Options.Resamples, set.Options.Seed));
        }
    }

    /// <summary>One model after another: made, loaded, scored on every set, let go.</summary>
    private sealed class Pass(Func<Weights, IRewardModel> load, IReadOnlyList<PairSet> sets, EvaluationOptions options, CancellationToken cancellation)
    {
        private readonly (ulong, ulong)[][] _texts = [.. sets.Select(set => set.Texts.Select(CandidateHash.Of).ToArray())];
        private int _done;

        public int Steps { get; set; }

        public Dictionary<string, TextForm> Forms { get; } = [];

        public async Task<TextRewards[]> ScoreAsync(string name, Func<Weights> open, Func<IRewardModel, Task>? also = null)
        {
            cancellation.ThrowIfCancellationRequested();
            options.Progress?.Invoke(name, (double)_done / Steps);
            long start = Stopwatch.GetTimestamp();
            Weights weights = open();
            IRewardModel model = load(weights);
            double loading = Stopwatch.GetElapsedTime(start).TotalSeconds;
            using (model as IDisposable)
            {
                IRewardModel asked = options.Cache?.Of(model) ?? model;
                if (also is not null) await also(asked).ConfigureAwait(false);
                var rewards = new TextRewards[sets.Count];
                var known = new Dictionary<(ulong, ulong), float>(); // a text that is in several sets is scored in the first
                for (int s = 0; s < rewards.Length; s++)
                {
                    long found = options.Cache?.Found ?? 0;
                    rewards[s] = await sets[s].ScoreAsync(asked, name, i => known.TryGetValue(_texts[s][i], out float reward) ? reward : null, null, cancellation).ConfigureAwait(false);
                    ScoringCost cost = rewards[s].Cost!;
                    rewards[s] = rewards[s] with { Cost = cost with { Found = cost.Found + (options.Cache?.Found ?? 0) - found, LoadSeconds = loading, WeightBytes = weights.Bytes } };
                    for (int i = 0; s + 1 < rewards.Length && i < _texts[s].Length; i++) known[_texts[s][i]] = rewards[s].Rewards[i];
                }
                if (model.TextForm is { } form) Forms[name] = form;
                _done++;
                return rewards;
            }
        }
    }
}
