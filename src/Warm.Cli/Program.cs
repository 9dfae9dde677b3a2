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
        if (parsed.Action is HelpAction) return Help(parsed);
        string[] unknown = [.. UnknownOptions(parsed, args)];
        if (unknown.Length > 0 || parsed.Errors.Count > 0) return Usage(parsed, unknown);
        return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });
    }

    /// <summary>Help with a real example first.</summary>
    private static int Help(ParseResult parsed)
    {
        var text = new StringWriter();
        parsed.Invoke(new InvocationConfiguration { Output = text });
        if (parsed.CommandResult.Command is WarmCommand asked) Console.WriteLine($"Example:\n  {asked.Example}\n");
        Console.Write(text.ToString().Replace("Warm.Cli", "warm", StringComparison.Ordinal));
        return 0;
    }

    /// <summary>Words like <c>--qiet</c> that the parser would take for an argument's value.</summary>
    private static IEnumerable<string> UnknownOptions(ParseResult parsed, string[] args) =>
        parsed.Tokens.Where(token => token.Type == TokenType.Argument && token.Value.Length > 2 && token.Value.StartsWith("--", StringComparison.Ordinal))
            .Select(token => token.Value).Intersect(args.TakeWhile(word => word != "--"));

    private static IEnumerable<Command> Commands() =>
    [
        AverageCommand.Create(),
        BaklavaCommand.Create(),
        BenchCommand.Create(),
        CompareCommand.Create(),
        DecodeCommand.Create(),
        BestOfCommand.Create(),
        DemoCommand.Create(),
        InspectCommand.Create(),
        ScoreCommand.Create(),
        TokenizeCommand.Create(),
        EvaluateCommand.Create(),
        CurveCommand.Create(),
        ConnectCommand.Create(),
        SoupCommand.Create(),
        SweepCommand.Create(),
        RenderCommand.Create(),
        VerifyCommand.Create(),
    ];

    /// <summary>Wrong usage: every error in a line, with the option that was probably meant; exit code 2.</summary>
    private static int Usage(ParseResult parsed, string[] unknown)
    {
        Command command = parsed.CommandResult.Command;
        string name = command is RootCommand ? "warm" : $"warm {command.Name}";
        IEnumerable<string> known = command.Options.Select(option => option.Name).Concat(command.Subcommands.Select(sub => sub.Name));
        foreach (string word in unknown.Concat(parsed.UnmatchedTokens).Distinct())
        {
            string hint = Spelling.Closest(word, known) is { } close ? $" Did you mean {close}?" : "";
            Console.Error.WriteLine($"{name}: {(word.StartsWith('-') ? "unknown option" : "unexpected word")} '{word}'.{hint}");
        }
        if (unknown.Length == 0 && parsed.UnmatchedTokens.Count == 0)
            foreach (ParseError error in parsed.Errors) Console.Error.WriteLine($"{name}: {error.Message}");
        Console.Error.WriteLine($"See {name} --help.");
        return 2;
    }
}
