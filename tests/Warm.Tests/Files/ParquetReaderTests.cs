using System.Text;
using System.Text.Json.Nodes;
using Warm.Testing;

namespace Warm.Tests.Files;

public class ParquetReaderTests
{
    private static readonly Lazy<JsonObject[]> Truth = new(() => Rows(Repository.Golden("preferences", "everything.jsonl.gz")));

    public static TheoryData<string> Everything() => [.. Directory.GetFiles(Repository.Golden("preferences"), "everything-*.parquet").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Everything))]
    public void TryRead_gives_the_rows_that_the_writer_says_are_there(string file)
    {
        JsonObject[] rows = Rows(Repository.Golden("preferences", file));
        Assert.Equal(400, rows.Length);
        foreach ((JsonObject then, JsonObject now) in Truth.Value.Zip(rows)) Assert.Null(Difference("", then, now));
    }

    [Fact]
    public void Open_refuses_what_is_no_whole_Parquet_file()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = File.ReadAllBytes(Repository.Golden("preferences", "pairs.parquet"));
        string Message(byte[] bytes)
        {
            File.WriteAllBytes(folder["x.parquet"], bytes);
            return Assert.Throws<WarmException>(() => Rows(folder["x.parquet"])).Message;
        }
        Assert.Contains("was cut short (it does not end with PAR1); a whole file. Copy or download it again.", Message(whole[..5000]));
        Assert.Contains("does not begin with PAR1", Message(Encoding.UTF8.GetBytes("{\"chosen\":\"a\",\"rejected\":\"b\"}")));
        Assert.Contains("git-LFS pointer", Message(Encoding.UTF8.GetBytes("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")));
        Assert.Contains("is encrypted", Message([.. "PARE"u8, .. whole[4..^4], .. "PARE"u8]));
        Assert.Contains("is empty", Message([]));
        Assert.Contains("says that its footer has 4,294,967,295 bytes", Message([.. whole[..^8], 255, 255, 255, 255, .. "PAR1"u8]));
        // Pages that are gone, the footer whole: the column and its row group are named.
        byte[] zeroed = [.. whole];
        zeroed.AsSpan(200, 4000).Clear();
        Assert.Matches("x.parquet, column [a-z]+, row group 1: is broken", Message(zeroed));
    }

    [Fact]
    public void TryRead_takes_maps_of_numbers_and_times_beyond_the_calendar()
    {
        JsonObject row = Assert.Single(Rows(Repository.Golden("preferences", "odd.parquet")));
        Assert.Equal("""{"1":true,"20":null}""", row["numbered"]!.ToJsonString());
        Assert.Equal(("2026-01-02T03:04:05.678", "2026-01-01"), ((string)row["then"]!, (string)row["now"]!));
        Assert.Equal((-63_517_780_800_000_000, 3_672_879), ((long)row["ides"]!, (long)row["later"]!)); // microseconds and days since 1970
    }

    [Fact]
    public void TryRead_ends_wherever_a_file_was_cut_with_its_place_and_within_a_second()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = File.ReadAllBytes(Repository.Golden("preferences", "everything-zstd-v2.parquet"));
        for (int part = 0; part < 40; part++)
        {
            File.WriteAllBytes(folder["x.parquet"], whole[..(whole.Length * part / 40)]);
            WarmException? refusal = HostileBar.Holds("x.parquet", null, () => Rows(folder["x.parquet"]));
            Assert.StartsWith(folder["x.parquet"], refusal!.Where);
        }
        // The footer says that there is a codec which nobody reads: no advice to copy the file again.
        byte[] hadoop = [.. File.ReadAllBytes(Repository.Golden("preferences", "odd.parquet"))];
        int footer = hadoop.Length - 8 - BitConverter.ToInt32(hadoop, hadoop.Length - 8), codec = hadoop.AsSpan(footer).IndexOf("chosen\u0015\u000c"u8) + footer + 7;
        Assert.True(codec > footer + 7);
        hadoop[codec] = 10; // 5 in zigzag, where Zstandard is 6
        File.WriteAllBytes(folder["x.parquet"], hadoop);
        Assert.EndsWith("x.parquet, column chosen, row group 1: is compressed with the deprecated LZ4 of Hadoop; Snappy, gzip, Brotli, Zstandard, LZ4_RAW or no compression. Write the file again with one of these.",
            Assert.Throws<WarmException>(() => Rows(folder["x.parquet"])).Message);
    }

    [Fact]
    public void TryRead_refuses_or_reads_whatever_a_file_with_wrong_bytes_holds()
    {
        // No crash, no hang, no other exception; one malformed file for every rule would be hundreds, so: thousands of wrong bytes, the same each time.
        using var folder = new TemporaryFolder();
        var random = new Random(7);
        int refused = 0, read = 0;
        foreach (string name in new[] { "everything-snappy-v1", "everything-zstd-v1", "everything-zstd-v2", "everything-lz4_raw-v2", "everything-gzip-v1", "everything-brotli-v2" })
        {
            byte[] whole = File.ReadAllBytes(Repository.Golden("preferences", $"{name}.parquet"));
            for (int i = 0; i < 30; i++)
            {
                byte[] bytes = [.. whole];
                int footer = whole.Length - 8 - BitConverter.ToInt32(whole, whole.Length - 8);
                for (int wrong = random.Next(1, 4); wrong > 0; wrong--) bytes[i % 3 == 0 ? random.Next(footer, whole.Length - 8) : random.Next(4, footer)] = (byte)random.Next(256);
                File.WriteAllBytes(folder["x.parquet"], bytes);
                try
                {
                    using RowReader reader = RowReader.Open(folder["x.parquet"]);
                    for (int row = 0; row < 500 && reader.TryRead(out _); row++) { }
                    read++;
                }
                catch (WarmException)
                {
                    refused++;
                }
            }
        }
        Assert.True(refused > 50, $"{refused} refused, {read} read");
    }

    [Theory]
    [InlineData(new byte[] { 5, 16, (byte)'h', (byte)'e', (byte)'l', (byte)'l', (byte)'o' }, "hello")]
    [InlineData(new byte[] { 8, 4, (byte)'a', (byte)'b', 10, 2, 0 }, "ababa")]
    public void Unpack_of_Snappy_takes_exactly_what_is_there(byte[] packed, string text)
    {
        byte[] unpacked = new byte[text.Length];
        packed[0] = (byte)text.Length;
        Snappy.Unpack(packed, unpacked);
        Assert.Equal(text, Encoding.ASCII.GetString(unpacked));
        Assert.ThrowsAny<Exception>(() => Snappy.Unpack(packed.AsSpan(0, packed.Length - 1), unpacked));
        Assert.Throws<InvalidDataException>(() => Snappy.Unpack(packed, new byte[text.Length + 1]));
    }

    [Fact]
    public void CopyBack_refuses_what_lies_before_the_beginning()
    {
        Assert.Throws<InvalidDataException>(() => Lz4.CopyBack(new byte[8], 2, 3, 1));
        Assert.Throws<InvalidDataException>(() => Lz4.CopyBack(new byte[8], 2, 0, 1));
    }

    private static JsonObject[] Rows(string file)
    {
        using RowReader reader = RowReader.Open(file);
        List<JsonObject> rows = [];
        while (reader.TryRead(out FileLine line)) rows.Add(line.Json());
        return [.. rows];
    }

    private static string? Difference(string at, JsonNode? then, JsonNode? now) => (then, now) switch
    {
        (null, null) => null,
        (JsonObject a, JsonObject b) when a.Count == b.Count => a.Select(field => Difference($"{at}.{field.Key}", field.Value, b[field.Key])).FirstOrDefault(d => d is not null),
        (JsonArray a, JsonArray b) when a.Count == b.Count => a.Select((item, i) => Difference($"{at}[{i}]", item, b[i])).FirstOrDefault(d => d is not null),
        (JsonValue a, JsonValue b) when a.ToJsonString() == b.ToJsonString() => null,
        // 3.0 or 3: numbers, not spellings.
        (JsonValue a, JsonValue b) when a.GetValueKind() == b.GetValueKind() && double.TryParse(a.ToJsonString(), out double x) && double.TryParse(b.ToJsonString(), out double y) && x == y => null,
        _ => $"{at}: {then?.ToJsonString()} is read as {now?.ToJsonString()}",
    };
}
