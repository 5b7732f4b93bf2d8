using Workerman;

// TcpProxy [address [upstream]]: whoever connects to the first address talks to the second.
Arguments.Expect(args, 2, "TcpProxy [address [upstream]]");
string address = args.ElementAtOrDefault(0) ?? "tcp://0.0.0.0:4406";
string upstreamAddress = args.ElementAtOrDefault(1) ?? "tcp://127.0.0.1:8080";
// Made as it will be for each connection: an address that is none is refused at once.
Arguments.Check(() => new AsyncTcpConnection<ReadOnlyMemory<byte>>(upstreamAddress));
var proxy = Arguments.Check(() => new Worker<ReadOnlyMemory<byte>>(address));

proxy.OnConnect = connection =>
{
    var upstream = new AsyncTcpConnection<ReadOnlyMemory<byte>>(upstreamAddress);
    connection.Pipe(upstream);
    upstream.Pipe(connection);
    upstream.Connect();
};

Worker.RunAll();
