using Workerman.Events;
using Workerman.EventStreams;
using Workerman.Handover;
using Workerman.Tests.EventStreams;
using Workerman.Tests.Support;
using Workerman.Workers;

namespace Workerman.Tests.Handover;

/// <summary>
/// One server of the test's process hands over to another one, as a process does to the next: all that goes over is made bytes
/// and a descriptor on the way.
/// </summary>
internal static class Handovers
{
    private static readonly Lock Gate = new();

    /// <summary>Beyond what other tests open, and within the limit.</summary>
    private static int _lowest = (int)Math.Min(100_000, DescriptorHeadroom.CountFree() / 2);

    /// <summary>How long a connection has to be idle where a test does not wait for that.</summary>
    public static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(50);

    /// <summary>A plan for a server whose streams cannot move.</summary>
    public static HandoverPlan Plan(TimeSpan? window = null, TimeSpan? idleTime = null) =>
        new(window ?? TimeSpan.Zero, idleTime ?? Moment, Move: null, () => { });

    /// <summary>Hands over the logs.</summary>
    public static void MoveLogs(StreamGroup from, StreamGroup to)
    {
        var imported = new ManualResetEventSlim();
        from.Freeze((stream, index, message, topic, key) =>
        {
            // As a channel does, on which the logs come first.
            imported.Wait(Wait.Limit);
            return to.Publish(stream, index, message, topic, key);
        });
        foreach (byte[] piece in from.Export()) to.Import(piece);
        imported.Set();
    }

    /// <summary>Hands over logs and subscriptions.</summary>
    /// <param name="from">The old server.</param>
    /// <param name="to">The new one.</param>
    /// <param name="window">The time over which those are spread that have to connect again.</param>
    /// <returns>How many subscriptions have moved.</returns>
    public static Task<int> Go(StreamServer from, StreamServer to, TimeSpan? window = null) =>
        Go(from.Server, from.Group, to.Server, to.Group, window);

    /// <inheritdoc cref="Go(StreamServer, StreamServer, TimeSpan?)"/>
    public static async Task<int> Go(TestServer from, StreamGroup old, TestServer to, StreamGroup next, TimeSpan? window = null,
        string? address = null)
    {
        MoveLogs(old, next);
        List<MovedSubscription> moved = await Take(from.Workers, window ?? TimeSpan.Zero);
        foreach (MovedSubscription subscription in moved)
        {
            MovedSubscription arrived = address is null ? subscription : Renamed(subscription, address);
            await Adopt(to, arrived);
        }
        return moved.Count;
    }

    /// <summary>Gives a server a stream; that of a test may still be on its way to its loop.</summary>
    public static Task Adopt(TestServer to, MovedSubscription moved) =>
        Wait.Until(() => to.Workers.Adopt(moved), "a worker with its address");

    /// <summary>Takes the subscriptions out of a server, and over a channel that carries bytes.</summary>
    public static async Task<List<MovedSubscription>> Take(WorkerRun from, TimeSpan window, TimeSpan? idleTime = null)
    {
        var moved = new List<MovedSubscription>();
        using var done = new SemaphoreSlim(0);
        int loops = from.HandOver(new HandoverPlan(window, idleTime ?? Moment, subscription =>
        {
            byte[] bytes = subscription.Encode();
            int descriptor = Renumbered(subscription.TakeDescriptor());
            lock (moved) moved.Add(MovedSubscription.Decode(bytes, descriptor));
        }, () => done.Release()));
        for (int i = 0; i < loops; i++) Assert.That(await done.WaitAsync(Wait.Limit), "a loop that is done");
        return moved;
    }

    public static async Task PublishAndWait(StreamServer server, Subscription subscription, string data)
    {
        long before = subscription.Delivered;
        server.Stream.Publish(data);
        await Wait.Until(() => subscription.Delivered > before, "the delivery");
    }

    /// <summary>Asked on the loop, and so after the round that counts a delivery before it sends.</summary>
    public static Task<long> QueueOf(Subscription subscription)
    {
        var size = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        subscription.Connection.Loop.Post(() => size.SetResult(subscription.Connection.SendBufferQueueSize));
        return size.Task.WaitAsync(Wait.Limit);
    }

    /// <summary>
    /// A number that no connection has had, as one of another process: .NET's engine goes on to watch a connection that was given
    /// away by the number that it had, and refuses the same one again.
    /// </summary>
    private static int Renumbered(int descriptor)
    {
        if (!OperatingSystem.IsLinux()) return descriptor;
        int other;
        lock (Gate)
        {
            other = SystemCalls.fcntl(descriptor, SystemCalls.F_DUPFD_CLOEXEC, _lowest);
            _lowest = other + 1;
        }
        Assert.That(other, Is.GreaterThan(0));
        _ = SystemCalls.close(descriptor);
        return other;
    }

    private static MovedSubscription Renamed(MovedSubscription moved, string address) => new(moved.TakeDescriptor())
    {
        Worker = address,
        Head = moved.Head,
        Place = moved.Place,
        Unsent = moved.Unsent,
        Remote = moved.Remote,
        Local = moved.Local,
        Window = moved.Window,
    };
}
