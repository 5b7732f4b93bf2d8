using Workerman.Protocols.Http.Sessions;

namespace Workerman.Protocols.Http;

/// <summary>
/// Settings of an HTTP worker's sessions: <c>worker.Options.Http.Session</c> (PHP: the statics of
/// <c>Workerman\Protocols\Http\Session</c>). Set them before the worker runs; its loops share them.
/// </summary>
public sealed class SessionOptions
{
    /// <summary>Name of the cookie that holds the id; <c>PHPSID</c> (PHP: <c>$name</c>).</summary>
    /// <exception cref="ArgumentException">It is no token.</exception>
    public string Name
    {
        get;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (!HttpChars.IsToken(value))
                throw new ArgumentException($"'{Printable.Of(value)}' is no cookie name; it may have letters, "
                    + "digits and !#$%&'*+-.^_`|~.", nameof(value));
            field = value;
        }
    } = "PHPSID";

    /// <summary>
    /// How long a session is kept after it was last written; 1440 seconds, at least one (PHP: <c>$lifetime</c>). With
    /// <see cref="AutoUpdateTimestamp"/>: after it was last used.
    /// </summary>
    public TimeSpan Lifetime { get => Store.Lifetime; set => Store.Lifetime = AtLeastASecond(value); }

    /// <summary>
    /// Whether each request that uses its session begins a new lifetime, also if it changes nothing; false (PHP:
    /// <c>$autoUpdateTimestamp</c>).
    /// </summary>
    public bool AutoUpdateTimestamp { get => Store.AutoUpdateTimestamp; set => Store.AutoUpdateTimestamp = value; }

    /// <summary>
    /// How long the browser keeps the cookie from the answer that sets it; zero, the default, until it is closed. Whole seconds
    /// (PHP: <c>$cookieLifetime</c>). As in PHP the cookie is set once, with a new id, so after this time the client gets a new
    /// session.
    /// </summary>
    public TimeSpan CookieLifetime
    {
        get;
        set
        {
            if (value != TimeSpan.Zero) AtLeastASecond(value);
            field = value;
        }
    }

    /// <summary>The path below which the browser sends the cookie; <c>/</c> (PHP: <c>$cookiePath</c>).</summary>
    /// <exception cref="ArgumentException">It does not begin with a slash, or has a semicolon or a control character.</exception>
    public string CookiePath
    {
        get;
        set
        {
            if (!Attribute(value).StartsWith('/'))
                throw new ArgumentException("The path of a cookie begins with a slash.", nameof(value));
            field = value;
        }
    } = "/";

    /// <summary>
    /// The domain whose hosts all get the cookie; empty, the default, for this host alone (PHP: <c>$domain</c>).
    /// </summary>
    /// <exception cref="ArgumentException">It has a semicolon or a control character.</exception>
    public string Domain { get; set => field = Attribute(value); } = "";

    /// <summary>
    /// Whether the browser sends the cookie by HTTPS alone; false. Set it wherever the clients come by HTTPS (PHP:
    /// <c>$secure</c>).
    /// </summary>
    public bool Secure { get; set; }

    /// <summary>Whether scripts cannot read the cookie; true (PHP: <c>$httpOnly</c>).</summary>
    public bool HttpOnly { get; set; } = true;

    /// <summary>
    /// Whether requests from other sites have the cookie; <see cref="Http.SameSite.Lax"/>: only when the user follows a link
    /// (PHP: <c>$sameSite</c>, there unspecified, which some browsers treat as <c>None</c>).
    /// </summary>
    public SameSite SameSite
    {
        get;
        set => field = Enum.IsDefined(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "It is none of the enumeration's values.");
    } = SameSite.Lax;

    /// <summary>Where sessions are kept; files by default (PHP: <c>Session::handlerClass()</c>).</summary>
    public ISessionHandler Handler
    {
        get => Store.Handler;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            Store.Handler = value;
        }
    }

    /// <summary>
    /// In how many of <see cref="GcDivisor"/> requests that use a session the expired ones are removed from the store; 1, zero
    /// for never (PHP: <c>$gcProbability[0]</c>). That happens on a thread of the thread pool.
    /// </summary>
    public int GcProbability { get => Store.GcProbability; set => Store.GcProbability = Setting.InRange(value, 0); }

    /// <summary>See <see cref="GcProbability"/>; 20,000, at least 1 (PHP: <c>$gcProbability[1]</c>).</summary>
    public int GcDivisor { get => Store.GcDivisor; set => Store.GcDivisor = Setting.InRange(value, 1); }

    /// <summary>
    /// How many new sessions the worker stores in a second; 1,000, at least 1, <see cref="int.MaxValue"/> for as many as come.
    /// Whoever sends no cookie gets a new one with each request that sets a value. A request beyond is answered with 503, and its
    /// session is not stored; sessions that are stored go on. (PHP: no limit.)
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 1.</exception>
    public int MaxNewPerSecond { get => Store.MaxNewPerSecond; set => Store.MaxNewPerSecond = Setting.InRange(value, 1); }

    internal SessionStore Store { get; } = new();

    /// <summary>The Set-Cookie field that tells a client its id.</summary>
    internal string CookieOf(string id) => SetCookie.Format(
        Name, id, CookieLifetime == TimeSpan.Zero ? null : (int)Math.Min(CookieLifetime.TotalSeconds, int.MaxValue), CookiePath,
        Domain, Secure, HttpOnly, SameSite);

    /// <summary>Refuses combinations that browsers ignore though each setting is valid.</summary>
    /// <exception cref="ArgumentException">Two settings contradict each other; the message says which, and what to
    /// do.</exception>
    internal void Check()
    {
        try
        {
            // Checked without writing a cookie: that would load and compile code before the first answer, which a program without
            // sessions never needs.
            SetCookie.CheckTogether(Name, CookiePath, Domain, Secure, SameSite);
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"Options.Http.Session: {e.Message}", e);
        }
    }

    private static string Attribute(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Contains(';', StringComparison.Ordinal) || !HttpChars.IsFieldValue(value))
            throw new ArgumentException("It has a semicolon or a control character; remove it.", nameof(value));
        return value;
    }

    private static TimeSpan AtLeastASecond(TimeSpan value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromSeconds(1));
        return value;
    }
}
