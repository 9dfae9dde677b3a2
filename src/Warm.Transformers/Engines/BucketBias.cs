namespace Warm.Transformers;

/// <summary>A bias that attention adds to a score, after scaling, by the distance of its two tokens (T5, MPNet).</summary>
/// <param name="Table">[buckets, heads]: the bias of each query head.</param>
/// <param name="BucketOf">The row of the table for a distance, key - query. Any distance may be asked for.</param>
public sealed record BucketBias(EngineWeight Table, Func<int, int> BucketOf);
