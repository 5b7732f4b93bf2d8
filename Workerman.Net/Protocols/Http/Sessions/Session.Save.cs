namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// Saves the session: the changes of this request are applied to what is stored by then. A session that was found and has been
/// removed from the store since, by another request or because it expired, is not stored again.
/// </summary>
public sealed partial class Session
{
    /// <summary>
    /// How often a session that moves to another id is read again if other requests have changed it under the old id meanwhile.
    /// </summary>
    private const int MaxMoves = 3;

    /// <summary>What has changed since the last save began.</summary>
    private SessionChanges _changes = new();

    private Standing _standing;

    /// <summary>Distinguishes it from other sessions that have had its id; null if there can be no other.</summary>
    private string? _mark;

    /// <summary>The id under which the session is stored, after it was given a new one and before that is stored.</summary>
    private Origin? _origin;

    /// <summary>The number of saves that are running: more than one only if the application does not await them.</summary>
    private int _saving;

    private bool _refreshed;

    /// <summary>The exception of the last attempt to save; null if it succeeded.</summary>
    private Exception? _failure;

    /// <summary>What this request knows about the stored session.</summary>
    private enum Standing : byte
    {
        /// <summary>
        /// Nothing is stored yet, and it is only if there is something to store (<see cref="IsToBeStored"/>).
        /// </summary>
        New,

        /// <summary>It was found, or saved from here.</summary>
        Stored,

        /// <summary>This request has removed it. It is stored anew if a value is set.</summary>
        Ended,
    }

    private enum Step : byte
    {
        None,

        /// <summary>Stores a session under a new random id, which no other request can have.</summary>
        Create,

        /// <summary>Stores a session under an id that other requests may have too.</summary>
        Begin,
        Change,
        End,

        /// <summary>Moves a session from its old id to the new one.</summary>
        Move,
        Refresh,
    }

    /// <summary>Whether the client does not know the id yet: the answer tells it, if the session is stored.</summary>
    internal bool IsIssued { get; set; }

    /// <summary>
    /// Whether saving stores it, or has something stored. A new session that was only read is not stored, and its id is told to
    /// nobody: whoever sends no cookie would have the server keep a file for each request.
    /// </summary>
    internal bool IsToBeStored => _standing != Standing.New || _values.Count > 0 || _idIsAsked || _origin is not null;

    /// <summary>The id for the cookie, if the client is to be told it; null if it knows it, or there is nothing stored.</summary>
    internal string? IdToTell => IsIssued && _standing != Standing.New ? _id : null;

    /// <summary>Whether its answer is on its way without the id, so that storing it under that id is of no use.</summary>
    private bool _isUntold;

    /// <summary>The id that handlers store it under.</summary>
    private string Key => SessionIds.KeyOf(_id);

    /// <summary>
    /// Stores the changes now, if there are any (PHP: <c>save()</c>). It happens by itself when the answer is sent; what changes
    /// afterwards is stored only by this. The changes alone are stored: what other requests of the client have stored since
    /// stays. If one of them has ended the session (<see cref="Flush"/>, a new id), or it has expired since it was found, it
    /// stays removed and the changes are dropped. A new session is not stored before a value is set, or its
    /// <see cref="Id"/> asked for.
    /// </summary>
    /// <exception cref="InvalidOperationException">Its answer is on its way, and had no cookie, because nothing was stored then:
    /// the client could not find the session.</exception>
    /// <exception cref="Exception">The handler cannot store it: a full disk, a cache that is down. The changes are kept for
    /// another attempt.</exception>
    public void Save()
    {
        if (Begin() is not { } work) return;
        try
        {
            switch (work.Step)
            {
                case Step.Create:
                    using (SessionGates.Of(_store.Handler).Enter(work.Key))
                        _store.Handler.Write(work.Key, work.Apply(null)!, _store.Lifetime);
                    break;
                case Step.Begin or Step.Change:
                    _store.Handler.Update(work.Key, work.Apply, _store.Lifetime);
                    break;
                case Step.End:
                    _store.Handler.Update(work.Key, work.End, _store.Lifetime);
                    break;
                case Step.Move:
                    Move(work, work.Origin!);
                    break;
                case Step.Refresh:
                    _store.Handler.UpdateTimestamp(work.Key, _store.Lifetime);
                    break;
            }
            OnSaved(work);
        }
        catch (Exception e)
        {
            OnSaveFailed(work, e);
            throw;
        }
    }

