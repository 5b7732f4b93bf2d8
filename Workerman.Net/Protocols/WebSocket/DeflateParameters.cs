using System.Globalization;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// What both sides agree on for permessage-deflate (RFC 7692 section 7.1), read from an offer or an answer. Pure; any thread.
/// </summary>
/// <param name="ServerNoContextTakeover">The server compresses each message by itself.</param>
/// <param name="ClientNoContextTakeover">The client does.</param>
/// <param name="ServerWindowBits">The window that the server compresses with at most, 8 to 15.</param>
/// <param name="ClientWindowBits">The window that the client compresses with at most; null if it was not named.</param>
internal sealed record DeflateParameters(bool ServerNoContextTakeover, bool ClientNoContextTakeover, int ServerWindowBits,
    int? ClientWindowBits)
{
    public const string Extension = "permessage-deflate";

    public const int LargestWindow = 15;

    /// <summary>What a client offers.</summary>
    public static string Offer(DeflateOptions options) =>
        Extension + "; client_max_window_bits"
        + (options.PeerNoContextTakeover ? "; server_no_context_takeover" : "")
        + (options.NoContextTakeover ? "; client_no_context_takeover" : "");

    /// <summary>The first of a client's offers that can be accepted, as it is accepted; null if there is none.</summary>
    /// <param name="fields">Values of Sec-WebSocket-Extensions.</param>
    /// <param name="options">What the server wants.</param>
    public static DeflateParameters? Accept(IEnumerable<string> fields, DeflateOptions options)
    {
        foreach (string offer in fields.SelectMany(field => field.Split(',')))
        {
            if (Read(offer, isOffer: true) is not { } offered) continue;
            return offered with
            {
                ServerNoContextTakeover = offered.ServerNoContextTakeover || options.NoContextTakeover,
                ClientNoContextTakeover = offered.ClientNoContextTakeover || options.PeerNoContextTakeover,
                // Section 7.1.2.2: any window can be decompressed here, so the one that the client proposes is accepted.
                ClientWindowBits = offered.ClientWindowBits < LargestWindow ? offered.ClientWindowBits : null,
            };
        }
        return null;
    }

    /// <summary>What a server answered; null if that is none of what was offered.</summary>
    public static DeflateParameters? ReadAnswer(string field) => Read(field, isOffer: false);

    /// <summary>The answer of the server.</summary>
    public override string ToString() =>
        Extension
        + (ServerNoContextTakeover ? "; server_no_context_takeover" : "")
        + (ClientNoContextTakeover ? "; client_no_context_takeover" : "")
        + (ServerWindowBits
            < LargestWindow ? string.Create(CultureInfo.InvariantCulture, $"; server_max_window_bits={ServerWindowBits}") : "")
        + (ClientWindowBits is { } bits ? string.Create(CultureInfo.InvariantCulture, $"; client_max_window_bits={bits}") : "");

    /// <summary>
    /// Section 7.1: with an unknown parameter, one twice, or one with a value that it cannot have, an offer is declined.
    /// </summary>
    private static DeflateParameters? Read(string text, bool isOffer)
    {
        string[] parts = text.Split(';', StringSplitOptions.TrimEntries);
        if (!parts[0].Equals(Extension, StringComparison.OrdinalIgnoreCase)) return null;
        var read = new DeflateParameters(false, false, LargestWindow, null);
        HashSet<string> seen = [];
        foreach (string part in parts[1..])
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string name = AsciiCase.ToLower((equals < 0 ? part : part[..equals]).Trim());
            string? value = equals < 0 ? null : part[(equals + 1)..].Trim().Trim('"');
            if (!seen.Add(name)) return null;
            switch (name)
            {
                case "server_no_context_takeover" when value is null:
                    read = read with { ServerNoContextTakeover = true };
                    break;
                case "client_no_context_takeover" when value is null:
                    read = read with { ClientNoContextTakeover = true };
                    break;
                case "server_max_window_bits" when WindowBits(value) is { } bits:
                    read = read with { ServerWindowBits = bits };
                    break;
                // Section 7.1.2.2: in an offer a hint that may come without a value.
                case "client_max_window_bits" when value is null && isOffer:
                    read = read with { ClientWindowBits = LargestWindow };
                    break;
                case "client_max_window_bits" when WindowBits(value) is { } bits:
                    read = read with { ClientWindowBits = bits };
                    break;
                default:
                    return null;
            }
        }
        return read;
    }

    /// <summary>Section 7.1.2: 8 to 15, a number without leading zeros.</summary>
    private static int? WindowBits(string? value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int bits) && bits is >= 8 and <= LargestWindow
        && value![0] != '0' ? bits : null;
}

/// <summary>
/// What messages that are compressed by themselves depend on, so that connections for which it is equal send the same bytes. A
/// value; any thread.
/// </summary>
/// <param name="Options">How they are compressed: those of one worker.</param>
/// <param name="WindowBits">The window that they are compressed with at most.</param>
internal sealed record SharedDeflate(DeflateOptions Options, int WindowBits);
