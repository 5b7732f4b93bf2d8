using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// What the server stores about a client between requests (PHP: <c>Workerman\Protocols\Http\Session</c>). Values are JSON, read
/// with a type that the application names. Changes are saved when the answer is sent; later ones, or earlier if need be, by
/// <see cref="Save"/>. It belongs to its request and is not for several threads at once. Two requests of a client at the same
/// time each have their own copy, from when they first used it; what each of them sets or removes is saved, value by value, and
/// if both set the same value, the last one to save wins. A session that one of them ends is not restored by the other. Values of
/// the application's own types are in <c>.Objects.cs</c>, saving is in <c>.Save.cs</c>.
/// </summary>
public sealed partial class Session
{
    private readonly SessionStore _store;
    private readonly Dictionary<string, JsonElement> _values;
    private string _id;
    private bool _idIsAsked;

    internal Session(SessionStore store, string id, Dictionary<string, JsonElement> values, string? mark, bool isStored)
    {
        _store = store;
        _values = values;
        _id = id;
        _mark = mark;
        _standing = isStored ? Standing.Stored : Standing.New;
    }

    /// <summary>
    /// Its id, which the client's cookie holds: 32 letters and digits, or one of the application's own (PHP: <c>getId()</c>). It
    /// is a secret: keep it out of logs. A new session whose id is asked for is stored, and the client told the id, also if
    /// nothing is set: the application means to know the client again by it.
    /// </summary>
    public string Id
    {
        get
        {
            // One that the application has chosen (which has a mark) it can choose again.
            if (_standing == Standing.New && _mark is null) _idIsAsked = true;
            return _id;
        }
    }

    /// <summary>Whether this is its id; asking so does not count as asking for it.</summary>
    internal bool IsCalled(string id) => _id == id;

    /// <summary>
    /// A value as text, or <paramref name="defaultValue"/> if there is none or it is null (PHP: <c>get()</c>). What is not text
    /// is given as its JSON: <c>12</c>, <c>true</c>, <c>[1,2]</c>.
    /// </summary>
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public string? Get(string name, string? defaultValue = null) => Find(name) is not { } value ? defaultValue
        : value.ValueKind == JsonValueKind.String ? value.GetString()!
        : value.GetRawText();

    /// <summary>
    /// A value, or <paramref name="defaultValue"/> if there is none or it is no such number (PHP: <c>get()</c>).
    /// </summary>
    public int Get(string name, int defaultValue) =>
        Find(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out int number) ? number : defaultValue;

    /// <inheritdoc cref="Get(string, int)"/>
    public long Get(string name, long defaultValue) =>
        Find(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out long number) ? number : defaultValue;

    /// <inheritdoc cref="Get(string, int)"/>
    public double Get(string name, double defaultValue) =>
        Find(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out double number) ? number : defaultValue;

    /// <inheritdoc cref="Get(string, int)"/>
    public decimal Get(string name, decimal defaultValue) =>
        Find(name) is { ValueKind: JsonValueKind.Number } value
        && value.TryGetDecimal(out decimal number) ? number : defaultValue;

    /// <summary>
    /// A value, or <paramref name="defaultValue"/> if there is none or it is neither true nor false (PHP: <c>get()</c>).
    /// </summary>
    public bool Get(string name, bool defaultValue) =>
        Find(name) is { ValueKind: JsonValueKind.True or JsonValueKind.False } value ? value.GetBoolean() : defaultValue;

    /// <summary>Stores a text or null (PHP: <c>set()</c>).</summary>
    public void Set(string name, string? value) => Store(name, SessionJson.Of(value));

    /// <summary>Stores true or false (PHP: <c>set()</c>).</summary>
    public void Set(string name, bool value) => Store(name, SessionJson.Of(value));

    /// <summary>Stores a character, as a text (PHP: <c>set()</c>).</summary>
    public void Set(string name, char value) => Store(name, SessionJson.Of((object)value));

    /// <summary>Stores a whole number (PHP: <c>set()</c>).</summary>
    public void Set(string name, long value) => Store(name, SessionJson.Of(value));

    /// <inheritdoc cref="Set(string, long)"/>
    public void Set(string name, ulong value) => Store(name, SessionJson.Of((object)value));

