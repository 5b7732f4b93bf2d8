using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Workerman.Tls;

/// <summary>
/// TLS of one worker: what each of its handshakes is made with. It makes the filters of its connections and looks after the
/// certificate's files. Any thread.
/// </summary>
internal sealed class TlsServer
{
    private readonly TlsOptions _options;
    private readonly TlsCertificates _certificates;
    private readonly List<SslApplicationProtocol>? _applicationProtocols;
    private readonly Action<Exception?> _reloaded;
    private readonly Func<SslStream, Task> _authenticate;
    private long _nextCheck;

    /// <param name="options">Its settings.</param>
    /// <param name="speaksHttp">Whether HTTP/1.1 is what is spoken within, which clients are told (RFC 7301).</param>
    /// <param name="reloaded">Called from any thread when changed files were taken over, or could not be.</param>
    /// <exception cref="InvalidOperationException">They cannot work; the message says why and what to do.</exception>
    public TlsServer(TlsOptions options, bool speaksHttp, Action<Exception?> reloaded)
    {
        _options = options;
        _certificates = options.Open();
        _applicationProtocols = speaksHttp ? [SslApplicationProtocol.Http11] : null;
        _reloaded = reloaded;
        _authenticate = Authenticate;
        _nextCheck = Later();
    }

    /// <summary>Has each handshake wait for something before it goes on. For tests of what a runtime may do one day.</summary>
    internal Func<Task>? Delay { get; set; }

    /// <summary>A filter for a connection that was accepted.</summary>
    public TlsFilter NewFilter() => new(_authenticate, _options.HandshakeTimeout);

    /// <summary>Looks at the certificate's files if it is time to, on the thread pool. Often, from any loop.</summary>
    public void CheckFiles()
    {
        long next = Volatile.Read(ref _nextCheck);
        if (Environment.TickCount64 < next || Interlocked.CompareExchange(ref _nextCheck, Later(), next) != next) return;
        ThreadPool.UnsafeQueueUserWorkItem(static server => server.ReloadIfChanged(), this, preferLocal: false);
    }

    private void ReloadIfChanged()
    {
        try
        {
            if (_certificates.LoadIfChanged()) _reloaded(null);
        }
        catch (Exception e)
        {
            // Half written, perhaps: the next look finds it whole.
            _reloaded(e);
        }
    }

    private long Later() => _options.ReloadInterval == Timeout.InfiniteTimeSpan
        ? long.MaxValue
        : Environment.TickCount64 + (long)_options.ReloadInterval.TotalMilliseconds;

    private Task Authenticate(SslStream ssl) => ssl.AuthenticateAsServerAsync(SelectAsync, new Selection());

    /// <summary>
    /// SslStream takes an encrypted handshake record of TLS 1.2 for another hello if its first byte happens to be 1, and asks
    /// again: the first answer holds.
    /// </summary>
    private ValueTask<SslServerAuthenticationOptions> SelectAsync(SslStream ssl, SslClientHelloInfo hello, object? state,
        CancellationToken cancellationToken)
    {
        var selection = (Selection)state!;
        return Delay is null || selection.Options is not null
            ? new ValueTask<SslServerAuthenticationOptions>(selection.Options ??= Select(hello.ServerName))
            : SelectLaterAsync(hello.ServerName, selection, Delay());
    }

    private async ValueTask<SslServerAuthenticationOptions> SelectLaterAsync(string serverName, Selection selection, Task delay)
    {
        await delay.ConfigureAwait(false);
        return selection.Options = Select(serverName);
    }

    private SslServerAuthenticationOptions Select(string serverName)
    {
        bool asks = _options.AllowClientCertificate || _options.RequireClientCertificate;
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = _certificates.For(serverName),
            EnabledSslProtocols = _options.Protocols,
            ApplicationProtocols = _applicationProtocols,
            CipherSuitesPolicy = OperatingSystem.IsWindows() || OperatingSystem.IsAndroid() ? null : _options.CipherSuitesPolicy,
            AllowRenegotiation = false,
            ClientCertificateRequired = asks,
            CertificateChainPolicy = asks ? TlsChain.PolicyFor(_options.ClientAuthorities, _options.Intermediates) : null,
            RemoteCertificateValidationCallback = asks ? Validate : null,
        };
    }

    private bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null) return !_options.RequireClientCertificate;
        return _options.ClientCertificateValidation is { } validation
            ? validation(sender, certificate, chain, errors)
            : errors == SslPolicyErrors.None;
    }

    /// <summary>What one handshake goes by. No thread of its own; belongs to the handshake.</summary>
    private sealed class Selection
    {
        public SslServerAuthenticationOptions? Options { get; set; }
    }
}
