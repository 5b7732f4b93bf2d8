using Workerman;
using Workerman.EventStreams;

// Service start|stop|restart|reload|status|connections|install: a clock as an event stream, run as a daemon.
// Reload it, and who has the stream open goes on in the new process.
var clock = new EventStream("clock");
var worker = new Worker("http://127.0.0.1:8080") { Name = "clock" };

worker.OnWorkerStart = _ => Timer.Add(1, () => clock.Publish($"{DateTime.Now:T} from process {Environment.ProcessId}"));
worker.OnMessage = (connection, request) => clock.Subscribe(connection, request);

Worker.RunAll(args);
