using Workerman;
using Workerman.Protocols.Http;

var worker = new Worker("http://0.0.0.0:8080");

worker.OnMessage = (connection, request) =>
{
    connection.Send(Response.Text($"Hello, {request.Get("name", "World")}!"));
};

Worker.RunAll();