    /// <inheritdoc cref="Set(string, double)"/>
    public void Set(string name, float value) => Store(name, SessionJson.Of((object)value));

    /// <summary>Stores a number (PHP: <c>set()</c>).</summary>
    /// <exception cref="ArgumentException">It is infinite or no number: JSON has no form for it.</exception>
    public void Set(string name, double value) => Store(name, SessionJson.Of(value));

    /// <summary>Stores a number with all its digits (PHP: <c>set()</c>).</summary>
    public void Set(string name, decimal value) => Store(name, SessionJson.Of(value));

    /// <summary>
    /// Stores a text, number, true, false or null, or an array, list or dictionary of such values (PHP: <c>put($key,
    /// $value)</c>).
    /// </summary>
    /// <exception cref="ArgumentException">It is of another type, for which there is
    /// <see cref="Set{T}(string, T, JsonTypeInfo{T})"/>.</exception>
    public void Put(string name, object? value) => Store(name, SessionJson.Of(value));

    /// <summary>
    /// Stores several values, each as <see cref="Put(string, object)"/> does (PHP: <c>put(array)</c>); all of them or none.
    /// </summary>
    /// <exception cref="ArgumentException">One is of another type, for which there is
    /// <see cref="Set{T}(string, T, JsonTypeInfo{T})"/>.</exception>
    public void Put(Dictionary<string, object?> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        KeyValuePair<string, JsonElement>[] stored =
            [.. values.Select(entry => KeyValuePair.Create(entry.Key, SessionJson.Of(entry.Value)))];
        foreach ((string name, JsonElement value) in stored) Store(name, value);
    }

    /// <summary>Removes a value (PHP: <c>delete()</c>).</summary>
    public void Delete(string name)
    {
        if (_values.Remove(name)) _changes.Remove(name);
    }

    /// <summary>Removes one or several values (PHP: <c>forget()</c>).</summary>
    public void Forget(params ReadOnlySpan<string> names)
    {
        foreach (string name in names) Delete(name);
    }

    /// <summary>Gives a value as <see cref="Get(string, string)"/> does and removes it (PHP: <c>pull()</c>).</summary>
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public string? Pull(string name, string? defaultValue = null) => Pulled(name, Get(name, defaultValue));

    /// <summary>Gives a value as <see cref="Get(string, int)"/> does and removes it (PHP: <c>pull()</c>).</summary>
    public int Pull(string name, int defaultValue) => Pulled(name, Get(name, defaultValue));

    /// <inheritdoc cref="Pull(string, int)"/>
    public long Pull(string name, long defaultValue) => Pulled(name, Get(name, defaultValue));

    /// <inheritdoc cref="Pull(string, int)"/>
    public double Pull(string name, double defaultValue) => Pulled(name, Get(name, defaultValue));

    /// <inheritdoc cref="Pull(string, int)"/>
    public decimal Pull(string name, decimal defaultValue) => Pulled(name, Get(name, defaultValue));

    /// <inheritdoc cref="Pull(string, int)"/>
    public bool Pull(string name, bool defaultValue) => Pulled(name, Get(name, defaultValue));

    /// <summary>A copy of all values (PHP: <c>all()</c>).</summary>
    public Dictionary<string, JsonElement> All() => new(_values);

    /// <summary>Whether there is such a value and it is not null (PHP: <c>has()</c>).</summary>
    public bool Has(string name) => Find(name) is not null;

    /// <summary>Whether there is such a value, even if it is null (PHP: <c>exists()</c>).</summary>
    public bool Exists(string name) => _values.ContainsKey(name);

    /// <summary>
    /// Removes all values, and the session from the store (PHP: <c>flush()</c>): its id is not known any more, unless this
    /// request sets a value again. In either case, values of other requests that found the session before are dropped when they
    /// are saved.
    /// </summary>
    public void Flush()
    {
        _values.Clear();
        _changes.Clear();
    }

    private JsonElement? Find(string name) =>
        _values.TryGetValue(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private T Pulled<T>(string name, T value)
    {
        Delete(name);
        return value;
    }

    private void Store(string name, JsonElement value)
    {
        if (name == SessionJson.MarkName)
            throw new ArgumentException($"The name {SessionJson.MarkName} is the library's; choose another.", nameof(name));
        _values[name] = value;
        _changes.Set(name, value);
    }
}
