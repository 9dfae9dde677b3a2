using System.IO.Pipes;
using System.Text;
using Warm.Testing;

namespace Warm.Cli.Tests.Input;

public class LinesInputTests
{
    private static LinesInput Over(string text, bool keepGoing = false, bool bare = false, bool waits = false, ColumnNames? columns = null) =>
        LinesInput.Over(new MemoryStream(Encoding.UTF8.GetBytes(text)), "in", waits, columns, keepGoing, bare);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Batches_in_order_with_blank_lines_counted(bool waits)
    {
        using LinesInput input = Over("{\"text\":\"a\"}\n\n{\"text\":\"b\"}\n  \n{\"text\":\"c\"}", waits: waits);
        Answered<string>[] all = [.. input.Batches(line => line.Text("text"), 2).SelectMany(b => b)];
        Assert.Equal(["a", "b", "c"], all.Select(a => a.Value));
        Assert.Equal([1, 3, 5], all.Select(a => a.Line!.Number));
    }

    [Fact]
    public void Batches_hands_out_what_came_before_a_broken_line()
    {
        using LinesInput input = Over("{\"text\":\"a\"}\n{\"text\":\"b\"}\nbroken\n{\"text\":\"c\"}\n");
        var seen = new List<string?>();
        WarmException error = Assert.Throws<WarmException>(() => { foreach (var batch in input.Batches(line => line.Text("text"), 64)) seen.AddRange(batch.Select(a => a.Value)); });
        Assert.Equal(["a", "b"], seen);
        Assert.Equal("in, line 3", error.Where);
    }

    [Fact]
    public void Batches_keeps_going_when_asked()
    {
        using LinesInput input = Over("{\"text\":\"a\"}\n{\"id\":5,\"txet\":\"b\"}\n[]\n{\"text\":3}\n{\"text\":\"c\"}\n", keepGoing: true);
        Answered<string>[] all = [.. input.Batches(line => line.Text("text"), 64).SelectMany(b => b)];
        Assert.Equal(["a", null, null, null, "c"], all.Select(a => a.Value));
        Assert.Equal(["in, line 2", "in, line 3", "in, line 4"], all.Where(a => a.Error is not null).Select(a => a.Error!.Where));
        Assert.Equal("5", all[1].Line!.Id!.ToJsonString());
        Assert.Contains("\"txet\"", all[1].Error!.Fix);
        Assert.Equal(3, input.Errors);
    }

    [Fact]
    public void Batches_bare_texts_keep_empty_lines_and_other_separators()
    {
        using LinesInput input = Over("a\u2028b\vc\r\n\n {\"x\":1}\n", bare: true);
        Assert.Equal(["a\u2028b\vc", "", " {\"x\":1}"], input.Lines(line => line.Text("text")).Select(a => a.Value));
    }

    [Fact]
    public void Batches_columns_rename()
    {
        using LinesInput input = Over("{\"q\":{\"a\":\"x\"},\"r\":\"y\"}", columns: ColumnNames.Parse("prompt=q.a,response=r"));
        Assert.Equal("y", Assert.Single(input.Lines(line => line.Candidate())).Value!.Response);
    }

    [Theory]
    [InlineData("{}", "nothing to score is there")]
    [InlineData("{\"prompt\":\"a\"}", "\"response\" is missing")]
    [InlineData("{\"response\":\"a\"}", "\"prompt\" is missing")]
    [InlineData("{\"text\":\"a\",\"input_ids\":[1]}", "has \"input_ids\" and \"text\"")]
    [InlineData("{\"input_ids\":[1,2.5]}", "\"input_ids\"[1] is 2.5")]
    [InlineData("{\"input_ids\":[99999999999]}", "\"input_ids\"[0] is 99999999999")]
    [InlineData("{\"messages\":[]}", "\"messages\" is an empty list")]
    [InlineData("{\"messages\":\"a\"}", "\"messages\" is a text")]
    public void Candidate_refuses(string line, string found)
    {
        using LinesInput input = Over(line);
        WarmException error = Assert.Throws<WarmException>(() => input.Lines(l => l.Candidate()).Count());
        Assert.Equal(("in, line 1", found), (error.Where, error.Found));
    }

    [Fact]
    public async Task Batches_answers_a_conversation_line_by_line()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        using LinesInput input = LinesInput.Over(new AnonymousPipeClientStream(PipeDirection.In, pipe.ClientSafePipeHandle), "pipe", waits: true);
        using IEnumerator<IReadOnlyList<Answered<string>>> batches = input.Batches(line => line.Text("text"), 64).GetEnumerator();
        for (int i = 0; i < 3; i++)
        {
            pipe.Write(Encoding.UTF8.GetBytes($"{{\"text\":\"{i}\"}}\n{{\"text\":\"{i}b\"}}\n{{\"te"));
            pipe.Flush();
            var got = new List<string?>();
            while (got.Count < 2)
            {
                Assert.True(await Task.Run(batches.MoveNext).WaitAsync(TimeSpan.FromSeconds(20)));
                got.AddRange(batches.Current.Select(a => a.Value));
            }
            Assert.Equal([$"{i}", $"{i}b"], got);
            pipe.Write(Encoding.UTF8.GetBytes("xt\":\"tail\"}\n"));
            Assert.True(await Task.Run(batches.MoveNext).WaitAsync(TimeSpan.FromSeconds(20)));
            Assert.Equal("tail", Assert.Single(batches.Current).Value);
        }
        pipe.Dispose();
        Assert.False(await Task.Run(batches.MoveNext).WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void Batches_stops_when_cancelled_though_nothing_comes()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        using LinesInput input = LinesInput.Over(new AnonymousPipeClientStream(PipeDirection.In, pipe.ClientSafePipeHandle), "pipe", waits: true);
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        Assert.ThrowsAny<OperationCanceledException>(() => input.Batches(line => line.Text("text"), 64, cancel.Token).Count());
        pipe.Dispose();
    }

    [Fact]
    public void Open_bare_texts_by_name()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["a.txt"], "one\ntwo\n");
        using LinesInput input = LinesInput.Open(folder["a.txt"]);
        Assert.Equal(["one", "two"], input.Lines(line => line.Candidate()).Select(a => a.Value!.Text));
    }
}
