using System.Diagnostics;
using System.Globalization;
using Workerman.Diagnostics;

namespace Workerman.Protocols.Http;

/// <summary>
/// What is measured of one request, from its head to the end of its answer, and its activity: made only while somebody listens.
/// An event stream ends with its connection, an upgrade with the 101, an answer from memory when it is written, a file when the
/// system has taken all of it. Names and values are those of OpenTelemetry's semantic conventions for HTTP. Owned by its request;
/// on the loop's thread.
/// </summary>
internal sealed class RequestTelemetry
{
    /// <summary>Why a request has no end: the client is gone, or the application has closed the connection.</summary>
    private const string ConnectionClosed = "connection_closed";

    private readonly Request _request;
    private readonly string _method;
    private readonly string _scheme;
    private readonly string _worker;
    private readonly long _begun = Stopwatch.GetTimestamp();
    private readonly bool _isCounted = HttpInstruments.IsMeasuring;
    private bool _hasEnded;

    private RequestTelemetry(Request request, HttpProtocol exchange)
    {
        _request = request;
        _method = HttpMethods.NameOf(HttpMethods.KnownOf(request.Head.Method));
        _scheme = SchemeOf(request, exchange);
        _worker = exchange.Peer?.WorkerName ?? "";
        if (_isCounted) HttpInstruments.CountActive(1, _method, _scheme, _worker);
        if (RequestTracing.HasListeners) Activity = Start(exchange);
    }

    public static bool IsWanted => HttpInstruments.IsMeasuring || RequestTracing.HasListeners;

    /// <summary>What the request is to those who trace; null if none of them wants it.</summary>
    public Activity? Activity { get; }

    /// <summary>The status of the answer; 0 if it is not known.</summary>
    public int StatusCode { get; set; } = 200;

    /// <summary>What its handler has thrown.</summary>
    public Exception? Fault { get; set; }

    /// <summary>A head has come.</summary>
    public static RequestTelemetry Begin(Request request, HttpProtocol exchange) => new(request, exchange);

    /// <summary>A head that makes no request is refused.</summary>
    public static void CountRefusal(HttpProtocol exchange, string method, int status)
    {
        string scheme = exchange.IsSecure ? "https" : "http";
        string? error = status >= 500 ? status.ToString(CultureInfo.InvariantCulture) : null;
        HttpInstruments.Record(TimeSpan.Zero, new(method, scheme, status, Version: null, Route: null, error),
            exchange.Peer?.WorkerName ?? "");
    }

    /// <summary>The answer has ended. Further calls do nothing.</summary>
    /// <param name="isBrokenOff">Whether it is not whole, because its handler has failed.</param>
    public void End(bool isBrokenOff = false) => End(StatusCode >= 500 || isBrokenOff ? ErrorType : null);

    /// <summary>The connection has come to its end, or goes on with another protocol.</summary>
    /// <param name="isOwed">Whether the client has not got all of the answer.</param>
    /// <param name="isGone">Whether the connection is closed.</param>
    public void Close(bool isOwed, bool isGone) => End(isOwed && isGone ? ConnectionClosed : null);

    private string ErrorType => Fault?.GetType().FullName ?? StatusCode.ToString(CultureInfo.InvariantCulture);

    private void End(string? error)
    {
        if (_hasEnded) return;
        _hasEnded = true;
        if (_isCounted) HttpInstruments.CountActive(-1, _method, _scheme, _worker);
        HttpInstruments.Record(Stopwatch.GetElapsedTime(_begun),
            new(_method, _scheme, StatusCode, _request.ProtocolVersion, _request.Route, error), _worker);
        if (Activity is { } activity) Stop(activity, error);
    }

    private Activity? Start(HttpProtocol exchange)
    {
        ActivityContext parent = TraceContext.Read(_request.Header("traceparent"), _request.Header("tracestate"));
        var tags = new List<KeyValuePair<string, object?>>
        {
            new("http.request.method", _method),
            new("url.scheme", _scheme),
            new("url.path", _request.Path),
            new("network.protocol.version", _request.ProtocolVersion),
            new(ServerMeter.WorkerTag, _worker),
        };
        if (_method == HttpInstruments.OtherMethod) tags.Add(new("http.request.method_original", _request.Method));
        if (_request.QueryString.Length > 0) tags.Add(new("url.query", RedactedQuery.Of(_request.QueryString)));
        AddHost(tags);
        if (_request.Header("user-agent") is { } agent) tags.Add(new("user_agent.original", agent));
        AddPeer(tags, exchange);
        return RequestTracing.Start(NameOf(route: null), parent, tags);
    }

    private void AddHost(List<KeyValuePair<string, object?>> tags)
    {
        string host = _request.Host;
        string name = _request.HostWithoutPort;
        if (name.Length == 0) return;
        tags.Add(new("server.address", name));
        if (host.Length > name.Length
            && int.TryParse(host.AsSpan(name.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port))
            tags.Add(new("server.port", port));
    }

    private void AddPeer(List<KeyValuePair<string, object?>> tags, HttpProtocol exchange)
    {
        if (exchange.Peer?.RemoteAddress is { } peer)
        {
            tags.Add(new("network.peer.address", peer.Address.ToString()));
            tags.Add(new("network.peer.port", peer.Port));
        }
        string client = OriginOf(_request, static request => request.ClientIp, "");
        if (client.Length > 0) tags.Add(new("client.address", client));
    }

    private void Stop(Activity activity, string? error)
    {
        if (StatusCode != 0) activity.SetTag("http.response.status_code", HttpInstruments.StatusOf(StatusCode));
        if (_request.Route is { } route)
        {
            activity.SetTag("http.route", route);
            activity.DisplayName = NameOf(route);
        }
        if (error is not null)
        {
            activity.SetTag("error.type", error);
            activity.SetStatus(ActivityStatusCode.Error, Fault?.Message);
        }
        RequestTracing.Stop(activity);
    }

    private string NameOf(string? route)
    {
        string method = _method == HttpInstruments.OtherMethod ? "HTTP" : _method;
        return route is null ? method : $"{method} {route}";
    }

    private static string SchemeOf(Request request, HttpProtocol exchange)
    {
        string own = exchange.IsSecure ? "https" : "http";
        return exchange.HasTrustedPeer ? OriginOf(request, static request => request.ClientScheme, own) : own;
    }

    /// <summary>A trusted proxy may have passed on contradictions, which are the application's to refuse.</summary>
    private static string OriginOf(Request request, Func<Request, string> member, string otherwise)
    {
        try
        {
            return member(request);
        }
        catch (BadRequestException)
        {
            return otherwise;
        }
    }
}

/// <summary>
/// A query for those who trace: with its names and without its values, which may be secrets (OpenTelemetry's <c>url.query</c>: it
/// SHOULD be scrubbed). Pure.
/// </summary>
internal static class RedactedQuery
{
    public static string Of(string query) => string.Join('&', query.Split('&').Select(RedactMember));

    private static string RedactMember(string member)
    {
        int equals = member.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? member : member[..equals] + "=Redacted";
    }
}
