using System.Runtime.ExceptionServices;

namespace Warm.Transformers;

/// <summary>
/// The threads that operations run on beside the caller's own: a few background threads for the whole process, started when they are first needed and gone when idle for some seconds.
/// </summary>
/// <remarks>
/// They are not the thread pool's: a pool whose threads all compute lets the rest of the program wait, its timers first (a cancellation by time came a minute late).
/// The caller takes pieces like every other thread and goes on when all are done; threads that are busy elsewhere are simply not there. So several models that score at once share the processor's
/// cores instead of multiplying threads, and a piece that runs an operation of its own can never wait for itself.
/// </remarks>
internal static class ComputeThreads
{
    private const int IdleMilliseconds = 2000;

    private static readonly object Gate = new();
    private static readonly List<Job> Offered = []; // work that more threads may join
    private static int _threads, _helping; // threads there are, and those among them that are within a piece
    private static int _computing; // those that are within a piece, and callers
    [ThreadStatic] private static bool _isComputing;

    /// <summary>Calls <paramref name="piece"/> with 0 .. pieces - 1, at most <paramref name="threads"/> at a time, and returns when all are done. What the first piece that fails throws is thrown here.</summary>
    public static void Run(int threads, int pieces, Action<int> piece, CancellationToken cancellation)
    {
        var job = new Job(pieces, piece, cancellation) { Places = Math.Min(threads, pieces) - 1, Limit = Math.Max(threads, Environment.ProcessorCount) };
        bool counts = !_isComputing; // a piece's own operation is computed by a thread that counts already
        Offer(job, counts);
        _isComputing = true;
        job.Work();
        if (counts) _isComputing = false;
        Withdraw(job, counts);
        job.End();
    }

    private static void Offer(Job job, bool counts)
    {
        lock (Gate)
        {
            if (counts) _computing++;
            Offered.Add(job);
            int useful = Math.Min(job.Places, job.Limit - _computing);
            for (int missing = useful - (_threads - _helping); missing > 0; missing--)
            {
                _threads++;
                new Thread(Help) { IsBackground = true, Name = "Warm compute" }.Start();
            }
            for (int i = 0; i < useful; i++) Monitor.Pulse(Gate);
        }
    }

    private static void Withdraw(Job job, bool counts)
    {
        lock (Gate)
        {
            Offered.Remove(job);
            if (!counts) return;
            _computing--;
            if (Offered.Count > 0) Monitor.Pulse(Gate); // there is room for one more thread
        }
    }

    /// <summary>What a thread does for as long as there is work.</summary>
    private static void Help()
    {
        _isComputing = true;
        while (Join() is { } job)
        {
            job.Work();
            lock (Gate)
            {
                _helping--;
                _computing--;
            }
            job.Leave();
        }
    }

    /// <summary>The next work that has a place; null after some idle seconds, when the thread ends.</summary>
    private static Job? Join()
    {
        lock (Gate)
            while (true)
            {
                if (Offered.Find(job => _computing < job.Limit) is { } job)
                {
                    if (--job.Places == 0) Offered.Remove(job);
                    _helping++;
                    _computing++;
                    job.Enter();
                    return job;
                }
                if (Monitor.Wait(Gate, IdleMilliseconds) || Offered.Count > 0) continue;
                _threads--;
                return null;
            }
    }

    /// <summary>Pieces of one operation.</summary>
    private sealed class Job(int pieces, Action<int> piece, CancellationToken cancellation)
    {
        private readonly ManualResetEventSlim _done = new();
        private int _next, _inside = 1; // the caller
        private ExceptionDispatchInfo? _failure;

        /// <summary>How many threads may still join.</summary>
        public int Places { get; set; }

        /// <summary>How many threads may compute in the whole process while this is done.</summary>
        public required int Limit { get; init; }

        /// <summary>Takes pieces until none is left.</summary>
        public void Work()
        {
            try
            {
                for (int i; (i = Interlocked.Increment(ref _next) - 1) < pieces;)
                {
                    cancellation.ThrowIfCancellationRequested();
                    piece(i);
                }
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(error), null);
                Volatile.Write(ref _next, pieces); // nobody begins another
            }
        }

        public void Enter() => Interlocked.Increment(ref _inside);

        public void Leave()
        {
            if (Interlocked.Decrement(ref _inside) == 0) _done.Set();
        }

        /// <summary>Waits for the threads that are within their last pieces, when no more can join.</summary>
        public void End()
        {
            if (Interlocked.Decrement(ref _inside) > 0) _done.Wait();
            _failure?.Throw();
        }
    }
}
