using System.Text;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// One message of a WebSocket, text or bytes: what <c>Worker&lt;WebSocketMessage&gt;</c> receives, and what can be sent. It never
/// changes. Any thread.
/// </summary>
public readonly struct WebSocketMessage : IMessage
{
    private readonly string? _text;
    private readonly ReadOnlyMemory<byte> _data;

    /// <summary>A text message.</summary>
    public WebSocketMessage(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        _text = text;
        IsText = true;
    }

    /// <summary>
    /// A message that was received: its bytes, which are UTF-8 if it is text. Most messages are passed on as they are, and do not
    /// need to become a string in between.
    /// </summary>
    internal WebSocketMessage(ReadOnlyMemory<byte> data, bool isText)
    {
        _data = data;
        IsText = isText;
    }

    /// <summary>A message of bytes, which are not copied: do not change them afterwards.</summary>
    public WebSocketMessage(ReadOnlyMemory<byte> data) => _data = data;

    /// <summary>
    /// Whether it is text (PHP: <c>BINARY_TYPE_BLOB</c> and <c>BINARY_TYPE_ARRAYBUFFER</c> of
    /// <c>$connection-&gt;websocketType</c>).
    /// </summary>
    public bool IsText { get; }

    /// <summary>The text; of bytes the text that they are in UTF-8. What was received is decoded each time.</summary>
    public string Text => _text ?? Encoding.UTF8.GetString(_data.Span);

    /// <summary>The bytes; of text its UTF-8, which is encoded each time unless it was received.</summary>
    public ReadOnlyMemory<byte> Data => _text is null ? _data : Encoding.UTF8.GetBytes(_text);

    /// <summary>Whether it holds bytes, not a string.</summary>
    internal bool HasBytes => _text is null;

    /// <summary>A text message.</summary>
    public static implicit operator WebSocketMessage(string text) => new(text);

    /// <summary>A message of bytes.</summary>
    public static implicit operator WebSocketMessage(byte[] data) => new(data);

    /// <summary>The text, or how many bytes there are.</summary>
    public override string ToString() => IsText ? Text : $"{_data.Length} bytes";
}
