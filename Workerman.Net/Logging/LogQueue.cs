namespace Workerman.Logging;

/// <summary>
/// The one thread that writes what the library reports: log lines, the banner, exceptions that no handler took. A full pipe, a
/// stopped terminal or a slow logger blocks this thread and no other. What waits is bounded: beyond, lines are dropped and
/// counted, and the count becomes a line of its own once writing goes on. Order is kept. It does not format and knows no logger.
/// Any thread.
/// </summary>
internal sealed class LogQueue
{
    /// <summary>Characters that an entry counts for besides its text, so that many short ones are bounded, too.</summary>
    private const int Overhead = 256;

    /// <summary>A write that takes longer than this is taken to hang, and is not waited for at the end of the process.</summary>
    private static readonly TimeSpan WriteLimit = TimeSpan.FromSeconds(1);

    // Monitor, not Lock: its waiting is needed.
    private readonly object _gate = new();
    private readonly Queue<Entry> _entries = new();
    private readonly Thread _thread;
    private Action<long>? _tellOfDropped;
    private long _size;
    private long _dropped;
    private long _added;
    private long _written;
    private long _writingSince;
    private int _waiting;
    private bool _asleep;

    /// <summary>Whether the last <see cref="Flush"/> has ended before all was written.</summary>
    private bool _givenUp;

    public LogQueue()
    {
        _thread = new Thread(Run) { Name = "workerman log", IsBackground = true };
        // Now, and not with the first line: that line may say that the process cannot start another thread.
        _thread.Start();
    }

    private readonly record struct Entry(Action Write, long Size);

    /// <summary>That of the process. What it holds is written before the process ends, if that can be done in time.</summary>
    public static LogQueue Shared { get; } = MakeShared();

    /// <summary>How many characters may wait.</summary>
    public long MaxSize { get; set; } = 1024 * 1024;

    /// <summary>Whether a line would be taken now. If not it counts as dropped: ask before it is formatted.</summary>
    /// <param name="tellOfDropped">Writes that so many lines were dropped; called on the queue's thread.</param>
    public bool Admits(Action<long> tellOfDropped)
    {
        lock (_gate)
        {
            // Once lines are dropped, none is taken before half of the room is free: otherwise every second line would be a
            // count.
            if (_dropped > 0 ? _size <= MaxSize / 2 : _size < MaxSize) return true;
            _dropped++;
            _tellOfDropped = tellOfDropped;
            return false;
        }
    }

    /// <summary>Adds what <see cref="Admits"/> has let in.</summary>
    /// <param name="length">Characters that it holds until it is written.</param>
    /// <param name="write">Writes it; called on the queue's thread, may block and throw.</param>
    public void Add(long length, Action write)
    {
        lock (_gate)
        {
            AddDropped();
            Enqueue(new Entry(write, length + Overhead));
        }
    }

    /// <summary>
    /// Waits until what has been added so far is written, no longer than <paramref name="limit"/>, and not for a write that
    /// hangs.
    /// </summary>
    /// <returns>Whether it is.</returns>
    public bool Flush(TimeSpan limit)
    {
        // The application's logger may end the process, on this thread.
        if (Thread.CurrentThread == _thread) return false;
        long end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        lock (_gate)
        {
            AddDropped();
            long last = _added;
            _waiting++;
            while (_written < last && TimeLeft(end) is > 0 and var left) Monitor.Wait(_gate, left);
            _waiting--;
            _givenUp = _written < last;
            return !_givenUp;
        }
    }

    /// <summary>The same without blocking the caller; no thread waits if there is nothing to wait for.</summary>
    public Task FlushAsync(TimeSpan limit)
    {
        lock (_gate)
        {
            if (_written == _added && _dropped == 0) return Task.CompletedTask;
        }
        return Task.Run(() => Flush(limit));
    }

    private static LogQueue MakeShared()
    {
        var queue = new LogQueue();
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            // Stopping the workers has waited for it already, as long as stopping may take.
            if (!queue._givenUp) queue.Flush(2 * WriteLimit);
        };
        AppDomain.CurrentDomain.UnhandledException += (_, _) => queue.Flush(2 * WriteLimit);
        return queue;
    }

    private int TimeLeft(long end)
    {
        long now = Environment.TickCount64;
        long stuck = (_writingSince == 0 ? now : _writingSince) + (long)WriteLimit.TotalMilliseconds;
        return (int)Math.Clamp(Math.Min(end, stuck) - now, 0, int.MaxValue);
    }

    private void AddDropped()
    {
        if (_dropped == 0) return;
        (long count, Action<long> tell) = (_dropped, _tellOfDropped!);
        (_dropped, _tellOfDropped) = (0, null);
        Enqueue(new Entry(() => tell(count), Overhead));
    }

    private void Enqueue(Entry entry)
    {
        _entries.Enqueue(entry);
        _size += entry.Size;
        _added++;
        if (_asleep || _waiting > 0) Monitor.PulseAll(_gate);
    }

    private void Run()
    {
        while (true)
        {
            Entry entry = Take();
            try
            {
                entry.Write();
            }
            catch (Exception)
            {
                // A full disk, a closed pipe or a logger that throws: there is no other place to report it.
            }
            Leave(entry);
        }
    }

    private Entry Take()
    {
        lock (_gate)
        {
            if (_entries.Count == 0) AddDropped();
            if (_entries.Count == 0) _givenUp = false;
            while (_entries.Count == 0)
            {
                _asleep = true;
                Monitor.Wait(_gate);
            }
            _asleep = false;
            _writingSince = Environment.TickCount64;
            return _entries.Dequeue();
        }
    }

    private void Leave(Entry entry)
    {
        lock (_gate)
        {
            _size -= entry.Size;
            _written++;
            _writingSince = 0;
            if (_waiting > 0) Monitor.PulseAll(_gate);
        }
    }
}
