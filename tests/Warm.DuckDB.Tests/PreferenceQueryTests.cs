using System.IO.Compression;
using System.Text;

namespace Warm.DuckDB.Tests;

public class PreferenceQueryTests
{
    private static string Golden(string name) => Repository.Golden("preferences", name);

    [Theory]
    [InlineData("pairs.parquet"), InlineData("pairs.csv"), InlineData("pairs.json"), InlineData("pairs.jsonl")]
    public void File_gives_the_pairs_and_accuracies_that_PreferenceFile_gives(string name)
    {
        Preference[] then = [.. PreferenceFile.Read(Golden("pairs.jsonl"))], now = [.. PreferenceQuery.File(Golden(name)).Read()];
        Assert.Equal(then.Select(Shown), now.Select(Shown));
        PairwiseAccuracy a = PairwiseAccuracy.Measure(new Letters(), then), b = PairwiseAccuracy.Measure(new Letters(), now);
        Assert.Equal((a.ToString(), a.Loss, a.Brier), (b.ToString(), b.Loss, b.Brier));

        static string Shown(Preference pair) => $"{pair.Id}|{pair.Prompt}|{pair.Chosen.Response}|{pair.Rejected.Response}|{pair.Group("topic")}";
    }

    [Theory]
    [InlineData("everything-zstd-v2.parquet"), InlineData("everything-snappy-v1.parquet")]
    public void File_reads_nested_fields_as_the_managed_reader_does(string name)
    {
        Preference[] managed = [.. PreferenceFile.Read(Golden(name))], pairs = [.. PreferenceQuery.File(Golden(name)).Read()];
        Assert.Equal(400, pairs.Length);
        foreach ((Preference a, Preference b) in managed.Zip(pairs))
            foreach (string field in new[] { "nested", "messages", "ints", "mapped", "word", "yes", "maybe", "big", "day" })
                Assert.True(System.Text.Json.Nodes.JsonNode.DeepEquals(a.Fields[field], b.Fields[field]), $"{a.Id} {field}: {a.Fields[field]?.ToJsonString()} and {b.Fields[field]?.ToJsonString()}");
    }

    [Fact]
    public void Read_joins_files_as_alpaca_eval_keeps_them()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["outputs.jsonl"], """
            {"id": 0, "instruction": "Why?", "outputs": {"m-1": "because", "m-2": "no idea"}}
            {"id": 1, "instruction": "How?", "outputs": {"m-1": "so", "m-2": "like this"}}
            """);
        using (var gz = new GZipStream(File.Create(folder["votes.csv.gz"]), CompressionMode.Compress)) gz.Write("annotator,id,key_1,key_2,preference\nx,0,m-1,m-2,1.2\nx,1,m-1,m-2,1.9\n"u8);
        var query = new PreferenceQuery("""
            select instruction as prompt, case when preference < 1.5 then one else two end as chosen, case when preference < 1.5 then two else one end as rejected, abs(preference - 1.5) as margin, id
            from (select *, json_extract_string(outputs::json, '$."' || key_1 || '"') as one, json_extract_string(outputs::json, '$."' || key_2 || '"') as two from votes join outputs using (id))
            where annotator = $who order by id -- a comment at the end
            """) { Tables = { ["votes"] = folder["votes.csv.gz"], ["outputs"] = folder["outputs.jsonl"] }, Parameters = { ["who"] = "x" } };
        Preference[] pairs = [.. query.Read()];
        Assert.Equal(["Why?: because > no idea", "How?: like this > so"], pairs.Select(pair => pair.ToString()));
        Assert.Equal(0.3, pairs[0].Margin!.Value, 9);
    }

    [Fact]
    public void Read_takes_what_looks_like_SQL_as_a_value_and_a_name()
    {
        using var folder = new TemporaryFolder();
        string name = folder["it's'); drop table x; --.jsonl"];
        File.WriteAllText(name, """{"chosen":"a","rejected":"b","who":"'; drop view pairs; --"}""");
        var query = new PreferenceQuery("select * from \"odd \"\" name\" where who = $who") { Tables = { ["odd \" name"] = name }, Parameters = { ["who"] = "'; drop view pairs; --" } };
        Assert.Equal("a", Assert.Single(query.Read()).Chosen.Text);
    }

    [Theory]
    [InlineData("select content as chosen, 'x' as rejected from read_text('/etc/passwd')")]
    [InlineData("select * from '/etc/passwd'")]
    [InlineData("select column0 as chosen, 'x' as rejected from read_csv('/etc/passwd')")]
    [InlineData("select * from read_parquet('https://example.org/x.parquet')")]
    [InlineData("select * from pairs) row; set enable_external_access = true; select * from (select 1")]
    [InlineData("select * from pairs) row; copy pairs to '/tmp/warm-stolen.csv'; select * from (select 1")]
    [InlineData("select * from pairs) row; install httpfs; load httpfs; select * from (select 1")]
    [InlineData("select * from pairs) row; attach '/tmp/warm-other.db'; select * from (select 1")]
    public void Read_refuses_whatever_leads_out_of_the_tables(string sql)
    {
        var query = new PreferenceQuery(sql) { Tables = { ["pairs"] = Golden("pairs.parquet") } };
        Assert.Throws<WarmException>(() => query.Read().ToList());
        Assert.False(File.Exists("/tmp/warm-stolen.csv") || File.Exists("/tmp/warm-other.db"));
    }

    [Fact]
    public void Read_says_what_is_wrong_with_a_file_or_a_query()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["cut.parquet"], File.ReadAllBytes(Golden("pairs.parquet"))[..5000]);
        Assert.Contains("cut.parquet", Message(PreferenceQuery.File(folder["cut.parquet"])));
        Assert.EndsWith("nothing.parquet: is not there; a file.", Message(PreferenceQuery.File(folder["nothing.parquet"])));
        Assert.Contains("has the ending \".xlsx\"", Message(PreferenceQuery.File(Write("x.xlsx"))));
        Assert.Contains("reads as a pattern", Message(PreferenceQuery.File(Write("x*.csv"))));
        Assert.Contains("syntax error", Message(new PreferenceQuery("selec 1")));
        Assert.Contains("one select", Message(new PreferenceQuery("select 1 as chosen, 2 as rejected; select 3")));
        Assert.Contains("SELECT", Message(new PreferenceQuery("drop view pairs")));
        string other = Message(new PreferenceQuery("select topic as subject, prompt as question from pairs") { Tables = { ["pairs"] = Golden("pairs.parquet") } });
        Assert.Contains("row 1: \"chosen\" is missing", other);
        Assert.Contains("The line has \"subject\", \"question\"", other);
        Assert.Contains("at least 16 MiB", Message(new PreferenceQuery("select 1") { Memory = 5 }));

        string Write(string name) { File.WriteAllText(folder[name], "x"); return folder[name]; }
    }

    private static string Message(PreferenceQuery query) => Assert.Throws<WarmException>(() => query.Read().ToList()).Message;

    private sealed class Letters : IRewardModel
    {
        public string Identity => "letters";

        public Task<IReadOnlyList<Score>> ScoreAsync(IReadOnlyList<Candidate> candidates, ScoringOptions? options = null, IProgress<int>? progress = null, CancellationToken cancellation = default) =>
            Task.FromResult<IReadOnlyList<Score>>([.. candidates.Select(candidate => new Score { Reward = Encoding.UTF8.GetBytes(candidate.Response ?? candidate.Text!).Sum(letter => letter % 7) / 100f, Tokens = 1, ReadAt = 0 })]);
    }
}
