using System.Buffers;
using System.Runtime.CompilerServices;

namespace Workerman.Protocols.Http;

/// <summary>
/// What the application is asked before a body is read: whether it wants it. An answer that it gives then is a refusal, and the
/// body is not taken in: RFC 9112 section 9.3 has a server read it to its end all the same, or close the connection.
/// </summary>
internal partial class HttpProtocol
{
    /// <summary>Bytes of an unwanted body that are read to get at the next request; beyond, the connection is closed.</summary>
    private const long MostSkipped = 256 * 1024;

    /// <summary>Whether the body of the request that is with the application is still to be read.</summary>
    private bool _bodyIsUnread;

    /// <summary>Whether the head of a request is for the application to see.</summary>
    public bool IsAsking => _state == State.Asked;

    /// <summary>From here on the application may answer the request whose body it has not got.</summary>
    public Request BeginAsking()
    {
        _bodyIsUnread = true;
        _state = State.Answer;
        return _request!;
    }

    /// <summary>The application has seen the head: unless it has answered, its body is read.</summary>
    public void EndAsking()
    {
        // An answer that has begun may go on, but the client is not told to send the body.
        if (_state != State.Answer) _continuePending = false;
        else if (_bodyIsUnread) Admit();
    }

    private void Admit()
    {
        _bodyIsUnread = false;
        _state = ReadingState;
    }

    /// <summary>Whether another request may follow the answer.</summary>
    private bool Persists
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Head.KeepAlive && !_endsAfterAnswer && (!_bodyIsUnread || CanSkip);
    }

    /// <summary>
    /// Whether an unread body is known to come, and how long it is. RFC 9110 section 10.1.1: a client that waits for 100 need not
    /// send it after another answer, so it is not known what comes next.
    /// </summary>
    private bool CanSkip => !_continuePending && _body is { Chunks: null, Remaining: <= MostSkipped };

    /// <summary>Drops what has come of an unwanted body.</summary>
    /// <returns>Whether that was all of it.</returns>
    private bool TrySkip(ref ReadOnlySequence<byte> input)
    {
        Take(ref input);
        if (_body!.Remaining > 0) return false;
        ReleaseBody();
        _state = State.Head;
        return true;
    }
}
