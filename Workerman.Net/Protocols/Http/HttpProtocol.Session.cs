using Workerman.Protocols.Http.Sessions;

namespace Workerman.Protocols.Http;

/// <summary>
/// The session on its way out: it is saved before the answer is written, and the answer tells the client an id it does not know
/// yet. A request that never used its session has none here.
/// </summary>
internal partial class HttpProtocol
{
    private Session? _session;

    public SessionOptions SessionOptions => options.Session;

    /// <summary>Whether the answer to this request is still to be sent.</summary>
    public bool IsUnanswered(Request request) => _state == State.Answer && ReferenceEquals(_request, request);

    /// <summary>The request with the application has come to use its session.</summary>
    public void Attach(Session session) => _session = session;

    /// <summary>The client is gone, but what its request did is done.</summary>
    public override void OnDropped()
    {
        if (_session is { } session && _state == State.Answer) TrySave(session);
        _session = null;
    }

    /// <summary>
    /// The answer as it is to be written: with the session's cookie if there is news for the client, or another one if the
    /// session cannot be saved. The application's own is not touched: it may be sent to others as well.
    /// </summary>
    private Response CommitSession(Session session, Response answer)
    {
        if (TrySave(session))
            return session.IsIssued ? answer.WithAnotherHeader("Set-Cookie", options.Session.CookieOf(session.Id)) : answer;
        // Whatever the application means to send after this answer is none of its parts: nothing may follow.
        _endsAfterAnswer = true;
        return Rejection(new Verdict(VerdictKind.Reject, 500));
    }

    /// <summary>Bytes that the application wrote past the protocol are the answer, and have no room for a cookie.</summary>
    private static void CommitRawAnswer(Session session)
    {
        if (session.IsIssued)
            throw new InvalidOperationException("The client is yet to be told its new session id, which SendRaw cannot do; "
                + "send a Response, or use the session before in an answer of its own.");
        session.Save();
    }

    private bool TrySave(Session session)
    {
        if (session.SaveForAnswer() is not { } failure) return true;
        options.Session.Store.Report?.Invoke("A session could not be saved", failure);
        return false;
    }
}
