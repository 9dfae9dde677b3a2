using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Warm.Extensions.AI;

/// <summary>Activities and metrics of the name <c>Warm.Extensions.AI</c>; they cost nothing while nobody listens.</summary>
internal static class Telemetry
{
    public const string Name = "Warm.Extensions.AI";

    public static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    public static readonly Counter<long> Draws = Meter.CreateCounter<long>("warm.best_of_n.draws", "{draw}", "Answers asked for, by outcome: answered or failed.");
    public static readonly Histogram<double> Duration = Meter.CreateHistogram<double>("warm.best_of_n.duration", "s", "Time of a request: its draws and their scores.");
    public static readonly Histogram<double> Gain = Meter.CreateHistogram<double>("warm.best_of_n.gain", "{reward}", "Reward of the winner over the mean of its draws.");
}
