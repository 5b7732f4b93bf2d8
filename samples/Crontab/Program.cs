using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cronos;
using CrontabSample;
using Workerman;
using Workerman.EventStreams;
using Workerman.Protocols.Http;

// Crontab [address [zone]]: jobs that run when an expression says so, in a time zone and over daylight saving, as those of
// workerman/crontab do; a page lists them with their next times, and adds and removes some. It needs no other server:
//   dotnet run --project samples/Crontab -- http://127.0.0.1:8080 Europe/Berlin
//   curl -X POST 'http://127.0.0.1:8080/jobs?rule=*/10+*+*+*+*+*&name=tick'
//   curl 'http://127.0.0.1:8080/next?rule=30+2+*+*+*&zone=Europe/Berlin&after=2027-03-27T12:00:00Z'
const int MaxJobs = 100;
Arguments.Expect(args, 2, "Crontab [address [zone]]");
string address = args.ElementAtOrDefault(0) ?? "http://127.0.0.1:8080";
string zone = args.ElementAtOrDefault(1) ?? "UTC";
Arguments.Check(() => Find(zone));
var page = new StaticFiles(Path.Combine(AppContext.BaseDirectory, "wwwroot")) { CacheControl = "no-cache" };
var runs = new EventStream("runs");
// One loop has the jobs and the connections, so that nothing is locked.
var jobs = new SortedDictionary<int, (string Name, Crontab Crontab)>();
int lastId = 0;

var worker = Arguments.Check(() => new Worker(address) { Name = "crontab" });
worker.OnWorkerStart = _ =>
{
    Add("every five seconds", "*/5 * * * * *", zone);
    Add("at the first second of every minute", "1 * * * * *", zone);
    Add("at half past two, which some days have twice and some not at all", "30 2 * * *", zone);
    Add("on working days at nine", "0 9 * * MON-FRI", zone);
};
worker.OnMessage = (connection, request) =>
{
    if (request.Path == "/events") runs.Subscribe(connection, request);
    else connection.Send(Answer(request));
};
Worker.RunAll();

Response Answer(Request request)
{
    try
    {
        string rule = request.Get("rule", ""), where = request.Get("zone", zone);
        switch (request.Method, request.Path)
        {
            case ("GET", "/jobs"):
                return Response.Json([.. jobs.Keys.Select(Show)], JobJson.Default.JobArray);
            case ("POST", "/jobs") when jobs.Count >= MaxJobs:
                return Response.Text($"there are {MaxJobs} jobs, which is as many as there may be", 409);
            case ("POST", "/jobs"):
                int id = Add(request.Get("name", rule), rule, where);
                return Response.Json(Show(id), JobJson.Default.Job, 201);
            case ("DELETE", "/jobs"):
                if (!jobs.Remove(request.Get("id", 0), out (string, Crontab Crontab) job))
                    return Response.Text("there is no such job", 404);
                job.Crontab.Destroy();
                return new Response(204);
            case ("GET", "/next"):
                DateTimeOffset after = request.Get("after") is { } text
                    ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture) : DateTimeOffset.UtcNow;
                return Response.Json([.. Upcoming(rule, where, after).Take(5)], JobJson.Default.DateTimeOffsetArray);
            default:
                return page.Serve(request);
        }
    }
    catch (Exception e) when (e is FormatException or ArgumentException)
    {
        // Of an expression, a zone or a time, which may also be too late for a calendar.
        return Response.Text(e.Message, 400);
    }
}

int Add(string name, string rule, string where)
{
    var crontab = new Crontab(rule, Find(where), () => runs.Publish(
        JsonSerializer.Serialize(new Run(name, DateTimeOffset.UtcNow), JobJson.Default.Run)));
    jobs.Add(++lastId, (name, crontab));
    return lastId;
}

Job Show(int id) => new(id, jobs[id].Name, jobs[id].Crontab.Rule, jobs[id].Crontab.Zone, jobs[id].Crontab.Next);

static IEnumerable<DateTimeOffset> Upcoming(string rule, string where, DateTimeOffset after)
{
    CronExpression expression = Crontab.Parse(rule);
    TimeZoneInfo zone = Find(where);
    while (expression.GetNextOccurrence(after, zone) is { } next) yield return after = next;
}

static TimeZoneInfo Find(string zone) => TimeZoneInfo.TryFindSystemTimeZoneById(zone, out TimeZoneInfo? found)
    ? found : throw new FormatException($"there is no time zone {zone}");

/// <summary>A job as the page lists it. Immutable.</summary>
internal sealed record Job(int Id, string Name, string Rule, string Zone, DateTimeOffset? Next);

/// <summary>That a job has run. Immutable.</summary>
internal sealed record Run(string Name, DateTimeOffset At);

/// <summary>How jobs are JSON, made by the compiler: without reflection, so that NativeAOT knows it.</summary>
[JsonSerializable(typeof(Job[]))]
[JsonSerializable(typeof(Run))]
[JsonSerializable(typeof(DateTimeOffset[]))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class JobJson : JsonSerializerContext;
