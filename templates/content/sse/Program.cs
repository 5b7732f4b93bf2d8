using Workerman;
using Workerman.EventStreams;
using Workerman.Protocols.Http;

// What is published once, each browser that has the page open is told, and after a cut what it has missed.
var clock = new EventStream("clock");
var page = new StaticFiles(Path.Combine(AppContext.BaseDirectory, "wwwroot")) { CacheControl = "no-cache" };
var worker = new Worker("http://0.0.0.0:8080");

worker.OnWorkerStart = _ => Timer.Add(1, () => clock.Publish($"{DateTime.Now:T}"));

worker.OnMessage = (connection, request) =>
{
    if (request.Path == "/events") clock.Subscribe(connection, request);
    else connection.Send(page.Serve(request));
};

Worker.RunAll();
