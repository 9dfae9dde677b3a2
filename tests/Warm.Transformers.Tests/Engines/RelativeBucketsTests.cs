using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Warm.Testing;

namespace Warm.Transformers.Tests;

/// <summary>Buckets of distances, beside the tables that PyTorch makes of them.</summary>
public class RelativeBucketsTests
{
    [ReferenceFact]
    public void Buckets_equal_the_tables_of_the_reference()
    {
        JsonElement tables = JsonText.Read(Reference.Path("architectures", "operations", "tables.json"), namedNumbers: true);
        int compared = 0;
        void Compare(JsonElement table, string what, Func<int, int> bucket)
        {
            int distance = table.GetProperty("first").GetInt32();
            if (table.GetProperty("buckets").ValueKind == JsonValueKind.Null) // a long one: its hash
            {
                int[] all = [.. Enumerable.Range(distance, 1 - 2 * distance).Select(bucket)];
                Assert.Equal(table.GetProperty("sha256_int32").GetString(), Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(all.AsSpan()))));
                compared += all.Length;
                return;
            }
            foreach (JsonElement wanted in table.GetProperty("buckets").EnumerateArray())
            {
                Assert.True(wanted.GetInt32() == bucket(distance), $"{what}, distance {distance}: {bucket(distance)}, not {wanted}");
                (distance, compared) = (distance + 1, compared + 1);
            }
        }
        foreach (JsonElement t in tables.GetProperty("t5").EnumerateArray())
            Compare(t, $"T5 {t.GetProperty("num_buckets")} {t.GetProperty("max_distance")}", d => RelativeBuckets.T5(d, t.GetProperty("num_buckets").GetInt32(), t.GetProperty("max_distance").GetInt32(), t.GetProperty("bidirectional").GetBoolean()));
        Compare(tables.GetProperty("mpnet"), "MPNet", d => RelativeBuckets.T5(d, 32, 128, true));
        foreach (JsonElement t in tables.GetProperty("deberta").EnumerateArray())
            Compare(t, $"DeBERTa {t.GetProperty("bucket_size")} {t.GetProperty("max_position")}", d => RelativeBuckets.Deberta(d, t.GetProperty("bucket_size").GetInt32(), t.GetProperty("max_position").GetInt32()));
        foreach (JsonElement t in tables.GetProperty("deberta_float64_sensitive").EnumerateArray())
            foreach ((JsonElement distance, JsonElement wanted) in t.GetProperty("distance").EnumerateArray().Zip(t.GetProperty("library").EnumerateArray()))
            {
                // Beyond the number of buckets all fall on the last row, so there a logarithm's last bit makes no difference.
                int buckets = t.GetProperty("bucket_size").GetInt32();
                Assert.Equal(Math.Min(buckets, wanted.GetInt32()), Math.Min(buckets, RelativeBuckets.Deberta(distance.GetInt32(), buckets, t.GetProperty("max_position").GetInt32())));
            }
        Reference.Count("buckets of distances", compared);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-3, 3)]
    [InlineData(3, 19)]
    [InlineData(-1000, 15)]
    [InlineData(1000, 31)]
    public void T5_counts_near_keys_and_gathers_far_ones(int distance, int bucket) => Assert.Equal(bucket, RelativeBuckets.T5(distance, 32, 128, true));

    [Theory]
    [InlineData(4, 4)]
    [InlineData(-4, -4)]
    [InlineData(5, 5)]
    [InlineData(63, 7)]
    [InlineData(-63, -7)]
    public void Deberta_is_odd_and_exact_up_to_the_middle(int distance, int bucket) => Assert.Equal(bucket, RelativeBuckets.Deberta(distance, 8, 64));
}
