namespace Warm.Transformers.Tests;

public class ComputeThreadsTests
{
    [Theory]
    [InlineData(2, 2)]
    [InlineData(2, 1000)]
    [InlineData(8, 3)]
    [InlineData(8, 5000)]
    public void Run_calls_each_piece_once(int threads, int pieces)
    {
        for (int round = 0; round < 20; round++)
        {
            int[] calls = new int[pieces];
            Work.Run(threads, pieces, piece => Interlocked.Increment(ref calls[piece]));
            Assert.All(calls, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void Run_uses_as_many_threads_as_are_asked_for_and_no_more()
    {
        int now = 0, most = 0;
        Work.Run(3, 40, _ =>
        {
            int others = Interlocked.Increment(ref now);
            lock (this) most = Math.Max(most, others);
            Thread.Sleep(10);
            Interlocked.Decrement(ref now);
        });
        Assert.InRange(most, 1, 3); // fewer where other tests compute
    }

    [Fact]
    public async Task Run_from_many_callers_and_from_within_pieces_comes_to_an_end()
    {
        int calls = 0;
        void Nested(int depth) => Work.Run(4, 5, _ =>
        {
            Interlocked.Increment(ref calls);
            if (depth > 0) Nested(depth - 1);
        });
        Task[] callers = [.. Enumerable.Range(0, 6).Select(_ => Task.Factory.StartNew(() => Nested(3), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        await Task.WhenAll(callers).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(6 * (5 + 25 + 125 + 625), calls);
    }

    [Fact]
    public void Run_throws_what_a_piece_throws_when_no_piece_runs_any_more()
    {
        int running = 0;
        for (int round = 0; round < 20; round++)
        {
            var error = Assert.Throws<WarmException>(() => Work.Run(4, 1000, piece =>
            {
                Interlocked.Increment(ref running);
                Thread.SpinWait(100);
                Interlocked.Decrement(ref running);
                if (piece == 7) throw new WarmException("piece", "has failed", null);
            }));
            Assert.Equal("piece", error.Where);
            Assert.Equal(0, running);
        }
        Work.Run(4, 10, _ => { }); // and the next one is none the worse
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Run_stops_between_two_pieces_when_the_pass_is_cancelled(int threads)
    {
        using var stop = new CancellationTokenSource();
        int calls = 0;
        using (PassCancellation.By(stop.Token))
        {
            Assert.ThrowsAny<OperationCanceledException>(() => Work.Run(threads, 1_000_000, _ =>
            {
                if (Interlocked.Increment(ref calls) == 20) stop.Cancel();
            }));
            Assert.InRange(calls, 20, 100_000);
        }
        Work.Run(threads, 3, _ => calls = 0); // the scope is over
        Assert.Equal(0, calls);
    }

    [Fact]
    public async Task Run_leaves_the_thread_pool_to_others()
    {
        using var stop = new CancellationTokenSource();
        Task computing = Task.Run(() =>
        {
            using PassCancellation.Scope scope = PassCancellation.By(stop.Token);
            Work.Run(4 * Environment.ProcessorCount, int.MaxValue / 2, _ => Thread.SpinWait(1000));
        });
        stop.CancelAfter(100);
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => computing);
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(2));
    }
}
