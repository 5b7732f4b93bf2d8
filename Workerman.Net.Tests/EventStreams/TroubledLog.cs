using System.Runtime.CompilerServices;
using Workerman.EventStreams;

namespace Workerman.Tests.EventStreams;

/// <summary>A log that asks somebody, who is not always there, holds events back, and loses everything when told so.</summary>
internal sealed class TroubledLog : IEventLog
{
    private MemoryEventLog _inner = new();
    private CancellationTokenSource _lost = new();
    private int _failures;

    /// <summary>What it has.</summary>
    public MemoryEventLog Inner => Volatile.Read(ref _inner);

    public bool IsReachable { get; set; } = true;

    /// <summary>Whether it answers followers; it takes events all the same.</summary>
    public bool IsHeard { get; set; } = true;

    /// <summary>Looking for an id fails so often, with what no log should throw.</summary>
    public int Failures { set => _failures = value; }

    /// <summary>Whether followers are told nothing.</summary>
    public bool HoldsBack { get; set; }

    public bool IsLocal => false;

    public EventLogStatus Status => Inner.Status with { IsConnected = IsReachable };

    /// <summary>Goes on without the events that it has had, in a new epoch.</summary>
    public void Lose()
    {
        Volatile.Write(ref _inner, new MemoryEventLog());
        Interlocked.Exchange(ref _lost, new CancellationTokenSource()).Cancel();
    }

    public async ValueTask<EventPlace> AppendAsync(EventRecord record, CancellationToken cancellation = default)
    {
        await Task.Yield();
        return await Reach().AppendAsync(record, cancellation);
    }

    public ValueTask<EventBatch> ReadAsync(EventPlace? after, int limit, CancellationToken cancellation = default) =>
        Reach().ReadAsync(after, limit, cancellation);

    public ValueTask<EventPlace?> FindAsync(string id, CancellationToken cancellation = default) =>
        Interlocked.Decrement(ref _failures) >= 0
            ? throw new InvalidOperationException("It fails as a log must not.")
            : Reach().FindAsync(id, cancellation);

    public async IAsyncEnumerable<EventBatch> FollowAsync(EventPlace? after, int tail,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        while (!IsReachable || !IsHeard) await Task.Delay(5, cancellation);
        while (true)
        {
            using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, Volatile.Read(ref _lost).Token);
            await using IAsyncEnumerator<EventBatch> batches =
                Inner.FollowAsync(after, tail, both.Token).GetAsyncEnumerator(both.Token);
            while (await Next(batches, cancellation))
            {
                while (HoldsBack) await Task.Delay(5, cancellation);
                yield return batches.Current;
                after = batches.Current.End;
            }
        }
    }

    public ValueTask TrimAsync(EventPlace upTo, CancellationToken cancellation = default) =>
        Reach().TrimAsync(upTo, cancellation);

    private static async Task<bool> Next(IAsyncEnumerator<EventBatch> batches, CancellationToken cancellation)
    {
        try
        {
            return await batches.MoveNextAsync();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    private MemoryEventLog Reach() => IsReachable ? Inner : throw new EventLogException("It is not there.");
}
