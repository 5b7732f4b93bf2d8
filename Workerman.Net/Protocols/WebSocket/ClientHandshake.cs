using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Workerman.Protocols.Http;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// The client's half of the opening handshake (RFC 6455 section 4.1): writes the request, and judges the answer. Used once;
/// belongs to its protocol.
/// </summary>
/// <param name="host">Host and port.</param>
/// <param name="target">Path and query.</param>
/// <param name="options">What is asked for.</param>
internal sealed class ClientHandshake(string host, string target, WebSocketClientOptions options)
{
    private const int MaxHeadSize = 16 * 1024;

    private static readonly string[] Own = ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Content-Length", "Transfer-Encoding"];

    private readonly string _key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));

    /// <summary>Bytes of the answer in which the end of its head was looked for.</summary>
    private long _searched;

    /// <summary>The subprotocol that the server chose; null for none.</summary>
    public string? Subprotocol { get; private set; }

    /// <summary>What the server agreed to for compression; null for none.</summary>
    public DeflateParameters? Deflate { get; private set; }

    /// <exception cref="InvalidOperationException">A header field is the handshake's own.</exception>
    public static void Check(WebSocketClientOptions options)
    {
        foreach ((string name, _) in options.Headers)
        {
            if (Own.Contains(name, StringComparer.OrdinalIgnoreCase))
                throw new InvalidOperationException($"WebSocket.Headers has {name}, which the handshake sets itself; remove it. "
                    + "Subprotocols and compression have options of their own.");
        }
        foreach (string subprotocol in options.Subprotocols)
        {
            if (!HttpChars.IsToken(subprotocol))
                throw new InvalidOperationException($"'{Printable.Of(subprotocol)}' is no name of a subprotocol; "
                    + "it may have letters, digits and !#$%&'*+-.^_`|~.");
        }
    }

    public void WriteRequest(IBufferWriter<byte> output)
    {
        options.Response = null;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            + $"Connection: Upgrade\r\nSec-WebSocket-Key: {_key}\r\nSec-WebSocket-Version: 13\r\n");
        if (options.Subprotocols.Count > 0)
            text.Append(CultureInfo.InvariantCulture, $"Sec-WebSocket-Protocol: {string.Join(", ", options.Subprotocols)}\r\n");
        if (options.Options.Deflate is { } deflate)
            text.Append(CultureInfo.InvariantCulture, $"Sec-WebSocket-Extensions: {DeflateParameters.Offer(deflate)}\r\n");
        foreach ((string name, string value) in options.Headers)
            text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        text.Append("\r\n");
        Encoding.UTF8.GetBytes(text.ToString(), output);
    }

    /// <summary>Reads the answer, or the beginning of one.</summary>
    public Verdict Read(ref ReadOnlySequence<byte> input)
    {
        // No further than a head may go, its end included: the verdict must not depend on how much has come at once.
        ReadOnlySequence<byte> allowed = input.Slice(0, Math.Min(input.Length, MaxHeadSize + 4));
        // An end of which three bytes have come may have come in two pieces.
        var reader = new SequenceReader<byte>(SequenceTail.From(allowed, Math.Max(0, _searched - 3)));
        if (!reader.TryReadTo(out ReadOnlySequence<byte> _, "\r\n\r\n"u8))
        {
            _searched = allowed.Length;
            return allowed.Length < MaxHeadSize + 4
                ? Verdict.NeedMore
                : Verdict.Reject(0, "the server's answer has too large a head");
        }
        ReadOnlySequence<byte> head = input.Slice(input.Start, reader.Position);
        head = head.Slice(0, head.Length - 4);
        string[] lines = Encoding.UTF8.GetString(head).Split("\r\n");
        input = input.Slice(reader.Position);
        return Judge(lines[0], Fields(lines.AsSpan(1)));
    }

    private Verdict Judge(string statusLine, ResponseHeaders? fields)
    {
        if (fields is null || AnswerOf(statusLine, fields) is not { } answer)
            return Verdict.Reject(0, "the server does not speak HTTP/1.1");
        options.Response = answer;
        if (answer.StatusCode != 101) return Verdict.Reject(0, $"the server answered {Printable.Of(statusLine[9..])}");
        // Section 4.1: the values that each field must have, or the connection fails.
        if (!OptionList.Contains(Joined(fields, "upgrade"), "websocket")
            || !OptionList.Contains(Joined(fields, "connection"), "upgrade"))
            return Verdict.Reject(0, "the server did not upgrade to a WebSocket");
        if (Joined(fields, "sec-websocket-accept") != ServerHandshake.AcceptOf(_key))
            return Verdict.Reject(0, "the server's Sec-WebSocket-Accept is not of this handshake");
        Subprotocol = Joined(fields, "sec-websocket-protocol");
        if (Subprotocol is not null && !options.Subprotocols.Contains(Subprotocol))
            return Verdict.Reject(0, "the server chose a subprotocol that was not offered");
        if (Joined(fields, "sec-websocket-extensions") is not { } extensions) return Verdict.Message;
        Deflate = options.Options.Deflate is null ? null : DeflateParameters.ReadAnswer(extensions);
        return Deflate is null ? Verdict.Reject(0, "the server chose an extension that was not offered") : Verdict.Message;
    }

    /// <summary>
    /// The answer that a status line (RFC 9112 section 4) and its fields are; null if it is not one of HTTP/1.1.
    /// </summary>
    private static Response? AnswerOf(string line, ResponseHeaders fields)
    {
        const string Version = "HTTP/1.1 ";
        if (!line.StartsWith(Version, StringComparison.Ordinal) || line.Length < Version.Length + 3) return null;
        ReadOnlySpan<char> code = line.AsSpan(Version.Length, 3);
        string rest = line[(Version.Length + 3)..];
        if (code.ContainsAnyExceptInRange('0', '9') || code[0] == '0' || (rest.Length > 0 && rest[0] != ' ')
            || !HttpChars.IsFieldValue(rest)) return null;
        int status = int.Parse(code, NumberStyles.None, CultureInfo.InvariantCulture);
        return new Response(status, fields).WithStatus(status, rest.Trim());
    }

    /// <summary>The fields as they were sent; null if a line is no field.</summary>
    private static ResponseHeaders? Fields(ReadOnlySpan<string> lines)
    {
        ResponseHeaders fields = [];
        foreach (string line in lines)
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || !HttpChars.IsToken(line.AsSpan(0, colon)) || !HttpChars.IsFieldValue(line.AsSpan(colon + 1)))
                return null;
            fields.Add(line[..colon], line[(colon + 1)..].Trim(' ', '\t'));
        }
        return fields;
    }

    /// <summary>The values of a field, joined as RFC 9110 section 5.3 has it; null if there is none.</summary>
    private static string? Joined(ResponseHeaders fields, string name)
    {
        IReadOnlyList<string> values = fields.GetValues(name);
        return values.Count == 0 ? null : string.Join(", ", values);
    }
}
