using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Events;

internal sealed class ExclusiveMoveTests
{
    [Test]
    public void OfSeveralAtOnceOneGetsTheName()
    {
        using var folder = new TemporaryFolder();
        const int Threads = 4, Rounds = 200;
        int[] moved = new int[Rounds];
        using var together = new Barrier(Threads);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                string from = folder.PathOf($"from-{number}-{round}");
                File.WriteAllText(from, $"{number}");
                together.SignalAndWait();
                try
                {
                    ExclusiveMove.MoveNew(from, folder.PathOf($"to-{round}"));
                    Interlocked.Increment(ref moved[round]);
                }
                catch (IOException)
                {
                    // Another one was first.
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.That(moved, Is.All.EqualTo(1));
        Assert.That(Directory.GetFiles(folder.Path, "from-*"), Has.Length.EqualTo((Threads - 1) * Rounds), "theirs stay");
    }
}
