using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Workerman.Benchmarks;

/// <summary>
/// <c>attack [--seconds S] [--only PART-OF-A-NAME] [--server ADDRESS:PORT] [--loops N]</c>: what each of the
/// <see cref="Attacks"/> costs others. While it is under way, four <see cref="Bystander"/>s ask for <c>GET /</c> every ten
/// milliseconds, and their times are printed as a row of a table: the median, 99 of 100, the longest, how many there were and how
/// many failed. Each attack is made against a server of its own (<see cref="AttackServer"/>), or, with <c>--server</c>, against
/// one that runs already: the referee's Kestrel, started with <c>attack</c>.
/// </summary>
internal static class Attack
{
    private const int Bystanders = 4;

    public static int Run(string[] args) => RunAsync(args).GetAwaiter().GetResult();

    private static async Task<int> RunAsync(string[] args)
    {
        var duration = TimeSpan.FromSeconds(Arguments.Number(args, "--seconds", 60));
        string only = Arguments.Text(args, "--only") ?? "";
        IPEndPoint? other = Arguments.Text(args, "--server") is { } server ? IPEndPoint.Parse(server) : null;
        Console.WriteLine("| attack | p50 | p99 | longest | asked | failed | left behind |\n|---|---|---|---|---|---|---|");
        foreach (AttackKind kind in Attacks.All)
        {
            if (!kind.Name.Contains(only, StringComparison.Ordinal) || (other is not null && kind.IsOursOnly)) continue;
            using AttackProcess? process = other is null ? new AttackProcess(args) : null;
            Attacks attacks = process?.Attacks ?? new Attacks(other!, other!, other!);
            string times = await Measure(kind, attacks, duration);
            Console.WriteLine($"| {kind.Name} | {times} | {process?.LeftBehind()} |");
        }
        return 0;
    }

    private static async Task<string> Measure(AttackKind kind, Attacks attacks, TimeSpan duration)
    {
        // What the first requests make for good is not the attack's.
        using (var first = new Bystander(attacks.Http)) first.Ask(TimeSpan.FromSeconds(1));
        using var stop = new CancellationTokenSource();
        Task[] attackers = [.. Enumerable.Range(0, kind.Clients).Select(_ => Task.Run(() => Repeat(kind, attacks, stop.Token)))];
        Bystander[] all = [.. Enumerable.Range(0, Bystanders).Select(_ => new Bystander(attacks.Http))];
        Thread[] threads = [.. all.Select(one => new Thread(() => one.Ask(duration)))];
        foreach (Thread thread in threads) thread.Start();
        await Task.Run(() => Array.ForEach(threads, thread => thread.Join()));
        await stop.CancelAsync();
        await Task.WhenAll(attackers);
        double[] times = [.. all.SelectMany(one => one.Times).Order()];
        Array.ForEach(all, one => one.Dispose());
        return string.Join(" | ", At(times, 0.5), At(times, 0.99), At(times, 1), times.Length, all.Sum(one => one.Failed));
    }

    private static string At(double[] times, double part) => times.Length == 0
        ? "none"
        : $"{times[(int)Math.Min(times.Length - 1, part * times.Length)].ToString("0.0", CultureInfo.InvariantCulture)} ms";

    private static async Task Repeat(AttackKind kind, Attacks attacks, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await kind.Run(attacks, stop);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // The server has cut it off, which is its right; or it is over.
            }
        }
    }
}

/// <summary>
/// A client that an attack is not meant for: it asks every ten milliseconds, on a connection that it keeps for ten requests, and
/// notes how long each answer takes. It blocks, on a thread of its own.
/// </summary>
internal sealed class Bystander(IPEndPoint server) : IDisposable
{
    private const int RequestsPerConnection = 10;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly byte[] _request = Attacks.Get("/");
    private readonly byte[] _answer = new byte[4096];
    private Socket? _socket;
    private int _left;

    /// <summary>Milliseconds of each answer, that of a new connection with the time to connect.</summary>
    public List<double> Times { get; } = [];

    public int Failed { get; private set; }

    public void Ask(TimeSpan duration)
    {
        long begin = Environment.TickCount64;
        while (Environment.TickCount64 - begin < duration.TotalMilliseconds)
        {
            var clock = Stopwatch.StartNew();
            try
            {
                AskOnce();
                Times.Add(clock.Elapsed.TotalMilliseconds);
            }
            catch (SocketException)
            {
                Failed++;
                _left = 0;
            }
            if (clock.Elapsed < Interval) Thread.Sleep(Interval - clock.Elapsed);
        }
    }

    public void Dispose() => _socket?.Dispose();

    private void AskOnce()
    {
        if (_left-- <= 0) Connect();
        _socket!.Send(_request);
        int length = 0;
        // An answer's head and its body, which is so short that it comes with it.
        while (length < 4 || !_answer.AsSpan(0, length).EndsWith("Hello, World!"u8))
        {
            int count = _socket.Receive(_answer.AsSpan(length));
            if (count == 0) throw new SocketException((int)SocketError.ConnectionReset);
            length += count;
        }
    }

    private void Connect()
    {
        _socket?.Dispose();
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _socket.ReceiveTimeout = _socket.SendTimeout = (int)Limit.TotalMilliseconds;
        _socket.Connect(server);
        _left = RequestsPerConnection - 1;
    }
}
