using Microsoft.Extensions.Configuration;

namespace GenericHost;

/// <summary>Any service of the application's: it greets with the configuration's word.</summary>
internal sealed class Greeter(IConfiguration configuration)
{
    public string Greet(string? name) => $"{configuration["Greeting"] ?? "Hello"}, {name}!\n";
}
