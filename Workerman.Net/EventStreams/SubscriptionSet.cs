namespace Workerman.EventStreams;

/// <summary>
/// Subscriptions in one state, in no order: each knows its place, so that adding and removing cost the same however many there
/// are. Whoever goes through it does so from the end: what is removed meanwhile is replaced by one that was visited already.
/// Belongs to its hub, on the loop's thread.
/// </summary>
internal sealed class SubscriptionSet
{
    private Subscription[] _items = [];

    public int Count { get; private set; }

    public Subscription this[int index] => _items[index];

    public void Add(Subscription subscription)
    {
        if (Count == _items.Length) Array.Resize(ref _items, Math.Max(4, Count * 2));
        subscription.Set = this;
        subscription.Index = Count;
        _items[Count++] = subscription;
    }

    public void Remove(Subscription subscription)
    {
        Subscription last = _items[--Count];
        _items[subscription.Index] = last;
        last.Index = subscription.Index;
        _items[Count] = null!;
        subscription.Set = null;
        if (_items.Length > 64 && Count < _items.Length / 4) Array.Resize(ref _items, _items.Length / 2);
    }
}
