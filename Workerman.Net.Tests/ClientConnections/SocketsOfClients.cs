using Workerman.Tests.Support;

namespace Workerman.Tests.ClientConnections;

/// <summary>
/// What the tests of client connections have in common, around all of them: whatever becomes of a connection on its way or later,
/// its socket is closed in the end.
/// </summary>
// They run side by side, but alone: the sockets are counted of the whole process.
[SetUpFixture]
[NonParallelizable]
internal sealed class SocketsOfClients
{
    private HashSet<string> _before = [];

    [OneTimeSetUp]
    public void Begin() => _before = [.. OpenFiles.Targets("socket:")];

    [OneTimeTearDown]
    public Task End()
    {
        string[] left = [];
        return Wait.Until(() => (left = [.. OpenFiles.Targets("socket:").Except(_before)]).Length == 0,
            () => $"the sockets that tests have left to be closed: {OpenFiles.DescribeSockets(left)}");
    }
}
