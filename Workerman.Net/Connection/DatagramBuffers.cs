namespace Workerman.Connection;

/// <summary>
/// What the datagram sockets of one thread share, because only one of them is at work at a time. Belongs to the loop's thread.
/// </summary>
internal sealed class DatagramBuffers
{
    private const int ReceiveSize = 64 * 1024;

    [ThreadStatic]
    private static DatagramBuffers? _current;

    private readonly OutputBuffer _output = new();
    private bool _busy;

    private DatagramBuffers()
    {
    }

    public static DatagramBuffers Current => _current ??= new DatagramBuffers();

    /// <summary>Holds any datagram.</summary>
    public byte[] Receive { get; } = GC.AllocateUninitializedArray<byte>(ReceiveSize, pinned: true);

    /// <summary>An empty buffer to encode into; another one for an encoder that sends something else meanwhile.</summary>
    public OutputBuffer Take()
    {
        if (_busy) return new OutputBuffer();
        _busy = true;
        return _output;
    }

    public void Return(OutputBuffer buffer)
    {
        if (buffer != _output) return;
        _output.Clear();
        _busy = false;
    }
}
