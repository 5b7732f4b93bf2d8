using Workerman.Hosting;
using Workerman.Tls;
using Workerman.Workers;

namespace Workerman;

/// <summary>Encryption: whether the worker's connections are encrypted, and with what.</summary>
public abstract partial class StreamWorker
{
    private string? _transport;

    /// <summary>
    /// <c>ssl</c>: connections are encrypted with <see cref="WorkerOptions.Tls"/>, whatever their protocol (PHP:
    /// <c>$transport</c>). <c>tcp</c>: they are not. By default what the address says: <c>https://</c> and <c>wss://</c> are
    /// encrypted, all others are not.
    /// </summary>
    /// <exception cref="ArgumentException">Another transport.</exception>
    /// <exception cref="InvalidOperationException">The worker runs.</exception>
    public string Transport
    {
        get => _transport ?? (ProtocolCatalog.IsSecure(Scheme) ? "ssl" : "tcp");
        set
        {
            if (value is not ("tcp" or "ssl")) throw new ArgumentException(RefusalOf(value), nameof(value));
            ThrowIfRunning(nameof(Transport));
            _transport = value;
        }
    }

    /// <summary>TLS of its connections, null for none. Set before it listens.</summary>
    internal TlsServer? Tls { get; private set; }

    private protected bool IsSecure => Transport == "ssl";

    /// <summary>Loads the certificate, before any socket opens.</summary>
    /// <exception cref="WorkerStartException">One line with address, cause and cure.</exception>
    private void PrepareTls()
    {
        if (ProtocolCatalog.IsSecure(Scheme) && !IsSecure)
            throw new WorkerStartException($"Cannot listen on {Address}: {Scheme}:// means TLS, but Transport is tcp. Cure: "
                + "leave Transport alone, or use http:// or ws://.");
        if (!IsSecure || Tls is not null) return;
        try
        {
            Tls = new TlsServer(Options.Tls, ProtocolCatalog.SpeaksHttp(Scheme), OnCertificateReloaded);
        }
        catch (Exception e)
            when (e is InvalidOperationException or NotSupportedException or System.Security.Cryptography.CryptographicException)
        {
            string cure = e.Message.Contains("Cure: ", StringComparison.Ordinal)
                ? ""
                : " Cure: check the certificate and the other settings of Options.Tls.";
            throw new WorkerStartException($"Cannot listen on {Address}: {e.Message}.{cure}", e);
        }
    }

    /// <summary>What PHP has as a transport and is something else here names what it is.</summary>
    private static string RefusalOf(string? transport) =>
        $"'{transport}' is no transport; use \"tcp\", or \"ssl\" for TLS." + transport?.ToUpperInvariant() switch
        {
            "UDP" => " Datagrams have a worker of their own. Cure: new UdpWorker<string>(\"udp://0.0.0.0:9292\"), "
                + "or with text:// or frame://; it takes byte[], ReadOnlyMemory<byte> and any IProtocol<T> too.",
            "UNIX" => " The address says that it is a Unix socket. Cure: "
                + "new Worker<string>(\"unix:///path/to.sock\") { Protocol = () => new TextProtocol() }, or any IProtocol<T>.",
            _ => "",
        };

    private void OnCertificateReloaded(Exception? failure)
    {
        if (failure is null) Log.CertificateReloaded(Settings.Logger, Name);
        else Log.CertificateNotReloaded(Settings.Logger, Name, failure.Message);
    }
}
