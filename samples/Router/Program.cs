using Workerman;
using Workerman.Protocols.Http;
using Workerman.Samples;

// Routes and middleware, as webman has them, without a package: dotnet run --project samples/Router, then
//   curl http://127.0.0.1:8080/users/7
//   curl -X DELETE -H 'Authorization: Bearer secret' http://127.0.0.1:8080/users/7
var router = new Router();
router.Add("GET", "/", (_, _) => Response.Text("hello"));
router.Add("GET", "/users/{id}", (_, values) => Response.Text($"user {values["id"]}"));
router.Add("DELETE", "/users/{id}", WithToken((_, values) => Response.Text($"user {values["id"]} is deleted")));

var worker = new Worker(args.ElementAtOrDefault(0) ?? "http://0.0.0.0:8080");
worker.OnMessage = (connection, request) => connection.Send(router.Handle(request));
Worker.RunAll();

// Middleware: a function that takes a handler and gives one back.
static Handler WithToken(Handler next) => (request, values) =>
    request.Header("authorization") == "Bearer secret" ? next(request, values) : new Response(401, [], "who are you?");
