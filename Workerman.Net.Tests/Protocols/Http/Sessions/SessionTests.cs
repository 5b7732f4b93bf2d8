using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Workerman.Protocols.Http.Sessions;

namespace Workerman.Tests.Protocols.Http.Sessions;

/// <summary>The values of a session: what is stored, what comes back, and what is never made of it.</summary>
internal sealed partial class SessionTests
{
    private readonly List<string> _reports = [];
    private MemorySessionHandler _handler = null!;
    private SessionStore _store = null!;

    [SetUp]
    public void SetUp()
    {
        _reports.Clear();
        _handler = new MemorySessionHandler();
        _store =
            new SessionStore { Handler = _handler, Report = (what, reason) => _reports.Add($"{what}: {reason.GetType().Name}") };
    }

    [Test]
    public void ValuesComeBackAsWhatTheyWere()
    {
        Session session = _store.Create();
        session.Set("text", "t\u00e4xt \"\u0000\r\n\ud83d\ude00");
        session.Set("empty", "");
        session.Set("int", int.MinValue);
        session.Set("long", long.MaxValue);
        session.Set("double", 0.1);
        session.Set("decimal", 79228162514264337593543950335m);
        session.Set("yes", true);
        session.Set("no", false);
        session.Set("null", null);
        session = SavedAndReadAgain(session);
        Assert.That((session.Get("text"), session.Get("empty")), Is.EqualTo(("t\u00e4xt \"\u0000\r\n\ud83d\ude00", "")));
        Assert.That((session.Get("int", 0), session.Get("long", 0L), session.Get("double", 0.0), session.Get("decimal", 0m)),
            Is.EqualTo((int.MinValue, long.MaxValue, 0.1, 79228162514264337593543950335m)));
        Assert.That((session.Get("yes", false), session.Get("no", true)), Is.EqualTo((true, false)));
        Assert.That((session.Has("null"), session.Exists("null"), session.Get("null"), session.Get("null", "d")),
            Is.EqualTo((false, true, (string?)null, "d")));
        Assert.That((session.Has("none"), session.Exists("none"), session.Get("none"), session.Get("none", 7)),
            Is.EqualTo((false, false, (string?)null, 7)));
        Assert.That(session.All().Keys,
            Is.EqualTo(new[] { "text", "empty", "int", "long", "double", "decimal", "yes", "no", "null" }));
    }

    [Test]
    public void WhatIsNoTextReadsAsItsJson()
    {
        Session session = _store.Create();
        session.Put(new() { ["n"] = 12, ["b"] = true, ["d"] = 1.5 });
        session.Set("basket", new Basket("bread", [1, 2]), SessionTestsJson.Default.Basket);
        Assert.That(new[] { "n", "b", "d", "basket" }.Select(name => session.Get(name)),
            Is.EqualTo(new[] { "12", "true", "1.5", """{"Item":"bread","Prices":[1,2]}""" }));
    }

    [Test]
    public void AnotherTypeThanTheStoredOneIsTheDefault()
    {
        Session session = _store.Create();
        session.Put(new() { ["text"] = "12", ["half"] = 0.5, ["big"] = long.MaxValue, ["flag"] = true });
        Assert.That((session.Get("text", 1), session.Get("half", 2), session.Get("big", 3), session.Get("flag", 4),
            session.Get("text", true)), Is.EqualTo((1, 2, 3, 4, true)));
        Assert.That((session.Get("half", 1m), session.Get("big", 1.0), session.Get("big", 1L)),
            Is.EqualTo((0.5m, (double)long.MaxValue, long.MaxValue)));
    }

