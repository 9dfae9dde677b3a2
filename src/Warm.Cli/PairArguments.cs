using System.CommandLine;

namespace Warm.Cli;

/// <summary>How a command that measures on pairs counts ties, what it resamples, and what the fields of its files are called.</summary>
internal sealed class PairArguments
{
    private readonly Option<TieRule> _ties = new("--ties") { Description = "What a pair of equal rewards counts: half (default), correct (the paper's >=), wrong (reward-bench v1's >).", DefaultValueFactory = _ => TieRule.Half };
    private readonly Option<string> _resample = new("--resample") { Description = "Whose sampling the error is about: prompt (default), text, pair, or a field of the pairs.", HelpName = "UNIT", DefaultValueFactory = _ => "prompt" };
    private readonly Option<string?> _columns = new("--columns") { Description = "Other names of fields: prompt=question,chosen=answers.good", HelpName = "FIELD=NAME,.." };

    public PairArguments(Command command)
    {
        _ties.AcceptOnlyFromAmong("half", "correct", "wrong");
        command.Add(_ties);
        command.Add(_resample);
        command.Add(_columns);
    }

    /// <summary>How accuracies are measured.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="scoring">How texts are scored; null (default) for the model's own way.</param>
    public AccuracyOptions Accuracy(ParseResult parsed, ScoringOptions? scoring = null) => new() { Ties = parsed.GetValue(_ties), Resample = parsed.GetValue(_resample)!, Scoring = scoring };

    /// <summary>Other names of fields, or null.</summary>
    public ColumnNames? Columns(ParseResult parsed) => parsed.GetValue(_columns) is { } names ? ColumnNames.Parse(names) : null;

    /// <summary>The pairs of a file; one without any is refused by its name.</summary>
    public static IEnumerable<Preference> Some(IEnumerable<Preference> pairs, string path)
    {
        bool any = false;
        foreach (Preference pair in pairs)
        {
            any = true;
            yield return pair;
        }
        if (!any) throw new WarmException(path, "holds no pair", "at least one line with \"chosen\" and \"rejected\"");
    }

    /// <summary>How files of pairs are read.</summary>
    public PreferenceFileOptions Reading(ParseResult parsed) => new() { Columns = Columns(parsed) };
}
