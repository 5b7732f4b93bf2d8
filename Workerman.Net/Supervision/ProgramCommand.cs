using System.Globalization;

namespace Workerman.Supervision;

/// <summary>What can be asked of a program on its command line.</summary>
internal enum CommandVerb
{
    Start,
    Stop,
    Restart,
    Reload,
    Status,
    Connections,
    Install,
    Help,
}

/// <summary>
/// The command that a program was started with, as PHP's <c>php start.php start -d</c> has it. Pure. There are eight words and
/// seven options: a library for command lines would be the only further dependency of the package, and a megabyte of a program
/// that is compiled ahead of time.
/// </summary>
internal sealed record ProgramCommand(CommandVerb Verb)
{
    /// <summary>What is printed for <c>help</c>, and for what is no command.</summary>
    public const string Usage = """
        Usage: <program> [command] [options]

        Commands
          start          Runs here until Ctrl+C; what is done without a command, too.
              -d           Runs as a daemon, with a master that starts it again when it dies.
              -q           Without the banner.
          stop           Stops it, and waits for that.
              -g           Lets open requests and streams end first.
          restart        Stops it and starts it again: -d, -g, -q.
          reload         Replaces it by a new process of the new files; nobody notices.
              -g           Leaves the old process more time for requests that are under way.
          status         Shows loops, connections, requests.
              -d           Every second, until Ctrl+C.
              --json       As JSON.
          connections    Shows the open connections.
              --sort C     By a column: worker, id, read, written, recvq, sendq, age, remote.
              --limit N    That many at most; 1000.
              --json       As JSON.
          install        Prints a unit for systemd.
          help           Prints this.

        --timeout S    How many seconds stop and restart may take, and the old process after reload.

        Exit codes: 0 done, 1 failed, 2 wrong use, 3 not running.
        """;

    /// <summary>The most that <c>--timeout</c> takes: a day.</summary>
    public const int MaxTimeoutSeconds = 86_400;

    /// <summary>How many connections are shown if nothing is said.</summary>
    public const int DefaultLimit = 1000;

    private static readonly Dictionary<string, CommandVerb> Verbs = new(StringComparer.Ordinal)
    {
        ["start"] = CommandVerb.Start,
        ["stop"] = CommandVerb.Stop,
        ["restart"] = CommandVerb.Restart,
        ["reload"] = CommandVerb.Reload,
        ["status"] = CommandVerb.Status,
        ["connections"] = CommandVerb.Connections,
        ["install"] = CommandVerb.Install,
        ["help"] = CommandVerb.Help,
        ["-h"] = CommandVerb.Help,
        ["--help"] = CommandVerb.Help,
    };

    private static readonly Dictionary<string, CommandVerb[]> Options = new(StringComparer.Ordinal)
    {
        ["-d"] = [CommandVerb.Start, CommandVerb.Restart, CommandVerb.Status],
        ["-g"] = [CommandVerb.Stop, CommandVerb.Restart, CommandVerb.Reload],
        ["-q"] = [CommandVerb.Start, CommandVerb.Restart],
        ["--timeout"] = [CommandVerb.Stop, CommandVerb.Restart, CommandVerb.Reload],
        ["--json"] = [CommandVerb.Status, CommandVerb.Connections],
        ["--sort"] = [CommandVerb.Connections],
        ["--limit"] = [CommandVerb.Connections],
    };

    /// <summary><c>-d</c>: a daemon, or for <c>status</c> every second.</summary>
    public bool IsDaemon { get; init; }

    /// <summary><c>-g</c>.</summary>
    public bool IsGraceful { get; init; }

    /// <summary><c>-q</c>.</summary>
    public bool IsQuiet { get; init; }

    /// <summary><c>--json</c>.</summary>
    public bool IsJson { get; init; }

    /// <summary><c>--timeout</c>; null for the program's own.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary><c>--sort</c>.</summary>
    public string Sort { get; init; } = "id";

    /// <summary><c>--limit</c>.</summary>
    public int Limit { get; init; } = DefaultLimit;

    /// <summary>Reads a command line.</summary>
    /// <exception cref="FormatException">It is none; the message says why.</exception>
    public static ProgramCommand Parse(string[] args)
    {
        ProgramCommand? command = null;
        List<(string Name, string? Value)> options = [];
        for (int i = 0; i < args.Length; i++)
        {
            (string word, string? value) = Split(args[i]);
            if (Options.ContainsKey(word))
            {
                if (TakesValue(word)) value ??= ++i < args.Length ? args[i] : throw new FormatException($"{word} needs a value");
                else if (value is not null) throw new FormatException($"{word} has no value");
                options.Add((word, value));
            }
            else if (command is not null)
            {
                throw new FormatException($"'{args[i]}' is one word too many");
            }
            else
            {
                command = Verbs.TryGetValue(args[i], out CommandVerb verb)
                    ? new ProgramCommand(verb)
                    : throw new FormatException($"'{args[i]}' is no command");
            }
        }
        command ??= new ProgramCommand(CommandVerb.Start);
        return options.Aggregate(command, static (command, option) => command.With(option.Name, option.Value));
    }

    private static bool TakesValue(string option) => option is "--timeout" or "--sort" or "--limit";

    /// <summary><c>--limit=5</c> is the same as <c>--limit 5</c>.</summary>
    private static (string Word, string? Value) Split(string word) =>
        word.StartsWith("--", StringComparison.Ordinal) && word.IndexOf('=', StringComparison.Ordinal) is > 0 and int at
            ? (word[..at], word[(at + 1)..])
            : (word, null);

    private ProgramCommand With(string option, string? value)
    {
        if (!Options[option].Contains(Verb)) throw new FormatException($"{Name} has no option {option}");
        return option switch
        {
            "-d" => this with { IsDaemon = true },
            "-g" => this with { IsGraceful = true },
            "-q" => this with { IsQuiet = true },
            "--json" => this with { IsJson = true },
            "--timeout" => this with { Timeout = TimeSpan.FromSeconds(Seconds(value!)) },
            "--sort" => this with { Sort = ConnectionOrder.Names.Contains(value!) ? value! : throw BadColumn(value!) },
            _ => this with { Limit = Count(value!) },
        };
    }

    private string Name => Verbs.First(verb => verb.Value == Verb).Key;

    private static FormatException BadColumn(string column) =>
        new($"--sort has no column '{column}'; there are {string.Join(", ", ConnectionOrder.Names)}");

    private static double Seconds(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
            && seconds is >= 0 and <= MaxTimeoutSeconds
            ? seconds
            : throw new FormatException($"--timeout takes seconds from 0 to 86400, not '{text}'");

    private static int Count(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0
            ? count
            : throw new FormatException($"--limit takes a number from 1 on, not '{text}'");
}
