using System.Text;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// One message of a WebSocket, text or bytes: what <c>Worker&lt;WebSocketMessage&gt;</c> receives, and what can be sent. It owns its data and never changes. Any thread.
/// </summary>
public readonly struct WebSocketMessage
{
    private readonly string? _text;
    private readonly ReadOnlyMemory<byte> _data;

    /// <summary>A text message.</summary>
    public WebSocketMessage(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        _text = text;
    }

    /// <summary>A message of bytes, which are not copied: do not change them afterwards.</summary>
    public WebSocketMessage(ReadOnlyMemory<byte> data) => _data = data;

    /// <summary>Whether it is text (PHP: <c>BINARY_TYPE_BLOB</c> and <c>BINARY_TYPE_ARRAYBUFFER</c> of <c>$connection-&gt;websocketType</c>).</summary>
    public bool IsText => _text is not null;

    /// <summary>The text; of bytes the text that they are in UTF-8.</summary>
    public string Text => _text ?? Encoding.UTF8.GetString(_data.Span);

    /// <summary>The bytes; of text its UTF-8.</summary>
    public ReadOnlyMemory<byte> Data => _text is null ? _data : Encoding.UTF8.GetBytes(_text);

    /// <summary>A text message.</summary>
    public static implicit operator WebSocketMessage(string text) => new(text);

    /// <summary>A message of bytes.</summary>
    public static implicit operator WebSocketMessage(byte[] data) => new(data);

    /// <summary>The text, or how many bytes there are.</summary>
    public override string ToString() => _text ?? $"{_data.Length} bytes";
}
