using Workerman;
using Workerman.Protocols.Http;
using Workerman.Samples;

// Router [address]: routes and middleware, as webman has them, without a package: dotnet run --project samples/Router, then
//   curl http://127.0.0.1:8080/users/7
//   curl -X DELETE -H 'Authorization: Bearer secret' http://127.0.0.1:8080/users/7
Arguments.Expect(args, 1, "Router [address]");
string address = args.ElementAtOrDefault(0) ?? "http://0.0.0.0:8080";
var router = new Router();
router.Add("GET", "/", (_, _) => ValueTask.FromResult(Response.Text("hello")));
router.Add("GET", "/users/{id}", (_, values) => ValueTask.FromResult(Response.Text($"user {values["id"]}")));
router.Add("DELETE", "/users/{id}", WithTime(WithToken(async (_, values) =>
{
    // Here a database would be asked.
    await Task.Yield();
    return Response.Text($"user {values["id"]} is deleted");
})));

var worker = Arguments.Check(() => new Worker(address));
worker.OnMessageAsync = async (connection, request) => connection.Send(await router.Handle(request));
Worker.RunAll();

// Middleware: a function that takes a handler and gives one back.
static Handler WithToken(Handler next) => async (request, values) =>
    request.Header("authorization") == "Bearer secret" ? await next(request, values) : Response.Text("who are you?", 401);

static Handler WithTime(Handler next) => async (request, values) =>
{
    long start = Environment.TickCount64;
    Response answer = await next(request, values);
    return answer.WithHeader("Server-Timing", $"app;dur={Environment.TickCount64 - start}");
};
