using System.Diagnostics;
using Warm.Testing;

namespace Warm.HouseTests;

/// <summary>
/// A folder as a stranger has it: a feed with our packages and nothing that leads back to this checkout. Needs no network: what the packages depend on lies in the machine's package folder, where the
/// tests' own restore put it.
/// </summary>
internal sealed class StrangersFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>A version of its own: a Warm that somebody installed earlier must not be taken for this one.</summary>
    public string Version { get; } = $"0.1.0-test{DateTime.UtcNow:yyyyMMddHHmmss}";

    public string Path => _folder.Path;

    public string this[string name] => _folder[name];

    /// <summary>Packs these into the feed, and has commands in this folder find them there.</summary>
    public void PackFeed(params string[] packages)
    {
        foreach (string package in packages) Pack(package, _folder["feed"], Version);
        File.WriteAllText(_folder["nuget.config"], $"""
            <configuration>
              <packageSources><add key="feed" value="feed" /></packageSources>
              <fallbackPackageFolders><add key="machine" value="{MachinePackages()}" /></fallbackPackageFolders>
            </configuration>
            """);
        File.WriteAllText(_folder["tool.config"], "<configuration><packageSources><clear /><add key=\"feed\" value=\"feed\" /></packageSources></configuration>");
        // Nothing above the temporary folder is looked for, and nothing of this checkout is.
        foreach (string stop in new[] { "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props" }) File.WriteAllText(_folder[stop], "<Project />");
    }

    /// <summary>Packs what the tests' own build has made.</summary>
    public void Pack(string package, string to, string version)
    {
        string configuration = System.IO.Path.GetFileName(System.IO.Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd(System.IO.Path.DirectorySeparatorChar))!);
        Dotnet("pack", Repository.Path("src", package, $"{package}.csproj"), "--no-build", "--configuration", configuration, "--output", to, $"-p:Version={version}");
    }

    private static string MachinePackages() => Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } own ? own : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    /// <summary>From now on commands see an empty folder where this checkout lies. Where the machine cannot do that they see it, and the reason is given.</summary>
    public string? HideCheckout()
    {
        _hidden = WhyNotHidden.Value is null;
        return WhyNotHidden.Value;
    }

    private bool _hidden;

    // A mount of the command's own over the checkout: no rights are needed where the kernel lets users make namespaces.
    private static readonly string[] Hiding = ["--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs none \"$0\" && exec \"$@\"", Repository.Root];

    private static readonly Lazy<string?> WhyNotHidden = new(() =>
    {
        if (!OperatingSystem.IsLinux()) return "only Linux has mount namespaces";
        if (new[] { System.IO.Path.GetTempPath(), MachinePackages(), Environment.ProcessPath! }.FirstOrDefault(path => System.IO.Path.GetFullPath(path).StartsWith(Repository.Root + "/", StringComparison.Ordinal)) is { } inside) return $"{inside} lies in the checkout";
        try
        {
            using Process probe = Process.Start(new ProcessStartInfo("unshare", [.. Hiding, "test", "!", "-e", Repository.Path("Warm.sln")]) { RedirectStandardError = true })!;
            string said = probe.StandardError.ReadToEnd();
            probe.WaitForExit();
            return probe.ExitCode == 0 ? null : $"this machine lets no user make mount namespaces ({said.Trim()})";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "there is no command unshare";
        }
    });

    public string Dotnet(params string[] arguments) => Run("dotnet", arguments);

    public string Run(string command, params string[] arguments)
    {
        var start = new ProcessStartInfo(_hidden ? "unshare" : command, _hidden ? [.. Hiding, command, .. arguments] : arguments) { WorkingDirectory = _folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string name in new[] { "MSBUILD_EXE_PATH", "MSBuildExtensionsPath", "MSBuildSDKsPath", "MSBuildLoadMicrosoftTargetsReadOnly", "DOTNET_HOST_PATH" }) start.Environment.Remove(name);
        start.Environment["NUGET_PACKAGES"] = _folder["packages"];
        start.Environment["NO_COLOR"] = "1";
        // Servers that an earlier build left behind see what this command does not.
        foreach ((string name, string value) in new[] { ("MSBUILDDISABLENODEREUSE", "1"), ("DOTNET_CLI_USE_MSBUILD_SERVER", "0"), ("UseSharedCompilation", "false") }) if (_hidden) start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)), $"{command} {string.Join(' ', arguments)} did not end.");
        Assert.True(process.ExitCode == 0, $"{command} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output.Result}\n{error.Result}");
        return output.Result;
    }

    public void Dispose() => _folder.Dispose();
}
