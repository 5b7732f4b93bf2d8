namespace Workerman.Protocols.Http.Sessions;

/// <summary>The way to the store: what has changed since it was last there, under which id.</summary>
public sealed partial class Session
{
    private List<LeftBehind>? _left;
    private int _version;
    private int _savedVersion;
    private bool _flushed;
    private bool _refreshed;

    /// <summary>What the last attempt to save failed with; null if it succeeded.</summary>
    private Exception? _failure;

    private enum Step : byte
    {
        None,
        Write,
        Destroy,
        Refresh,
    }

    /// <summary>Whether the client does not know the id yet: the answer tells it.</summary>
    internal bool IsIssued { get; private set; }

    /// <summary>
    /// Stores the changes now, if there are any (PHP: <c>save()</c>). It happens by itself when the answer is sent; what changes
    /// afterwards is stored only by this.
    /// </summary>
    /// <exception cref="Exception">Whatever keeps the handler from it: a full disk, a cache that is down. The changes are kept for another try.</exception>
    public void Save()
    {
        try
        {
            SaveChanges();
            _failure = null;
        }
        catch (Exception e)
        {
            _failure = e;
            throw;
        }
    }

    /// <summary>
    /// As <see cref="Save"/>, but the loop goes on meanwhile: for stores behind a network. Once it is done, sending the answer has nothing left to store.
    /// </summary>
    /// <inheritdoc cref="Save" path="/exception"/>
    public async ValueTask SaveAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await SaveChangesAsync(cancellationToken);
            _failure = null;
        }
        catch (Exception e)
        {
            _failure = e;
            throw;
        }
    }

    /// <summary>Begins a new lifetime of what is stored (PHP: <c>refresh()</c>).</summary>
    /// <returns>False if nothing is stored.</returns>
    public bool Refresh() => _refreshed = _store.Handler.UpdateTimestamp(Id, _store.Lifetime);

    /// <summary>As <see cref="Refresh"/>, but the loop goes on meanwhile.</summary>
    /// <inheritdoc cref="Refresh" path="/returns"/>
    public async ValueTask<bool> RefreshAsync(CancellationToken cancellationToken = default) =>
        _refreshed = await _store.Handler.UpdateTimestampAsync(Id, _store.Lifetime, cancellationToken);

    /// <summary>Removes expired sessions of all clients from the store, now (PHP: <c>gc()</c>). It happens by itself now and then.</summary>
    public void Gc() => _store.Handler.Gc(_store.Lifetime);

    /// <summary>The answer is on its way, and sweeping is due as often as the settings say.</summary>
    /// <returns>What keeps the session from being stored; null if it is.</returns>
    internal Exception? SaveForAnswer()
    {
        // A store that has just failed is not tried again: the loop would wait for it.
        if (_failure is not null) return _failure;
        try
        {
            Save();
        }
        catch (Exception e)
        {
            return e;
        }
        _store.SweepSometimes();
        return null;
    }

    private void SaveChanges()
    {
        int version = _version;
        (Step step, byte[]? data) = Plan();
        switch (step)
        {
            case Step.Write:
                _store.Handler.Write(Id, data!, _store.Lifetime);
                break;
            case Step.Destroy:
                _store.Handler.Destroy(Id);
                break;
            case Step.Refresh:
                Refresh();
                break;
        }
        int left = _left?.Count ?? 0;
        for (int i = 0; i < left; i++)
        {
            LeftBehind old = _left![i];
            if (old.Data is null) _store.Handler.Destroy(old.Id);
            else _store.Handler.Write(old.Id, old.Data, _store.Lifetime);
        }
        Saved(version, left);
    }

    private async ValueTask SaveChangesAsync(CancellationToken cancellationToken)
    {
        int version = _version;
        int left = _left?.Count ?? 0;
        (Step step, byte[]? data) = Plan();
        switch (step)
        {
            case Step.Write:
                await _store.Handler.WriteAsync(Id, data!, _store.Lifetime, cancellationToken);
                break;
            case Step.Destroy:
                await _store.Handler.DestroyAsync(Id, cancellationToken);
                break;
            case Step.Refresh:
                await RefreshAsync(cancellationToken);
                break;
        }
        for (int i = 0; i < left; i++)
        {
            LeftBehind old = _left![i];
            if (old.Data is null) await _store.Handler.DestroyAsync(old.Id, cancellationToken);
            else await _store.Handler.WriteAsync(old.Id, old.Data, _store.Lifetime, cancellationToken);
        }
        Saved(version, left);
    }

    /// <summary>Goes on under a new id, and leaves the old one to what it was or to nothing.</summary>
    internal void Regenerate(bool deleteOld)
    {
        bool changed = _version != _savedVersion;
        if (deleteOld || IsEmptied) (_left ??= []).Add(new LeftBehind(Id, null));
        else if (changed && !IsIssued) (_left ??= []).Add(new LeftBehind(Id, SessionJson.Write(_values)));
        Id = SessionIds.Create();
        IsIssued = true;
        _version++;
    }

    private bool IsEmptied => _flushed && _values.Count == 0 && !IsIssued;

    private (Step Step, byte[]? Data) Plan()
    {
        if (_version == _savedVersion) return (_store.AutoUpdateTimestamp && !_refreshed ? Step.Refresh : Step.None, null);
        return IsEmptied ? (Step.Destroy, null) : (Step.Write, SessionJson.Write(_values));
    }

    private void Saved(int version, int left)
    {
        // What changed while the store was busy is still to be saved.
        _savedVersion = version;
        _refreshed = true;
        _left?.RemoveRange(0, left);
    }

    /// <summary>An id that was given up before the answer, and what becomes of it: data to keep, or null to remove it.</summary>
    private readonly record struct LeftBehind(string Id, byte[]? Data);
}
