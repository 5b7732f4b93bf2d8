using System.Collections.Concurrent;

namespace Workerman.Tests.Support;

/// <summary>What callbacks on a loop's thread tell a test, in order.</summary>
internal sealed class EventQueue : IDisposable
{
    private readonly BlockingCollection<string> _events = [];

    public int Count => _events.Count;

    public void Add(string what) => _events.Add(what);

    /// <summary>The next one, which is waited for.</summary>
    public string Next()
    {
        Assert.That(_events.TryTake(out string? what, Wait.Limit), "waited in vain for an event");
        return what!;
    }

    public void Dispose() => _events.Dispose();
}
