using System.Security.Cryptography;
using System.Text;
using Workerman.Protocols.Http;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// The server's half of the opening handshake (RFC 6455 section 4.2): judges a request, and makes the answer. Pure; any thread.
/// </summary>
internal static class ServerHandshake
{
    private const string Version = "13";
    private const string ProtocolField = "Sec-WebSocket-Protocol";
    private const string ExtensionsField = "Sec-WebSocket-Extensions";

    private static ReadOnlySpan<byte> Guid => "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"u8;

    /// <summary>The answer that refuses a request which is no valid opening handshake, and says why; null if it is one.</summary>
    public static Response? Refuse(Request request)
    {
        if (!request.IsWebSocketUpgrade) return Refusal(426, "this is a WebSocket service").WithHeader("Upgrade", "websocket");
        // Section 4.2.1: GET, HTTP/1.1 or higher, and the values that each field must have. A body is not expected.
        if (request.Method != "GET") return Refusal(405, "a WebSocket is opened with GET").WithHeader("Allow", "GET");
        if (request.ProtocolVersion != "1.1") return Refusal(400, "a WebSocket is opened with HTTP/1.1");
        if (!OptionList.Contains(request.Header("connection"), "upgrade")) return Refusal(400, "Connection: Upgrade is missing");
        if (request.Header("sec-websocket-version") != Version)
            return Refusal(426, "only version 13 is spoken here").WithHeader("Upgrade", "websocket")
                .WithHeader("Sec-WebSocket-Version", Version);
        if (!IsKey(request.Header("sec-websocket-key"))) return Refusal(400, "Sec-WebSocket-Key is no 16 bytes in base64");
        if (request.Head.ContentLength != 0) return Refusal(400, "a request for a WebSocket has no body");
        return null;
    }

    /// <summary>The answer that opens a WebSocket (section 4.2.2).</summary>
    /// <param name="request">The request, which was not refused.</param>
    /// <param name="deflate">What was agreed on for compression, if anything.</param>
    /// <exception cref="InvalidOperationException">The application chose a subprotocol that the client did not offer, or set a
    /// field that the handshake sets itself.</exception>
    public static Response Accept(Request request, DeflateParameters? deflate)
    {
        var answer = new Response(101);
        foreach ((string name, string value) in request.UpgradeHeaders)
        {
            Check(request, name, value);
            answer.Headers.Add(name, value);
        }
        answer.WithHeader("Upgrade", "websocket")
            .WithHeader("Sec-WebSocket-Accept", AcceptOf(request.Header("sec-websocket-key")!));
        return deflate is null ? answer : answer.WithHeader(ExtensionsField, deflate.ToString());
    }

    /// <summary>
    /// The compression that is agreed on: the first of the client's offers that the server accepts, as it accepts it; null for
    /// none.
    /// </summary>
    public static DeflateParameters? Negotiate(Request request, DeflateOptions? options) =>
        options is null ? null : DeflateParameters.Accept(request.HeaderValues(ExtensionsField), options);

    /// <summary>The subprotocol that the application chose; null for none.</summary>
    public static string? SubprotocolOf(Request request) =>
        request.UpgradeHeaders.TryGetValue(ProtocolField, out string? chosen) ? chosen : null;

    /// <summary>Sec-WebSocket-Accept, which proves to the client that its key was read (section 1.3).</summary>
    public static string AcceptOf(string key)
    {
        byte[] bytes = [.. Encoding.ASCII.GetBytes(key), .. Guid];
        // The RFC prescribes SHA-1; it is not used for security here.
#pragma warning disable CA5350
        return Convert.ToBase64String(SHA1.HashData(bytes));
#pragma warning restore CA5350
    }

    /// <summary>Section 4.2.2: a subprotocol is one of those that the client offered.</summary>
    private static void Check(Request request, string name, string value)
    {
        if (name.Equals(ProtocolField, StringComparison.OrdinalIgnoreCase))
        {
            if (!OfferedSubprotocols(request).Contains(value))
                throw new InvalidOperationException($"The client does not offer the subprotocol '{value}', "
                    + "and would end the connection; choose one of its Sec-WebSocket-Protocol, or none.");
        }
        else if (name.StartsWith("Sec-WebSocket-", StringComparison.OrdinalIgnoreCase) || name.Equals("Upgrade",
            StringComparison.OrdinalIgnoreCase) || name.Equals("Connection", StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidOperationException($"{name} is the handshake's own; remove it from UpgradeHeaders.");
        }
    }

    private static IEnumerable<string> OfferedSubprotocols(Request request) =>
        request.HeaderValues(ProtocolField)
            .SelectMany(line => line.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    private static bool IsKey(string? key)
    {
        Span<byte> bytes = stackalloc byte[16];
        return key?.Length == 24 && Convert.TryFromBase64String(key, bytes, out int length) && length == 16;
    }

    private static Response Refusal(int status, string reason) =>
        new(status, new() { ["Content-Type"] = "text/plain;charset=utf-8", ["Connection"] = "close" },
            $"{status} {ReasonPhrases.Of(status)}: {reason}\n");
}
