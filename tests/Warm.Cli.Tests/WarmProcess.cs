using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace Warm.Cli.Tests;

/// <summary>One run of the command <c>warm</c> as a process of its own, as a script or a person would run it.</summary>
internal sealed record WarmProcess(int ExitCode, string Output, string Error)
{
    /// <summary>The JSON document on standard output.</summary>
    public JsonNode Json => JsonNode.Parse(Output)!;

    /// <summary>The JSON lines on standard output.</summary>
    public JsonNode[] JsonLines => [.. Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];

    public static WarmProcess Run(params string[] arguments) => RunWith(null, null, arguments);

    /// <summary>Runs <c>warm</c> with an input on its standard input, in a folder.</summary>
    public static WarmProcess RunWith(string? input, string? folder, params string[] arguments)
    {
        using Process process = Start(folder, arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (input is not null) process.StandardInput.Write(input);
        process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromMinutes(2)))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"warm {string.Join(' ', arguments)} did not end within two minutes.");
        }
        return new(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Starts <c>warm</c> for a test that talks to it (or stops it) while it runs.</summary>
    public static Process Start(string? folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Warm.Cli.dll"), .. arguments])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8, StandardErrorEncoding = Encoding.UTF8, StandardInputEncoding = new UTF8Encoding(false),
            WorkingDirectory = folder ?? "",
        };
        start.Environment["NO_COLOR"] = "1";
        return Process.Start(start)!;
    }
}
