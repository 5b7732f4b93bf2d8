using Workerman.Handover;

namespace Workerman.EventStreams;

/// <summary>
/// How a stream goes on in another process. The old one freezes: what is published is passed on. The new one takes its log over,
/// and keeps in it for a while what subscribers need that are still on their way. State is guarded by the log's lock.
/// </summary>
public sealed partial class EventStream
{
    /// <summary>
    /// How long what may be needed is kept: twice the time in which a subscription that has moved has to be taken up.
    /// </summary>
    private const long MovingTime = 20_000;

    private ForwardEvent? _forward;
    private long _floorOfMoving = long.MaxValue;
    private long _movingUntil;

    /// <summary>Those that go from one process to the next together with it.</summary>
    internal StreamGroup Group { get; }

    /// <summary>Which of the streams of its name it is. Changed by its group alone.</summary>
    internal int Index { get; set; }

    /// <summary>Which of the streams of its name, in the process before, it goes on with; -1 for none.</summary>
    internal int Predecessor { get; private set; } = -1;

    /// <summary>Whether what is published goes to another process.</summary>
    internal bool IsFrozen => Volatile.Read(ref _forward) is not null;

    /// <summary>The sequence after which events are kept for subscribers that are on their way. Under the log's lock.</summary>
    private long FloorOfMoving
    {
        get
        {
            if (_floorOfMoving != long.MaxValue && Options.Clock() > _movingUntil) _floorOfMoving = long.MaxValue;
            return _floorOfMoving;
        }
    }

    /// <summary>From here on what is published is passed on.</summary>
    internal void Freeze(ForwardEvent forward)
    {
        lock (_log.Gate) Volatile.Write(ref _forward, forward);
    }

    /// <summary>Its log as it is now, and what its subscribers need of it.</summary>
    internal LogImage Capture()
    {
        lock (_log.Gate) return _log.Capture(Math.Min(Floor(), FloorOfMoving));
    }

    /// <summary>
    /// Goes on with the log of a stream of another process. What was published here already comes after it. There are no
    /// subscribers yet; if there are, they are ended: the ids that they were sent have changed.
    /// </summary>
    internal void GoOnWith(LogImage image, int index)
    {
        EventHub[] hubs;
        lock (_log.Gate)
        {
            hubs = _hubs;
            _hubs = [];
            foreach (EventHub hub in hubs) hub.Abandon();
            _log.GoOnWith(image);
            Predecessor = index;
            (_floorOfMoving, _movingUntil) = (image.Floor, Options.Clock() + MovingTime);
            Trim();
        }
        foreach (EventHub hub in hubs) hub.Wake();
    }

    /// <summary>Where a subscription begins that has moved here. Under the log's lock.</summary>
    private StartingPoint Locate(MovedPlace place) =>
        place.Stream == Name && place.Index == Predecessor
            ? _log.LocateMoved(place, skips: Options.SlowSubscribers != SlowSubscribers.Disconnect)
            : _log.LocateUnknown();
}
