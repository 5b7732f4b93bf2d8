using System.Diagnostics.CodeAnalysis;
using System.Globalization;

/// <summary>
/// The arguments of the samples: what is wrong with them is one line on standard error, and ends the program with exit code 1.
/// Not the library's own commands, <c>Worker.RunAll(args)</c>. For the main thread, before the workers run; without state.
/// </summary>
internal static class Arguments
{
    private const double LongestSeconds = 86_400;

    /// <summary>Refuses more than so many, and options.</summary>
    public static void Expect(string[] args, int count, string usage)
    {
        if (args.Length > count || args.Any(static each => each.StartsWith('-'))) Refuse($"usage: {usage}");
    }

    /// <summary>
    /// The values of options, by their names: <c>--name value</c>, or else, with a prefix, <c>PREFIX_NAME</c> in the environment,
    /// or else their defaults. The address may stand first without its name. What is not known or has no value is refused, but
    /// for <c>--health</c>, which has none.
    /// </summary>
    public static Dictionary<string, string> Options(string[] args, string usage, string? prefix,
        params (string Name, string Default)[] options)
    {
        var values = options.ToDictionary(static option => option.Name, static option => option.Default);
        foreach (string name in prefix is null ? [] : values.Keys.ToArray())
        {
            string? value = Environment.GetEnvironmentVariable(prefix + name.ToUpperInvariant().Replace('-', '_'));
            values[name] = value ?? values[name];
        }
        if (args is [not ['-', ..], ..]) args = ["--address", .. args];
        foreach (string[] option in args.Where(static each => each != "--health").Chunk(2))
        {
            bool isWhole = option is [['-', '-', .. var name], not ['-', '-', ..]] && values.ContainsKey(name);
            if (!isWhole) Refuse($"usage: {usage}");
            values[option[0][2..]] = option[1];
        }
        return values;
    }

    /// <summary>The argument at an index as a number of seconds.</summary>
    public static double Seconds(string[] args, int index, double fallback)
    {
        if (args.Length <= index) return fallback;
        bool isNumber = double.TryParse(args[index], NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds);
        if (!isNumber || seconds is not (>= 0.001 and <= LongestSeconds))
            Refuse($"'{args[index]}' is no number of seconds from 0.001 to {LongestSeconds}");
        return seconds;
    }

    /// <summary>A host and a port, as a URI of that scheme with no more than these.</summary>
    public static Uri HostAndPort(string scheme, string text) =>
        Uri.TryCreate($"{scheme}://{text}", UriKind.Absolute, out Uri? place)
        && place is { Host: not "", Port: > 0, UserInfo: "", PathAndQuery: "/" or "" }
            ? place : Refuse<Uri>($"'{text}' is no host:port");

    /// <summary>Makes what throws for an argument that it does not take.</summary>
    public static T Check<T>(Func<T> make)
    {
        try
        {
            return make();
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            return Refuse<T>(e.Message);
        }
    }

    [DoesNotReturn]
    public static void Refuse(string message)
    {
        Console.Error.WriteLine(message.ReplaceLineEndings(" "));
        Environment.Exit(1);
    }

    [DoesNotReturn]
    private static T Refuse<T>(string message)
    {
        Refuse(message);
        return default;
    }
}
