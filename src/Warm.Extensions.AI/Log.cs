using Microsoft.Extensions.Logging;

namespace Warm.Extensions.AI;

/// <summary>What is logged. Prompts and answers are not.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "Draw {Index} of {N} chosen with reward {Reward}; their mean is {Mean}.")]
    public static partial void Chosen(ILogger logger, int index, int n, float reward, float mean);

    [LoggerMessage(2, LogLevel.Warning, "Draw {Index} of {N} has no reward and cannot win.")]
    public static partial void DrawFailed(ILogger logger, int index, int n, Exception failure);
}
