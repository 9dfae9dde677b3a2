using System.Text.Json.Nodes;
using DuckDB.NET.Data;

namespace Warm.DuckDB;

/// <summary>
/// Pairs out of an SQL query, run by DuckDB in this process over the files that are named and nothing else.
/// <code>
/// var query = new PreferenceQuery("select instruction as prompt, good as chosen, bad as rejected from votes join texts using (id)")
/// {
///     Tables = { ["votes"] = "votes.csv.gz", ["texts"] = "texts.jsonl.gz" },
/// };
/// PairwiseAccuracy accuracy = PairwiseAccuracy.Measure(reward, query.Read());
/// </code>
/// <para>
/// Each table is a view of one file: Parquet, CSV, TSV, JSON or JSON lines by its name, the last four also with <c>.gz</c>. A row of the result is read as a line of a preference file is:
/// <c>chosen</c>, <c>rejected</c>, <c>prompt?</c> ..., or <c>a</c>, <c>b</c>, <c>choice</c>; structs, lists and maps are nested fields. Rows are streamed: memory is what the query itself needs.
/// </para>
/// <para>
/// The query runs without network, without extensions and without any file but the tables: a path inside the query is refused, and settings cannot be changed. Values that come from elsewhere are
/// given as <see cref="Parameters"/>, never written into the text.
/// </para>
/// </summary>
public sealed class PreferenceQuery
{
    /// <summary>Makes a query; nothing is read yet.</summary>
    /// <param name="sql">One <c>select</c>; <c>$name</c> or <c>?</c> stands for a parameter.</param>
    public PreferenceQuery(string sql)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(sql);
        Sql = sql.TrimEnd().TrimEnd(';');
    }

    /// <summary>The query's text, without a semicolon at its end.</summary>
    public string Sql { get; }

    /// <summary>The files that the query may read, by the names under which it reads them.</summary>
    public IDictionary<string, string> Tables { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Values of the query's <c>$name</c>s.</summary>
    public IDictionary<string, object?> Parameters { get; } = new Dictionary<string, object?>(StringComparer.Ordinal);

    /// <summary>Most memory that DuckDB takes for itself, in bytes; default 1 GiB, at least 16 MiB. What does not fit (a large join or sort, pages of 100 MB as DuckDB itself writes them) is refused: nothing is written to disk.</summary>
    public long Memory { get; init; } = 1L << 30;

    /// <summary>Threads of DuckDB; default 1, which keeps the rows in the file's order.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>A query for all pairs of one file as it stands.</summary>
    public static PreferenceQuery File(string path) => new("select * from pairs") { Tables = { ["pairs"] = path } };

    /// <summary>The pairs, as rows come; every enumeration runs the query anew.</summary>
    /// <exception cref="WarmException">A file is missing or broken, the query is, or a row is no pair; a row that lacks a side says which columns there are.</exception>
    public IEnumerable<Preference> Read(PreferenceFileOptions? options = null)
    {
        options ??= new();
        using DuckDBConnection connection = Open();
        CheckOne(connection);
        using DuckDBCommand command = connection.CreateCommand();
        command.UseStreamingMode = true;
        command.CommandText = $"select to_json(row) from ({Sql}\n) row"; // a comment at the query's end ends with its line
        foreach ((string name, object? value) in Parameters) command.Parameters.Add(new DuckDBParameter(name, value));
        using DuckDBDataReader rows = Guarded(() => (DuckDBDataReader)command.ExecuteReader());
        for (int number = 1; Guarded(rows.Read); number++)
        {
            Preference? pair = null;
            string where = FormattableString.Invariant($"{Name}, row {number}");
            try
            {
                JsonObject row = (JsonObject)JsonNode.Parse(Guarded(() => rows.GetString(0)))!;
                options.Columns?.Apply(row);
                pair = PreferenceFile.Parse(row, where, options.Columns);
                if (pair is null) options.Tied?.Invoke(where);
            }
            catch (WarmException error) when (options.Broken is { } broken)
            {
                broken(error);
            }
            if (pair is not null) yield return pair;
        }
    }

    /// <summary>The query and its tables.</summary>
    public override string ToString() => $"{Sql} ({string.Join(", ", Tables.Select(table => $"{table.Key}: {table.Value}"))})";

    private string Name => Tables.Count == 1 ? Tables.Values.Single() : "query";

    /// <summary>A database in memory with a view for each file, shut off from everything else.</summary>
    private DuckDBConnection Open()
    {
        if (Memory < 16L << 20) throw new WarmException("query", FormattableString.Invariant($"DuckDB is given {Memory} bytes"), "at least 16 MiB");
        if (Threads is < 1 or > 256) throw new WarmException("query", FormattableString.Invariant($"{Threads} threads"), "1 to 256");
        var connection = new DuckDBConnection("DataSource=:memory:");
        try
        {
            connection.Open();
            Run("set autoinstall_known_extensions = false; set autoload_known_extensions = false; set preserve_insertion_order = true; set temp_directory = ''");
            Run(FormattableString.Invariant($"set memory_limit = '{Memory}B'; set threads = {Threads}"));
            string[] paths = [.. Tables.Values.Select(Existing)];
            Run($"set allowed_paths = [{string.Join(", ", paths.Select(Quoted))}]; set enable_external_access = false; set lock_configuration = true");
            foreach ((string table, string path) in Tables.Keys.Zip(paths)) Run($"create view {Identifier(table)} as from {Reader(path)}({Quoted(path)})");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }

        void Run(string sql) => Guarded(() =>
        {
            using DuckDBCommand command = connection.CreateCommand();
            command.CommandText = sql;
            return command.ExecuteNonQuery();
        });
    }

    /// <summary>Refuses all but one select: what closes the bracket around the query and goes on with other statements would not be run, but is not what was meant.</summary>
    private void CheckOne(DuckDBConnection connection)
    {
        using DuckDBCommand command = connection.CreateCommand();
        command.CommandText = $"select json_serialize_sql({Quoted(Sql)})"; // takes a literal only
        JsonNode parsed = JsonNode.Parse((string)Guarded(command.ExecuteScalar)!)!;
        if ((bool)parsed["error"]!) throw new WarmException(Name, $"{parsed["error_message"]}".Split('\n')[0].TrimEnd('.'), "one select");
        if (parsed["statements"] is not JsonArray { Count: 1 }) throw new WarmException(Name, "the query has several statements", "one select");
    }

    /// <summary>The whole path of a file that is there. A pattern (<c>*.parquet</c>) is taken as a name like any other.</summary>
    private static string Existing(string path)
    {
        if (path.Contains('\0') || !System.IO.File.Exists(path)) throw new WarmException(path.Replace("\0", "\\0", StringComparison.Ordinal), "is not there", "a file");
        // Trap: DuckDB takes *, ? and [ for patterns and has no way to say that they are not.
        if (path.AsSpan().IndexOfAny("*?[") >= 0) throw new WarmException(path, "has *, ? or [ in its name, which DuckDB reads as a pattern", "another name");
        return Path.GetFullPath(path);
    }

    private static string Reader(string path)
    {
        string name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        return Path.GetExtension(name).ToLowerInvariant() switch
        {
            ".parquet" => "read_parquet",
            ".csv" or ".tsv" => "read_csv",
            ".json" or ".jsonl" or ".ndjson" => "read_json",
            var other => throw new WarmException(path, $"has the ending \"{other}\"", ".parquet, .csv, .tsv, .json or .jsonl, the last four also with .gz"),
        };
    }

    private static string Quoted(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static string Identifier(string text) => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>DuckDB's own message as ours: its first line says what is wrong.</summary>
    private T Guarded<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (DuckDBException error)
        {
            throw new WarmException(Name, error.Message.Split('\n')[0].TrimEnd('.'), "a query that DuckDB can run over whole files", inner: error);
        }
    }
}
