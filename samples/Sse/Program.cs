using Workerman;
using Workerman.Connection;
using Workerman.Protocols.Http;

var worker = new Worker("http://0.0.0.0:8080");

worker.OnMessage = (connection, request) =>
{
    if (request.Header("accept") == "text/event-stream")
    {
        connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }, "\r\n"));
        long timerId = 0;
        timerId = Timer.Add(2, () =>
        {
            if (connection.Status != ConnectionStatus.Established)
            {
                Timer.Del(timerId);
                return;
            }
            connection.Send(new ServerSentEvents { Event = "message", Data = "hello", Id = "1" });
        });
        return;
    }
    connection.Send("ok");
};

Worker.RunAll();
