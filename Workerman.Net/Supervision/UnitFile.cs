using System.Runtime.Versioning;
using System.Text;

namespace Workerman.Supervision;

/// <summary>A unit for systemd that runs this program (systemd.service(5), systemd.exec(5)). Pure.</summary>
[SupportedOSPlatform("linux")]
internal static class UnitFile
{
    /// <param name="program">The program, as it was started for this.</param>
    /// <param name="user">The user that it is to run as.</param>
    /// <param name="group">The group; null for the user's own.</param>
    public static string Of(ProgramPath program, string user, string? group)
    {
        string command = string.Join(' ', CommandLineOf(program).Select(Quote));
        return $"""
            # Save as /etc/systemd/system/{program.Name}.service, then:
            #   systemctl daemon-reload; systemctl enable --now {program.Name}
            # Deploy into a new folder, point the link in ExecStart to it, then: systemctl reload {program.Name}
            [Unit]
            Description={Plain(program.Name)} (Workerman.Net)
            After=network-online.target
            Wants=network-online.target

            [Service]
            # Ready when all workers listen; a reload has ended when the new process serves. SIGUSR2 is a graceful reload.
            Type=notify-reload
            ReloadSignal=SIGUSR2
            NotifyAccess=main
            ExecStart={command}
            WorkingDirectory={Plain(program.WorkingDirectory)}
            RuntimeDirectory={Quote(program.Name)}
            User={user}{(group is null ? "" : $"\nGroup={group}")}
            Restart=on-failure
            # The master ends its workers in order; KillMode=mixed leaves that to it.
            KillMode=mixed
            KillSignal=SIGTERM
            TimeoutStopSec=60
            TimeoutStartSec=90
            WatchdogSec=30
            LimitNOFILE=1048576

            # What the program cannot do any more. Take out what it needs.
            NoNewPrivileges=yes
            ProtectSystem=full
            ProtectHome=read-only
            PrivateTmp=yes
            PrivateDevices=yes
            ProtectKernelTunables=yes
            ProtectKernelModules=yes
            ProtectControlGroups=yes
            RestrictSUIDSGID=yes
            LockPersonality=yes
            RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
            # Ports below 1024 without root.
            AmbientCapabilities=CAP_NET_BIND_SERVICE
            CapabilityBoundingSet=CAP_NET_BIND_SERVICE

            [Install]
            WantedBy=multi-user.target

            """;
    }

    /// <summary>Specifiers are taken as they are.</summary>
    private static string Plain(string text) => text.Replace("%", "%%", StringComparison.Ordinal);

    /// <summary>
    /// The command line that has asked for the unit, with the other command: options of the application's own stay.
    /// </summary>
    private static IEnumerable<string> CommandLineOf(ProgramPath program)
    {
        IEnumerable<string> own = program.CommandLine[^program.Arguments..]
            .SelectMany(static argument => argument == "install" ? (string[])["start", "-d"] : [argument]);
        return [program.File, .. program.CommandLine[1..^program.Arguments], .. own];
    }

    /// <summary>Quoting of systemd.syntax(7), with its specifiers and variables taken as they are.</summary>
    private static string Quote(string word)
    {
        string plain = Plain(word).Replace("$", "$$", StringComparison.Ordinal);
        if (plain.Length > 0 && !plain.Any(c => char.IsWhiteSpace(c) || c is '"' or '\'' or '\\' or ';')) return plain;
        return new StringBuilder("\"").Append(plain.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal)).Append('"').ToString();
    }
}
