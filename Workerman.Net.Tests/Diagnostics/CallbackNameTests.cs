using Workerman.Diagnostics;

namespace Workerman.Tests.Diagnostics;

/// <summary>Callbacks in words: names that the compiler has made are read back.</summary>
internal sealed class CallbackNameTests
{
    [TestCase("Program", "Main", "Program.Main")]
    [TestCase("Some.Space.Chat", "Handle", "Chat.Handle")]
    [TestCase("Program+<>c", "<Main>b__0_1", "Program.Main lambda")]
    [TestCase("Program+<>c", "<<Main>$>b__0_0", "Program.Main lambda")]
    [TestCase("Program+<>c__DisplayClass0_0", "<<Main>$>b__2", "Program.Main lambda")]
    [TestCase("Program", "<<Main>$>g__Answer|0_3", "Program.Main.Answer")]
    [TestCase("Chat+<HandleAsync>d__5", "MoveNext", "Chat.HandleAsync")]
    [TestCase("Program+<>c+<<<Main>$>b__0_1>d", "MoveNext", "Program.Main lambda")]
    [TestCase("Program+<<<Main>$>g__Later|0_2>d", "MoveNext", "Program.Main.Later")]
    [TestCase("Some.Space.Outer`1+Inner[System.Int32]", "Run`1", "Outer.Inner.Run")]
    [TestCase("Some.Space.Box`1+<Run>d__3[[System.Int32, mscorlib]]", "MoveNext", "Box.Run")]
    [TestCase("<Chat>F0A1B2__Room", "Handle", "Room.Handle")]
    [TestCase("Some.Space.<Chat>F0A1B2__Room+<>c", "<Handle>b__0_0", "Room.Handle lambda")]
    [TestCase("Chat", "Some.IFoo.Bar", "Chat.Some.IFoo.Bar")]
    [TestCase("Chat", ".ctor", "Chat..ctor")]
    [TestCase("Program+<", "<", "Program.")]
    [TestCase("", "", ".")]
    public void CompilerNamesAreReadBack(string type, string method, string readable) =>
        Assert.That(CallbackNames.Readable(type, method), Is.EqualTo(readable));

    [Test]
    public void DelegatesAreNamedAsTheyStandInTheSource()
    {
        int captured = Environment.TickCount;
        Action lambda = () => captured++;
        void Local() => captured++;
        Action local = Local;
        Action method = DelegatesAreNamedAsTheyStandInTheSource;
        Assert.That(CallbackNames.Of(CallbackKind.OnMessage, lambda), Is.EqualTo(
            "OnMessage (CallbackNameTests.DelegatesAreNamedAsTheyStandInTheSource lambda)"));
        Assert.That(CallbackNames.Of(CallbackKind.Timer, local), Is.EqualTo(
            "timer (CallbackNameTests.DelegatesAreNamedAsTheyStandInTheSource.Local)"));
        Assert.That(CallbackNames.Of(CallbackKind.OnClose, method), Is.EqualTo(
            "OnClose (CallbackNameTests.DelegatesAreNamedAsTheyStandInTheSource)"));
        Assert.That(CallbackNames.Of(CallbackKind.OnClose, lambda + local), Does.EndWith("Local)"), "the last of several");
    }
}
