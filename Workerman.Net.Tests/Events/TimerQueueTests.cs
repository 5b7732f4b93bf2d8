using Workerman.Events;

namespace Workerman.Tests.Events;

/// <summary>The timer queue by itself: order, deletion, and a million timers.</summary>
internal sealed class TimerQueueTests
{
    private long _nextId;

    [Test]
    public void EqualDeadlinesComeInTheOrderOfInsertion()
    {
        var queue = new TimerQueue();
        List<long> ids = [.. Enumerable.Range(0, 100).Select(_ => Add(queue, 5))];
        Assert.That(TakeAll(queue, 5), Is.EqualTo(ids));
    }

    [Test]
    public void NothingComesBeforeItIsDue()
    {
        var queue = new TimerQueue();
        Add(queue, 10);
        Assert.That(TakeAll(queue, 9), Is.Empty);
        Assert.That(queue.NextDue, Is.EqualTo(10));
        Assert.That(TakeAll(queue, 10), Has.Count.EqualTo(1));
        Assert.That((queue.NextDue, queue.Count), Is.EqualTo(((long?)null, 0)));
    }

    [Test]
    public void WhatIsArmedDuringATurnWaitsForTheNext()
    {
        var queue = new TimerQueue();
        Add(queue, 1);
        long turn = queue.LastSequence;
        Add(queue, 1);
        Assert.That(queue.TryTakeDue(1, turn, out _));
        Assert.That(queue.TryTakeDue(1, turn, out _), Is.False);
        Assert.That(queue.TryTakeDue(1, queue.LastSequence, out _));
    }

    [Test]
    public void PersistentTimerStaysKnownWhileItIsRunAndIsArmedAgainUnlessDeleted()
    {
        var queue = new TimerQueue();
        var timer = new LoopTimer(1, 5, () => { }, persistent: true);
        queue.Add(timer, 5);
        Assert.That(queue.TryTakeDue(5, queue.LastSequence, out LoopTimer? taken));
        Assert.That((taken, queue.Count), Is.EqualTo((timer, 1)));
        queue.Rearm(timer, 10);
        Assert.That(queue.TryTakeDue(10, queue.LastSequence, out _));
        Assert.That(queue.Remove(1));
        queue.Rearm(timer, 15);
        Assert.That((queue.NextDue, queue.Count), Is.EqualTo(((long?)null, 0)));
    }

    /// <summary>Against a sorted list, with random deadlines, deletions and clock steps.</summary>
    [Test]
    public void BehavesLikeASortedList([Values(1, 2, 3, 4, 5)] int seed)
    {
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var queue = new TimerQueue();
        var model = new List<(long Due, long Id)>();
        long now = 0;
        for (int step = 0; step < 5000; step++)
        {
            switch (random.Next(4))
            {
                case 0 or 1:
                    long due = now + random.Next(50);
                    model.Add((due, Add(queue, due)));
                    break;
                case 2 when model.Count > 0:
                    int index = random.Next(model.Count);
                    Assert.That(queue.Remove(model[index].Id));
                    Assert.That(queue.Remove(model[index].Id), Is.False);
                    model.RemoveAt(index);
                    break;
                default:
                    now += random.Next(10);
                    List<long> expected =
                        [.. model.Where(t => t.Due <= now).OrderBy(t => t.Due).ThenBy(t => t.Id).Select(t => t.Id)];
                    Assert.That(TakeAll(queue, now), Is.EqualTo(expected));
                    model.RemoveAll(t => t.Due <= now);
                    break;
            }
            Assert.That(queue.Count, Is.EqualTo(model.Count));
        }
    }

    /// <summary>With anything linear per operation this would take hours.</summary>
    [Test]
    public void HoldsAMillionTimers()
    {
        const int Million = 1_000_000;
        var random = new Random(7);
        var queue = new TimerQueue();
        var ids = new long[Million];
        for (int i = 0; i < Million; i++) ids[i] = Add(queue, random.Next());
        for (int i = 0; i < Million; i += 2) Assert.That(queue.Remove(ids[i]));
        long last = -1;
        int taken = 0;
        while (queue.NextDue is { } due)
        {
            if (due < last) Assert.Fail("out of order");
            last = due;
            queue.TryTakeDue(due, queue.LastSequence, out _);
            taken++;
        }
        Assert.That((taken, queue.Count), Is.EqualTo((Million / 2, 0)));
    }

    private long Add(TimerQueue queue, long due)
    {
        var timer = new LoopTimer(++_nextId, 0, () => { }, persistent: false);
        queue.Add(timer, due);
        return timer.Id;
    }

    private static List<long> TakeAll(TimerQueue queue, long now)
    {
        var ids = new List<long>();
        while (queue.TryTakeDue(now, queue.LastSequence, out LoopTimer? timer)) ids.Add(timer!.Id);
        return ids;
    }
}
