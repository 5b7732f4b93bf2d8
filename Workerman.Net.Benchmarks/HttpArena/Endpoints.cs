using System.Globalization;
using System.IO.Pipelines;
using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.HttpArena;

/// <summary>
/// What the arena asks for by HTTP/1.1 and WebSocket: the profiles baseline, pipelined, limited-conn, json, json-comp, json-tls,
/// static, upload and echo-ws. Not those with a database, HTTP/2 or HTTP/3. Called on any loop; has no state but the files.
/// </summary>
/// <param name="dataset">Null where there is none: then <c>/json</c> is answered with 500.</param>
/// <param name="folder">Of the static files.</param>
internal sealed class Endpoints(Dataset? dataset, string folder)
{
    private const string Json = "/json/";

    private readonly StaticFiles _files = new(folder);

    /// <summary>Answers one request, or makes a WebSocket of it.</summary>
    public Task Answer(TcpConnection connection, Request request)
    {
        string path = request.Path;
        if (path == "/upload") return Count(connection, request);
        if (path == "/baseline11" && request.Method == "POST") return SumWithBody(connection, request);
        if (path == "/baseline11") connection.Send(Response.Text(Format(Sum(request))));
        else if (path == "/pipeline") connection.Send(Response.Text("ok"));
        else if (path.StartsWith(Json, StringComparison.Ordinal)) connection.Send(Items(request, path.AsSpan(Json.Length)));
        else if (path.StartsWith("/static/", StringComparison.Ordinal)) connection.Send(_files.Serve(request, "/static"));
        else if (path == "/ws" && request.IsWebSocketUpgrade)
            connection.UpgradeToWebSocket(request, (own, message) => own.Send(message));
        else connection.Send(Response.Text("", path == "/ws" ? 426 : 404));
        return Task.CompletedTask;
    }

    /// <summary>The sum of two numbers of the query.</summary>
    private static long Sum(Request request) => request.Get("a", 0L) + request.Get("b", 0L);

    /// <summary>The same, and a third one in the body.</summary>
    private static async Task SumWithBody(TcpConnection connection, Request request)
    {
        await request.ReadBodyAsync();
        connection.Send(Response.Text(Format(Sum(request) + long.Parse(request.Body, CultureInfo.InvariantCulture))));
    }

    /// <summary>The first items with their totals, made anew for each request; compressed for those who take it.</summary>
    private Response Items(Request request, ReadOnlySpan<char> count)
    {
        if (dataset is null) return Response.Text("no dataset", 500);
        if (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int wanted)) return Response.Text("", 404);
        ItemList list = dataset.First(wanted, request.Get("m", 1));
        return Response.Json(list, ItemJson.Default.ItemList).WithCompression();
    }

    /// <summary>How many bytes were uploaded, by reading them: the arena's rule is that Content-Length is no answer.</summary>
    private static async Task Count(TcpConnection connection, Request request)
    {
        for (long length = 0; ;)
        {
            ReadResult read = await request.BodyReader.ReadAsync();
            length += read.Buffer.Length;
            request.BodyReader.AdvanceTo(read.Buffer.End);
            if (!read.IsCompleted) continue;
            connection.Send(Response.Text(Format(length)));
            return;
        }
    }

    private static string Format(long number) => number.ToString(CultureInfo.InvariantCulture);
}
