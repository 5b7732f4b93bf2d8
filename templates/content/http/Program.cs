using Workerman;

var worker = new Worker("http://0.0.0.0:8080");

worker.OnMessage = (connection, request) =>
{
    connection.Send($"Hello, {request.Get("name", "World")}!");
};

Worker.RunAll();
