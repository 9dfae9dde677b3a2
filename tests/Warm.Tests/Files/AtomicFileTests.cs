using Warm.Testing;

namespace Warm.Tests;

public class AtomicFileTests
{
    [Fact]
    public void Commit_replaces_only_when_allowed()
    {
        using var folder = new TemporaryFolder();
        AtomicFile.Write(folder["a"], "one"u8);
        Assert.Throws<WarmException>(() => AtomicFile.Write(folder["a"], "two"u8));
        Assert.Equal("one", File.ReadAllText(folder["a"]));
        AtomicFile.Write(folder["a"], "two"u8, overwrite: true);
        Assert.Equal("two", File.ReadAllText(folder["a"]));
    }

    [Fact]
    public void Commit_refuses_a_place_that_was_taken_meanwhile()
    {
        using var folder = new TemporaryFolder();
        using (AtomicFile file = AtomicFile.Create(folder["a"]))
        {
            file.Write(0, "mine"u8);
            File.WriteAllText(folder["a"], "theirs");
            Assert.Throws<WarmException>(file.Commit);
        }
        Assert.Equal("theirs", File.ReadAllText(folder["a"]));
        Assert.Single(Directory.GetFileSystemEntries(folder.Path, "*", new EnumerationOptions { AttributesToSkip = 0 }));
    }

    [Fact]
    public void Create_says_that_the_disk_is_full_and_leaves_nothing()
    {
        const string Memory = "/dev/shm"; // a file system that never holds 32 TiB
        if (!Directory.Exists(Memory)) return;
        string path = Path.Combine(Memory, $"warm-test-{Guid.NewGuid():N}");
        Assert.Contains("the disk is full", Assert.Throws<WarmException>(() => AtomicFile.Create(path, size: 1L << 45)).Message);
        Assert.Empty(Directory.GetFiles(Memory, $".{Path.GetFileName(path)}*", new EnumerationOptions { AttributesToSkip = 0 }));
    }
}
