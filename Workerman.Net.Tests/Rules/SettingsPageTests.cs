using System.Reflection;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;
using Workerman.Tls;

namespace Workerman.Tests.Rules;

/// <summary>The table of docs/settings.md has all settings there are.</summary>
internal sealed class SettingsPageTests
{
    private static readonly string Page = File.ReadAllText(Repository.PathOf("docs", "settings.md"));

    /// <summary>No settings: what the application hangs on it, and what is there for ported programs and does nothing.</summary>
    private static readonly string[] Others = ["Context", "StatusFile"];

    private static IEnumerable<Type> Types =>
    [
        typeof(WorkerOptions), typeof(HttpOptions), typeof(SessionOptions), typeof(ProxyProtocolOptions), typeof(TlsOptions),
        typeof(WebSocketOptions), typeof(DeflateOptions), typeof(EventStreamOptions), typeof(GroupsOptions), typeof(WorkerBase),
        typeof(TcpConnection), typeof(AsyncTcpConnection), typeof(TlsClientOptions), typeof(Worker), typeof(RunOptions),
    ];

    [TestCaseSource(nameof(Types))]
    public void EachSettingIsInTheTable(Type type)
    {
        string[] missing = [.. type
            .GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Where(property => property.SetMethod?.IsPublic == true && !property.Name.StartsWith("On", StringComparison.Ordinal))
            .Select(property => property.Name)
            .Where(name => !Others.Contains(name)
                && !new[] { $"`{name}`", $".{name}`", $".{name} = " }
                    .Any(form => Page.Contains(form, StringComparison.Ordinal)))];
        Assert.That(missing, Is.Empty, "each needs a row in docs/settings.md");
    }
}
