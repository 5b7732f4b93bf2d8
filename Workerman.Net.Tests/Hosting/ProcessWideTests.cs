using System.Net;
using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Protocols.Http.Files;
using Workerman.Tests.Support;
using Workerman.Workers;

namespace Workerman.Tests.Hosting;

/// <summary>
/// The statics of <see cref="Worker"/>: what is asked of the whole process and told to it. Alone, because all that runs beside
/// them would be asked and told too.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[NonParallelizable]
internal sealed class ProcessWideTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    private readonly ILogger _usual = Worker.Logger;
    private readonly TestServer.MemoryLogger _log = new();

    /// <summary>What other fixtures have made and not run is none of these tests'.</summary>
    [SetUp]
    public void SetStatics()
    {
        WorkerRegistry.Remove(WorkerRegistry.Workers);
        (Worker.EventLoopClass, Worker.Logger) = (loopType, _log);
    }

    [TearDown]
    public void ResetStatics() =>
        (Worker.EventLoopClass, Worker.Logger, Worker.StopTimeout) = (null, _usual, TimeSpan.FromSeconds(2));

    [Test]
    public async Task StatusFollowsTheRun()
    {
        Assert.That(Worker.GetStatus(), Is.EqualTo(WorkerStatus.Initial));
        var seen = new List<WorkerStatus>();
        var worker = new Worker("http://127.0.0.1:0")
        {
            OnWorkerStart = _ => seen.Add(Worker.GetStatus()),
            OnWorkerStop = _ => seen.Add(Worker.GetStatus())
        };
        await using (TestServer server = TestServer.Start(loopType, worker)) await Wait.Until(() => seen.Count == 1, "the start");
        Assert.That(seen, Is.EqualTo(new[] { WorkerStatus.Running, WorkerStatus.Shutdown }));
        Assert.That(Worker.GetStatus(), Is.EqualTo(WorkerStatus.Initial));
        Assert.That(new[] { WorkerStatus.Initial, WorkerStatus.Starting, WorkerStatus.Running, WorkerStatus.Shutdown }
            .Select(status => (int)status), Is.EqualTo(new[] { 0, 1, 2, 4 }));
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
        await using TestServer server = TestServer.Start(loopType, worker, other);
        TcpConnection own = Wait.For(connected.Task);
        using RawClient first = server.Connect();
        using var second = new RawClient(other.LocalEndPoint!);
        await Wait.Until(() => Worker.GetAllConnections().Count == 4, "the four ends");
        ConnectionCollection all = Worker.GetAllConnections();
        Assert.That(all[own.Id], Is.SameAs(own));
        Assert.That(all.Select(connection => connection.Worker),
            Is.EquivalentTo(new WorkerBase?[] { worker, other, Wait.For(inner.Task), null }));
        second.Dispose();
        await Wait.Until(() => Worker.GetAllConnections().Count == 3, "the end of one");
    }

    [ManualPage("worker/run-all.md")]
    [Test]
    public void RunAllRunsWhatHasBeenMade()
    {
        Assert.That(
            Assert.Throws<InvalidOperationException>(() => Worker.RunAllAsync())!.Message, Does.Contain("make one first"));
        using var stop = new CancellationTokenSource();
        Worker[] workers = [Make("one"), Make("two")];
        Assert.That(Worker.GetAllWorkers(), Is.EqualTo(workers));
        Task run = Worker.RunAllAsync(stop.Token);
        foreach (Worker worker in workers) Assert.That(Answer(worker), Is.EqualTo(worker.Name));
        Assert.That(Worker.GetAllWorkers(), Is.EqualTo(workers));
        Assert.Throws<InvalidOperationException>(() => Worker.RunAllAsync(),
            "those that run are not run again by a run beside it");
        stop.Cancel();
        Wait.For(run);
        Assert.That(Worker.GetAllWorkers(), Is.Empty);
    }

    [ManualPage("appendices/event.md",
        Different = "the drivers are the two of the library, epoll with io_uring, and .NET sockets")]
    [Test]
    public void WhatTheStaticsSayAtTheStartHoldsForTheRunAndItsClients()
    {
        Worker.StopTimeout = TimeSpan.FromMilliseconds(100);
        var later = new TestServer.MemoryLogger();
        using var peer = new Peer();
        var connected = new TaskCompletionSource<string>();
        var told = new TaskCompletionSource();
        Worker worker = Make("main");
        worker.OnMessage = (_, _) => throw new InvalidOperationException("in OnMessage");
        worker.OnWorkerStart = _ =>
        {
            connected.SetResult(EventLoop.Current!.GetType().Name);
            var client = new AsyncTcpConnection<string>(peer.Address);
            client.OnConnect = _ =>
            {
                told.SetResult();
                throw new InvalidOperationException("in OnConnect");
            };
            client.Connect();
        };
        Task run = Worker.RunAllAsync();
        Worker.Logger = later;
        using RawClient accepted = peer.Accept();
        Assert.That(Answer(worker), Does.Contain("500"));
        Assert.That(Wait.For(connected.Task), Is.EqualTo(loopType.Name));
        Wait.For(told.Task);
        worker.OnMessage = (_, _) => { };
        using var held = new RawClient(worker.LocalEndPoint!);
        held.Send(Get);
        Worker.StopAll();
        Wait.For(run);
        Assert.That(_log.Text, Does.Contain("in OnMessage").And.Contain("in OnConnect").And.Contain("Stopped"));
        Assert.That(later.Text, Is.Empty);
    }

    [Test]
    public void StopAllInOnWorkerStartStillPairsStartsAndStops()
    {
        for (int round = 0; round < 5; round++)
        {
            int starts = 0;
            int stops = 0;
            var worker = new Worker("http://127.0.0.1:0") { Count = 8, OnMessage = (_, _) => { } };
            worker.OnWorkerStart = _ =>
            {
                Interlocked.Increment(ref starts);
                Worker.StopAll();
            };
            worker.OnWorkerStop = _ => Interlocked.Increment(ref stops);
            Wait.For(Worker.RunAllAsync());
            Assert.That((starts, stops, worker.LocalEndPoint), Is.EqualTo((8, 8, (IPEndPoint?)null)));
        }
    }

    [Test]
    public async Task StopAllEndsTheRun()
    {
        TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            Worker.StopAll();
            connection.Send("bye");
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("bye"));
        Wait.For(server.Run);
        await server.DisposeAsync();
    }

    [Test]
    public void WrongValuesAreRefused()
    {
        Assert.That(Assert.Throws<ArgumentException>(() => Worker.EventLoopClass = typeof(string))!.Message,
            Does.Contain("EpollLoop"));
        Assert.Throws<ArgumentException>(() => Worker.EventLoopClass = typeof(EventLoop));
        Assert.Throws<ArgumentOutOfRangeException>(() => Worker.StopTimeout = TimeSpan.FromSeconds(-1));
        Assert.Throws<ArgumentNullException>(() => Worker.Logger = null!);
    }

    [TestCase("main.css", "text/css")]
    [TestCase("/srv/a/PHOTO.JPG", "image/jpeg")]
    [TestCase("noextension", null)]
    [TestCase("", null)]
    public void MediaTypesAreForTheApplicationToo(string name, string? type) =>
        Assert.That(MediaTypes.Of(name), Is.EqualTo(type));

    private static Worker Make(string name) =>
        new("http://127.0.0.1:0") { Name = name, OnMessage = (connection, _) => connection.Send(name) };

    private static string Answer(Worker worker)
    {
        using var client = new RawClient(worker.LocalEndPoint!);
        (int status, string head, string body) = client.Send(Get).ReadResponse();
        return status == 200 ? body : head;
    }
}
