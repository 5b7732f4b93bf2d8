using System.Runtime.InteropServices;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Events;

/// <summary>What is epoll's own: the layouts of its events, stale events, interrupted waits, dead sockets nobody reads.</summary>
[Platform("Linux")]
internal sealed partial class EpollTests
{
    [TestCase(Architecture.X64, 12)]
    [TestCase(Architecture.X86, 12)]
    [TestCase(Architecture.Arm64, 16)]
    [TestCase(Architecture.RiscV64, 16)]
    public unsafe void EventHasTheLayoutOfItsArchitecture(Architecture architecture, int size)
    {
        Assert.That(EpollEvent.SizeFor(architecture), Is.EqualTo(size));
        byte* events = stackalloc byte[2 * size];
        EpollEvent.Write(events, size, 0x11223344, 0x0102030405060708);
        EpollEvent.Write(events + size, size, SystemCalls.EPOLLIN, ulong.MaxValue);
        Assert.That(EpollEvent.Read(events, size), Is.EqualTo((0x11223344u, 0x0102030405060708ul)));
        Assert.That(EpollEvent.Read(events + size, size), Is.EqualTo((SystemCalls.EPOLLIN, ulong.MaxValue)));
        Assert.That(*(ulong*)(events + size - 8), Is.EqualTo(0x0102030405060708ul), "the data are the last eight bytes");
    }

    [Test]
    public void SlotThatWasTakenAgainDoesNotAnswerToItsOldName()
    {
        var slots = new EpollSlots();
        var first = new Handler();
        var second = new Handler();
        ulong old = slots.Add(first);
        slots.Remove(old);
        Assert.That(slots.Find(old), Is.Null);
        ulong now = slots.Add(second);
        Assert.That((uint)now, Is.EqualTo((uint)old), "the same slot");
        Assert.That(slots.Find(old), Is.Null);
        Assert.That(slots.Find(now), Is.SameAs(second));
        slots.Remove(old);
        Assert.That(slots.Find(now), Is.SameAs(second), "removing by an old name does nothing");
    }

    [Test]
    public void SlotsGrow()
    {
        var slots = new EpollSlots();
        List<(ulong Data, Handler Handler)> added =
            [.. Enumerable.Range(0, 1000).Select(_ => new Handler()).Select(h => (slots.Add(h), h))];
        Assert.That(added.All(a => slots.Find(a.Data) == a.Handler));
        Assert.That(added.Select(a => a.Data).Distinct().Count(), Is.EqualTo(1000));
    }

    [Test]
    public void InterruptedWaitIsNoError()
    {
        using var runner = new LoopRunner(typeof(EpollLoop));
        int thread = runner.Ask(() => gettid());
        for (int i = 0; i < 20; i++)
        {
            Assert.That(tgkill(Environment.ProcessId, thread, 28 /* SIGWINCH */), Is.Zero);
            Thread.Yield();
        }
        var fired = new TaskCompletionSource();
        runner.Do(() => runner.Loop.AddTimer(TimeSpan.FromMilliseconds(5), fired.SetResult, persistent: false));
        for (int i = 0; i < 20; i++) _ = tgkill(Environment.ProcessId, thread, 28);
        Wait.For(fired.Task);
        Assert.That(runner.Errors, Is.Empty);
    }

    [Test]
    public async Task DeadSocketWhoseReadingIsOffIsToldOnceAndDoesNotSpin()
    {
        using var runner = new LoopRunner(typeof(EpollLoop));
        using var pair = new SocketPair();
        int hangups = 0;
        runner.Do(() =>
        {
            ILoopSocket watch = runner.Loop.Watch(pair.Near, new RecordingHandler { Hangup = () => hangups++ });
            watch.ReadEnabled = false;
        });
        pair.Far.LingerState = new System.Net.Sockets.LingerOption(true, 0);
        pair.Far.Close();
        await Wait.Until(() => runner.Ask(() => hangups) == 1, "the hang-up");
        await LoopTurns.Pass(runner.Loop);
        Assert.That(runner.Ask(() => hangups), Is.EqualTo(1));
    }

    [LibraryImport("libc")]
    private static partial int gettid();

    [LibraryImport("libc")]
    private static partial int tgkill(int tgid, int tid, int sig);

    private sealed class Handler : IEpollHandler
    {
        public void OnReady(uint events)
        {
        }
    }
}
