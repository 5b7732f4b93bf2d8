using System.Buffers;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>Stands in for the application's own protocol as long as it has not said which. No state; any thread.</summary>
internal sealed class NoProtocol : ConnectionProtocol
{
    public static readonly NoProtocol Instance = new();

    private NoProtocol()
    {
    }

    public override string Name => "protocol-less";

    public override string Sends => "nothing before its Protocol is set";

    public override void Encode(string text, IBufferWriter<byte> output) => throw None();

    public override void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output) => throw None();

    private static InvalidOperationException None() =>
        new("The connection has no protocol yet, so it sends nothing; set its Protocol first.");
}
