using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Workerman.Protocols.Http;

/// <summary>
/// The header fields of a response, in their order; names are case-insensitive and may have several values. A name or value that
/// could end its line is refused. Not thread-safe while it is changed.
/// </summary>
public sealed class ResponseHeaders : IEnumerable<KeyValuePair<string, string>>
{
    private const string LengthName = "Content-Length";

    private readonly List<KeyValuePair<string, string>> _fields = [];

    /// <summary>How many fields there are.</summary>
    public int Count => _fields.Count;

    /// <summary>The value of a field, the first if there are several; setting it replaces them all.</summary>
    /// <exception cref="KeyNotFoundException">There is no such field.</exception>
    /// <exception cref="ArgumentException">The name is no token, the value holds a line break or another control character, or a
    /// <c>Content-Length</c> is no number or contradicts the one that is there.</exception>
    public string this[string name]
    {
        get =>
            TryGetValue(name, out string? value) ? value : throw new KeyNotFoundException($"The response has no header {name}.");
        set
        {
            Check(name, value);
            CheckLength(name, value, others: null);
            Remove(name);
            _fields.Add(new(name, value));
        }
    }

    /// <summary>Header fields from a dictionary, for code that has one.</summary>
    public static implicit operator ResponseHeaders(Dictionary<string, string> fields) => FromDictionary(fields);

    /// <summary>Header fields from a dictionary.</summary>
    public static ResponseHeaders FromDictionary(Dictionary<string, string> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        var headers = new ResponseHeaders();
        foreach ((string name, string value) in fields) headers.Add(name, value);
        return headers;
    }

    /// <summary>Adds a value, and keeps those that the name has.</summary>
    /// <inheritdoc cref="this[string]" path="/exception"/>
    public void Add(string name, string value)
    {
        Check(name, value);
        CheckLength(name, value, others: this);
        _fields.Add(new(name, value));
    }

    /// <summary>Removes all values of a name.</summary>
    /// <returns>Whether there were any.</returns>
    public bool Remove(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        int before = _fields.Count;
        for (int i = before - 1; i >= 0; i--)
        {
            if (Matches(_fields[i], name)) _fields.RemoveAt(i);
        }
        return _fields.Count < before;
    }

    /// <summary>Adds a field of the library's own, which needs no check.</summary>
    internal void AddOwn(string name, string value) => _fields.Add(new(name, value));

    /// <summary>Adds the fields of another response, which have been checked, and keeps those that are there.</summary>
    internal void AddAll(ResponseHeaders others) => _fields.AddRange(others._fields);

    /// <summary>The value of a field, the first if there are several.</summary>
    public bool TryGetValue(string name, [NotNullWhen(true)] out string? value)
    {
        ArgumentNullException.ThrowIfNull(name);
        foreach (KeyValuePair<string, string> field in _fields)
        {
            if (!Matches(field, name)) continue;
            value = field.Value;
            return true;
        }
        value = null;
        return false;
    }

    /// <summary>The content type, if that is the only field; null if there are others, or none.</summary>
    internal string? OnlyContentType =>
        _fields.Count == 1 && Matches(_fields[0], "Content-Type") ? _fields[0].Value : null;

    /// <summary>The body's length as the application has set it, or null.</summary>
    internal long? ContentLength => TryGetValue(LengthName, out string? value) ? ParseLength(value) : null;

    /// <summary>All values of a name, in their order.</summary>
    public IReadOnlyList<string> GetValues(string name) =>
        [.. _fields.Where(field => Matches(field, name)).Select(field => field.Value)];

    /// <summary>The fields in their order, each value by itself.</summary>
    public List<KeyValuePair<string, string>>.Enumerator GetEnumerator() => _fields.GetEnumerator();

    IEnumerator<KeyValuePair<string, string>> IEnumerable<KeyValuePair<string, string>>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Content-Length = 1*DIGIT, and it has one value (RFC 9110 section 8.6).</summary>
    private static void CheckLength(string name, string value, ResponseHeaders? others)
    {
        if (!name.Equals(LengthName, StringComparison.OrdinalIgnoreCase)) return;
        if (ParseLength(value) is not { } length)
            throw new ArgumentException("A Content-Length is a number of bytes, "
                + $"and '{Printable.Of(value)}' is none that a body can have; leave it out: the library counts.", nameof(value));
        if (others?.ContentLength is { } other && other != length)
            throw new ArgumentException($"The response has a Content-Length of {other} already, and a body has one length; "
                + "set it in place of the other: headers[\"Content-Length\"].", nameof(value));
    }

    private static long? ParseLength(string value)
    {
        ReadOnlySpan<char> digits = value.AsSpan().Trim(" \t");
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long length) ? length : null;
    }

    private static bool Matches(in KeyValuePair<string, string> field, string name) =>
        field.Key.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static void Check(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        // RFC 9110 sections 5.1 and 5.5.
        if (!HttpChars.IsToken(name))
            throw new ArgumentException(
                $"'{Printable.Of(name)}' is no header name; it may have letters, digits and !#$%&'*+-.^_`|~.", nameof(name));
        if (!HttpChars.IsFieldValue(value))
            throw new ArgumentException(
                $"The value of header {name} has a line break or another control character; remove or encode it.", nameof(value));
    }
}