    [Test]
    public void OwnTypesAreStoredAsTheyAreNow()
    {
        List<int> prices = [3];
        Session session = _store.Create();
        session.Set("basket", new Basket("milk", prices), SessionTestsJson.Default.Basket);
        prices.Add(4);
        session = SavedAndReadAgain(session);
        Basket basket = session.Get("basket", SessionTestsJson.Default.Basket)!;
        Assert.That((basket.Item, string.Join(',', basket.Prices)), Is.EqualTo(("milk", "3")));
        Assert.That(session.Get("none", SessionTestsJson.Default.Basket), Is.Null);
        Assert.That(session.Get("none", SessionTestsJson.Default.Basket, new Basket("d", [])).Item, Is.EqualTo("d"));
        Assert.That((session.Pull("basket", SessionTestsJson.Default.Basket)!.Item, session.Exists("basket")),
            Is.EqualTo(("milk", false)));
    }

    [Test]
    public void ArraysListsAndObjectsNeedNoMetadata()
    {
        Session session = _store.Create();
        session.Set("array", new[] { 1, 2, 3 });
        session.Set("list", new List<string> { "a", "b" });
        session.Set("map", new Dictionary<string, double> { ["x"] = 0.5 });
        session.Set("when", new DateTime(2024, 2, 29, 12, 0, 0, DateTimeKind.Utc));
        session.Set("day", DayOfWeek.Friday);
        session.Set("maybe", (int?)5);
        session.Set("basket", new Basket("milk", [3]));
        session = SavedAndReadAgain(session);
        Assert.That(session.Get<int[]>("array"), Is.EqualTo(new[] { 1, 2, 3 }));
        Assert.That(session.Get("list", new List<string>()), Is.EqualTo(new[] { "a", "b" }));
        Assert.That(session.Get<Dictionary<string, double>>("map")!["x"], Is.EqualTo(0.5));
        Assert.That((session.Get<DateTime>("when"), session.Get<DayOfWeek>("day"), session.Get<int?>("maybe")),
            Is.EqualTo((new DateTime(2024, 2, 29, 12, 0, 0, DateTimeKind.Utc), DayOfWeek.Friday, 5)));
        Assert.That((session.Get<Basket>("basket")!.Item, session.Get("basket", SessionTestsJson.Default.Basket)!.Item),
            Is.EqualTo(("milk", "milk")), "one form reads what the other wrote");
        Assert.That((session.Get<Basket>("none"), session.Get("none", new[] { 9 })[0], session.Get<int>("array")),
            Is.EqualTo(((Basket?)null, 9, 0)));
        Assert.That(_reports, Has.Count.EqualTo(1), "an array is no number");
        Assert.That((session.Pull<int[]>("array")!.Length, session.Exists("array")), Is.EqualTo((3, false)));
        Assert.That(() => session.Set("type", typeof(string)), Throws.InstanceOf<NotSupportedException>());
    }

    [Test]
    public void PutTakesListsAndDictionariesOfPlainValues()
    {
        Session session = _store.Create();
        session.Put(new()
        {
            ["list"] = new List<int> { 1, 2 },
            ["array"] = new object?[] { "a", 1.5, null, true, new[] { "b" } },
            ["map"] = new Dictionary<string, object?> { ["k"] = 1m }
        });
        session.Put("big", ulong.MaxValue);
        session.Set("biggest", ulong.MaxValue);
        session.Set("letter", 'c');
        session.Put("letters", new[] { 'c', 'd' });
        session.Set("tenth", 0.1f);
        IDictionary<string, object?> free = new System.Dynamic.ExpandoObject();
        free["k"] = 0.1f;
        session.Put("free", free);
        Assert.That(string.Join(' ', new[] { "biggest", "letter", "letters", "tenth", "free" }
            .Select(name => session.Get<System.Text.Json.JsonElement>(name).GetRawText())),
            Is.EqualTo("18446744073709551615 \"c\" [\"c\",\"d\"] 0.1 {\"k\":0.1}"));
        session = SavedAndReadAgain(session);
        Assert.That(new[] { "list", "array", "map", "big" }.Select(name => session.Get(name)),
            Is.EqualTo(new[] { "[1,2]", """["a",1.5,null,true,["b"]]""", """{"k":1}""", "18446744073709551615" }));
        var itself = new List<object>();
        itself.Add(itself);
        Assert.That(() => session.Put("itself", itself), Throws.ArgumentException);
        Assert.That(() => session.Put("bytes", new byte[] { 1 }), Throws.ArgumentException);
        Assert.That(() => session.Put("numbers", new Dictionary<int, string> { [1] = "a" }), Throws.ArgumentException);
        Assert.That(() => session.Put("baskets", new[] { new Basket("x", []) }), Throws.ArgumentException);
    }

