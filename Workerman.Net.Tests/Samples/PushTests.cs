using System.Net;
using System.Text.RegularExpressions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The server that pushes as a program of its own, and another process that has it tell its pages something.</summary>
internal sealed partial class PushTests
{
    [Test]
    public void AnotherProcessTellsOneOrAll()
    {
        string program = Repository.ProgramOf(Path.Combine("samples", "Push"), "Push");
        using ServerProcess server =
            ServerProcess.Run("dotnet", program, "websocket://127.0.0.1:0", "text://127.0.0.1:0").WaitForStart();
        string inside = Inside().Match(server.Output).Groups[1].Value;
        using var tom = new FrameClient(IPEndPoint.Parse(Pages().Match(server.Output).Groups[1].Value));
        using var jerry = new FrameClient(IPEndPoint.Parse(Pages().Match(server.Output).Groups[1].Value));
        Assert.That(tom.Send(FrameClient.TextFrame("tom")).ReadText(), Is.EqualTo("hello tom"));
        Assert.That(jerry.Send(FrameClient.TextFrame("jerry")).ReadText(), Is.EqualTo("hello jerry"));

        Assert.That(Tell("tom", "your order is ready"), Is.EqualTo("told to 1"));
        Assert.That(tom.ReadText(), Is.EqualTo("your order is ready"));
        using var client = new RawClient(IPEndPoint.Parse(inside));
        client.Send("* all of you\nnobody here\nwrong\n");
        Assert.That(client.ReadUntil("uid text\n"), Is.EqualTo("told to 2\ntold to 0\nusage: uid text\n"));
        foreach (FrameClient page in new[] { tom, jerry }) Assert.That(page.ReadText(), Is.EqualTo("all of you"));

        string Tell(string uid, string text)
        {
            using ServerProcess teller = ServerProcess.Run("dotnet", program, "tell", uid, text, inside);
            Assert.That(teller.WaitForExit(), Is.Zero);
            return teller.Output.Trim();
        }
    }

    [GeneratedRegex(@"websocket://(\S+:\d+)\s")]
    private static partial Regex Pages();

    [GeneratedRegex(@"text://(\S+:\d+)\s")]
    private static partial Regex Inside();
}
