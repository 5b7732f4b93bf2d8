using System.Buffers;
using System.Globalization;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>Makes responses that many applications need, and shows any response as text.</summary>
public partial class Response
{
    /// <summary>Redirects the client.</summary>
    /// <param name="location">A URI or a path. Characters that a URI cannot contain (spaces, quotes, backslashes, non-ASCII
    /// letters) are percent-encoded; a percent sign stays as it is. If it comes from a request, check where it leads:
    /// <c>//host</c> leads to another host.</param>
    /// <param name="status">302, or 301, 303, 307, 308 (RFC 9110 section 15.4).</param>
    /// <exception cref="ArgumentException">The location is empty or has a control character, or the status is no
    /// redirection.</exception>
    public static Response Redirect(string location, int status = 302)
    {
        ArgumentException.ThrowIfNullOrEmpty(location);
        if (status is not (301 or 302 or 303 or 307 or 308))
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"{status} sends nobody elsewhere; use 301, 302, 303, 307 or 308."), nameof(status));
        return new Response(status).WithHeader("Location", UriReference.Encode(location));
    }

    /// <summary>405 with the Allow header field that RFC 9110 section 15.5.6 requires.</summary>
    /// <param name="allowed">The methods that are allowed here; none for none.</param>
    /// <exception cref="ArgumentException">A method is no token.</exception>
    public static Response MethodNotAllowed(params string[] allowed)
    {
        ArgumentNullException.ThrowIfNull(allowed);
        foreach (string method in allowed)
        {
            if (!HttpChars.IsToken(method))
                throw new ArgumentException(
                    $"'{Printable.Of(method)}' is no method; it may have letters, digits and !#$%&'*+-.^_`|~.", nameof(allowed));
        }
        return new Response(405, null, "405 Method Not Allowed\n").WithHeader("Allow", string.Join(", ", allowed))
            .WithHeader("Content-Type", "text/plain;charset=utf-8");
    }

    /// <summary>
    /// The response as it is sent on a connection that is kept alive, its body read as UTF-8; of a file only the head (PHP:
    /// <c>__toString()</c>).
    /// </summary>
    public override string ToString()
    {
        var output = new ArrayBufferWriter<byte>();
        var form = new AnswerForm(IsHead: false, KeepAlive: true);
        if (File is null)
        {
            ResponseWriter.Write(this, form, output);
        }
        else
        {
            FileAnswer answer = FileAnswer.Of(this, null);
            using FileRange? file = answer.Body;
            if (file is null) ResponseWriter.Write(answer.Head, form, output);
            else ResponseWriter.WriteHead(answer.Head, form, file.Remaining, output);
        }
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>A copy of everything but the body, with a given status.</summary>
    internal Response CopyHead(int status)
    {
        var copy =
            new Response(status) { CustomReason = status == StatusCode ? CustomReason : null, ProtocolVersion = ProtocolVersion };
        copy.Headers.AddAll(Headers);
        return copy;
    }
}
