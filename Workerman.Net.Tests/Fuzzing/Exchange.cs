using System.Buffers;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Http;

namespace Workerman.Tests.Fuzzing;

/// <summary>
/// The protocol of one connection without the connection: bytes in, in any pieces, and out what the application and the
/// client would see of them. Every request is answered at once. Any thread.
/// </summary>
internal static class Exchange
{
    /// <summary>Reads bytes that come in pieces.</summary>
    /// <param name="bytes">All that the client sends.</param>
    /// <param name="pieces">How they are cut.</param>
    /// <param name="options">The limits.</param>
    /// <param name="maxPackageSize">The limit of a message.</param>
    /// <param name="segmented">Whether what waits is shown in segments, as a pipe has it, or in one.</param>
    /// <param name="reasons">Whether a refusal is told with its reason.</param>
    /// <returns>A line for each request, the last for a refusal or for what is left waiting.</returns>
    public static List<string> Read(byte[] bytes, IEnumerable<Range> pieces, HttpOptions options, long maxPackageSize = 1 << 20,
        bool segmented = false, bool reasons = false)
    {
        // A request is there when its bytes are.
        options.RunOnDisk = static work => work();
        using var protocol = new HttpProtocol(options);
        var seen = new List<string>();
        var answer = new ArrayBufferWriter<byte>();
        int start = 0;
        foreach (Range piece in pieces)
        {
            int end = piece.End.Value;
            // A copy of just these bytes: what reads beyond them finds the end of an array.
            byte[] waiting = bytes[start..end];
            ReadOnlySequence<byte> input = segmented
                ? Support.Segments.Of(waiting, Halves(waiting.Length))
                : new ReadOnlySequence<byte>(waiting);
            while (!input.IsEmpty)
            {
                long before = input.Length;
                Verdict verdict = protocol.TryDecode(ref input, maxPackageSize, out Request request);
                start += (int)(before - input.Length);
                if (verdict.Kind == VerdictKind.NeedMore) break;
                if (verdict.Kind == VerdictKind.Reject)
                {
                    seen.Add($"refused {verdict.Status}{(reasons ? $" {verdict.Reason}" : "")}");
                    return seen;
                }
                seen.Add(Describe(request));
                answer.ResetWrittenCount();
                protocol.Encode("", answer);
                if (!protocol.IsReady)
                {
                    seen.Add(protocol.IsFinished ? "closed" : "tunnel");
                    return seen;
                }
                if (input.Length == before) throw new InvalidOperationException("a request of no bytes");
            }
        }
        seen.Add(start == bytes.Length ? "nothing left" : $"waiting from {start}");
        return seen;
    }

    /// <summary>Everything that an application can see of a request, so that nothing is left unread.</summary>
    private static string Describe(Request request)
    {
        var text = new StringBuilder($"{request.Method} {request.Uri} {request.ProtocolVersion} {request.Path} ? "
            + $"{request.QueryString} @ {request.Host} {request.HostWithoutPort}");
        foreach ((string name, string value) in request.Header()) text.Append($"\n{name}: {value}");
        foreach ((string name, string value) in request.Trailers.Fields) text.Append($"\n+{name}: {value}");
        Append(text, "get", () => request.Get());
        Append(text, "cookie", () => request.Cookie());
        Append(text, "post", () => request.Post());
        try
        {
            foreach ((string name, UploadedFile file) in request.File().Fields)
            {
                using Stream content = file.OpenRead();
                text.Append($"\nfile {name}: {file.Name} {file.ContentType} {file.Size} {content.Length}");
            }
        }
        catch (BadRequestException e)
        {
            text.Append($"\nfile: {e.StatusCode} {e.Message}");
        }
        return text.Append($"\n{request.BodyLength}").ToString();
    }

    private static void Append(StringBuilder text, string what, Func<FieldCollection<string>> read)
    {
        try
        {
            foreach ((string name, string value) in read().Fields) text.Append($"\n{what} {name}={value}");
        }
        catch (BadRequestException e)
        {
            text.Append($"\n{what}: {e.StatusCode} {e.Message}");
        }
    }

    public static IEnumerable<Range> Halves(int length)
    {
        for (int start = 0; start < length;)
        {
            int end = start + ((length - start + 1) / 2);
            yield return start..end;
            start = end;
        }
    }
}
