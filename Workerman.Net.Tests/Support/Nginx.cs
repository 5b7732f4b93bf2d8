using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Workerman.Tests.Support;

/// <summary>
/// A real nginx in front of a server, with time limits of the test's own. Its files are in a folder that goes with it.
/// </summary>
internal sealed class Nginx : IDisposable
{
    private const string Program = "/usr/sbin/nginx";

    private readonly TemporaryFolder _folder = new();
    private readonly Process _process;

    /// <summary>Starts it, and waits until it listens.</summary>
    /// <param name="upstream">The server behind it.</param>
    /// <param name="settings">Directives of its <c>server</c> block.</param>
    /// <param name="upstreamSettings">Directives of its <c>upstream</c> block.</param>
    public Nginx(IPEndPoint upstream, string settings, string upstreamSettings = "")
    {
        EndPoint = new IPEndPoint(IPAddress.Loopback, Peer.UnusedPort());
        string folder = _folder.Path;
        string paths = string.Concat(new[] { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" }
            .Select(kind => $"{kind}_temp_path {folder}/{kind};\n"));
        string file = _folder.Write("nginx.conf", $$"""
            daemon off;
            master_process off;
            pid {{folder}}/pid;
            error_log {{folder}}/errors;
            events {}
            http {
                access_log off;
                {{paths}}
                map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
                upstream ours { server {{upstream}}; {{upstreamSettings}} }
                server {
                    listen {{EndPoint}};
                    location / {
                        proxy_pass http://ours;
                        proxy_http_version 1.1;
                        proxy_set_header Upgrade $http_upgrade;
                        proxy_set_header Connection $connection_upgrade;
                        {{settings}}
                    }
                }
            }
            """);
        _process = Process.Start(new ProcessStartInfo(Program, ["-p", folder, "-c", file, "-e", $"{folder}/errors"])
        {
            RedirectStandardError = true
        })!;
        Wait.For(Wait.Until(() => _process.HasExited || RawClient.CanConnect(EndPoint), "nginx to listen"));
        Assert.That(_process.HasExited, Is.False, _process.HasExited ? _process.StandardError.ReadToEnd() : "");
    }

    public static bool IsInstalled => File.Exists(Program);

    public IPEndPoint EndPoint { get; }

    /// <summary>What it complained of.</summary>
    public string Errors => File.ReadAllText(_folder.PathOf("errors"));

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _folder.Dispose();
    }
}
