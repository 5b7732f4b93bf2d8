using Microsoft.Extensions.Configuration;
using Workerman.Hosting;

namespace Workerman.Extensions.Hosting;

/// <summary>
/// What the configuration says of one worker, in <c>Workerman:Workers:NAME</c>. What it does not say is as the program sets it;
/// where both say something, the configuration counts. Belongs to <see cref="WorkermanOptions"/>.
/// </summary>
public sealed class WorkerSettings
{
    private static readonly string[] Sections =
    [
        nameof(KeepAlive), nameof(ProxyProtocol), $"{nameof(ProxyProtocol)}:{nameof(ProxyProtocolSettings.TrustedProxies)}",
        nameof(Http), $"{nameof(Http)}:{nameof(HttpSettings.TrustedProxies)}", $"{nameof(Http)}:{nameof(HttpSettings.Session)}",
        nameof(WebSocket), nameof(Tls),
    ];

    /// <summary>
    /// Where it listens. For a worker that is a class of its own, its constructor has to ask
    /// <see cref="WorkermanOptions.AddressOf"/>.
    /// </summary>
    public string? Address { get; set; }

    /// <inheritdoc cref="WorkerBase.Count"/>
    public int? Count { get; set; }

    /// <inheritdoc cref="WorkerBase.ReusePort"/>
    public bool? ReusePort { get; set; }

    /// <inheritdoc cref="WorkerOptions.Backlog"/>
    public int? Backlog { get; set; }

    /// <inheritdoc cref="WorkerOptions.MaxConnections"/>
    public int? MaxConnections { get; set; }

    /// <inheritdoc cref="WorkerOptions.MinMessageRate"/>
    public int? MinMessageRate { get; set; }

    /// <inheritdoc cref="WorkerOptions.MinMessageRateGrace"/>
    public TimeSpan? MinMessageRateGrace { get; set; }

    /// <summary>The mode of a Unix socket's file, as chmod(1) takes it: <c>660</c>.</summary>
    public string? UnixFileMode { get; set; }

    /// <summary>How a peer that vanished without closing is found.</summary>
    public KeepAliveSettings? KeepAlive { get; set; }

    /// <summary>Which peers are proxies that speak the PROXY protocol.</summary>
    public ProxyProtocolSettings? ProxyProtocol { get; set; }

    /// <summary>Limits and timeouts of an HTTP worker.</summary>
    public HttpSettings? Http { get; set; }

    /// <summary>Limits and timeouts of WebSockets.</summary>
    public WebSocketSettings? WebSocket { get; set; }

    /// <summary>Certificates and timeouts of an encrypted worker.</summary>
    public TlsSettings? Tls { get; set; }

    /// <summary>The binder says nothing of a value where settings, or a list, belong, and leaves them out.</summary>
    /// <exception cref="WorkerStartException">There is one; the message says where.</exception>
    internal static void CheckSections(IConfigurationSection root)
    {
        Check(root);
        IConfigurationSection workers = root.GetSection(nameof(WorkermanOptions.Workers));
        Check(workers);
        foreach (IConfigurationSection worker in workers.GetChildren())
        {
            Check(worker);
            foreach (string section in Sections) Check(worker.GetSection(section));
        }
    }

    private static void Check(IConfigurationSection section)
    {
        if (string.IsNullOrEmpty(section.Value)) return;
        throw new WorkerStartException($"The configuration has no usable {section.Path}: '{section.Value}' stands where settings "
            + $"or a list belong. Cure: write them below it, as in {section.Path}:KEY.");
    }

    /// <summary>Sets what the configuration says.</summary>
    /// <exception cref="WorkerStartException">A value cannot be used; the message says where it stands.</exception>
    internal void ApplyTo(WorkerBase worker, SettingPath path)
    {
        if (Address is not null && Address != worker.Address)
            throw path.Refusal(nameof(Address), $"worker {worker.Name} has chosen another one itself. "
                + "Cure: have its constructor ask IOptions<WorkermanOptions> for AddressOf(name, address).");
        WorkerOptions options = worker.Options;
        path.Set(Count, value => worker.Count = value);
        path.Set(ReusePort, value => worker.ReusePort = value);
        path.Set(Backlog, value => options.Backlog = value);
        path.Set(MaxConnections, value => options.MaxConnections = value);
        path.Set(MinMessageRate, value => options.MinMessageRate = value);
        path.Set(MinMessageRateGrace, value => options.MinMessageRateGrace = value);
        path.Set(UnixFileMode, value => options.UnixFileMode = ModeOf(value));
        KeepAlive?.ApplyTo(options, path.Section(nameof(KeepAlive)));
        ProxyProtocol?.ApplyTo(options.ProxyProtocol, path.Section(nameof(ProxyProtocol)));
        Http?.ApplyTo(options.Http, path.Section(nameof(Http)));
        WebSocket?.ApplyTo(options.WebSocket, path.Section(nameof(WebSocket)));
        Tls?.ApplyTo(options.Tls, path.Section(nameof(Tls)));
    }

    private static UnixFileMode ModeOf(string text)
    {
        const int All = 0b111_111_111;
        if (text.Length is 0 or > 4 || text.AsSpan().ContainsAnyExceptInRange('0', '7') || Convert.ToInt32(text, 8) > All)
            throw new ArgumentException($"'{text}' is no mode. Cure: write three octal digits, such as 660.");
        return (UnixFileMode)Convert.ToInt32(text, 8);
    }
}
