using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Workerman.Tests.Support;

/// <summary>
/// A client that speaks bytes over TLS, whose ciphertext is cut as told. It trusts <see cref="Certificates.Default"/> and never
/// waits for ever.
/// </summary>
internal sealed class TlsClient : IDisposable
{
    private readonly Socket _socket;
    private readonly List<byte> _received = [];
    private readonly byte[] _buffer = new byte[64 * 1024];

    public TlsClient(IPEndPoint endPoint, Fragmentation? fragmentation = null, int receiveBufferSize = 0)
    {
        _socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBufferSize > 0) _socket.ReceiveBufferSize = receiveBufferSize;
        _socket.ReceiveTimeout = _socket.SendTimeout = (int)Wait.Limit.TotalMilliseconds;
        _socket.Connect(endPoint);
        Stream = new SslStream(new CutStream(_socket, fragmentation ?? Fragmentation.Whole));
    }

    public SslStream Stream { get; }

    public Socket Socket => _socket;

    /// <summary>Connects and shakes hands.</summary>
    public static TlsClient Connect(IPEndPoint endPoint, SslProtocols protocols = SslProtocols.None,
        Fragmentation? fragmentation = null, string host = "localhost", X509Certificate2? certificate = null,
        int receiveBufferSize = 0) =>
        new TlsClient(endPoint, fragmentation, receiveBufferSize).Authenticate(Options(protocols, host, certificate));

    public static SslClientAuthenticationOptions Options(SslProtocols protocols = SslProtocols.None, string host = "localhost",
        X509Certificate2? certificate = null)
    {
        var policy =
            new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(Certificates.Default.Root);
        return new SslClientAuthenticationOptions
        {
            TargetHost = host,
            EnabledSslProtocols = protocols,
            CertificateChainPolicy = policy,
            ClientCertificateContext = certificate is null
                ? null
                : SslStreamCertificateContext.Create(certificate, null, offline: true),
        };
    }

    public TlsClient Authenticate(SslClientAuthenticationOptions options)
    {
        Stream.AuthenticateAsClient(options);
        return this;
    }

    public TlsClient Send(string text) => Send(Encoding.Latin1.GetBytes(text));

    public TlsClient Send(byte[] bytes)
    {
        Stream.Write(bytes);
        return this;
    }

    /// <summary>Says that nothing more is sent (close_notify); with <paramref name="tcp"/> the socket's side ends too.</summary>
    public TlsClient HalfClose(bool tcp)
    {
        Wait.For(Stream.ShutdownAsync());
        if (tcp) _socket.Shutdown(SocketShutdown.Send);
        return this;
    }

    public string ReadToEnd()
    {
        while (Receive() > 0)
        {
        }
        return Take(_received.Count);
    }

    public string ReadExactly(int count)
    {
        while (_received.Count < count)
        {
            if (Receive() == 0) Assert.Fail($"the server closed after: {Take(_received.Count)}");
        }
        return Take(count);
    }

    public string ReadUntil(string mark)
    {
        int end;
        while ((end = Encoding.Latin1.GetString([.. _received]).IndexOf(mark, StringComparison.Ordinal)) < 0)
        {
            if (Receive() == 0) Assert.Fail($"the server closed before '{mark}': {Take(_received.Count)}");
        }
        return Take(end + mark.Length);
    }

    /// <summary>The body of a response with a Content-Length.</summary>
    public string ReadResponse()
    {
        string head = ReadUntil("\r\n\r\n");
        string length = head.Split("\r\n")
            .First(line => line.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase))[16..];
        return ReadExactly(int.Parse(length, null));
    }

    public int Receive()
    {
        int count = Stream.Read(_buffer);
        _received.AddRange(_buffer.AsSpan(0, count));
        return count;
    }

    /// <summary>What comes on the socket itself, past the encryption, until its end.</summary>
    public int ReadRawToEnd()
    {
        int total = 0;
        for (int count; (count = _socket.Receive(_buffer)) > 0;) total += count;
        return total;
    }

    public void Dispose()
    {
        Stream.Dispose();
        _socket.Dispose();
    }

    private string Take(int count)
    {
        string text = Encoding.Latin1.GetString([.. _received[..count]]);
        _received.RemoveRange(0, count);
        return text;
    }
}
