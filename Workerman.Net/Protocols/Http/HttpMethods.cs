using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>The methods everyone uses as ready-made strings, and those that need the application's leave. Pure.</summary>
internal static class HttpMethods
{
    public static string NameOf(ReadOnlySpan<byte> method) => method switch
    {
        _ when method.SequenceEqual("GET"u8) => "GET",
        _ when method.SequenceEqual("POST"u8) => "POST",
        _ when method.SequenceEqual("HEAD"u8) => "HEAD",
        _ when method.SequenceEqual("PUT"u8) => "PUT",
        _ when method.SequenceEqual("DELETE"u8) => "DELETE",
        _ when method.SequenceEqual("PATCH"u8) => "PATCH",
        _ when method.SequenceEqual("OPTIONS"u8) => "OPTIONS",
        _ => Encoding.ASCII.GetString(method),
    };

    /// <summary>
    /// CONNECT would make a tunnel and TRACE give credentials away (RFC 9110 sections 9.3.6 and 9.3.8): not implemented, 501
    /// (section 15.6.2), unless the application has asked for them.
    /// </summary>
    public static Verdict Judge(ReadOnlySpan<byte> method, HttpOptions options) => method.Length switch
    {
        5 when !options.AllowTrace && method.SequenceEqual("TRACE"u8) => Verdict.Reject(501, "TRACE is not served here"),
        7 when !options.AllowConnect && method.SequenceEqual("CONNECT"u8) => Verdict.Reject(501, "CONNECT is not served here"),
        _ => Verdict.Message,
    };
}
