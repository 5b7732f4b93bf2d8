using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;

namespace Workerman.Benchmarks;

/// <summary>
/// <c>soak [--minutes M] [--clients N] [--seed S] [--loops N] [--event-loop epoll|socket]</c>: mixed work against a server in a
/// process of its own, from this one: short requests, pipelining, streams that come and go, uploads of which half are aborted,
/// one client in a hundred that is slow, and three that are hostile (<see cref="Attacks"/>). The server's figures are printed
/// every few seconds. Exit code 1, with the reason, for a wrong answer, for memory that grows (<see cref="SoakMemory"/>), and for
/// anything that is still held when all clients are gone.
/// </summary>
internal static class Soak
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(3);

    /// <summary>
    /// How long the server may take to notice that its clients are gone: those that do not read, after its send timeout.
    /// </summary>
    private static readonly TimeSpan ReleaseTime = TimeSpan.FromSeconds(30);

    public static int Run(string[] args) => RunAsync(args).GetAwaiter().GetResult();

    private static async Task<int> RunAsync(string[] args)
    {
        var duration = TimeSpan.FromMinutes(Arguments.Number(args, "--minutes", 10));
        int clients = Math.Max(100, Arguments.Integer(args, "--clients", 300));
        int seed = Arguments.Integer(args, "--seed", Random.Shared.Next());
        Console.WriteLine($"soak: {duration.TotalMinutes:0.#} minutes, {clients} clients, seed {seed}");
        using var server = new SoakProcess(args);
        using var stop = new CancellationTokenSource();
        var work = new SoakWork(server.EndPoint, server.Attacks, stop.Token);
        var failures = new ConcurrentQueue<string>();
        Func<Random, Task>[] visits = Mix(work, clients);
        // What the first visit of each kind makes for good is no leak.
        foreach (Func<Random, Task> visit in visits.Distinct()) await Guard(visit, new Random(seed), failures);
        SoakFigures start = await Released(server, null);
        Console.WriteLine($"at the start: {start}");

        var memory = new SoakMemory();
        Task[] running = [.. visits.Select((visit, number) => Repeat(visit, new Random(seed + number), failures, stop.Token))];
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < duration && failures.Count < 10)
        {
            await Task.Delay(Interval);
            SoakFigures figures = await server.Ask();
            memory.Add(clock.Elapsed / duration, figures);
            Console.WriteLine($"{clock.Elapsed:mm\\:ss} {figures}; {work.Tally}; {failures.Count} failures");
        }
        await stop.CancelAsync();
        await Task.WhenAll(running);
        SoakFigures end = await Released(server, start);
        Console.WriteLine($"at the end: {end}");
        if (!end.HoldsNoMoreThan(start)) failures.Enqueue("more is held at the end than at the start");
        foreach (string growth in memory.Judge()) failures.Enqueue(growth);
        if (server.Stop() is not 0 and var code) failures.Enqueue($"the server ended with code {code}");
        foreach (string failure in failures) Console.Error.WriteLine($"soak failed: {failure}");
        if (failures.IsEmpty) Console.WriteLine($"soak passed: {work.Tally}");
        return failures.IsEmpty ? 0 : 1;
    }

    /// <summary>The visits of all clients, by hundredths.</summary>
    private static Func<Random, Task>[] Mix(SoakWork work, int clients)
    {
        (Func<Random, Task> Visit, int Share)[] shares =
        [
            (work.Slow, 1), (work.Hostile, 3), (work.ShortRequests, 32), (work.PipelinedRequests, 10), (work.TimerStream, 22),
            (work.Subscription, 22), (work.Uploads, 5), (work.AbortedUpload, 5),
        ];
        Func<Random, Task>[] hundred = [.. shares.SelectMany(share => Enumerable.Repeat(share.Visit, share.Share))];
        return [.. Enumerable.Range(0, clients).Select(number => hundred[number % hundred.Length])];
    }

    private static async Task Repeat(Func<Random, Task> visit, Random random, ConcurrentQueue<string> failures,
        CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            if (!await Guard(visit, random, failures)) return;
            await Task.Delay(random.Next(100), CancellationToken.None);
        }
    }

    private static async Task<bool> Guard(Func<Random, Task> visit, Random random, ConcurrentQueue<string> failures)
    {
        try
        {
            await visit(random);
            return true;
        }
        catch (Exception e) when (e is SoakException or SocketException or OperationCanceledException or FormatException)
        {
            failures.Enqueue($"{visit.Method.Name}: {e.Message}");
            return false;
        }
    }

    /// <summary>The figures once nothing is held that was not held before, or as they are when the time for it is over.</summary>
    private static async Task<SoakFigures> Released(SoakProcess server, SoakFigures? before)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            SoakFigures figures = await server.Ask();
            // The one connection asks, and the one timer publishes.
            bool idle = before is null
                ? figures.Connections <= 1 && figures.TemporaryFiles == 0 && figures.Timers <= 1
                : figures.HoldsNoMoreThan(before);
            if (idle || clock.Elapsed > ReleaseTime) return figures;
            await Task.Delay(500);
        }
    }
}
