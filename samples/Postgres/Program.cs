using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Npgsql;
using Workerman;
using Workerman.EventStreams;
using Workerman.Protocols.Http;

// Postgres [address [connection string]]: notes in a table, as JSON: a list, one, and new ones, which the database tells all who
// listen, whichever program has added them. It needs PostgreSQL 14, and makes its table; with Docker, for example:
//   docker run --rm -p 5432:5432 -e POSTGRES_PASSWORD=secret postgres
//   dotnet run --project samples/Postgres -- http://127.0.0.1:8080 'Host=127.0.0.1;Username=postgres;Password=secret'
//   curl -N http://127.0.0.1:8080/events
//   curl -d '{"text":"hello"}' http://127.0.0.1:8080/notes
//   curl 'http://127.0.0.1:8080/notes?after=0'
Arguments.Expect(args, 2, "Postgres [address [connection string]]");
string address = args.ElementAtOrDefault(0) ?? "http://127.0.0.1:8080";
string place = args.ElementAtOrDefault(1) ?? "Host=127.0.0.1;Username=postgres;Password=secret";
NpgsqlConnectionStringBuilder settings = Arguments.Check(() => new NpgsqlConnectionStringBuilder(place)
{
    Timeout = 5,
    CommandTimeout = 5,
    // So that a connection that only listens notices that its server is gone.
    KeepAlive = 10,
});
// It pools connections, for all loops. The slim builder is what is trimmed best; with TLS it needs EnableTransportSecurity().
await using NpgsqlDataSource database =
    Arguments.Check(() => new NpgsqlSlimDataSourceBuilder(settings.ConnectionString).Build());
// The trigger tells of the id alone: what is told has fewer than 8000 bytes. The lock has programs do this one after the other.
const string Table = """
    select pg_advisory_xact_lock(hashtext('notes'));
    create table if not exists notes
        (id bigint generated always as identity primary key, text text not null, at timestamptz not null default now());
    create or replace function tell_of_note() returns trigger language plpgsql as $$
        begin perform pg_notify('notes', new.id::text); return null; end $$;
    create or replace trigger tell_of_note after insert on notes for each row execute function tell_of_note();

    """;
var stream = new EventStream("notes");
bool isAway = false;

var worker = Arguments.Check(() => new Worker(address) { Name = "notes", Count = 2 });
worker.OnConnect = connection => connection.MaxPackageSize = 64 * 1024;
worker.OnWorkerStart = own =>
{
    // On one of the two loops. It ends only when the connection does, and a second later it is called again.
    if (own.Id == 0) Timer.AddAsync(1, Listen);
};
worker.OnMessageAsync = async (connection, request) =>
{
    if (request.Path == "/events") stream.Subscribe(connection, request);
    else connection.Send(await Answer(request));
};
Worker.RunAll();

async Task<Response> Answer(Request request)
{
    try
    {
        switch (request.Method, request.Path)
        {
            case ("GET", "/notes"):
                List<Note> notes = await Read("select id, text, at from notes where id > $1 order by id limit 100",
                    request.Get("after", 0L));
                return Response.Json(notes, NoteJson.Default.ListNote);
            case ("GET", var path) when path.StartsWith("/notes/", StringComparison.Ordinal):
                return await One(path["/notes/".Length..]) is { } note
                    ? Response.Json(note, NoteJson.Default.Note)
                    : Response.Text("there is no such note", 404);
            case ("POST", "/notes"):
                string? text = JsonSerializer.Deserialize(request.RawBody.Span, NoteJson.Default.NewNote)?.Text;
                // PostgreSQL's texts have every character but this.
                if (text is not { Length: > 0 and <= 1000 } || text.Contains('\0'))
                    return Response.Text("a note has a text of 1 to 1000 characters", 400);
                Note added = (await Read("insert into notes (text) values ($1) returning id, text, at", text))[0];
                return Response.Json(added, NoteJson.Default.Note, 201).WithHeader("Location", $"/notes/{added.Id}");
            case (_, "/notes"):
                return Response.MethodNotAllowed("GET", "POST");
            default:
                return Response.Text("there are /notes and /events", 404);
        }
    }
    catch (JsonException)
    {
        return Response.Text("the body is no note as JSON", 400);
    }
    catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
    {
        Console.Error.WriteLine("the table was gone, and is made again");
        await using NpgsqlCommand command = database.CreateCommand(Table);
        await command.ExecuteNonQueryAsync();
        return Response.Text("the table was gone, and is made again: try again", 503);
    }
    catch (NpgsqlException e) when (IsAway(e))
    {
        Console.Error.WriteLine($"{request.Method} {request.Path}: {e.Message}");
        return Response.Text("the database is away", 503);
    }
}

// What the server has answered is an error of the program, which the library answers with 500 and logs, unless it says that it
// stops, starts, or has no room for a connection (PostgreSQL, appendix A).
static bool IsAway(NpgsqlException e) => e is not PostgresException { SqlState: var state }
    || state.StartsWith("57P", StringComparison.Ordinal) || state == PostgresErrorCodes.TooManyConnections;

async Task<Note?> One(string id) => long.TryParse(id, CultureInfo.InvariantCulture, out long number)
    ? (await Read("select id, text, at from notes where id = $1", number)).FirstOrDefault() : null;

async Task<List<Note>> Read<T>(string sql, T value)
{
    await using NpgsqlCommand command = database.CreateCommand(sql);
    command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
    await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
    var notes = new List<Note>();
    while (await reader.ReadAsync()) notes.Add(new(reader.GetInt64(0), reader.GetString(1), reader.GetDateTime(2)));
    return notes;
}

async Task Listen()
{
    try
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync();
        var ids = new ConcurrentQueue<string>();
        connection.Notification += (_, told) => ids.Enqueue(told.Payload);
        await using var command = new NpgsqlCommand(Table + "listen notes", connection);
        await command.ExecuteNonQueryAsync();
        Console.WriteLine("the database tells of notes");
        isAway = false;
        // What was added while nobody listened was not told: pages read the list again.
        stream.Publish(new ServerSentEvents { Event = "reread", Data = "" });
        while (true)
        {
            await connection.WaitAsync();
            while (ids.TryDequeue(out string? id))
                if (await One(id) is { } note) stream.Publish(JsonSerializer.Serialize(note, NoteJson.Default.Note));
        }
    }
    catch (NpgsqlException e)
    {
        string what = IsAway(e) ? "is away" : "refuses to tell of notes";
        if (!isAway) Console.Error.WriteLine($"the database {what}, and is tried again every second: {e.Message}");
        isAway = true;
    }
}

/// <summary>A row of the table. Immutable.</summary>
internal sealed record Note(long Id, string Text, DateTime At);

/// <summary>What a client sends. Immutable.</summary>
internal sealed record NewNote(string? Text);

/// <summary>How notes are JSON, made by the compiler: without reflection, so that NativeAOT knows it.</summary>
[JsonSerializable(typeof(List<Note>))]
[JsonSerializable(typeof(NewNote))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class NoteJson : JsonSerializerContext;