    /// <summary>
    /// As <see cref="Save"/>, without blocking the loop: for stores behind a network. When the answer is sent afterwards, there
    /// is nothing left to store.
    /// </summary>
    /// <inheritdoc cref="Save" path="/exception"/>
    public async ValueTask SaveAsync(CancellationToken cancellationToken = default)
    {
        if (Begin() is not { } work) return;
        try
        {
            switch (work.Step)
            {
                case Step.Create:
                    using (await SessionGates.Of(_store.Handler).EnterAsync(work.Key, cancellationToken))
                        await _store.Handler.WriteAsync(work.Key, work.Apply(null)!, _store.Lifetime, cancellationToken);
                    break;
                case Step.Begin or Step.Change:
                    await _store.Handler.UpdateAsync(work.Key, work.Apply, _store.Lifetime, cancellationToken);
                    break;
                case Step.End:
                    await _store.Handler.UpdateAsync(work.Key, work.End, _store.Lifetime, cancellationToken);
                    break;
                case Step.Move:
                    await MoveAsync(work, work.Origin!, cancellationToken);
                    break;
                case Step.Refresh:
                    await _store.Handler.UpdateTimestampAsync(work.Key, _store.Lifetime, cancellationToken);
                    break;
            }
            OnSaved(work);
        }
        catch (Exception e)
        {
            OnSaveFailed(work, e);
            throw;
        }
    }

    /// <summary>Begins a new lifetime of what is stored (PHP: <c>refresh()</c>).</summary>
    /// <returns>False if nothing is stored.</returns>
    public bool Refresh() => _refreshed = _store.Handler.UpdateTimestamp(Key, _store.Lifetime);

    /// <summary>As <see cref="Refresh"/>, without blocking the loop.</summary>
    /// <inheritdoc cref="Refresh" path="/returns"/>
    public async ValueTask<bool> RefreshAsync(CancellationToken cancellationToken = default) =>
        _refreshed = await _store.Handler.UpdateTimestampAsync(Key, _store.Lifetime, cancellationToken);

    /// <summary>
    /// Removes expired sessions of all clients from the store, now (PHP: <c>gc()</c>). It happens by itself now and then.
    /// </summary>
    public void Gc() => _store.Handler.Gc(_store.Lifetime);

    /// <summary>Saves the session before its answer is sent, and has expired ones removed as often as the settings say.</summary>
    /// <returns>Why the session cannot be stored; null if it is.</returns>
    internal Exception? SaveForAnswer()
    {
        // A store that has just failed is not tried again, because that would block the loop.
        if (_failure is not null) return _failure;
        try
        {
            Save();
        }
        catch (Exception e)
        {
            return e;
        }
        _isUntold = IsIssued && _standing == Standing.New;
        _store.SweepSometimes();
        return null;
    }

    /// <summary>Gives the session a new id. The old one keeps the session as it is by then, or is removed.</summary>
    /// <exception cref="InvalidOperationException">It is being saved.</exception>
    internal void Regenerate(bool deleteOld)
    {
        if (_saving > 0)
            throw new InvalidOperationException(
                "The session is being saved under its old id; await SaveAsync before it gets another.");
        if (_standing == Standing.Stored) _origin = new Origin(Key, _mark, deleteOld || _changes.IsEnd, _changes.Copy());
        _id = SessionIds.Create();
        IsIssued = true;
        _idIsAsked = true;
        _mark = null;
        _standing = Standing.New;
    }

    private Work? Begin()
    {
        Step step = Next();
        if (step == Step.None)
        {
            _failure = null;
            return null;
        }
        if (_standing == Standing.New && step is Step.Create or Step.Begin) CheckNew();
        var work = new Work(step, _id, Key, _changes, _origin, _mark, _standing);
        // With a new mark, the values from before the session was cleared are dropped, also those that other requests still save.
        if (step == Step.Change && _changes.IsCleared) work.NewMark = SessionJson.NewMark();
        else if (step == Step.Begin && _standing == Standing.Ended) work.Mark = work.NewMark = SessionJson.NewMark();
        else work.NewMark = _mark;
        // What changes while this save is running is saved by the next one.
        _changes = new SessionChanges();
        _origin = null;
        _mark = work.NewMark;
        _standing = step switch
        {
            Step.End => Standing.Ended,
            // It is not stored before this save succeeds.
            Step.Create or Step.Begin or Step.Move => _standing,
            _ => Standing.Stored,
        };
        _saving++;
        return work;
    }

    /// <exception cref="InvalidOperationException">The client cannot be told its id any more.</exception>
    /// <exception cref="SessionLimitException">There have been too many.</exception>
    private void CheckNew()
    {
        if (_isUntold)
        {
            throw new InvalidOperationException("The answer has been sent without this new session's cookie, because nothing was "
                + "stored by then. Set a value, or save the session, before Send.");
        }
        _store.CountNew();
    }

    private Step Next() => _origin is not null ? Step.Move : _standing switch
    {
        Standing.New when !IsToBeStored => Step.None,
        Standing.New => _mark is null && _saving == 0 ? Step.Create : Step.Begin,
        Standing.Ended => _changes.IsEmpty || _changes.IsEnd ? Step.None : Step.Begin,
        _ when _changes.IsEnd => Step.End,
        _ when !_changes.IsEmpty => Step.Change,
        _ => _store.AutoUpdateTimestamp && !_refreshed ? Step.Refresh : Step.None,
    };

