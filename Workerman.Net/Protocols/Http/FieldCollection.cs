using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Workerman.Protocols.Http;

/// <summary>
/// Named values in the order in which they were sent: the members of a query, the fields or files of a form, cookies, header
/// fields. As a dictionary it has the last value of each name, as in PHP; <see cref="GetValues"/> returns all of them, and
/// <see cref="GetArray"/> those with brackets. It does not change once the application has it; any thread.
/// </summary>
/// <typeparam name="T">The values: text or files.</typeparam>
public sealed class FieldCollection<T> : IReadOnlyDictionary<string, T>
{
    private readonly List<KeyValuePair<string, T>> _fields = [];
    private readonly Dictionary<string, int> _last;

    /// <summary>For each field the one before it with the same name; -1 for none.</summary>
    private readonly List<int> _before = [];

    internal FieldCollection(IEqualityComparer<string>? comparer = null) => _last = new(comparer);

    /// <summary>How many names there are.</summary>
    public int Count => _last.Count;

    /// <summary>The names, each once.</summary>
    public IEnumerable<string> Keys => _last.Keys;

    /// <summary>The last value of each name.</summary>
    public IEnumerable<T> Values => _last.Values.Select(index => _fields[index].Value);

    /// <summary>All names with all their values, in the order in which they were sent.</summary>
    public IReadOnlyList<KeyValuePair<string, T>> Fields => _fields;

    /// <summary>The last value of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public T this[string key] =>
        TryGetValue(key, out T? value) ? value : throw new KeyNotFoundException($"The request has no '{Printable.Of(key)}'.");

    /// <summary>Whether there is a value of that name.</summary>
    public bool ContainsKey(string key) => _last.ContainsKey(key);

    /// <summary>The last value of a name.</summary>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out T value)
    {
        bool found = _last.TryGetValue(key, out int index);
        value = found ? _fields[index].Value : default;
        return found;
    }

    /// <summary>All values of a name, in the order in which they were sent; none if there is no such name.</summary>
    public IReadOnlyList<T> GetValues(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (!_last.TryGetValue(key, out int last)) return [];
        int count = 0;
        for (int index = last; index >= 0; index = _before[index]) count++;
        var values = new T[count];
        for (int index = last; index >= 0; index = _before[index]) values[--count] = _fields[index].Value;
        return values;
    }

    /// <summary>
    /// What PHP makes an array of: of <c>a[]=x&amp;a[k]=y</c> for <c>a</c> the keys <c>0</c> and <c>k</c>. Of several values with
    /// one key it has the last; for an array within an array give the outer key too, as in <c>GetArray("a[k]")</c>.
    /// </summary>
    public IReadOnlyDictionary<string, T> GetArray(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var array = new OrderedDictionary<string, T>();
        long next = 0;
        foreach ((string field, T value) in _fields)
        {
            if (KeyIn(name, field) is not { } key) continue;
            if (key.Length == 0) key = next.ToString(CultureInfo.InvariantCulture);
            if (long.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out long index) && index >= next
                && index < long.MaxValue) next = index + 1;
            array[key] = value;
        }
        return array;
    }

    /// <summary>Each name with its last value.</summary>
    public IEnumerator<KeyValuePair<string, T>> GetEnumerator()
    {
        foreach ((string name, int index) in _last) yield return new(name, _fields[index].Value);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The number of all values, which the limits apply to.</summary>
    internal int Total => _fields.Count;

    internal void Add(string name, T value)
    {
        ref int last = ref CollectionsMarshal.GetValueRefOrAddDefault(_last, name, out bool exists);
        _before.Add(exists ? last : -1);
        last = _fields.Count;
        _fields.Add(new(name, value));
    }

    /// <summary>The <c>k</c> of <c>name[k]</c>; null if the field has another form.</summary>
    private static string? KeyIn(string name, string field)
    {
        if (field.Length < name.Length + 2 || field[name.Length] != '[' || !field.StartsWith(name, StringComparison.Ordinal))
            return null;
        int end = field.IndexOf(']', name.Length);
        return end == field.Length - 1 ? field[(name.Length + 1)..end] : null;
    }
}
