// kestrel HTTP-ADDRESS HTTPS-ADDRESS: what table.py measures beside ours, the same profiles in ASP.NET Core's minimal API. It is
// built with Dataset.cs of ours: both make the same answers.
using System.Buffers;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Workerman.HttpArena;

string data = Environment.GetEnvironmentVariable("DATA") ?? "/data";
string certs = Environment.GetEnvironmentVariable("CERTS") ?? "/certs";
var dataset = Dataset.Load(Path.Combine(data, "dataset.json"))!;
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.Services.AddResponseCompression(options => options.EnableForHttps = true);
builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(options =>
{
    options.Limits.MaxRequestBodySize = 25 * 1024 * 1024;
    options.Listen(IPEndPoint.Parse(new Uri(args[0]).Authority), listen => listen.Protocols = HttpProtocols.Http1);
    options.Listen(IPEndPoint.Parse(new Uri(args[1]).Authority), listen =>
    {
        listen.Protocols = HttpProtocols.Http1;
        listen.UseHttps(X509Certificate2.CreateFromPemFile(Path.Combine(certs, "server.crt"), Path.Combine(certs, "server.key")));
    });
});
var app = builder.Build();
app.UseWebSockets();
app.UseWhen(context => context.Request.Path.StartsWithSegments("/json"), branch => branch.UseResponseCompression());
app.MapGet("/pipeline", () => "ok");
app.MapGet("/baseline11", (long a, long b) => (a + b).ToString());
app.MapPost("/baseline11", async (long a, long b, HttpRequest request) =>
{
    using var reader = new StreamReader(request.Body);
    return (a + b + long.Parse(await reader.ReadToEndAsync())).ToString();
});
app.MapGet("/json/{count}", (int count, int m) => TypedResults.Json(dataset.First(count, m), ItemJson.Default.ItemList));
app.MapPost("/upload", async (HttpRequest request) =>
{
    byte[] buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
    long length = 0;
    while (await request.Body.ReadAsync(buffer) is var read and > 0) length += read;
    ArrayPool<byte>.Shared.Return(buffer);
    return length.ToString();
});
app.Map("/ws", async (HttpContext context) =>
{
    using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
    var buffer = new byte[16 * 1024];
    while (await socket.ReceiveAsync(buffer.AsMemory(), default) is { MessageType: not WebSocketMessageType.Close } received)
        await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, default);
});
app.Run();
