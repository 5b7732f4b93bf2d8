using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Workerman.Extensions.Hosting;
using Workerman.Hosting;
using Workerman.Tests.Support;

namespace Workerman.Tests.Extensions;

/// <summary>Workers in .NET's generic host: from the container to the end.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class HostTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    [Test]
    public async Task WorkersAreMadeOfTheContainerAndListenWhenTheHostHasStarted()
    {
        int begun = 0;
        await using TestHost host = TestHost.Make(loopType, services =>
        {
            services.AddSingleton(new Greeting("good day"));
            services.AddWorkerman()
                .AddWorker("web", "http://127.0.0.1:0", (provider, worker) =>
                {
                    Greeting greeting = provider.GetRequiredService<Greeting>();
                    worker.Count = 2;
                    worker.OnWorkerStart = _ => Interlocked.Increment(ref begun);
                    worker.OnMessage = (connection, _) => connection.Send(greeting.Text);
                })
                .AddWorker<string>("text://127.0.0.1:0", (_, worker) =>
                    worker.OnMessage = (connection, line) => connection.Send($"you said {line}"))
                .AddUdpWorker<string>("udp", "udp://127.0.0.1:0", (_, worker) =>
                    worker.OnMessage = (connection, text) => connection.Send(text))
                .AddWorker<GreetingWorker>()
                .AddWorker(_ => new Worker { Name = "no address", OnWorkerStart = _ => Interlocked.Increment(ref begun) });
        });
        await host.StartAsync();
        Assert.That(begun, Is.EqualTo(3), "OnWorkerStart has returned on all loops");
        IReadOnlyList<WorkerBase> workers = host.Run!.Workers;
        Assert.That(workers.Select(worker => worker.Name), Is.EqualTo(new[] { "web", "none", "udp", "greeting", "no address" }));
        using RawClient web = host.Connect();
        Assert.That(web.Send(Get).ReadResponse().Body, Is.EqualTo("good day"));
        using var lines = new RawClient(workers[1].LocalEndPoint!);
        Assert.That(lines.Send("x\n").ReadUntil("\n"), Is.EqualTo("you said x\n"));
        using var udp = new UdpClientSocket(workers[2].LocalEndPoint!);
        Assert.That(udp.Send("x"u8.ToArray()).ReceiveBytes(), Is.EqualTo("x"u8.ToArray()));
        using var own = new RawClient(workers[3].LocalEndPoint!);
        Assert.That(own.Send(Get).ReadResponse().Body, Is.EqualTo("good day from the class"));
        Assert.That(host.Services.GetRequiredKeyedService<Worker>("web"), Is.SameAs(workers[0]), "for services that broadcast");
        Assert.That(host.Services.GetRequiredService<GreetingWorker>(), Is.SameAs(workers[3]));
        Assert.That(host.Log.Text, Does.Contain($"Workerman: Worker web listens on http://{host.EndPoint}, loops: 2"));
    }

    [Test]
    public async Task LoggerOfTheHostIsThatOfTheRun()
    {
        await using TestHost host = TestHost.Web(loopType, (_, worker) => worker.OnMessage = (_, _) =>
        {
            Worker.Logger.Log(LogLevel.Information, default, "from a callback", null, static (text, _) => text);
            throw new InvalidOperationException("on purpose");
        });
        await host.StartAsync();
        using RawClient client = host.Connect();
        Assert.That(client.Send(Get).ReadResponse().Status, Is.EqualTo(500));
        Assert.That(host.Log.Text, Does.Contain("[Information] Workerman: from a callback")
            .And.Contain("[Error] Workerman: A callback of worker web failed").And.Contain("on purpose"));
    }

    [Test]
    public async Task AnswersAreSentToTheirEndWhenTheHostStops()
    {
        var arrived = new TaskCompletionSource();
        var answer = new TaskCompletionSource();
        TestHost host = await TestHost.Web(loopType, (_, worker) => worker.OnMessageAsync = async (connection, _) =>
        {
            arrived.SetResult();
            await answer.Task;
            connection.Send("late");
        }).StartAsync();
        using RawClient client = host.Connect();
        client.Send(Get);
        Wait.For(arrived.Task);
        Task stop = host.StopAsync();
        await Wait.Until(() => host.Run!.Status == WorkerStatus.Shutdown, "the stop");
        Assert.That(stop.IsCompleted, Is.False);
        answer.SetResult();
        Assert.That(client.ReadResponse().Body, Is.EqualTo("late"));
        await stop;
        Assert.That((host.Run!.Status, host.Run.Completion.IsCompletedSuccessfully), Is.EqualTo((WorkerStatus.Initial, true)));
        await host.DisposeAsync();
    }

    /// <summary>By the host's own time, which is far shorter than that of the workers here.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public async Task StoppingTakesNoLongerThanTheHostLetsIt(bool hangs)
    {
        using var release = new ManualResetEventSlim();
        var arrived = new TaskCompletionSource();
        TestHost host = await TestHost.Make(loopType, services =>
        {
            services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(200));
            services.AddWorkerman().AddWorker("http://127.0.0.1:0", (_, worker) => worker.OnMessage = (_, _) =>
            {
                arrived.SetResult();
                if (hangs) release.Wait(Wait.Limit);
            });
        }, ("Workerman:StopTimeout", "01:00:00")).StartAsync();
        using RawClient client = host.Connect();
        client.Send(Get);
        Wait.For(arrived.Task);
        await host.StopAsync();
        Assert.That(host.Run!.Completion.IsCompletedSuccessfully);
        Assert.That(host.Log.Text, hangs ? Does.Contain("did not stop in time") : Does.Not.Contain("did not stop in time"));
        release.Set();
        await host.DisposeOnlyAsync();
    }

    [Test]
    public async Task WhatCannotListenKeepsTheHostFromStartingAndLeavesNothingOpen()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        Worker? first = null;
        TestHost host = TestHost.Make(loopType, services => services.AddWorkerman()
            .AddWorker("http://127.0.0.1:0", (_, worker) => (first = worker).OnMessage = (_, _) => { })
            .AddWorker($"http://{taken.LocalEndpoint}", (_, worker) => worker.OnMessage = (_, _) => { }));
        WorkerStartException failure = (await Assert.ThrowsAsync<WorkerStartException>(host.StartAsync))!;
        Assert.That(failure.Message, Does.StartWith($"Cannot listen on http://{taken.LocalEndpoint}: ").And.Contain("Cure: "));
        Assert.That(first!.LocalEndPoint, Is.Null);
        Assert.That(Worker.GetAllWorkers(), Has.None.SameAs(first));
        await host.DisposeOnlyAsync();
    }

    [Test]
    public async Task WhatFailsInOnWorkerStartKeepsTheHostFromStarting()
    {
        TestHost host = TestHost.Web(loopType, (_, worker) =>
        {
            worker.Count = 3;
            worker.OnWorkerStart = _ =>
            {
                if (worker.Id == 1) throw new InvalidOperationException("on purpose");
            };
        });
        Assert.That((await Assert.ThrowsAsync<WorkerStartException>(host.StartAsync))!.Message,
            Does.Contain("its OnWorkerStart failed with InvalidOperationException: on purpose"));
        await host.DisposeOnlyAsync();
    }

    [Test]
    public async Task WhatFailsWhileWorkersAreMadeLeavesNoneForOthers()
    {
        Worker? made = null;
        TestHost host = TestHost.Web(loopType, (_, worker) =>
        {
            made = worker;
            throw new InvalidOperationException("on purpose");
        });
        Assert.That((await Assert.ThrowsAsync<InvalidOperationException>(host.StartAsync))!.Message, Is.EqualTo("on purpose"));
        Assert.That(made, Is.Not.Null);
        Assert.That(Worker.GetAllWorkers(), Has.None.SameAs(made), "Worker.RunAll would run it");
        await host.DisposeOnlyAsync();
    }

    [Test]
    public async Task HostWithoutWorkersSaysSo()
    {
        TestHost host = TestHost.Make(loopType, services => services.AddWorkerman());
        Assert.That((await Assert.ThrowsAsync<WorkerStartException>(host.StartAsync))!.Message,
            Does.Contain("There is no worker to run. Cure: "));
        await host.DisposeOnlyAsync();
    }

    /// <summary>A service that is started later has failed: the host disposes of the others, and stops none.</summary>
    [Test]
    public async Task HostThatFailsAfterwardsClosesThePort()
    {
        TestHost host = TestHost.Make(loopType, services =>
        {
            services.AddWorkerman().AddWorker("http://127.0.0.1:0", (_, worker) => worker.OnMessage = (_, _) => { });
            services.AddHostedService<Failing>();
        });
        await Assert.ThrowsAsync<NotSupportedException>(host.StartAsync);
        RunningWorkers run = host.Run!;
        Assert.That(run.Status, Is.EqualTo(WorkerStatus.Running));
        await host.DisposeOnlyAsync();
        Assert.That((run.Status, run.Workers[0].LocalEndPoint), Is.EqualTo((WorkerStatus.Initial, (IPEndPoint?)null)));
    }

    [Test]
    public async Task WorkersThatEndByThemselvesStopTheHostInOrder()
    {
        await using TestHost host = TestHost.Web(loopType, (_, worker) => worker.OnMessage = (connection, _) =>
        {
            worker.Stop();
            connection.Send("bye");
        });
        await host.StartAsync();
        Task stopping = Wait.Fires(host.Lifetime.ApplicationStopping);
        using RawClient client = host.Connect();
        Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("bye"));
        Wait.For(stopping);
        Assert.That(Environment.ExitCode, Is.Zero);
        Assert.That(host.Log.Text, Does.Contain("All workers have ended, and so the application stops"));
    }

    [Test]
    public async Task HostsOfOneProcessShareNothing()
    {
        await using TestHost one = await TestHost.Web(loopType, (_, worker) => Answer(worker, "one")).StartAsync();
        TestHost two = await TestHost.Web(loopType, (_, worker) => Answer(worker, "two")).StartAsync();
        Assert.That((Ask(one), Ask(two)), Is.EqualTo(("one", "two")));
        await two.DisposeAsync();
        Assert.That(Ask(one), Is.EqualTo("one"), "the other host has stopped its own workers alone");
        Assert.That((one.Log.Text.Contains("Stopped"), two.Log.Text.Contains("Stopped")), Is.EqualTo((false, true)));
    }

    private static void Answer(Worker worker, string text) => worker.OnMessage = (connection, _) => connection.Send(text);

    private static string Ask(TestHost host)
    {
        using RawClient client = host.Connect();
        return client.Send(Get).ReadResponse().Body;
    }

    private sealed record Greeting(string Text);

    private sealed class GreetingWorker : Worker
    {
        public GreetingWorker(Greeting greeting)
            : base("http://127.0.0.1:0")
        {
            Name = "greeting";
            OnMessage = (connection, _) => connection.Send($"{greeting.Text} from the class");
        }
    }

    private sealed class Failing : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => throw new NotSupportedException("on purpose");

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
