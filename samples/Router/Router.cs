using Workerman.Protocols.Http;

namespace Workerman.Samples;

/// <summary>Answers a request; the values are those of the names in the path.</summary>
internal delegate ValueTask<Response> Handler(Request request, IReadOnlyDictionary<string, string> values);

/// <summary>
/// Handlers by method and path, <c>/users/{id}</c>, of which the first that fits answers, and <c>GET</c>'s also <c>HEAD</c>; a
/// name stands for one or more characters but no slash. Not the files of a folder, and no wildcards. Filled before the workers
/// run, and then only read, by any loop.
/// </summary>
internal sealed class Router
{
    private readonly List<(string Method, string[] Path, Handler Handler)> _routes = [];

    public void Add(string method, string path, Handler handler) => _routes.Add((method, path.Split('/'), handler));

    public ValueTask<Response> Handle(Request request)
    {
        string[] path = request.Path.Split('/');
        var found = new Dictionary<string, Func<ValueTask<Response>>>();
        foreach ((string method, string[] pattern, Handler handler) in _routes)
            if (Match(pattern, path) is { } values) found.TryAdd(method, () => handler(request, values));
        // RFC 9110 section 9.3.2: as GET; the library leaves the body out.
        if (found.TryGetValue("GET", out Func<ValueTask<Response>>? get)) found.TryAdd("HEAD", get);
        if (found.TryGetValue(request.Method, out Func<ValueTask<Response>>? answer)) return answer();
        return ValueTask.FromResult(found.Count == 0
            ? Response.Text("there is no such page", 404)
            : Response.MethodNotAllowed([.. found.Keys]));
    }

    private static Dictionary<string, string>? Match(string[] pattern, string[] path)
    {
        if (pattern.Length != path.Length) return null;
        var values = new Dictionary<string, string>();
        foreach ((string expected, string part) in pattern.Zip(path))
        {
            if (expected.StartsWith('{') && part != "") values[expected[1..^1]] = Uri.UnescapeDataString(part);
            else if (expected != part) return null;
        }
        return values;
    }
}
