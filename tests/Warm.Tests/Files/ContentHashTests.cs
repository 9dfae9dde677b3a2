using Warm.Testing;

namespace Warm.Tests;

public class ContentHashTests
{
    [Fact]
    public void OfFile_is_SHA256_in_hex()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["abc"], "abc"); // FIPS 180-4, example 1
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", ContentHash.OfFile(folder["abc"]));
    }

    [Fact]
    public void OfFiles_keeps_the_order()
    {
        using var folder = new TemporaryFolder();
        var random = new Random(1);
        string[] paths = [.. Enumerable.Range(0, 9).Select(i => folder[$"{i}"])];
        foreach (string path in paths)
        {
            byte[] bytes = new byte[random.Next(1, 3_000_000)];
            random.NextBytes(bytes);
            File.WriteAllBytes(path, bytes);
        }
        string[] asked = [.. paths, paths[3]];
        Assert.Equal(asked.Select(p => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(p)))), ContentHash.OfFiles(asked, threads: 3));
    }

    [Fact]
    public void OfFiles_names_a_file_that_is_missing() =>
        Assert.Contains("nowhere.bin", Assert.Throws<WarmException>(() => ContentHash.OfFiles(["/nowhere.bin", "/nowhere2.bin"])).Message);
}
