using Workerman.Protocols.Http.Sessions;

namespace Workerman.Protocols.Http;

/// <summary>The session of the client that sent the request.</summary>
public sealed partial class Request
{
    /// <summary>Session ids that are tried for one request: each costs a read from the store.</summary>
    private const int MaxSessionIds = 4;

    /// <summary>
    /// The protocol that writes the answer, with the session's cookie; null for a request without a connection.
    /// </summary>
    internal HttpProtocol? Exchange { get; init; }

    /// <summary>
    /// The client's session, read from the store on first use; a new one if the client sends no id that the store knows (PHP:
    /// <c>session()</c>). What is changed until the answer is sent is saved with it, and then the answer sets the cookie of a new
    /// session. A new one that was only read is not stored, and no cookie is set.
    /// </summary>
    /// <exception cref="InvalidOperationException">The answer has been sent, so it can no longer set the cookie of a new
    /// session.</exception>
    /// <exception cref="Exception">The handler cannot read: a cache that is down, a folder of another user.</exception>
    public Session Session => Parsed.Session ??= Attach(Options.Store.Find(SessionIdsToFind()));

    /// <summary>
    /// The id of the client's session, which is <see cref="Session"/>'s: an id that the client sends and the store does not know
    /// is never adopted (PHP: <c>sessionId()</c>). Who asks for the id of a new session has it stored, and its cookie set, also
    /// if nothing is set. Set it before the first use of the session to use an id of your own, whatever id the client sends; the
    /// session is created by its first value, and then the answer sets the cookie unless the client has it (PHP:
    /// <c>sessionId($id)</c>). That is at your own risk: whoever knows or guesses the id can use the session, with a cookie
    /// alone. So an id that can be guessed, such as a user's number or address, gives everybody access; and an id that is taken
    /// from the client unchecked may be one that an attacker has chosen and can use too (session fixation). Use one that is
    /// random, or that your program has issued.
    /// </summary>
    /// <value>1 to 1024 characters of ASCII from <c>!</c> to <c>~</c>.</value>
    /// <exception cref="ArgumentException">It is set to something else.</exception>
    /// <exception cref="InvalidOperationException">It is set when the session is in use already, or read when
    /// <see cref="Session"/> cannot be.</exception>
    /// <exception cref="Exception">The handler cannot read: a cache that is down, a folder of another user.</exception>
    public string SessionId
    {
        get => Session.Id;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (!SessionIds.IsUsable(value))
                throw new ArgumentException($"A session id has 1 to {SessionIds.MaxOwnLength} characters from '!' to '~'; "
                    + "hash what has others.", nameof(value));
            if (Parsed.Session is { } session && !session.IsCalled(value))
                throw new InvalidOperationException("This request has its session already; "
                    + "set SessionId before the first use of Session. SessionRegenerateId gives it a new id.");
            Parsed.OwnSessionId = value;
        }
    }

    private SessionOptions Options => (Exchange
        ?? throw new InvalidOperationException("This request came by no connection, so it has no session.")).SessionOptions;

    /// <summary>
    /// Reads the session without blocking the loop, for stores behind a network; afterwards <see cref="Session"/> returns it at
    /// once. Await it on the request's loop, before the answer.
    /// </summary>
    /// <inheritdoc cref="Session" path="/exception"/>
    public async ValueTask<Session> LoadSessionAsync(CancellationToken cancellationToken = default)
    {
        if (Parsed.Session is { } session) return session;
        Session? found = await Options.Store.FindAsync(SessionIdsToFind(), cancellationToken);
        // Session may have been read synchronously meanwhile.
        return Parsed.Session ??= Attach(found);
    }

    /// <summary>
    /// Gives the session a new id, which the answer tells the client (PHP: <c>sessionRegenerateId()</c>). Do this when a user
    /// logs in, with <paramref name="deleteOldSession"/>: an id that somebody learned before is of no use then.
    /// </summary>
    /// <param name="deleteOldSession"> Whether the old id is removed from the store; requests that still use it do not restore
    /// it. Otherwise it keeps the values as they are now. </param>
    /// <returns>The new id.</returns>
    /// <exception cref="InvalidOperationException">The answer has been sent, so it can no longer set the cookie; or the session
    /// is being saved.</exception>
    public string SessionRegenerateId(bool deleteOldSession = false)
    {
        Session session = Session;
        if (!Exchange!.IsUnanswered(this)) throw TooLate("the client cannot be told a new session id");
        session.Regenerate(deleteOldSession);
        return session.Id;
    }

    /// <summary>
    /// A browser may have several cookies of the name (RFC 6265 section 5.4, step 2: of other paths and domains), and only the
    /// store knows which of them is a session. They are tried in the order in which they were sent, up to a limit.
    /// </summary>
    private IReadOnlyList<string> SessionIdsToFind() => Parsed.OwnSessionId is { } own
        ? [own]
        : [.. CookieValues(Options.Name).Where(id => SessionIds.IsUsable(id)).Take(MaxSessionIds)];

    private Session Attach(Session? found)
    {
        bool unanswered = Exchange!.IsUnanswered(this);
        string? own = Parsed.OwnSessionId;
        bool isKnown = own is null ? found is not null : CookieValues(Options.Name).Contains(own);
        if (found is null && !isKnown && !unanswered) throw TooLate("the client cannot be told the id of a new session");
        Session session = found ?? (own is null ? Options.Store.Create() : Options.Store.CreateOwn(own));
        if (unanswered)
        {
            session.IsIssued = !isKnown;
            Exchange.Attach(session);
        }
        return session;
    }

    private static InvalidOperationException TooLate(string what) =>
        new($"The answer to this request has been sent, or begun, so {what}. Use the session before Send.");
}
