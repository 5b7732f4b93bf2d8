using System.Text;
using Microsoft.AspNetCore.Http;

namespace Workerman.Benchmarks.Kestrel;

/// <summary>
/// What Kestrel keeps of a request: its collection of request header fields, reached by delegates, and the target as a string.
/// Both are used again for the next request if it has the same, which is Kestrel's default. One thread.
/// </summary>
internal sealed class KestrelRequestHeaders
{
    private delegate void AppendField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool checkForNewlineChars);

    private readonly AppendField _append;
    private readonly Action _reset;
    private readonly Action _complete;

    public KestrelRequestHeaders()
    {
        Type type = KestrelInternals.Http("HttpRequestHeaders");
        object headers = KestrelInternals.Constructor(type, typeof(bool), typeof(Func<string, Encoding?>)).Invoke([true, null]);
        All = (IHeaderDictionary)headers;
        _append = KestrelInternals.Method(type, "Append", typeof(ReadOnlySpan<byte>), typeof(ReadOnlySpan<byte>), typeof(bool))
            .CreateDelegate<AppendField>(headers);
        _reset = KestrelInternals.Method(type, "Reset").CreateDelegate<Action>(headers);
        _complete = KestrelInternals.Method(type, "OnHeadersComplete").CreateDelegate<Action>(headers);
    }

    public IHeaderDictionary All { get; }

    public string Target { get; private set; } = "";

    public void Reset() => _reset();

    public void SetTarget(ReadOnlySpan<byte> target)
    {
        if (!Ascii.Equals(target, Target)) Target = Encoding.ASCII.GetString(target);
    }

    // Kestrel's parser has looked for line breaks, as its own handler says too.
    public void Append(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => _append(name, value, false);

    public void Complete() => _complete();
}
