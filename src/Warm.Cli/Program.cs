using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Reflection;
using System.Text;

namespace Warm.Cli;

/// <summary>The command <c>warm</c>: one file a command, each a call of the library.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        Console.OutputEncoding = Console.InputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        if (args is ["--version"])
        {
            Console.WriteLine($"warm {typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion}");
            return 0;
        }
        var root = new RootCommand("Weight-averaged reward models: open, check, average, score, choose the best of N, measure.");
        foreach (Command command in Commands()) root.Add(command);
        ParseResult parsed = root.Parse(args);
        if (parsed.Action is HelpAction or System.CommandLine.Invocation.ParseErrorAction || parsed.Errors.Count == 0)
        {
            if (parsed.Errors.Count > 0) return Usage(parsed, args);
            if (parsed.Action is HelpAction && parsed.CommandResult.Command is WarmCommand asked) Console.WriteLine($"Example:\n  {asked.Example}\n");
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });
        }
        return Usage(parsed, args);
    }

    private static IEnumerable<Command> Commands() =>
    [
    ];

    /// <summary>Wrong usage: every error in a line, with the option that was probably meant; exit code 2.</summary>
    private static int Usage(ParseResult parsed, string[] args)
    {
        Command command = parsed.CommandResult.Command;
        foreach (ParseError error in parsed.Errors) Console.Error.WriteLine($"warm {command.Name}: {error.Message}".Replace("warm warm:", "warm:"));
        IEnumerable<string> known = command.Options.Select(o => o.Name).Concat(command.Subcommands.Select(c => c.Name));
        foreach (string word in parsed.UnmatchedTokens)
            if (known.MinBy(name => Distance(word, name)) is { } close && Distance(word, close) <= Math.Max(2, close.Length / 3))
                Console.Error.WriteLine($"Did you mean {close}?");
        Console.Error.WriteLine(command is RootCommand ? "See warm --help." : $"See warm {command.Name} --help.");
        return 2;
    }

    /// <summary>Levenshtein distance.</summary>
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }
        return row[^1];
    }
}
