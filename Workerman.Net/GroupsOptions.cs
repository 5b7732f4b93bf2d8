using Workerman.Protocols;

namespace Workerman;

/// <summary>
/// Limits of a <see cref="Groups"/>, and its way to other nodes. All limits are on by default. A <see cref="Groups"/> takes a
/// copy when it is made and owns that: what is set here afterwards changes nothing.
/// </summary>
public sealed class GroupsOptions
{
    /// <summary>
    /// What carries messages to the other nodes and brings theirs; null, the default, for groups of this process alone.
    /// </summary>
    public IGroupBackplane? Backplane { get; set; }

    /// <summary>
    /// Groups that there may be at a time; 1,000,000, 1 to 100,000,000. Beyond, <c>Join</c> throws a
    /// <see cref="GroupLimitException"/>.
    /// </summary>
    public int MaxGroups { get; set => field = Setting.InRange(value, 1, 100_000_000); } = 1_000_000;

    /// <summary>
    /// Groups that a connection may be in; 1,000, 1 to 1,000,000. Beyond, <c>Join</c> throws a <see cref="GroupLimitException"/>.
    /// </summary>
    public int MaxGroupsPerConnection { get; set => field = Setting.InRange(value, 1, 1_000_000); } = 1000;

    /// <summary>
    /// Characters that the name of a group may have; 256, 1 to 10,000. Beyond, a <see cref="GroupLimitException"/> is thrown.
    /// </summary>
    public int MaxNameLength { get; set => field = Setting.InRange(value, 1, 10_000); } = 256;

    /// <summary>
    /// Bytes of messages that may wait for one loop, because other threads send faster than it delivers; 64 MiB, 64 KiB to 2 GiB.
    /// A single message may be larger. Beyond, a message is dropped for the members on that loop, <see cref="Groups.Dropped"/>
    /// counts it, and the log says so. What waits for one member is limited by its <c>MaxSendBufferSize</c>.
    /// </summary>
    public int MaxQueueSize { get; set => field = Setting.InRange(value, 64 * 1024); } = 64 * 1024 * 1024;

    /// <summary>
    /// Bytes that a message to other nodes may have, its text as UTF-8, with the names of its groups; 1 MiB, 1 KiB to 512 MiB.
    /// Beyond, sending throws. It has no effect without a <see cref="Backplane"/>.
    /// </summary>
    public int MaxMessageSize { get; set => field = Setting.InRange(value, 1024, 512 * 1024 * 1024); } = 1024 * 1024;

    internal GroupsOptions Copy() => (GroupsOptions)MemberwiseClone();
}
