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
}