    private void OnSaved(Work work)
    {
        _saving--;
        _failure = null;
        _refreshed = true;
        // The session may have another id by now.
        if (work.Id != _id || work.Step is not (Step.Create or Step.Begin or Step.Move)) return;
        _standing = Standing.Stored;
        _mark = work.NewMark;
    }

    private void OnSaveFailed(Work work, Exception failure)
    {
        _saving--;
        _failure = failure;
        _changes = work.Changes.Then(_changes);
        _origin ??= work.Origin;
        if (work.Id != _id || _saving > 0) return;
        _standing = work.Standing;
        _mark = work.FirstMark;
    }

    private void Move(Work work, Origin old)
    {
        ISessionHandler handler = _store.Handler;
        byte[]? left = old.IsEnded || old.Changes.IsEmpty
            ? handler.Read(old.Key, _store.Lifetime)
            : handler.Update(old.Key, old.Apply, _store.Lifetime);
        for (int moves = 1; ; moves++)
        {
            // The new one is stored before the old one is removed: if something fails in between, no values are lost.
            handler.Write(work.Key, work.Changes.MoveFrom(left, old.Mark), _store.Lifetime);
            byte[]? now = null;
            bool last = moves >= MaxMoves;
            if (!old.IsEnded) now = handler.Read(old.Key, _store.Lifetime);
            else handler.Update(old.Key, stored => Origin.EndUnlessChanged(now = stored, left, last), _store.Lifetime);
            if (Origin.IsSame(now, left) || (last && now is not null)) return;
            // Others have changed it meanwhile, and their changes move along; or they have ended it, and then nothing does.
            left = now;
        }
    }

    private async ValueTask MoveAsync(Work work, Origin old, CancellationToken cancellationToken)
    {
        ISessionHandler handler = _store.Handler;
        byte[]? left = await (old.IsEnded || old.Changes.IsEmpty
            ? handler.ReadAsync(old.Key, _store.Lifetime, cancellationToken)
            : handler.UpdateAsync(old.Key, old.Apply, _store.Lifetime, cancellationToken));
        for (int moves = 1; ; moves++)
        {
            // The new one is stored before the old one is removed: if something fails in between, no values are lost.
            await handler.WriteAsync(work.Key, work.Changes.MoveFrom(left, old.Mark), _store.Lifetime, cancellationToken);
            byte[]? now = null;
            bool last = moves >= MaxMoves;
            if (!old.IsEnded) now = await handler.ReadAsync(old.Key, _store.Lifetime, cancellationToken);
            else
                await handler.UpdateAsync(old.Key, stored => Origin.EndUnlessChanged(now = stored, left, last), _store.Lifetime,
                    cancellationToken);
            if (Origin.IsSame(now, left) || (last && now is not null)) return;
            // Others have changed it meanwhile, and their changes move along; or they have ended it, and then nothing does.
            left = now;
        }
    }

    /// <summary>One save: what it does, and to which stored session.</summary>
    private sealed class Work(Step step, string id, string key, SessionChanges changes, Origin? origin, string? mark,
        Standing standing)
    {
        public Step Step => step;

        public string Id => id;

        public string Key => key;

        public SessionChanges Changes => changes;

        public Origin? Origin => origin;

        /// <summary>The standing before it.</summary>
        public Standing Standing => standing;

        public string? FirstMark { get; } = mark;

        /// <summary>The mark of the session that it changes.</summary>
        public string? Mark { get; set; } = mark;

        /// <summary>The mark that it has afterwards.</summary>
        public string? NewMark { get; set; }

        public byte[]? Apply(byte[]? stored)
        {
            if (step == Step.Change) return changes.ApplyTo(stored, Mark, NewMark);
            string? found = Mark;
            byte[] data = changes.Begin(stored, ref found);
            NewMark = found;
            return data;
        }

        /// <summary>Removes the session, unless another one is stored under its id by now.</summary>
        public byte[]? End(byte[]? stored) =>
            stored is not null && SessionJson.TryRead(stored, out _, out string? found, out _) && found != Mark ? stored : null;
    }

    /// <summary>
    /// The old id of a session that was given a new one, what had changed by then, and whether the old id is removed.
    /// </summary>
    private sealed record Origin(string Key, string? Mark, bool IsEnded, SessionChanges Changes)
    {
        public byte[]? Apply(byte[]? stored) => Changes.ApplyTo(stored, Mark, Changes.IsCleared ? SessionJson.NewMark() : Mark);

        /// <summary>
        /// Removes the session under the old id, unless other requests have changed it since it was read: their changes are moved
        /// too.
        /// </summary>
        public static byte[]? EndUnlessChanged(byte[]? now, byte[]? read, bool anyway) =>
            anyway || now is null || IsSame(now, read) ? null : now;

        public static bool IsSame(byte[]? one, byte[]? other) =>
            one is null ? other is null : other is not null && one.AsSpan().SequenceEqual(other);
    }
}
