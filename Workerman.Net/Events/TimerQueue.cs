using System.Runtime.InteropServices;

namespace Workerman.Events;

/// <summary>
/// The timers of one loop: a heap over (due, sequence), each node with four children because a flat heap touches less memory, and
/// a table from id to timer. Times are in the units of the caller's clock; the queue has no clock and no loop. Not thread-safe:
/// belongs to its loop's thread.
/// </summary>
internal sealed class TimerQueue
{
    private struct Slot
    {
        public long Due;
        public long Sequence;
        public LoopTimer Timer;

        public readonly bool Before(in Slot other) => Due < other.Due || (Due == other.Due && Sequence < other.Sequence);
    }

    private const int Children = 4;

    private readonly List<Slot> _heap = [];
    private readonly Dictionary<long, LoopTimer> _timers = [];
    private long _sequence;

    /// <summary>
    /// A persistent timer that was taken and is still in the heap: mostly it is armed again before anything else changes the
    /// heap.
    /// </summary>
    private LoopTimer? _taken;

    /// <summary>How many timers there are, the one that is being run included if it is to be armed again. O(1).</summary>
    public int Count => _timers.Count;

    /// <summary>Sequence of the timer armed last: what is armed later is not due in the same turn.</summary>
    public long LastSequence => _sequence;

    /// <summary>When the next timer is due, or null. O(1).</summary>
    public long? NextDue
    {
        get
        {
            RemoveTaken();
            return _heap.Count == 0 ? null : _heap[0].Due;
        }
    }

    /// <summary>Arms a new timer. O(log n).</summary>
    public void Add(LoopTimer timer, long due)
    {
        RemoveTaken();
        _timers.Add(timer.Id, timer);
        Push(timer, due);
    }

    /// <summary>Deletes a timer; one that is being run is not armed again. O(log n).</summary>
    public bool Remove(long id)
    {
        if (!_timers.Remove(id, out LoopTimer? timer)) return false;
        RemoveTaken();
        if (timer.HeapIndex >= 0) RemoveAt(timer.HeapIndex);
        return true;
    }

    /// <summary>Deletes the timers that repeat. O(n log n).</summary>
    public void RemovePersistent()
    {
        foreach (LoopTimer timer in _timers.Values.Where(static timer => timer.Persistent).ToArray()) Remove(timer.Id);
    }

    /// <summary>Deletes all timers. O(n).</summary>
    public void Clear()
    {
        foreach (LoopTimer timer in _timers.Values) timer.HeapIndex = -1;
        _taken = null;
        _timers.Clear();
        _heap.Clear();
    }

    /// <summary>
    /// Takes the earliest timer that is due at <paramref name="now"/> and was armed at or before
    /// <paramref name="lastSequence"/>. A persistent one stays in the table until <see cref="Rearm"/>. O(log n).
    /// </summary>
    public bool TryTakeDue(long now, long lastSequence, out LoopTimer? timer)
    {
        timer = null;
        RemoveTaken();
        if (_heap.Count == 0) return false;
        Slot first = _heap[0];
        // Armed during this turn means due at the turn's time or later, so nothing due and older hides behind it.
        if (first.Due > now || first.Sequence > lastSequence) return false;
        timer = first.Timer;
        if (timer.Persistent)
        {
            _taken = timer;
            return true;
        }
        RemoveAt(0);
        _timers.Remove(timer.Id);
        return true;
    }

    /// <summary>Arms a persistent timer that was taken, unless it has been deleted since. O(log n).</summary>
    public void Rearm(LoopTimer timer, long due)
    {
        if (_taken == timer)
        {
            _taken = null;
            SiftDown(timer.HeapIndex, NewSlot(timer, due));
        }
        else if (_timers.ContainsKey(timer.Id))
        {
            Push(timer, due);
        }
    }

    private void RemoveTaken()
    {
        if (_taken is null) return;
        RemoveAt(_taken.HeapIndex);
        _taken = null;
    }

    private void Push(LoopTimer timer, long due)
    {
        _heap.Add(default);
        SiftUp(_heap.Count - 1, NewSlot(timer, due));
    }

    private Slot NewSlot(LoopTimer timer, long due)
    {
        timer.Due = due;
        return new Slot { Due = due, Sequence = ++_sequence, Timer = timer };
    }

    private void RemoveAt(int index)
    {
        Span<Slot> heap = CollectionsMarshal.AsSpan(_heap);
        heap[index].Timer.HeapIndex = -1;
        Slot last = heap[^1];
        _heap.RemoveAt(heap.Length - 1);
        if (index == heap.Length - 1) return;
        if (index > 0 && last.Before(heap[(index - 1) / Children])) SiftUp(index, last);
        else SiftDown(index, last);
    }

    private void SiftUp(int index, Slot slot)
    {
        Span<Slot> heap = CollectionsMarshal.AsSpan(_heap);
        while (index > 0)
        {
            int parent = (index - 1) / Children;
            if (!slot.Before(heap[parent])) break;
            Place(heap, index, heap[parent]);
            index = parent;
        }
        Place(heap, index, slot);
    }

    private void SiftDown(int index, Slot slot)
    {
        Span<Slot> heap = CollectionsMarshal.AsSpan(_heap);
        while (true)
        {
            int first = (Children * index) + 1;
            if (first >= heap.Length) break;
            int child = first;
            int end = Math.Min(first + Children, heap.Length);
            for (int other = first + 1; other < end; other++)
            {
                if (heap[other].Before(heap[child])) child = other;
            }
            if (!heap[child].Before(slot)) break;
            Place(heap, index, heap[child]);
            index = child;
        }
        Place(heap, index, slot);
    }

    private static void Place(Span<Slot> heap, int index, Slot slot)
    {
        heap[index] = slot;
        slot.Timer.HeapIndex = index;
    }
}
