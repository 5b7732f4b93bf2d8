using System.Globalization;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of Workerman's manual about timers: the folder timer and debug/busy-process, in C#. Times are thousandths of
/// those on the pages.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class TimerPageTests(Type loopType)
{
    private readonly EventQueue _output = new();

    [TearDown]
    public void NothingIsLeft() => Assert.That(_output.Count, Is.Zero);

    [OneTimeTearDown]
    public void CleanUp() => _output.Dispose();

    /// <summary>add, the first, and del, the first: a task again and again, until another timer deletes it.</summary>
    [ManualPage("timer/add.md")]
    [ManualPage("timer/del.md")]
    [Test]
    public async Task TaskAgainAndAgain()
    {
        var task = new Worker();
        task.OnWorkerStart = task =>
        {
            int runs = 0;
            double timeInterval = 0.0025;
            long timerId = Timer.Add(timeInterval, () =>
            {
                if (++runs <= 3) _output.Add("task run");
            });
            Timer.Add(0.05, () =>
            {
                _output.Add($"{Timer.Del(timerId)}");
                _output.Add($"{Timer.Del(timerId)}");
            }, persistent: false);
        };
        await using TestServer server = TestServer.Start(loopType, task);
        List<string> seen = [];
        while (seen.LastOrDefault() != "False") seen.Add(_output.Next());
        Assert.That(seen, Does.Contain("task run"));
        Assert.That(seen[^2..], Is.EqualTo(new[] { "True", "False" }));
    }

    /// <summary>
    /// add, the third and fourth, and busy-process: a timer of a connection goes when that does. PHP hands arguments on to the
    /// callback; here the lambda has them.
    /// </summary>
    [ManualPage("timer/add.md", Different = "a lambda keeps what PHP passes in an array of arguments")]
    [ManualPage("debug/busy-process.md")]
    [Test]
    public async Task TimerOfAConnection()
    {
        var wsWorker = new Worker<string>("websocket://127.0.0.1:0") { OnMessage = (_, _) => { } };
        wsWorker.OnConnect = connection =>
        {
            double timeInterval = 0.01;
            long connectTime = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
            connection.Context = Timer.Add(timeInterval, () =>
            {
                connection.Send(connectTime.ToString(CultureInfo.InvariantCulture));
            });
        };
        wsWorker.OnClose = connection =>
        {
            _output.Add($"{Timer.Del((long)connection.Context!)}");
        };
        await using TestServer server = TestServer.Start(loopType, wsWorker);
        using (var client = new FrameClient(server.EndPoint))
        {
            string first = client.ReadText();
            Assert.That(long.Parse(first, null), Is.GreaterThan(1_700_000_000));
            Assert.That(client.ReadText(), Is.EqualTo(first));
        }
        Assert.That(_output.Next(), Is.EqualTo("True"));
    }

    /// <summary>add, the fifth to the ninth: a function, a method, one of the class itself, and a static one, once.</summary>
    [ManualPage("timer/add.md")]
    [Test]
    public async Task FunctionOnce()
    {
        var task = new Worker();
        task.OnWorkerStart = task =>
        {
            string to = "tom";
            string content = "hello";
            var mail = new Mail(_output);
            Timer.Add(0.001, () => SendMail(to, content), persistent: false);
            Timer.Add(0.002, () => mail.Send(to, content), persistent: false);
            mail.SendLater(to, content);
            Timer.Add(0.004, () => Mail.SendStatic(_output, to, content), persistent: false);
        };
        await using TestServer server = TestServer.Start(loopType, task);
        string[] sent = [_output.Next(), _output.Next(), _output.Next(), _output.Next()];
        Assert.That(sent, Is.EquivalentTo(new[]
        {
            "function: hello tom", "method: hello tom", "method: hello tom", "static: hello tom"
        }));

        void SendMail(string to, string content) => _output.Add($"function: {content} {to}");
    }

    /// <summary>add, the last two, and del, the second: a timer that deletes itself when it has run ten times.</summary>
    [ManualPage("timer/add.md")]
    [ManualPage("timer/del.md")]
    [Test]
    public async Task TimerThatDeletesItself()
    {
        var task = new Worker();
        task.OnWorkerStart = task =>
        {
            int count = 1;
            long timerId = 0;
            timerId = Timer.Add(0.001, () =>
            {
                _output.Add($"Timer run {count}");
                if (count++ >= 10)
                {
                    _output.Add($"{Timer.Del(timerId)}");
                    Timer.Delay(0.01, () => _output.Add("later"));
                }
            });
        };
        await using TestServer server = TestServer.Start(loopType, task);
        for (int i = 1; i <= 10; i++) Assert.That(_output.Next(), Is.EqualTo($"Timer run {i}"));
        Assert.That((_output.Next(), _output.Next()), Is.EqualTo(("True", "later")));
    }

    /// <summary>notice: with several of them, each has a timer of its own.</summary>
    [ManualPage("timer/notice.md", Different = "loops are threads of one process")]
    [Test]
    public async Task EachHasATimerOfItsOwn()
    {
        var worker = new Worker { Count = 5 };
        worker.OnWorkerStart = worker => Timer.Delay(0.001, () => _output.Add($"hi {worker.Id}"));
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(Enumerable.Range(0, 5).Select(_ => _output.Next()).Order(),
            Is.EqualTo(new[] { "hi 0", "hi 1", "hi 2", "hi 3", "hi 4" }));
    }

    /// <summary>sleep: the loop goes on meanwhile.</summary>
    [ManualPage("timer/sleep.md", Different = "Timer.Sleep is awaited, in OnMessageAsync")]
    [Test]
    public async Task Sleep()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessageAsync = async (connection, request) =>
        {
            if (request.Path == "/slow") await Timer.Sleep(0.02);
            _output.Add(request.Path);
            connection.Send("hello workerman");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient slow = server.Connect();
        using RawClient quick = server.Connect();
        slow.Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        quick.Send("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n");
        foreach (RawClient client in new[] { quick, slow })
            Assert.That(client.ReadResponse().Body, Is.EqualTo("hello workerman"));
        Assert.That(new[] { _output.Next(), _output.Next() }, Is.EquivalentTo(new[] { "/slow", "/quick" }));
    }

    private sealed class Mail(EventQueue output)
    {
        public static void SendStatic(EventQueue output, string to, string content) => output.Add($"static: {content} {to}");

        public void Send(string to, string content) => output.Add($"method: {content} {to}");

        public void SendLater(string to, string content) => Timer.Add(0.003, () => Send(to, content), persistent: false);
    }
}
