using GenericHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Workerman.Protocols.Http;

// Workers in .NET's generic host: made from its container, set up by appsettings.json, the environment and the command line
// (--Workerman:Workers:web:Address=http://0.0.0.0:80), logging where it logs, and stopped with it.
HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);

// Under systemd (Type=notify) and as a Windows service the host does what these want; elsewhere they do nothing.
builder.Services.AddSystemd();
builder.Services.AddWindowsService();

builder.Services.AddSingleton<Greeter>();
builder.Services.AddHealthChecks().AddWorkerman();
builder.Services.AddWorkerman()
    .AddWorker("web", "http://127.0.0.1:8080", (services, worker) =>
    {
        Greeter greeter = services.GetRequiredService<Greeter>();
        HealthCheckService health = services.GetRequiredService<HealthCheckService>();
        worker.OnMessageAsync = async (connection, request) =>
        {
            if (request.Path == "/healthz")
            {
                HealthReport report = await health.CheckHealthAsync();
                connection.Send(new Response(report.Status == HealthStatus.Healthy ? 200 : 503, [], $"{report.Status}\n"));
            }
            else
            {
                connection.Send(greeter.Greet(request.Get("name", "World")));
            }
        };
    })
    .AddWorker<Chat>();

await builder.Build().RunAsync();
