using Workerman.Events;

namespace Workerman.Tests;

/// <summary>
/// Loops in the tests' own process beat five times a second instead of once: what is "checked about once a second" is checked sooner, and the suite does not wait for it. Programs that tests start beat as
/// they do elsewhere.
/// </summary>
[SetUpFixture]
internal sealed class QuickTicks
{
    [OneTimeSetUp]
    public void Quicken() => EventLoop.TickInterval = LoopClock.FromMilliseconds(200);
}
