using System.Runtime.Versioning;
using System.Text;

namespace Workerman.Supervision;

/// <summary>What a worker's process does for its master.</summary>
internal interface IMasterOrders
{
    void Stop(StopOrder order);

    /// <summary>The process is replaced: it hands over by a channel.</summary>
    void HandOver(StopOrder order, Channel channel);

    /// <summary>The process takes over from another one by a channel; null if there is none.</summary>
    void TakeOver(Channel? channel);

    /// <summary>The program was reloaded, and this process is not.</summary>
    void OnReloaded();

    ControlReply Answer(ControlRequest request);

    /// <summary>The master has gone.</summary>
    void OnMasterGone();
}

/// <summary>
/// A worker's process' end of the channel to its master. A thread of its own takes what the master says, and answers questions
/// there and then: loops that hang do not keep the status from being told. Any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class MasterLink(Channel channel)
{
    /// <summary>That of the process; null if it has no master.</summary>
    public static MasterLink? Current { get; set; }

    /// <summary>Takes what the master gives to a process that starts.</summary>
    /// <param name="addSocket">Called for each socket.</param>
    /// <returns>Whether another process hands over to this one, and whether it belongs to a daemon; null if the master has
    /// gone.</returns>
    public (bool HandsOver, bool IsDaemon)? ReceiveBeginning(Action<string, int> addSocket)
    {
        while (channel.TryReceive(out ChannelMessage message))
        {
            if (message.Kind == MessageKind.Socket) addSocket(Encoding.UTF8.GetString(message.Payload), message.Descriptor);
            else if (message.Kind == MessageKind.Begin) return (message.Payload[0] != 0, message.Payload[1] != 0);
        }
        return null;
    }

    /// <summary>Follows the master's orders from here on.</summary>
    public void Follow(IMasterOrders orders)
    {
        var thread = new Thread(() =>
        {
            while (channel.TryReceive(out ChannelMessage message)) Follow(orders, message);
            orders.OnMasterGone();
        })
        {
            IsBackground = true,
            Name = "workerman master",
        };
        thread.Start();
    }

    public void SendSocket(string address, int descriptor) =>
        channel.TrySend(MessageKind.Socket, Encoding.UTF8.GetBytes(address), descriptor);

    public void SendUnused(string address) => channel.TrySend(MessageKind.Unused, Encoding.UTF8.GetBytes(address));

    public void SendReady(string banner)
    {
        channel.TrySend(MessageKind.Banner, Encoding.UTF8.GetBytes(banner));
        channel.TrySend(MessageKind.Ready, []);
    }

    public void SendFailure(string reason) => channel.TrySend(MessageKind.Failed,
        JsonPayload.Of(new WorkerState { Failure = reason }, ControlJson.Default.WorkerState));

    public void SendServing() => channel.TrySend(MessageKind.Serving, []);

    /// <summary>Asks to be replaced.</summary>
    public void AskReload(string reason) => channel.TrySend(MessageKind.AskReload, Encoding.UTF8.GetBytes(reason));

    /// <summary>Asks for the end of the program.</summary>
    public void AskStop() => channel.TrySend(MessageKind.AskStop, []);

    private void Follow(IMasterOrders orders, ChannelMessage message)
    {
        switch (message.Kind)
        {
            case MessageKind.Stop:
                orders.Stop(JsonPayload.Read(message.Payload, ControlJson.Default.StopOrder));
                break;
            case MessageKind.HandOver:
                orders.HandOver(JsonPayload.Read(message.Payload, ControlJson.Default.StopOrder),
                    new Channel(message.Descriptor));
                break;
            case MessageKind.TakeOver:
                orders.TakeOver(message.Descriptor < 0 ? null : new Channel(message.Descriptor));
                break;
            case MessageKind.Reloaded:
                orders.OnReloaded();
                break;
            case MessageKind.Ask:
                ControlRequest request =
                    JsonPayload.Read(message.Payload.AsSpan(sizeof(int)), ControlJson.Default.ControlRequest);
                channel.TrySend(MessageKind.Answer, [.. message.Payload.AsSpan(0, sizeof(int)),
                    .. JsonPayload.Of(orders.Answer(request), ControlJson.Default.ControlReply)]);
                break;
        }
    }
}
