using Workerman.Protocols.Http;

namespace Workerman.Samples;

/// <summary>Answers a request; the values are those of the names in the path.</summary>
internal delegate Response Handler(Request request, IReadOnlyDictionary<string, string> values);

/// <summary>
/// Handlers by method and path, <c>/users/{id}</c>; not the files of a folder, and no wildcards. Filled before the workers run,
/// and then only read, by any loop.
/// </summary>
internal sealed class Router
{
    private readonly List<(string Method, string[] Path, Handler Handler)> _routes = [];

    public void Add(string method, string path, Handler handler) => _routes.Add((method, path.Split('/'), handler));

    public Response Handle(Request request)
    {
        string[] path = request.Path.Split('/');
        var allowed = new List<string>();
        foreach ((string method, string[] pattern, Handler handler) in _routes)
        {
            if (Match(pattern, path) is not { } values) continue;
            if (method == request.Method) return handler(request, values);
            allowed.Add(method);
        }
        return allowed.Count == 0
            ? new Response(404, [], "there is no such page")
            : new Response(405, new() { ["Allow"] = string.Join(", ", allowed) }, "");
    }

    private static Dictionary<string, string>? Match(string[] pattern, string[] path)
    {
        if (pattern.Length != path.Length) return null;
        var values = new Dictionary<string, string>();
        foreach ((string expected, string part) in pattern.Zip(path))
        {
            if (expected.StartsWith('{')) values[expected[1..^1]] = Uri.UnescapeDataString(part);
            else if (expected != part) return null;
        }
        return values;
    }
}
