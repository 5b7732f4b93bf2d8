using System.Diagnostics;
using System.IO.Compression;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Workerman.Logging;

namespace Workerman.Hosting;

/// <summary>
/// Goes once through what handling an error needs of the runtime, so that its assemblies and libraries are loaded while there are
/// descriptors: .NET does not try again to load one that it had no descriptor for. It changes nothing and prints nothing. Any
/// thread.
/// </summary>
internal static class FaultPaths
{
    /// <summary>
    /// What any error needs, each step at most a few assemblies. A native program (NativeAOT) has no assemblies to load, and
    /// would only have more of itself in memory.
    /// </summary>
    public static Action[] OfErrors { get; } = !RuntimeFeature.IsDynamicCodeSupported ? [OpenConsole] :
    [
        OpenConsole,
        static () => _ = ConsoleLogger.LineOf(LogLevel.Warning, new SocketException((int)SocketError.TooManyOpenSockets).Message),
        // With the names of source files.
        static () => _ = new StackTrace(Thrown(), fNeedFileInfo: true).ToString(),
    ];

    /// <summary>
    /// What else of .NET the library uses, for limits that are so low that the headroom has no room for it: ids and data of
    /// sessions, handshakes, TLS, compression, addresses.
    /// </summary>
    public static Action[] OfFeatures { get; } =
    [
        static () => _ = new Uri("http://localhost/").Host,
        static () => _ = RandomNumberGenerator.GetInt32(2) + SHA256.HashData([]).Length,
        static () => JsonDocument.Parse("{\"a\":1}").Dispose(),
        static () => WriteJson(),
        static () => new SslStream(new MemoryStream()).Dispose(),
        static () => new BrotliStream(Stream.Null, CompressionLevel.Fastest).Dispose(),
    ];

    // It is opened by its first use.
    private static void OpenConsole() => RuntimeHelpers.RunClassConstructor(typeof(ConsoleLines).TypeHandle);

    private static void WriteJson()
    {
        using var writer = new Utf8JsonWriter(new MemoryStream());
        writer.WriteStringValue("<\u00e9>");
        writer.Flush();
    }

    private static SocketException Thrown()
    {
        try
        {
            throw new SocketException((int)SocketError.TooManyOpenSockets);
        }
        catch (SocketException e)
        {
            return e;
        }
    }
}
