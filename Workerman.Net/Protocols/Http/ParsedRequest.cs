using Workerman.Protocols.Http.Sessions;

namespace Workerman.Protocols.Http;

/// <summary>
/// What a <see cref="Request"/> has made of its parts when it was asked for them. An object of its own, because most requests are
/// asked for little. Owned by its request.
/// </summary>
internal sealed class ParsedRequest
{
    public string? Uri { get; set; }

    public string? QueryString { get; set; }

    public FieldCollection<string>? Query { get; set; }

    public FieldCollection<string>? Cookies { get; set; }

    public FieldCollection<string>? Headers { get; set; }

    public Dictionary<string, string>? JoinedHeaders { get; set; }

    public FieldCollection<string>? Post { get; set; }

    public FieldCollection<string>? Trailers { get; set; }

    public RequestOrigin? Origin { get; set; }

    public Session? Session { get; set; }

    /// <summary>The id that the application has chosen for the session.</summary>
    public string? OwnSessionId { get; set; }

    public ResponseHeaders? UpgradeHeaders { get; set; }
}
