using Workerman.Protocols.Http.Sessions;

namespace Workerman.Protocols.Http;

/// <summary>The session of the client that sent the request.</summary>
public sealed partial class Request
{
    /// <summary>Each costs a look into the store.</summary>
    private const int MaxSessionIds = 4;

    /// <summary>Whose answer tells the client its session; null for a request without a connection.</summary>
    internal HttpProtocol? Exchange { get; init; }

    /// <summary>
    /// The client's session, read from the store on first use; a new one if it brings none that the store knows, and then the answer sets its
    /// cookie (PHP: <c>session()</c>). What is changed until the answer is sent is saved with it.
    /// </summary>
    /// <exception cref="InvalidOperationException">The answer is gone, so it can no longer set the cookie of a new session.</exception>
    /// <exception cref="Exception">Whatever keeps the handler from reading: a cache that is down, a folder of somebody else's.</exception>
    public Session Session => Parsed.Session ??= Attach(Options.Store.Find(SessionIdsSent()));

    /// <summary>
    /// The id of the client's session, which is <see cref="Session"/>'s: an id that the store does not know is never taken on (PHP: <c>sessionId()</c>).
    /// </summary>
    /// <inheritdoc cref="Session" path="/exception"/>
    public string SessionId => Session.Id;

    private SessionOptions Options => (Exchange ?? throw new InvalidOperationException("This request came by no connection, so it has no session.")).SessionOptions;

    /// <summary>
    /// Reads the session while the loop goes on, for stores behind a network; afterwards <see cref="Session"/> has it at once. Await it on
    /// the request's loop, before the answer.
    /// </summary>
    /// <inheritdoc cref="Session" path="/exception"/>
    public async ValueTask<Session> LoadSessionAsync(CancellationToken cancellationToken = default)
    {
        if (Parsed.Session is { } session) return session;
        Session? found = await Options.Store.FindAsync(SessionIdsSent(), cancellationToken);
        // Somebody else may have needed it meanwhile.
        return Parsed.Session ??= Attach(found);
    }

    /// <summary>
    /// Gives the session a new id, which the answer tells the client (PHP: <c>sessionRegenerateId()</c>). Do this when a user logs in, with
    /// <paramref name="deleteOldSession"/>: an id that somebody learned before is worth nothing then.
    /// </summary>
    /// <param name="deleteOldSession">Whether the old id is removed from the store; else it goes on to hold the values as they are now.</param>
    /// <returns>The new id.</returns>
    /// <exception cref="InvalidOperationException">The answer is gone, so it can no longer set the cookie.</exception>
    public string SessionRegenerateId(bool deleteOldSession = false)
    {
        Session session = Session;
        if (!Exchange!.IsUnanswered(this)) throw TooLate("the client cannot be told a new session id");
        session.Regenerate(deleteOldSession);
        return session.Id;
    }

    /// <summary>
    /// A browser may hold several cookies of the name (RFC 6265 section 5.4, step 2: of other paths and domains), and which of them
    /// is ours only the store can tell: they are tried in the order they came, and only so many.
    /// </summary>
    private IReadOnlyList<string> SessionIdsSent() => [.. CookieValues(Options.Name).Where(id => SessionIds.IsWellFormed(id)).Take(MaxSessionIds)];

    private Session Attach(Session? found)
    {
        bool unanswered = Exchange!.IsUnanswered(this);
        if (found is null && !unanswered) throw TooLate("the client cannot be told the id of a new session");
        Session session = found ?? Options.Store.Create();
        if (unanswered) Exchange.Attach(session);
        return session;
    }

    private static InvalidOperationException TooLate(string what) =>
        new($"The answer to this request has been sent, or begun, so {what}. Use the session before Send.");
}
