using System.Collections.Concurrent;

namespace Workerman.Tests.Support;

/// <summary>
/// A backplane between the nodes of one test, in memory: what one publishes all get, itself included, before it has returned.
/// </summary>
internal sealed class MemoryBackplane
{
    private readonly ConcurrentQueue<Node> _nodes = [];

    /// <summary>Everything that was published.</summary>
    public ConcurrentQueue<byte[]> Published { get; } = [];

    public Node NewNode()
    {
        var node = new Node(this);
        _nodes.Enqueue(node);
        return node;
    }

    /// <summary>Hands bytes to all nodes, as somebody else might who publishes there.</summary>
    public void Inject(byte[] bytes)
    {
        foreach (Node node in _nodes) node.Receive?.Invoke(bytes);
    }

    /// <summary>What one node knows of it.</summary>
    internal sealed class Node(MemoryBackplane all) : IGroupBackplane
    {
        public Action<ReadOnlyMemory<byte>>? Receive { get; private set; }

        /// <summary>What <see cref="TryPublish"/> throws; null for nothing.</summary>
        public Exception? Failure { get; set; }

        public bool IsConnected { get; set; } = true;

        public void Start(Action<ReadOnlyMemory<byte>> receive) => Receive = receive;

        public bool TryPublish(ReadOnlyMemory<byte> message)
        {
            if (Failure is not null) throw Failure;
            if (!IsConnected) return false;
            byte[] bytes = message.ToArray();
            all.Published.Enqueue(bytes);
            all.Inject(bytes);
            return true;
        }
    }
}
