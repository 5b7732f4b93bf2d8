using System.Text.Json;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// The changes that a request has made to its session, which are applied to what is stored when it is saved, so the changes of
/// other requests stay. The session adds to it on its loop's thread; once it is being saved it does not change, and a handler
/// applies it on any thread, several times if it has to.
/// </summary>
internal sealed class SessionChanges
{
    private readonly Dictionary<string, JsonElement?> _entries;

    public SessionChanges() => _entries = [];

    private SessionChanges(SessionChanges other)
    {
        _entries = new Dictionary<string, JsonElement?>(other._entries);
        IsCleared = other.IsCleared;
    }

    /// <summary>Whether all values were removed before those in it were set.</summary>
    public bool IsCleared { get; private set; }

    public bool IsEmpty => !IsCleared && _entries.Count == 0;

    /// <summary>Whether all values were removed, and none was set since.</summary>
    public bool IsEnd => IsCleared && _entries.Count == 0;

    public void Set(string name, JsonElement value) => _entries[name] = value;

    public void Remove(string name)
    {
        if (IsCleared) _entries.Remove(name);
        else _entries[name] = null;
    }

    public void Clear()
    {
        _entries.Clear();
        IsCleared = true;
    }

    public SessionChanges Copy() => new(this);

    /// <summary>These changes, followed by later ones.</summary>
    public SessionChanges Then(SessionChanges later)
    {
        if (later.IsCleared) return later;
        foreach ((string name, JsonElement? value) in later._entries)
        {
            if (value is { } set) Set(name, set);
            else Remove(name);
        }
        return this;
    }

    /// <summary>Applies them to a session that is known to have been stored.</summary>
    /// <param name="stored">What is stored now.</param>
    /// <param name="mark">The mark of the session that was changed.</param>
    /// <param name="newMark">The mark that it is stored with.</param>
    /// <returns> What is to be stored: null if the session was removed since, so that it is not restored; and if another one is
    /// stored under its id by now, that one unchanged. </returns>
    public byte[]? ApplyTo(byte[]? stored, string? mark, string? newMark)
    {
        if (stored is null) return null;
        Dictionary<string, JsonElement> values = Read(stored, out string? found);
        return found == mark ? SessionJson.Write(Apply(values), newMark) : stored;
    }

    /// <summary>Applies them to a session that this request stores first.</summary>
    /// <param name="stored">What is stored now: null, unless two requests store a session under an id of the application's own at
    /// once.</param>
    /// <param name="mark">Its mark; that of the stored session replaces it.</param>
    public byte[] Begin(byte[]? stored, ref string? mark)
    {
        if (stored is null) return SessionJson.Write(Apply([]), mark);
        Dictionary<string, JsonElement> values = Read(stored, out mark);
        return SessionJson.Write(Apply(values), mark);
    }

    /// <summary>Applies them to the values of a session that is given another id; to none if it was removed since.</summary>
    /// <param name="left">What is stored under the old id.</param>
    /// <param name="mark">The mark that it has there.</param>
    public byte[] MoveFrom(byte[]? left, string? mark)
    {
        string? found = null;
        Dictionary<string, JsonElement> values = left is null ? [] : Read(left, out found);
        return SessionJson.Write(Apply(found == mark ? values : []), null);
    }

    /// <summary>Data that this library has not written has no values; that was reported when the session was opened.</summary>
    private static Dictionary<string, JsonElement> Read(byte[] data, out string? mark)
    {
        SessionJson.TryRead(data, out Dictionary<string, JsonElement> values, out mark, out _);
        return values;
    }

    private Dictionary<string, JsonElement> Apply(Dictionary<string, JsonElement> values)
    {
        if (IsCleared) values.Clear();
        foreach ((string name, JsonElement? value) in _entries)
        {
            if (value is { } set) values[name] = set;
            else values.Remove(name);
        }
        return values;
    }
}
