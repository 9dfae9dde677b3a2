namespace Warm.Transformers;

/// <summary>
/// The cancellation of what a thread computes, looked at between the pieces of every operation: of a text of a million characters one product or one attention takes minutes, and no operation has
/// an argument for it.
/// </summary>
internal static class PassCancellation
{
    [ThreadStatic] private static CancellationToken _current;

    /// <summary>What stops the operations that this thread asks for.</summary>
    public static CancellationToken Current => _current;

    /// <summary>Until the answer is disposed of, on the same thread, operations that this thread asks for stop when this is cancelled.</summary>
    public static Scope By(CancellationToken cancellation)
    {
        var scope = new Scope(_current);
        _current = cancellation;
        return scope;
    }

    /// <summary>Brings back what was there before.</summary>
    public readonly ref struct Scope(CancellationToken before)
    {
        public void Dispose() => _current = before;
    }
}
