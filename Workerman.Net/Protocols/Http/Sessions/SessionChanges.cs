using System.Text.Json;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// What a request has changed in its session, to be done to whatever is stored when it is saved. It is not the session's values:
/// those of
/// other requests stay. The session fills it on its own thread; once it is being saved nobody changes it, and a handler applies
/// it on any thread, several times if it
/// has to.
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

    /// <summary>Whether all values went before the others came.</summary>
    public bool IsCleared { get; private set; }

    public bool IsEmpty => !IsCleared && _entries.Count == 0;

    /// <summary>Whether nothing but the end of all values is left.</summary>
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

    /// <summary>These changes and then the later ones.</summary>
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

    /// <summary>Does them to a session that is known to have been stored.</summary>
    /// <param name="stored">What is stored now.</param>
    /// <param name="mark">The mark of the session that was changed.</param>
    /// <param name="newMark">The mark it has from now on.</param>
    /// <returns>
    /// What is to be stored: nothing if the session has been removed since, so that nothing brings it back; and if another one
    /// has begun under its id, that one as
    /// it is.
    /// </returns>
    public byte[]? ApplyTo(byte[]? stored, string? mark, string? newMark)
    {
        if (stored is null) return null;
        Dictionary<string, JsonElement> values = Read(stored, out string? found);
        return found == mark ? SessionJson.Write(Apply(values), newMark) : stored;
    }

    /// <summary>Does them to a session that this request has begun.</summary>
    /// <param name="stored">What is stored now: nothing, unless two requests begin one under an id of the application's own at
    /// once.</param>
    /// <param name="mark">Its mark; that of what is stored goes before it.</param>
    public byte[] Begin(byte[]? stored, ref string? mark)
    {
        if (stored is null) return SessionJson.Write(Apply([]), mark);
        Dictionary<string, JsonElement> values = Read(stored, out mark);
        return SessionJson.Write(Apply(values), mark);
    }

    /// <summary>
    /// Does them to the values of a session that goes on under another id; to none if it has been removed since.
    /// </summary>
    /// <param name="left">What is stored under the id that it had.</param>
    /// <param name="mark">The mark that it had there.</param>
    public byte[] MoveFrom(byte[]? left, string? mark)
    {
        string? found = null;
        Dictionary<string, JsonElement> values = left is null ? [] : Read(left, out found);
        return SessionJson.Write(Apply(found == mark ? values : []), null);
    }

    /// <summary>What is none of ours has no values: it was reported when it was opened.</summary>
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
