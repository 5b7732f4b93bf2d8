using Workerman.Events;

namespace Workerman.Tests.Support;

/// <summary>
/// Turns of a loop that has nothing else to do, so that a test sees what does not happen without waiting for a time and hoping: a
/// byte goes to a socket of the loop's and is waited for, so whatever was ready before has been told by then, in the way the loop
/// finds out about sockets.
/// </summary>
internal static class LoopTurns
{
    /// <summary>
    /// Lets a loop have turns. What was sent to it before is read in the first, answered in it or in the second, and so on.
    /// </summary>
    /// <param name="loop">A loop that runs, on another thread.</param>
    /// <param name="count">How many.</param>
    public static async Task Pass(IEventLoop loop, int count = 5)
    {
        using var pair = new SocketPair();
        using var told = new SemaphoreSlim(0);
        byte[] buffer = new byte[1];
        ILoopSocket? socket = null;
        var handler = new RecordingHandler
        {
            Readable = () =>
            {
                if (socket!.Receive(buffer, out _) == 1) told.Release();
            },
        };
        Assert.That(loop.Post(() => socket = loop.Watch(pair.Near, handler)), "the loop has stopped");
        for (int i = 0; i < count; i++)
        {
            pair.Far.Send("x"u8);
            Assert.That(await told.WaitAsync(Wait.Limit), "the loop does not tell of a byte that is there");
        }
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Post(() =>
        {
            socket!.Dispose();
            closed.SetResult();
        });
        await closed.Task.WaitAsync(Wait.Limit);
    }

    /// <summary>
    /// Lets a loop have turns until a figure stays as it is though peers cannot send on: what they have sent waits to be read,
    /// and the loop does not read it. A peer that only has no time to send is told apart from it by that.
    /// </summary>
    /// <param name="loop">A loop that runs, on another thread.</param>
    /// <param name="areHeldUp">Whether all peers are held up: <see cref="RawClient.IsHeldUp"/>.</param>
    /// <param name="figure">What is to stay as it is.</param>
    public static async Task PassUntilStill(IEventLoop loop, Func<bool> areHeldUp, Func<long> figure)
    {
        for (int still = 0; still < 3;)
        {
            await Wait.Until(areHeldUp, "the peers are held up");
            long before = figure();
            await Pass(loop, 20);
            still = areHeldUp() && figure() == before ? still + 1 : 0;
        }
    }

    /// <summary>
    /// Lets the loop have turns that a server's connections are on, which is all the same where it has one loop.
    /// </summary>
    public static Task Pass(TestServer server) => Pass(server.Main.Connections.First().Loop);
}
