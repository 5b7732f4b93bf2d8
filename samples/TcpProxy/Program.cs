using Workerman;

// A TCP proxy: whoever connects to the first address talks to the second.
string upstreamAddress = args.ElementAtOrDefault(1) ?? "tcp://127.0.0.1:8080";
var proxy = new Worker<ReadOnlyMemory<byte>>(args.ElementAtOrDefault(0) ?? "tcp://0.0.0.0:4406");

proxy.OnConnect = connection =>
{
    var upstream = new AsyncTcpConnection<ReadOnlyMemory<byte>>(upstreamAddress);
    connection.Pipe(upstream);
    upstream.Pipe(connection);
    upstream.Connect();
};

Worker.RunAll();
