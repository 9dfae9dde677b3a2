namespace Warm.Transformers;

/// <summary>Where a model's weights are while it scores. No reward depends on it.</summary>
public enum Residency
{
    /// <summary>Mapped from their files (default): loading is instant, and pages come and go with memory. A file that shrinks under a map kills the process. What is computed while reading, such as an average, is copied.</summary>
    Mapped,
    /// <summary>Copied into memory once: what happens to the files afterwards does not matter. For services.</summary>
    Resident,
    /// <summary>Read layer by layer in every pass and let go again: a model larger than memory still scores. Passes of many tokens make it worth while.</summary>
    Streamed,
}
