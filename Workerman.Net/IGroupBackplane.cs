namespace Workerman;

/// <summary>
/// What carries the messages of a <see cref="Groups"/> to the other nodes (processes, machines) that have one of the same name:
/// Redis, as in the package Workerman.Net.Redis, or one of your own. At most once: what is published while it is not connected,
/// or what it has no room for, is lost, and nobody is told again. It knows neither groups nor connections; what it carries are
/// bytes, which it hands on as they are, those of one node in their order. Called from any thread, mostly a loop's, which it does
/// not hold up.
/// </summary>
public interface IGroupBackplane
{
    /// <summary>Whether what is published now has a way to the others, and what they publish one to here. Any thread.</summary>
    bool IsConnected { get; }

    /// <summary>
    /// Called once, by the <see cref="Groups"/> that it is given to: from here on what is published by others is handed to
    /// <paramref name="receive"/>, which any thread may call, one message after another, and which does not throw. The bytes are
    /// not changed afterwards. Messages of the node's own may come back; they are told apart. It returns at once, whether there
    /// is a connection or not.
    /// </summary>
    /// <param name="receive">Takes a message.</param>
    /// <exception cref="InvalidOperationException">It belongs to a <see cref="Groups"/> already.</exception>
    void Start(Action<ReadOnlyMemory<byte>> receive);

    /// <summary>
    /// Publishes a message to all nodes. It returns at once, does not wait for the network, and keeps no more than a bounded
    /// number of bytes that have not left. Any thread; messages of one thread keep their order.
    /// </summary>
    /// <param name="message">The bytes, which nobody changes any more.</param>
    /// <returns>False if it is dropped.</returns>
    bool TryPublish(ReadOnlyMemory<byte> message);
}
