using System.Buffers;

namespace Workerman.Tls;

/// <summary>
/// Memory that the encrypted connections of one loop share, because only one of them is at work at a time. Made for the first of
/// them; belongs to the loop's thread.
/// </summary>
internal sealed class TlsBuffers
{
    /// <summary>
    /// How long a buffer is that takes all that one receive can be decrypted to: what it received, and two records.
    /// </summary>
    public const int PlaintextSize = ReceiveSize + 2 * 16 * 1024;

    private const int ReceiveSize = 64 * 1024;

    /// <summary>What was received.</summary>
    public byte[] Received { get; } = GC.AllocateUninitializedArray<byte>(ReceiveSize, pinned: true);

    /// <summary>What that was decrypted to.</summary>
    public byte[] Plaintext { get; } = GC.AllocateUninitializedArray<byte>(PlaintextSize);

    /// <summary>Where a piece that is sent is encrypted to.</summary>
    public ArrayBufferWriter<byte> Ciphertext { get; } = new(80 * 1024);
}
