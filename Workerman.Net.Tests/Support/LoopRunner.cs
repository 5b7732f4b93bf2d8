using Workerman.Events;
using Workerman.Logging;

namespace Workerman.Tests.Support;

/// <summary>One event loop on a thread of its own, for tests of the loop itself.</summary>
internal sealed class LoopRunner : IDisposable
{
    private readonly Thread _thread;

    /// <param name="type">The driver.</param>
    /// <param name="ring">Whether it may use io_uring.</param>
    public LoopRunner(Type type, bool ring = true)
    {
        Loop = ring || !OperatingSystem.IsLinux() ? EventLoopFactory.Create(type) : new EpollLoop(useIoUring: false);
        Loop.Logger = new GuardedLogger(Log, LogQueue.Shared);
        Loop.ErrorHandler = e => { lock (Errors) Errors.Add(e); };
        _thread = new Thread(Loop.Run) { IsBackground = true };
        _thread.Start();
    }

    public EventLoop Loop { get; }

    /// <summary>What those that live on the loop log.</summary>
    public TestServer.MemoryLogger Log { get; } = new();

    /// <summary>What callbacks let escape.</summary>
    public List<Exception> Errors { get; } = [];

    /// <summary>Runs something on the loop and waits for it.</summary>
    public void Do(Action action) => Ask(() =>
    {
        action();
        return true;
    });

    public T Ask<T>(Func<T> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Assert.That(Loop.Post(() =>
        {
            try
            {
                answer.SetResult(question());
            }
            catch (Exception e)
            {
                answer.SetException(e);
            }
        }), "the loop has stopped");
        return Wait.For(answer.Task);
    }

    public void Dispose()
    {
        Loop.Stop();
        Assert.That(_thread.Join(Wait.Limit), "the loop does not stop");
        Loop.Dispose();
    }
}
