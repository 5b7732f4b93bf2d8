using System.Globalization;

namespace Workerman.Benchmarks.Profiles;

/// <summary>
/// One record of a schema: a counter, or the types and methods that a call has met. Its parts are those of the runtime's
/// <c>PgoInstrumentationSchema</c>.
/// </summary>
/// <param name="Kind">What is counted.</param>
/// <param name="Offset">Where in the method's IL.</param>
/// <param name="Count">How many values there are.</param>
/// <param name="Other">For an edge of the flow graph where that ends, otherwise flags.</param>
internal sealed record ProfileRecord(int Kind, int Offset, int Count, int Other)
{
    /// <summary>Numbers as they are, types and methods by their names, null for none.</summary>
    public List<object?> Values { get; } = [];

    public void Add(ProfileRecord other, int runs)
    {
        for (int i = 0; i < Values.Count; i++)
        {
            if (Values[i] is long mine && other.Values[i] is long others) Values[i] = mine + others;
            else if (i % runs == 0) Values[i] = other.Values[i] ?? Values[i];
        }
    }

    public bool Equals(ProfileRecord? other) =>
        other is not null && (Kind, Offset, Count, Other) == (other.Kind, other.Offset, other.Count, other.Other);

    public override int GetHashCode() => HashCode.Combine(Kind, Offset, Count, Other);
}

/// <summary>What the runtime has counted in one method.</summary>
/// <param name="Name">Its type's full name, a point, and its own.</param>
/// <param name="Parameters">How many it has.</param>
/// <param name="Size">Bytes of its IL.</param>
internal sealed record ProfiledMethod(string Name, int Parameters, int Size)
{
    public List<ProfileRecord> Records { get; } = [];

    /// <summary>Whether any of its code has run.</summary>
    public bool HasRun => Records.Any(static record => record.Values.Any(static value => value is > 0L));

    /// <summary>How many runs it is of.</summary>
    private int _runs = 1;

    /// <summary>Adds what another run has counted in it. Of the types that a call has met each run has its share.</summary>
    public ProfiledMethod Add(ProfiledMethod other)
    {
        // The runtime counts in fewer places where it has optimized already.
        if (other.Records.Count != Records.Count || !Records.Zip(other.Records).All(static pair => pair.First == pair.Second))
            return other.Records.Count > Records.Count ? other : this;
        _runs++;
        foreach ((ProfileRecord mine, ProfileRecord others) in Records.Zip(other.Records)) mine.Add(others, _runs);
        return this;
    }
}

/// <summary>
/// Reads the text that the runtime writes at its end with <c>DOTNET_WritePGOData=1</c> and <c>DOTNET_PGODataPath</c>: for each
/// method a line with its size, its name, its signature, and its records with their values.
/// </summary>
internal static class ProfileText
{
    public static List<ProfiledMethod> Read(string path)
    {
        var methods = new List<ProfiledMethod>();
        (int size, string name) = (0, "");
        foreach (string line in File.ReadLines(path))
        {
            (string word, string rest) = line.Split(' ', 2) is [var first, var second] ? (first, second) : (line, "");
            if (word == "@@@") size = Convert.ToInt32(After(rest, "ilSize 0x"), 16);
            else if (word == "MethodName:") name = rest;
            else if (word == "Signature:") methods.Add(new ProfiledMethod(name, ParametersOf(rest), size));
            else if (word == "Schema")
            {
                methods[^1].Records.Add(new ProfileRecord(Number(rest, "InstrumentationKind "), Number(rest, "ILOffset "),
                    Number(rest, "Count "), Number(rest, "Other ")));
            }
            else if (word is "TypeHandle:" or "MethodHandle:")
            {
                methods[^1].Records[^1].Values.Add(rest == "NULL" ? null : rest);
            }
            else if (long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out long count))
            {
                methods[^1].Records[^1].Values.Add(count);
            }
        }
        return methods;
    }

    private static string After(string text, string mark) =>
        text[(text.IndexOf(mark, StringComparison.Ordinal) + mark.Length)..].Split(' ')[0];

    private static int Number(string text, string mark) =>
        unchecked((int)uint.Parse(After(text, mark), CultureInfo.InvariantCulture));

    /// <summary>
    /// How many parameters stand in a signature's last brackets: <c>instance void  (class A,value class B`2&lt;C,D&gt;)</c>.
    /// </summary>
    private static int ParametersOf(string signature)
    {
        string parameters = signature[(signature.IndexOf('(', StringComparison.Ordinal) + 1)..^1];
        int depth = 0;
        int commas = 0;
        foreach (char c in parameters)
        {
            if (c is '<' or '[' or '(') depth++;
            else if (c is '>' or ']' or ')') depth--;
            else if (c == ',' && depth == 0) commas++;
        }
        return parameters.Length == 0 ? 0 : commas + 1;
    }
}
