using Workerman;

// UdpEcho [address]: sends every datagram back to where it came from. Try it with nc -u 127.0.0.1 9292
Arguments.Expect(args, 1, "UdpEcho [address]");
string address = args.Length > 0 ? args[0] : "udp://127.0.0.1:9292";

var worker = Arguments.Check(() => new UdpWorker<ReadOnlyMemory<byte>>(address) { Name = "udp echo" });

worker.OnMessage = (connection, datagram) => connection.Send(datagram);

worker.OnError = (connection, error, reason) => Console.WriteLine($"no answer to {connection.RemoteAddress}: {reason}");

Worker.RunAll();
