using Workerman.Connection;
using Workerman.Hosting;
using Workerman.Protocols.Http.Files;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>What is asked of the whole process: the status of its workers, and all its connections.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
// Alone: the workers of other tests are workers of the process too.
[NonParallelizable]
internal sealed class ProcessWideTests(Type loopType)
{
    [Test]
    public async Task StatusFollowsTheRun()
    {
        Assert.That(Worker.GetStatus(), Is.EqualTo(WorkerStatus.Initial));
        var seen = new List<WorkerStatus>();
        var worker = new Worker("http://127.0.0.1:0") { OnWorkerStart = _ => seen.Add(Worker.GetStatus()), OnWorkerStop = _ => seen.Add(Worker.GetStatus()) };
        await using (TestServer server = TestServer.Start(loopType, worker)) await Wait.Until(() => seen.Count == 1, "the start");
        Assert.That(seen, Is.EqualTo(new[] { WorkerStatus.Running, WorkerStatus.Shutdown }));
        Assert.That(Worker.GetStatus(), Is.EqualTo(WorkerStatus.Initial));
        Assert.That(new[] { WorkerStatus.Initial, WorkerStatus.Starting, WorkerStatus.Running, WorkerStatus.Shutdown }.Select(status => (int)status), Is.EqualTo(new[] { 0, 1, 2, 4 }));
    }

    [Test]
    public async Task AllConnectionsAreThoseOfAllWorkersAndLoopsAndTheClients()
    {
        var inner = new TaskCompletionSource<Worker<string>>();
        var connected = new TaskCompletionSource<TcpConnection>();
        var other = new Worker<string>("tcp://127.0.0.1:0") { Count = 2, OnMessage = (_, _) => { } };
        var worker = new Worker<string>("tcp://127.0.0.1:0") { OnMessage = (_, _) => { } };
        worker.OnWorkerStart = _ =>
        {
            var made = new Worker<string>("tcp://127.0.0.1:0") { OnMessage = (_, _) => { } };
            made.Listen();
            var client = new AsyncTcpConnection<string>($"tcp://{made.LocalEndPoint}") { OnConnect = connected.SetResult };
            client.Connect();
            inner.SetResult(made);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        TcpConnection own = Wait.For(connected.Task);
        using RawClient first = server.Connect();
        using var second = new RawClient(other.LocalEndPoint!);
        await Wait.Until(() => Worker.GetAllConnections().Count == 4, "the four ends");
        ConnectionCollection all = Worker.GetAllConnections();
        Assert.That(all[own.Id], Is.SameAs(own));
        Assert.That(all.Select(connection => connection.Worker), Is.EquivalentTo(new WorkerBase?[] { worker, other, Wait.For(inner.Task), null }));
        second.Dispose();
        await Wait.Until(() => Worker.GetAllConnections().Count == 3, "the end of one");
    }

    [TestCase("main.css", "text/css")]
    [TestCase("/srv/a/PHOTO.JPG", "image/jpeg")]
    [TestCase("noextension", null)]
    [TestCase("", null)]
    public void MediaTypesAreForTheApplicationToo(string name, string? type) => Assert.That(MediaTypes.Of(name), Is.EqualTo(type));
}
