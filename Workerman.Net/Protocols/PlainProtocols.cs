namespace Workerman.Protocols;

/// <summary>
/// Makes the library's protocols that know no more than bytes and text, for messages of one type: raw, line by line, framed. Null
/// where the protocol does not deliver the type. Any thread.
/// </summary>
internal static class PlainProtocols
{
    /// <summary>The types that they deliver, for error messages.</summary>
    public const string Delivered = "string, byte[] or ReadOnlyMemory<byte>";

    /// <summary>No protocol. Without state, so all connections share one.</summary>
    public static Func<ConnectionProtocol>? Raw<T>(string scheme, bool datagrams = false)
    {
        ConnectionProtocol raw = typeof(T) == typeof(string) ? new RawTextProtocol(scheme, datagrams) : new RawProtocol(scheme);
        return raw is IDecoder<T> ? () => raw : null;
    }

    /// <summary>Lines. With state, so each connection has its own.</summary>
    public static Func<ConnectionProtocol>? Text<T>(MessageRate rate = default) => new TextProtocol() is IProtocol<T>
        ? () => new MessageProtocol<T>("text", (IProtocol<T>)(object)new TextProtocol(), rate)
        : null;

    /// <summary>Frames.</summary>
    public static Func<ConnectionProtocol>? Frame<T>(MessageRate rate = default)
    {
        // Without state, so all connections share one.
        if (new FrameProtocol() is not IProtocol<T> frame) return null;
        return () => new MessageProtocol<T>("frame", frame, rate);
    }

    /// <summary>The protocol of datagrams: an application's own, or that of an address's scheme.</summary>
    /// <exception cref="ArgumentException">The scheme is not spoken over UDP, or does not deliver the type.</exception>
    public static Func<ConnectionProtocol> ForDatagrams<T>(string scheme, Func<IProtocol<T>>? own)
    {
        const string Known = "udp://, text:// or frame://";
        if (scheme.Length == 0)
            throw new ArgumentException($"it has no scheme. Cure: write it as scheme://host:port with {Known}");
        if (own is not null && scheme != "udp")
            throw new ArgumentException($"Protocol is set, but {scheme}:// brings its own. Cure: use udp://");
        if (own is not null) return () => new MessageProtocol<T>(scheme, own());
        Func<ConnectionProtocol>? protocol = scheme switch
        {
            "udp" => Raw<T>(scheme, datagrams: true),
            "text" => Text<T>(),
            "frame" => Frame<T>(),
            _ => throw new ArgumentException($"{scheme}:// is not spoken over UDP. Cure: use {Known}"),
        };
        return protocol ?? throw new ArgumentException($"{scheme}:// delivers {Delivered}, not {typeof(T)}. Cure: "
            + $"use udp:// with a Protocol of your own (IProtocol<{typeof(T).Name}>)");
    }
}
