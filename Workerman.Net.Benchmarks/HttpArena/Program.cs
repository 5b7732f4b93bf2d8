using Workerman;
using Workerman.HttpArena;

// HttpArena [http address] [https address]: the entry for the public arena MDA2AV/HttpArena, on the public API alone. It serves
// what DATA has (/data: dataset.json, static/), over TLS with the certificate of CERTS (/certs: server.crt, server.key) if that
// is there.
string data = Environment.GetEnvironmentVariable("DATA") ?? "/data";
string certs = Environment.GetEnvironmentVariable("CERTS") ?? "/certs";
var endpoints = new Endpoints(Dataset.Load(Path.Combine(data, "dataset.json")), Path.Combine(data, "static"));

Listen(args.ElementAtOrDefault(0) ?? "http://0.0.0.0:8080", "http");
string certificate = Path.Combine(certs, "server.crt");
if (File.Exists(certificate))
{
    Worker encrypted = Listen(args.ElementAtOrDefault(1) ?? "https://0.0.0.0:8081", "https");
    encrypted.Options.Tls.CertificateFile = certificate;
    encrypted.Options.Tls.KeyFile = Path.Combine(certs, "server.key");
}

Worker.RunAll();

// A loop for each core that the container may use.
Worker Listen(string address, string name)
{
    var worker = new Worker(address) { Name = name, Count = Environment.ProcessorCount };
    // The largest upload has 20 MiB, and up to 256 come at once: they are read as they come.
    worker.Options.Http.MaxRequestSize = 25 * 1024 * 1024;
    worker.Options.Http.StreamBodies = true;
    worker.OnMessageAsync = endpoints.Answer;
    return worker;
}
