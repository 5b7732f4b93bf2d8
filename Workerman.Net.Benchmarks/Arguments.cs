using System.Globalization;

namespace Workerman.Benchmarks;

/// <summary>Command lines of the form <c>--name value</c>.</summary>
internal static class Arguments
{
    public static string? Text(string[] args, string name)
    {
        int index = Array.IndexOf(args, name);
        return index >= 0 && index + 1 < args.Length ? args[index + 1] : null;
    }

    public static double Number(string[] args, string name, double otherwise) =>
        Text(args, name) is { } value ? double.Parse(value, CultureInfo.InvariantCulture) : otherwise;

    public static int Integer(string[] args, string name, int otherwise) =>
        Text(args, name) is { } value ? int.Parse(value, CultureInfo.InvariantCulture) : otherwise;
}
