using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Workerman.Tests.Support;

/// <summary>
/// The server's end of one connection that .NET's own <see cref="SslStream"/> speaks over, whose ciphertext is cut as told.
/// </summary>
internal sealed class TlsPeer : IDisposable
{
    private readonly RawClient _connection;
    private readonly byte[] _buffer = new byte[64 * 1024];

    public TlsPeer(RawClient connection, Fragmentation? fragmentation = null)
    {
        _connection = connection;
        Stream = new SslStream(new CutStream(connection.Socket, fragmentation ?? Fragmentation.Whole));
    }

    public SslStream Stream { get; }

    public Socket Socket => _connection.Socket;

    /// <summary>Takes a client on and shakes hands, with the certificate for <c>localhost</c>.</summary>
    public static TlsPeer Accept(Peer peer, SslProtocols protocols = SslProtocols.None, Fragmentation? fragmentation = null) =>
        new TlsPeer(peer.Accept(), fragmentation).Authenticate(new SslServerAuthenticationOptions
        {
            ServerCertificate = Certificates.Default.Server,
            EnabledSslProtocols = protocols
        });

    /// <summary>As <see cref="Accept"/>, and asks for a certificate that the tests' authority has issued.</summary>
    public static SslServerAuthenticationOptions AskingForACertificate(SslProtocols protocols) => new()
    {
        ServerCertificate = Certificates.Default.Server,
        EnabledSslProtocols = protocols,
        ClientCertificateRequired = true,
        RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is X509Certificate2 given
            && Certificates.Default.Issued(given),
    };

    public TlsPeer Authenticate(SslServerAuthenticationOptions options)
    {
        Stream.AuthenticateAsServer(options);
        return this;
    }

    public TlsPeer Send(string text)
    {
        Stream.Write(Encoding.Latin1.GetBytes(text));
        return this;
    }

    public string ReadExactly(int count)
    {
        byte[] bytes = new byte[count];
        Stream.ReadExactly(bytes);
        return Encoding.Latin1.GetString(bytes);
    }

    public string ReadToEnd()
    {
        var text = new StringBuilder();
        for (int count; (count = Stream.Read(_buffer)) > 0;) text.Append(Encoding.Latin1.GetString(_buffer, 0, count));
        return text.ToString();
    }

    public void Dispose()
    {
        Stream.Dispose();
        _connection.Dispose();
    }
}
