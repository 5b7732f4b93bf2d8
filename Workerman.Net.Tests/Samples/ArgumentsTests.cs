using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>
/// Arguments that the samples, as programs of their own, do not take: each is one line on standard error and exit code 1.
/// </summary>
[Platform("Linux")]
internal sealed class ArgumentsTests
{
    private const string Http = "http://127.0.0.1:0";
    private const string Tcp = "tcp://127.0.0.1:0";

    [TestCase("Chat", "'0' is no number of seconds", Http, "0")]
    [TestCase("Chat", "usage: Chat ", Http, "-1")]
    [TestCase("Chat", "'x' is no number of seconds", Http, "x")]
    [TestCase("Chat", "'NaN' is no number of seconds", Http, "NaN")]
    [TestCase("Chat", "'1e300' is no number of seconds", Http, "1e300")]
    [TestCase("Chat", "usage: Chat ", Http, "1", "more")]
    [TestCase("Chat", "usage: Chat ", "--help")]
    [TestCase("Chat", "tcp", Tcp)]
    [TestCase("Crontab", "there is no time zone Nowhere/At_All", Http, "Nowhere/At_All")]
    [TestCase("Crontab", "there is no time zone ../../../etc/passwd", Http, "../../../etc/passwd")]
    [TestCase("Dashboard", "'x' is no number of seconds", Http, "x")]
    [TestCase("Dashboard", "Invalid URI", "nonsense", "--health")]
    [TestCase("Hub", "usage: Hub ", "--adress", Http)]
    [TestCase("Hub", "usage: Hub ", "--address")]
    [TestCase("Hub", "Invalid URI", "--address", Http, "--url", "nonsense")]
    [TestCase("JsonLines", "usage: JsonLines ", Tcp, "more")]
    [TestCase("JsonLines", "http", Http)]
    [TestCase("LlmProxy", "'nonsense' is no URL", Http, "nonsense")]
    [TestCase("LlmProxy", "'ftp://host/' is no URL", Http, "ftp://host/")]
    [TestCase("Metrics", "is no host:port", Http, "x")]
    [TestCase("Mqtt", "usage: Mqtt ", Http, "--broker")]
    [TestCase("Mqtt", "usage: Mqtt ", "--broker", "--topic")]
    [TestCase("Mqtt", "usage: Mqtt ", Http, "--brocker", "127.0.0.1:1883")]
    [TestCase("Mqtt", "usage: Mqtt ", Http, "more")]
    [TestCase("Mqtt", "'127.0.0.1:x' is no host:port", Http, "--broker", "127.0.0.1:x")]
    [TestCase("Mqtt", "'' is no host:port", Http, "--broker", "")]
    [TestCase("Mqtt", "'#/a' is no filter", Http, "--topic", "#/a")]
    [TestCase("Postgres", "initialization string", Http, "nonsense")]
    [TestCase("Postgres", "Host", Http, "")]
    [TestCase("Push", "usage: Push ", "tell", "tom")]
    [TestCase("Push", "'127.0.0.1' is no host:port", "tell", "tom", "news", "127.0.0.1")]
    [TestCase("Push", "nobody listens at 127.0.0.1:1:", "tell", "tom", "news", "127.0.0.1:1")]
    [TestCase("Push", "http", Http)]
    [TestCase("Redis", "'0' is no number of seconds", Http, "127.0.0.1:1", "0")]
    [TestCase("Redis", "nonsense", Http, "nonsense=1")]
    [TestCase("Router", "usage: Router ", Http, "more")]
    [TestCase("TcpProxy", "nonsense", Tcp, "nonsense")]
    [TestCase("UdpEcho", "usage: UdpEcho ", "udp://127.0.0.1:0", "more")]
    [TestCase("UdpEcho", "tcp", Tcp)]
    [TestCase("WebSocketChat", "usage: WebSocketChat ", Http, "more")]
    public void WhatIsWrongIsOneLine(string sample, string expected, params string[] arguments)
    {
        using ServerProcess process = ServerProcess.Run(["/bin/sh", "-c", "exec \"$@\" > /dev/null", "sh", "dotnet",
            Repository.ProgramOf(Path.Combine("samples", sample), sample), .. arguments]);
        Assert.That(process.WaitForExit(), Is.EqualTo(1), process.Output);
        Assert.That(process.Output.TrimEnd('\n'), Does.Contain(expected).And.Not.Contain('\n'));
    }
}