    [Test]
    public void ANameOfTheLibrarysIsRefused() =>
        Assert.That(() => _store.Create().Set(SessionJson.MarkName, "x"),
            Throws.ArgumentException.With.Message.Contains("choose another"));

    [Test]
    public void AValueOfAnotherShapeIsNoneAndReported()
    {
        Session session = _store.Create();
        session.Set("basket", "bread");
        Assert.That(session.Get("basket", SessionTestsJson.Default.Basket), Is.Null);
        Assert.That(_reports, Has.Count.EqualTo(1).And.One.Contains("Basket").And.One.Contains(nameof(JsonException)));
    }

    /// <summary>What other serializers make a type of is here a value like any other.</summary>
    [Test]
    public void NoTypeIsMadeFromAName()
    {
        byte[] data = [.. """{"$type":"System.IO.FileInfo, System.Runtime","x":"""u8,
            .. """{"$type":"System.Diagnostics.Process","Item":"a","Prices":[]}}"""u8];
        Session session = Read(data);
        Assert.That(session.Get("$type"), Is.EqualTo("System.IO.FileInfo, System.Runtime"));
        Assert.That(session.All()["x"].ValueKind, Is.EqualTo(JsonValueKind.Object));
        Assert.That(session.Get("x", SessionTestsJson.Default.Basket), Is.TypeOf<Basket>());
        Assert.That(_reports, Is.Empty);
    }

    [TestCase("")]
    [TestCase("a:1:{s:4:\"name\";s:3:\"tom\";}")]
    [TestCase("[1]")]
    [TestCase("null")]
    [TestCase("{\"a\":1")]
    [TestCase("{\"a\":1}x")]
    [TestCase("{\"a\":\"\u00ff")]
    public void ForeignDataIsAnEmptySessionAndReported(string stored)
    {
        Session session = Read(Encoding.Latin1.GetBytes(stored));
        Assert.That(session.All(), Is.Empty);
        Assert.That(_reports, Has.Count.EqualTo(1));
        session.Save();
        Assert.That(_handler.Read(session.Id, _store.Lifetime), Is.EqualTo(Encoding.Latin1.GetBytes(stored)),
            "kept until the application changes something");
        session.Set("a", 1);
        Assert.That((SavedAndReadAgain(session).Get("a", 0), _reports.Count), Is.EqualTo((1, 1)));
    }

    [Test]
    public void DeepValuesCanBeReadAgain()
    {
        Session session = _store.Create();
        string deep = string.Concat(Enumerable.Repeat("[", 64)) + string.Concat(Enumerable.Repeat("]", 64));
        using JsonDocument document = JsonDocument.Parse(deep);
        session.Put("deep", document.RootElement);
        Assert.That(SavedAndReadAgain(session).Get("deep"), Is.EqualTo(deep));
        Assert.That(_reports, Is.Empty);
    }

    [Test]
    public void DeleteForgetPullAndFlushRemove()
    {
        Session session = _store.Create();
        session.Put(new()
        {
            ["a"] = 1,
            ["b"] = "2",
            ["c"] = 3.5,
            ["d"] = true,
            ["e"] = 5L,
            ["f"] = 6m,
            ["g"] = null,
            ["h"] = "h"
        });
        session.Put("i", "i");
        session.Delete("h");
        session.Delete("none");
        session.Forget("i");
        Assert.That((session.Pull("a", 0), session.Pull("b"), session.Pull("c", 0.0), session.Pull("d", false),
            session.Pull("e", 0L), session.Pull("f", 0m), session.Pull("a", 9), session.Pull("b", "x")),
            Is.EqualTo((1, "2", 3.5, true, 5L, 6m, 9, "x")));
        Assert.That(session.All().Keys, Is.EqualTo(new[] { "g" }));
        session.Put(new() { ["x"] = 1, ["y"] = 2, ["z"] = 3 });
        session.Forget("x", "y", "none");
        Assert.That(session.All().Keys, Is.EquivalentTo(new[] { "g", "z" }));
        session.Flush();
        Assert.That(session.All(), Is.Empty);
    }

