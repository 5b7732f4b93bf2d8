using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Workerman.Benchmarks;

/// <summary>
/// The processes of <see cref="Cluster"/>: Redis, the nodes, and nginx in front of them, all at 127.0.0.1, with their files in
/// one folder. Ends them when it is disposed of. One thread at a time.
/// </summary>
internal sealed class ClusterSite : IDisposable
{
    private readonly string _folder;
    private readonly string _redisProgram;
    private readonly ClusterProcess?[] _nodes;
    private readonly int[] _ports;
    private readonly ClusterProcess _nginx;
    private ClusterProcess? _redis;

    public ClusterSite(string folder, string redis, string nginx, int nodes)
    {
        _folder = folder;
        _redisProgram = redis;
        _nodes = new ClusterProcess[nodes];
        int[] ports = UnusedPorts(nodes + 2);
        Redis = new IPEndPoint(IPAddress.Loopback, ports[nodes]);
        Front = new IPEndPoint(IPAddress.Loopback, ports[nodes + 1]);
        _ports = ports[..nodes];
        StartRedis();
        for (int node = 0; node < nodes; node++) StartNode(node);
        string settings = Path.Combine(folder, "nginx.conf");
        File.WriteAllText(settings, NginxSettings());
        _nginx = new ClusterProcess(nginx, ["-p", folder, "-c", settings, "-e", $"{folder}/nginx.log"], Front);
    }

    public IPEndPoint Redis { get; }

    /// <summary>Where nginx listens.</summary>
    public IPEndPoint Front { get; }

    public int Nodes => _nodes.Length;

    public void StartRedis() => _redis = new ClusterProcess(_redisProgram,
        ["--bind", "127.0.0.1", "--port", Text(Redis.Port), "--dir", _folder, "--appendonly", "yes", "--save", "", "--logfile",
            $"{_folder}/redis.log"], Redis);

    public void KillRedis() => End(ref _redis, kill: true);

    public void StartNode(int node) => _nodes[node] = new ClusterProcess(Environment.ProcessPath!,
        [.. ClusterProcess.Self, "cluster-node", "--port", Text(_ports[node]), "--redis", Redis.ToString()],
        new IPEndPoint(IPAddress.Loopback, _ports[node]));

    public void KillNode(int node) => End(ref _nodes[node], kill: true);

    public void StopNode(int node) => End(ref _nodes[node], kill: false);

    public void Dispose()
    {
        _nginx.End(kill: true);
        for (int node = 0; node < _nodes.Length; node++) End(ref _nodes[node], kill: true);
        End(ref _redis, kill: true);
    }

    private static void End(ref ClusterProcess? process, bool kill)
    {
        process?.End(kill);
        process = null;
    }

    private string NginxSettings() => $$"""
        daemon off;
        master_process off;
        worker_rlimit_nofile 60000;
        pid {{_folder}}/nginx.pid;
        error_log {{_folder}}/nginx.log crit;
        events { worker_connections 50000; }
        http {
            access_log off;
            {{string.Concat("client_body proxy fastcgi uwsgi scgi".Split(' ')
                .Select(kind => $"{kind}_temp_path {_folder}/{kind};\n"))}}
            upstream nodes { {{string.Concat(_ports.Select(port => $"server 127.0.0.1:{port} fail_timeout=1s; "))}} }
            server {
                listen {{Front}};
                location / {
                    proxy_pass http://nodes;
                    proxy_http_version 1.1;
                    proxy_set_header Connection '';
                    proxy_buffering off;
                }
            }
        }
        """;

    private static int[] UnusedPorts(int count)
    {
        TcpListener[] listeners = [.. Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0))];
        int[] ports = [.. listeners.Select(listener =>
        {
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port;
        })];
        Array.ForEach(listeners, listener => listener.Dispose());
        return ports;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A program that listens, until it is ended. Used by one thread at a time.</summary>
internal sealed class ClusterProcess
{
    private readonly Process _process;

    /// <summary>Starts it, and waits until it listens.</summary>
    public ClusterProcess(string program, string[] arguments, IPEndPoint endPoint)
    {
        _process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardInput = true })!;
        _process.OutputDataReceived += static (_, _) => { };
        _process.BeginOutputReadLine();
        long end = Environment.TickCount64 + 30_000;
        while (!CanConnect(endPoint))
        {
            if (_process.HasExited || Environment.TickCount64 > end)
                throw new InvalidOperationException($"{program} does not listen at {endPoint}");
            Thread.Sleep(20);
        }
    }

    /// <summary>How this program is started: by dotnet, its assembly is the first argument.</summary>
    public static string[] Self =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(ClusterProcess).Assembly.Location] : [];

    public static bool Find(string name, out string program)
    {
        program = Array.Find([$"/usr/sbin/{name}", $"/usr/bin/{name}", $"/usr/local/bin/{name}"], File.Exists) ?? "";
        return program.Length > 0;
    }

    public void End(bool kill)
    {
        if (kill) _process.Kill();
        else Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]).WaitForExit();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(20))) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static bool CanConnect(IPEndPoint endPoint)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(endPoint);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
