using System.Runtime.ExceptionServices;
using Workerman.Protocols.Http.Sessions;

namespace Workerman.Protocols.Http;

/// <summary>
/// Saves the session of the request before its answer is written, and adds the cookie with an id that the client does not know
/// yet. A request that never used its session has none here.
/// </summary>
internal partial class HttpProtocol
{
    private Session? _session;

    public SessionOptions SessionOptions => options.Session;

    /// <summary>Whether the answer to this request is still to be sent.</summary>
    public bool IsUnanswered(Request request) => _state == State.Answer && ReferenceEquals(_request, request);

    /// <summary>The request that is with the application uses its session from here on.</summary>
    public void Attach(Session session) => _session = session;

    /// <summary>The client is gone, but what its request has changed in the session is saved.</summary>
    public override void OnDropped()
    {
        if (_session is { } session && _state == State.Answer) Save(session);
        _session = null;
    }

    /// <summary>Saves the session.</summary>
    /// <returns>The answer to write: with the session's cookie if the client does not know the id, or an error response if the
    /// session cannot be saved and the answer would say that all is well. The application's own response is not changed: it may
    /// be sent to others as well.</returns>
    private Response CommitSession(Session session, Response answer)
    {
        if (Save(session) is not { } failure)
            return session.IdToTell is { } id ? answer.WithAnotherHeader("Set-Cookie", options.Session.CookieOf(id)) : answer;
        // It says already that the server has failed, perhaps in this: the handler has caught what SaveAsync threw.
        if (answer.StatusCode >= 500) return answer;
        // What the application still sends would belong to its own answer, which was replaced: nothing may follow this one.
        _endsAfterAnswer = true;
        return Rejection(RefusalOf(failure) ?? new Verdict(VerdictKind.Reject, 500));
    }

    /// <summary>
    /// Saves the session when the application writes the answer itself (SendRaw), to which no cookie can be added.
    /// </summary>
    private static void CommitRawAnswer(Session session)
    {
        if (session.IsIssued && session.IsToBeStored)
            throw new InvalidOperationException("The client is yet to be told its new session id, which SendRaw cannot do; "
                + "send a Response, or use the session before in an answer of its own.");
        if (session.SaveForAnswer() is { } failure) ExceptionDispatchInfo.Throw(failure);
    }

    /// <returns>Why it could not be saved: reported, unless it is a refusal that is counted. Null if it was.</returns>
    private Exception? Save(Session session)
    {
        Exception? failure = session.SaveForAnswer();
        if (failure is not null && RefusalOf(failure) is null)
            options.Session.Store.Report?.Invoke("A session could not be saved", failure);
        return failure;
    }
}
