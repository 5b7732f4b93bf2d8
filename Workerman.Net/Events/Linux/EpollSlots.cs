namespace Workerman.Events;

/// <summary>What an <see cref="EpollLoop"/> calls when a descriptor is ready.</summary>
internal interface IEpollHandler
{
    void OnReady(uint events);
}

/// <summary>
/// Maps the 64 bits that an epoll event carries to its handler: a slot in the low half, a generation in the high half. A
/// slot that was freed, or freed and taken again, has another generation, so an event fetched before that finds nothing.
/// Belongs to one loop's thread.
/// </summary>
internal sealed class EpollSlots
{
    private struct Slot
    {
        public IEpollHandler? Handler;
        public uint Generation;
        public int NextFree;
    }

    private Slot[] _slots = new Slot[64];
    private int _used;
    private int _free = -1;

    public ulong Add(IEpollHandler handler)
    {
        int index = _free;
        if (index >= 0) _free = _slots[index].NextFree;
        else
        {
            if (_used == _slots.Length) Array.Resize(ref _slots, _used * 2);
            index = _used++;
        }
        ref Slot slot = ref _slots[index];
        slot.Handler = handler;
        // 31 bits: the all-ones word stays free for the loop's own wake-up descriptor.
        slot.Generation = (slot.Generation + 1) & int.MaxValue;
        return ((ulong)slot.Generation << 32) | (uint)index;
    }

    public IEpollHandler? Find(ulong data)
    {
        ref Slot slot = ref _slots[(int)data];
        return slot.Generation == (uint)(data >> 32) ? slot.Handler : null;
    }

    public void Remove(ulong data)
    {
        int index = (int)data;
        ref Slot slot = ref _slots[index];
        if (slot.Generation != (uint)(data >> 32) || slot.Handler is null) return;
        slot.Handler = null;
        slot.NextFree = _free;
        _free = index;
    }
}