    [Test]
    public void AllIsACopy()
    {
        Session session = _store.Create();
        session.Set("a", 1);
        session.All().Clear();
        Assert.That(session.Has("a"));
    }

    [Test]
    public void WhatCannotBeStoredThrowsAndChangesNothing()
    {
        Session session = _store.Create();
        Assert.That(() => session.Put(new() { ["a"] = 1, ["b"] = new Basket("x", []) }),
            Throws.ArgumentException.With.Message.Contains("JsonTypeInfo"));
        Assert.That(() => session.Put("b", DateTime.UnixEpoch), Throws.ArgumentException);
        Assert.That(() => session.Set("b", double.NaN), Throws.ArgumentException);
        Assert.That(() => session.Set("b", double.PositiveInfinity), Throws.ArgumentException);
        Assert.That(() => session.Set(null!, 1), Throws.ArgumentNullException);
        Assert.That(session.All(), Is.Empty);
    }

    [Test]
    public void AnEmptiedSessionKeepsItsRecordAndAFlushedOneDoesNot()
    {
        Session session = _store.Create();
        session.Set("a", 1);
        session = SavedAndReadAgain(session);
        session.Delete("a");
        session = SavedAndReadAgain(session);
        session.Flush();
        session.Save();
        Assert.That(_store.Find([session.Id]), Is.Null);
        session.Set("b", 2);
        Assert.That(SavedAndReadAgain(session).Get("b", 0), Is.EqualTo(2));
    }

    [Test]
    public void IdsAreOfOneFormAndNeverTheSame()
    {
        string[] ids = [.. Enumerable.Range(0, 1000).Select(_ => _store.Create().Id)];
        Assert.That(ids, Is.Unique);
        Assert.That(ids, Has.All.Matches("^[0-9a-z]{32}$"));
        Assert.That(string.Concat(ids).Distinct().Count(), Is.EqualTo(36), "each letter and digit is used");
    }

    [Test]
    public void RegeneratingLeavesTheOldIdAsItIsOrToNothing([Values] bool deleteOld)
    {
        Session session = _store.Create();
        session.Set("a", 1);
        session = SavedAndReadAgain(session);
        string old = session.Id;
        session.Set("b", 2);
        session.Regenerate(deleteOld);
        session.Set("c", 3);
        Assert.That(SavedAndReadAgain(session).All().Keys, Is.EquivalentTo(new[] { "a", "b", "c" }));
        Assert.That(session.Id, Is.Not.EqualTo(old));
        Assert.That(_store.Find([old])?.All().Keys, deleteOld ? Is.Null : Is.EquivalentTo(new[] { "a", "b" }));
    }

    [Test]
    public void RegeneratingTwiceLeavesNoIdThatNobodyKnows()
    {
        Session session = _store.Create();
        session.Regenerate(deleteOld: false);
        session.Regenerate(deleteOld: true);
        session.Save();
        Assert.That(_handler.Count, Is.EqualTo(1));
    }

    [Test]
    public async Task WhatChangesWhileItIsSavedIsSavedNextTime()
    {
        var slow = new SlowHandler();
        _store.Handler = slow;
        Session session = _store.Create();
        session.Set("a", 1);
        ValueTask saving = session.SaveAsync();
        session.Set("b", 2);
        slow.Go.SetResult();
        await saving;
        Assert.That(Encoding.UTF8.GetString(slow.Written!), Is.EqualTo("""{"a":1}"""));
        await session.SaveAsync();
        Assert.That(Encoding.UTF8.GetString(slow.Written!), Is.EqualTo("""{"a":1,"b":2}"""));
        slow.Written = null;
        await session.SaveAsync();
        Assert.That(slow.Written, Is.Null, "nothing to save any more");
    }

