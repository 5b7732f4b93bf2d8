using Workerman.Protocols.Http.Files;

namespace Workerman.Protocols.Http;

/// <summary>The file that was opened to see how the request is answered.</summary>
public sealed partial class Request
{
    private FileBody? _kept;

    /// <summary>
    /// Keeps a file open until the request has its answer, which is likely to send it: so it is opened and judged once. One for
    /// each request, as it has one connection. A file that a link has led to is closed here, and opened and judged again when it
    /// is sent, because the link may lead elsewhere by then. Any thread; one that keeps it when the answer has just been given
    /// leaves it to the garbage collector.
    /// </summary>
    internal void Keep(FileBody body, OpenedFile file)
    {
        if (!file.IsPlain || Exchange?.IsUnanswered(this) != true)
        {
            file.Dispose();
            return;
        }
        CloseKept();
        body.Keep(file);
        _kept = body;
    }

    /// <summary>The request has its answer, or its connection has ended.</summary>
    internal void CloseKept()
    {
        if (_kept is null) return;
        _kept.TakeOpened()?.Dispose();
        _kept = null;
    }
}
