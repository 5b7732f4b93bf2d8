using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Workerman.Protocols.Http;

// A server in .NET's host: settings from appsettings.json, the environment and the command line, and the host's log.
// Workerman-App --health asks one that runs with the same settings whether it is well: exit code 0, or 1.
HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings
{
    Args = [.. args.Where(argument => argument != "--health")],
    ContentRootPath = AppContext.BaseDirectory,
});

if (args.Contains("--health"))
{
    Environment.ExitCode = await IsHealthy(builder.Configuration) ? 0 : 1;
    return;
}

// Under systemd (Type=notify) it says when it is ready; elsewhere this does nothing.
builder.Services.AddSystemd();
builder.Services.AddHealthChecks().AddWorkerman();
builder.Services.AddWorkerman().AddWorker("web", "http://0.0.0.0:8080", (services, worker) =>
{
    HealthCheckService health = services.GetRequiredService<HealthCheckService>();
    worker.OnMessageAsync = async (connection, request) =>
    {
        if (request.Path == "/healthz")
        {
            HealthReport report = await health.CheckHealthAsync();
            connection.Send(new Response(report.Status == HealthStatus.Healthy ? 200 : 503, [], $"{report.Status}\n"));
            return;
        }
        connection.Send(Response.Text($"Hello, {request.Get("name", "World")}!"));
    };
});

await builder.Build().RunAsync();

static async Task<bool> IsHealthy(IConfiguration configuration)
{
    string address = configuration["Workerman:Workers:web:Address"] ?? "http://0.0.0.0:8080";
    // The certificate is for the name that others know the program by, and it is itself that is asked.
    using var handler = new HttpClientHandler
    {
        ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
    };
    using var client = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(3) };
    try
    {
        // What listens on every address listens on the loopback one.
        var url = new Uri(address.Replace("//0.0.0.0:", "//127.0.0.1:") + "/healthz");
        using HttpResponseMessage answer = await client.GetAsync(url);
        return answer.IsSuccessStatusCode;
    }
    catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
    {
        Console.Error.WriteLine(e.Message);
        return false;
    }
}
