using System.Text;
using Warm.Testing;

namespace Warm.Tests.Preferences;

/// <summary>Pairs out of tables: Parquet, CSV, JSON lists, and data sets that keep a judgement instead of two sides.</summary>
public class PreferenceTablesTests
{
    private static List<Preference> Read(string name, string text, string? columns = null, Action<string>? tied = null)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder[name], text);
        return [.. PreferenceFile.Read(folder[name], new() { Columns = columns is null ? null : ColumnNames.Parse(columns), Tied = tied })];
    }

    private static string Message(string name, string text, string? columns = null)
    {
        string message = Assert.Throws<WarmException>(() => Read(name, text, columns)).Message;
        return message[message.IndexOf(name, StringComparison.Ordinal)..];
    }

    [Theory]
    [InlineData("pairs.parquet"), InlineData("pairs.csv"), InlineData("pairs.json")]
    public void Read_gives_the_same_pairs_and_the_same_accuracy_out_of_every_kind_of_file(string name)
    {
        Preference[] lines = [.. PreferenceFile.Read(Repository.Golden("preferences", "pairs.jsonl"))], pairs = [.. PreferenceFile.Read(Repository.Golden("preferences", name))];
        Assert.Equal(150, pairs.Length);
        Assert.Equal(lines.Select(Shown), pairs.Select(Shown));
        var judge = new Judge();
        PairwiseAccuracy then = PairwiseAccuracy.Measure(judge, lines, new() { Resample = "topic" }), now = PairwiseAccuracy.Measure(judge, pairs, new() { Resample = "topic" });
        Assert.Equal((then.ToString(), then.Loss, then.Brier), (now.ToString(), now.Loss, now.Brier));

        static string Shown(Preference pair) => $"{pair.Id}|{pair.Prompt}|{pair.Chosen.Response}|{pair.Rejected.Response}|{pair.Group("topic")}";
    }

    [Fact]
    public void Read_of_Parquet_says_which_columns_there_are_where_a_side_is_missing()
    {
        WarmException error = Assert.Throws<WarmException>(() => PreferenceFile.Read(Repository.Golden("preferences", "pairs.parquet"), new() { Columns = ColumnNames.Parse("chosen=better") }).First());
        Assert.Contains("pairs.parquet, row 1: \"chosen\" is missing", error.Message);
        Assert.Contains("\"rejected\"", error.Fix);
        Assert.Contains("\"topic\"", error.Fix);
    }

    [Fact]
    public void Read_of_CSV_takes_quotes_line_ends_and_nothing_as_null()
    {
        List<Preference> pairs = Read("x.csv", "\uFEFFprompt,chosen,rejected,margin,note\r\n\"a, b\",\"say \"\"yes\"\"\r\nnow\",no,1.5,\r\n\n,x,\"\",,\"\"\n");
        Assert.Equal(("a, b", "say \"yes\"\r\nnow", "no", 1.5, (string?)null), (pairs[0].Prompt, pairs[0].Chosen.Response, pairs[0].Rejected.Response, pairs[0].Margin, pairs[0].Group("note")));
        Assert.Equal((null, "x", "", null, ""), (pairs[1].Prompt, pairs[1].Chosen.Text, pairs[1].Rejected.Text, pairs[1].Margin, pairs[1].Group("note")));
        Assert.EndsWith("line 5", pairs[1].Source);
        Assert.Equal("no", Assert.Single(Read("x.tsv", "chosen\trejected\nyes,\tno")).Rejected.Text);
    }

    [Theory]
    [InlineData("chosen,rejected\na,b,c\n", "x.csv, line 2: has 3 fields; 2: chosen, rejected. A field that holds a separator or a line end stands in quotes.")]
    [InlineData("chosen,chosen\na,b\n", "x.csv, line 1: two columns are called \"chosen\"; names that differ.")]
    [InlineData("chosen,rejected\n\"a,b\nc", "x.csv, line 2: a quote is never closed; a CSV file. A quote inside a quoted field is doubled.")]
    [InlineData("chosen,rejected\n\"a\"b,c\n", "x.csv, line 2: something follows a closing quote; a CSV file. A quote inside a quoted field is doubled.")]
    [InlineData("", "x.csv: is empty; a CSV file whose first row has the names of its columns.")]
    public void Read_of_CSV_refuses_what_is_broken(string text, string message) => Assert.Equal(message, Message("x.csv", text));

    [Fact]
    public void Read_of_CSV_refuses_what_is_not_UTF8()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["x.csv"], [.. "chosen,rejected\na,"u8, 0xFF, (byte)'\n']);
        Assert.Contains("is not UTF-8", Assert.Throws<WarmException>(() => PreferenceFile.Read(folder["x.csv"]).ToList()).Message);
    }

    [Theory]
    [InlineData("""[{"chosen":"a]","rejected":"b\"}"}, {"chosen":["x"],"rejected":1}]""", "x.json, entry 2: \"chosen\" is a list")]
    [InlineData("""[{"chosen":"a","rejected":"b"} {"chosen":"a","rejected":"b"}]""", "x.json, entry 1: is not JSON")]
    [InlineData("""[{"chosen":"a","rejected":"b"},""", "x.json, entry 2: ends inside the list")]
    [InlineData("""[{"chosen":"a","rejected":"b"},]""", "x.json, entry 2: an entry is missing")]
    [InlineData("""[{"chosen":"a","rejected":"b"}] x""", "x.json, entry 1: something follows the list")]
    [InlineData("""["text"]""", "x.json, entry 1: is a text; one JSON object a line")]
    public void Read_of_a_JSON_list_refuses_what_is_broken(string text, string message)
    {
        string found = Message("x.json", text);
        if (message.Contains("is a list")) Assert.Contains("x.json, entry 2", found);
        else Assert.StartsWith(message, found);
    }

    [Fact]
    public void Read_of_a_JSON_list_takes_lists_lines_and_nothing()
    {
        Assert.Equal(2, Read("x.json", " [ {\"chosen\":\"]\\\"}\",\"rejected\":\"b\"} ,\n{\"chosen\":\"c\",\"rejected\":\"d\"}\n] \n").Count);
        Assert.Equal("]\"}", Read("x.json", "[{\"chosen\":\"]\\\"}\",\"rejected\":\"b\"}]")[0].Chosen.Text);
        Assert.Empty(Read("x.json", "[]"));
        Assert.Single(Read("x.json", "{\"chosen\":\"a\",\"rejected\":\"b\"}\n"));
        string many = "[" + string.Join(",", Enumerable.Range(0, 5000).Select(i => $"{{\"chosen\":\"{new string('x', i % 97)}\\\\\",\"rejected\":\"{i}\"}}")) + "]";
        Assert.Equal(Enumerable.Range(0, 5000).Select(i => $"{i}"), Read("x.json", many).Select(pair => pair.Rejected.Text));
    }

    [Theory]
    [InlineData("a=summaries.0.text,b=summaries.1.text", """{"summaries":[{"text":"l"},{"text":"r"}],"choice":0}""", "l")]
    [InlineData("a=summaries.0.text,b=summaries.1.text", """{"summaries":[{"text":"l"},{"text":"r"}],"choice":1}""", "r")]
    [InlineData("a=response1,b=response2,choice=annotator1", """{"response1":"l","response2":"r","annotator1":1}""", "l")]
    [InlineData("a=response1,b=response2,choice=annotator1", """{"response1":"l","response2":"r","annotator1":2}""", "r")]
    [InlineData("a=response1,b=response2,choice=annotator1", """{"response1":"l","response2":"r","annotator1":0}""", null)]
    [InlineData("a=a1,b=a2,choice=gold", """{"a1":"l","a2":"r","gold":"a2"}""", "r")]
    [InlineData("a=a1,b=a2,choice=gold", """{"a1":"l","a2":"r","gold":"equal"}""", null)]
    [InlineData("a=a1,b=a2,choice=gold", """{"a1":"l","a2":"r","gold":null}""", null)]
    [InlineData("a=response_a,b=response_b,choice=winner", """{"response_a":"l","response_b":"r","winner":"model_b"}""", "r")]
    [InlineData(null, """{"a":"l","b":"r","choice":"A"}""", "l")]
    public void Read_of_two_responses_and_a_choice_takes_the_side_that_is_named(string? columns, string line, string? chosen)
    {
        List<string> tied = [];
        List<Preference> pairs = Read("x.jsonl", line, columns, tied.Add);
        Assert.Equal(chosen, pairs.SingleOrDefault()?.Chosen.Text);
        Assert.Equal(chosen is null ? 1 : 0, tied.Count);
        if (chosen is not null) Assert.Equal(chosen == "l" ? "r" : "l", pairs[0].Rejected.Text);
    }

    [Fact]
    public void Read_of_two_responses_refuses_a_choice_that_names_neither()
    {
        Assert.StartsWith("x.jsonl, line 1: \"choice\" is 3; one of ", Message("x.jsonl", """{"response1":"l","response2":"r","choice":3}""", "a=response1,b=response2"));
        Assert.Contains("\"choice\" is {}", Message("x.jsonl", """{"a":"l","b":"r","choice":{}}"""));
        Assert.Contains("\"choice\" is true", Message("x.jsonl", """{"a":"l","b":"r","choice":true}"""));
        Assert.Contains("\"chosen\" is null", Message("x.jsonl", """{"a":null,"b":"r","choice":"a"}"""));
    }

    [Theory]
    [InlineData("hh-rlhf/harmless-base.test.jsonl.gz", null, 2312, 0, 0)]
    [InlineData("UKPConvArg1/ukpconvarg1-full.jsonl.gz", "prompt=title,a=a1,b=a2,choice=gold", 12792, 4135, 0)]
    [InlineData("PandaLM/data/testset-v1.json", "prompt=instruction,a=response1,b=response2,choice=annotator1,id=idx", 896, 97, 6)]
    public void Read_takes_public_data_sets_as_they_stand(string file, string? columns, int count, int rowsTied, int rowsBroken)
    {
        if (Reference.Root is null || !File.Exists(Path.Combine(Reference.Root, "..", "data", file))) return; // they lie beside the reference, where there is one
        int tied = 0;
        List<WarmException> broken = [];
        List<Preference> pairs = [.. PreferenceFile.Read(Path.Combine(Reference.Root, "..", "data", file), new() { Columns = columns is null ? null : ColumnNames.Parse(columns), Tied = _ => tied++, Broken = broken.Add })];
        Assert.Equal(count, pairs.Count);
        Assert.Equal((rowsTied, rowsBroken), (tied, broken.Count));
        Assert.All(pairs, pair => Assert.True(pair.ChosenLength + pair.RejectedLength > 0));
        Reference.Count("pairs of public data sets", pairs.Count);
    }

    private sealed class Judge : IRewardModel
    {
        public string Identity => "letters";

        public Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default) =>
            Task.FromResult<IReadOnlyList<Score>>([.. candidates.Select(candidate => new Score { Reward = Encoding.UTF8.GetBytes(candidate.Response ?? candidate.Text!).Sum(letter => letter % 7) / 100f, Tokens = 1, ReadAt = 0 })]);
    }
}