    /// <summary>A save that nobody awaits, and the answer's behind it: in turn, whatever the store takes.</summary>
    [Test]
    public async Task SavesThatOverlapAreDoneInTurn([Values] bool flush)
    {
        var slow = new SlowHandler();
        _store.Handler = slow;
        Session session = _store.Create();
        if (flush)
        {
            slow.Go.SetResult();
            session.Set("old", 1);
            await session.SaveAsync();
            session = _store.Find([session.Id])!;
            slow.Go = new TaskCompletionSource();
            session.Flush();
        }
        session.Set("a", 1);
        ValueTask first = session.SaveAsync();
        if (flush) session.Delete("a");
        session.Set("b", 2);
        ValueTask second = session.SaveAsync();
        Assert.That(() => session.Regenerate(true), Throws.InvalidOperationException.With.Message.Contains("await SaveAsync"));
        slow.Go.SetResult();
        await first;
        await second;
        Assert.That(Encoding.UTF8.GetString(slow.Written!),
            flush ? Does.Match("""^\{"workerman.session":"[0-9a-z]{12}","b":2\}$""") : Is.EqualTo("""{"a":1,"b":2}"""));
    }

    [Test]
    public void AFailedSaveIsTriedAgain()
    {
        var failing = new FailingHandler();
        _store.Handler = failing;
        Session session = _store.Create();
        session.Set("a", 1);
        Assert.That(session.Save, Throws.InstanceOf<IOException>());
        session.Set("b", 2);
        failing.Fails = false;
        session.Save();
        failing.Fails = true;
        session = _store.Find([session.Id])!;
        session.Delete("a");
        session.Regenerate(deleteOld: true);
        session.Set("c", 3);
        Assert.That(session.Save, Throws.InstanceOf<IOException>());
        failing.Fails = false;
        session.Save();
        Assert.That(failing.Stored, Has.Count.EqualTo(1));
        Assert.That(_store.Find([session.Id])!.All().Keys, Is.EquivalentTo(new[] { "b", "c" }));
        session.Flush();
        failing.Fails = true;
        Assert.That(session.Save, Throws.InstanceOf<IOException>());
        failing.Fails = false;
        session.Save();
        Assert.That(failing.Stored, Is.Empty);
    }

    private Session SavedAndReadAgain(Session session)
    {
        session.Save();
        return _store.Find([session.Id])!;
    }

    private Session Read(byte[] data)
    {
        string id = SessionIds.Create();
        _handler.Write(id, data, _store.Lifetime);
        return _store.Find([id])!;
    }

    internal sealed record Basket(string Item, List<int> Prices);

    [JsonSerializable(typeof(Basket))]
    private sealed partial class SessionTestsJson : JsonSerializerContext;

    private sealed class FailingHandler : ISessionHandler
    {
        public bool Fails { get; set; } = true;

        public Dictionary<string, byte[]> Stored { get; } = [];

        public byte[]? Read(string sessionId, TimeSpan lifetime) => Stored.GetValueOrDefault(sessionId);

        public void Write(string sessionId, byte[] data, TimeSpan lifetime)
        {
            if (Fails) throw new IOException("the disk is full");
            Stored[sessionId] = data;
        }

        public void Destroy(string sessionId)
        {
            if (Fails) throw new IOException("the disk is read-only");
            Stored.Remove(sessionId);
        }
    }

    private sealed class SlowHandler : ISessionHandler
    {
        public TaskCompletionSource Go { get; set; } = new();

        public byte[]? Written { get; set; }

        public byte[]? Read(string sessionId, TimeSpan lifetime) => Written;

        public void Write(string sessionId, byte[] data, TimeSpan lifetime) => Assert.Fail("not the synchronous way");

        public void Destroy(string sessionId) => Written = null;

        public async ValueTask WriteAsync(string sessionId, byte[] data, TimeSpan lifetime,
            CancellationToken cancellationToken = default)
        {
            await Go.Task;
            Written = data;
        }
    }
}
