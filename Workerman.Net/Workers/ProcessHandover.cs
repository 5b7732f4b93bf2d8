using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.Versioning;
using Workerman.EventStreams;
using Workerman.Handover;
using Workerman.Protocols.Http;
using Workerman.Supervision;

namespace Workerman.Workers;

/// <summary>What the messages between a process and the one that replaces it are.</summary>
internal static class HandoverKind
{
    /// <summary>A piece of the log of a stream.</summary>
    public const byte Log = 1;

    /// <summary>An open subscription, with its connection.</summary>
    public const byte Subscription = 2;

    /// <summary>All has been handed over.</summary>
    public const byte Done = 3;

    /// <summary>An event that was published in the old process, with a number.</summary>
    public const byte Publish = 4;

    /// <summary>What such an event begins with.</summary>
    public const byte PublishVersion = 2;

    /// <summary>From the new process: that number, and the event's id, or why it has none.</summary>
    public const byte Published = 5;
}

/// <summary>
/// The side of a process that is replaced: freezes its streams, sends their logs and then the open subscriptions, and passes on
/// what is published later. One in its process. A thread of its own sends, so that no loop waits for the other process, and one
/// takes the answers.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class HandoverSender(Channel channel, WorkerRun run, TimeSpan window, Action done)
{
    /// <summary>A keep-alive connection is closed when it has been idle for so long.</summary>
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(5);

    /// <summary>A loop that gives nothing for so long, and is not done, hangs: the new process does not wait.</summary>
    private static readonly TimeSpan StallTime = TimeSpan.FromSeconds(2);

    private readonly BlockingCollection<MovedSubscription?> _moving = [];
    private readonly ConcurrentDictionary<long, TaskCompletionSource<string>> _publishing = [];
    private long _lastNumber;
    private volatile bool _isGone;

    /// <summary>Begins.</summary>
    public void Start()
    {
        new Thread(Send) { IsBackground = true, Name = "workerman hand over" }.Start();
        new Thread(TakeAnswers) { IsBackground = true, Name = "workerman hand over, answers" }.Start();
    }

    private void Send()
    {
        StreamHandover.Freeze(Forward);
        foreach (byte[] piece in StreamHandover.Export())
        {
            if (!channel.TrySend(HandoverKind.Log, piece)) break;
        }
        int loops = 0;
        var counted = new ManualResetEventSlim();
        int left = 0;
        loops = run.HandOver(new HandoverPlan(window, IdleTime, moved => _moving.Add(moved), () =>
        {
            counted.Wait();
            if (Interlocked.Decrement(ref left) == 0) _moving.Add(null);
        }));
        left = loops;
        counted.Set();
        if (loops == 0) _moving.Add(null);
        bool isDone = false;
        while (true)
        {
            // Once the new process serves there is no hurry: what a loop that has hung gives later moves, too.
            if (!_moving.TryTake(out MovedSubscription? moved, isDone ? Timeout.InfiniteTimeSpan : StallTime)) Finish();
            else if (moved is null) break;
            else if (channel.TrySend(HandoverKind.Subscription, moved.Encode(), moved.Descriptor)) moved.Dispose();
            else MovingStreams.End(moved);
        }
        Finish();

        void Finish()
        {
            if (isDone) return;
            isDone = true;
            channel.TrySend(HandoverKind.Done, []);
            done();
        }
    }

    /// <summary>Publishes in the new process, and waits for its answer: for the time of a system call or two, mostly.</summary>
    private string Forward(string stream, int index, ServerSentEvents message, EventTopics topics, string? key)
    {
        long number = Interlocked.Increment(ref _lastNumber);
        var answer = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        _publishing[number] = answer;
        try
        {
            var output = new ArrayBufferWriter<byte>();
            var writer = new HandoverWriter(output);
            writer.Write(HandoverKind.PublishVersion);
            writer.Write(number);
            writer.Write(stream);
            writer.Write(index);
            topics.WriteTo(writer);
            writer.Write(key);
            writer.Write(message.Event);
            writer.Write(message.Data);
            writer.Write(message.Id);
            writer.Write(message.Retry ?? -1);
            writer.Write(message.Comment);
            if (_isGone || !channel.TrySend(HandoverKind.Publish, output.WrittenSpan)) throw Gone();
            return answer.Task.Wait(AnswerTime) ? answer.Task.Result : throw Gone();
        }
        catch (AggregateException e) when (e.InnerException is { } reason)
        {
            throw reason;
        }
        finally
        {
            _publishing.TryRemove(number, out _);
        }
    }

    private void TakeAnswers()
    {
        while (channel.TryReceive(out ChannelMessage message))
        {
            if (message.Kind != HandoverKind.Published) continue;
            var reader = new HandoverReader(new ReadOnlySequence<byte>(message.Payload));
            if (!_publishing.TryGetValue(reader.ReadInt64(), out TaskCompletionSource<string>? answer)) continue;
            if (reader.ReadTextOrNull() is { } id) answer.TrySetResult(id);
            else answer.TrySetException(new InvalidOperationException(reader.ReadText()));
        }
        _isGone = true;
        foreach (TaskCompletionSource<string> answer in _publishing.Values) answer.TrySetException(Gone());
    }

    private static InvalidOperationException Gone() =>
        new("The event is lost: this process has handed its event streams over to a new "
        + "one, which is gone or hangs. Cure: publish it again when the program serves again.");
}

/// <summary>
/// The side of the process that takes over: takes the logs, the subscriptions, and what the old process still publishes, until
/// that ends. One in its process, on a thread of its own.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class HandoverReceiver(Channel channel, WorkerRun run)
{
    /// <summary>Takes all that comes; blocks until the old process has ended.</summary>
    /// <param name="done">Called once, when all has been handed over or no more comes.</param>
    public void Run(Action done)
    {
        bool isDone = false;
        try
        {
            while (channel.TryReceive(out ChannelMessage message))
            {
                Take(message);
                if (message.Kind != HandoverKind.Done || isDone) continue;
                isDone = true;
                done();
            }
        }
        catch (InvalidDataException e)
        {
            run.ReportHandover(e);
        }
        finally
        {
            channel.Dispose();
            if (!isDone) done();
        }
    }

    private void Take(ChannelMessage message)
    {
        switch (message.Kind)
        {
            case HandoverKind.Log:
                StreamHandover.Import(message.Payload);
                break;
            case HandoverKind.Subscription when message.Descriptor >= 0:
                var moved = MovedSubscription.Decode(message.Payload, message.Descriptor);
                if (!run.Adopt(moved)) MovingStreams.End(moved);
                break;
            case HandoverKind.Publish:
                Publish(message.Payload);
                break;
        }
    }

    private void Publish(byte[] payload)
    {
        var reader = new HandoverReader(new ReadOnlySequence<byte>(payload));
        reader.ReadVersion(HandoverKind.PublishVersion);
        long number = reader.ReadInt64();
        string stream = reader.ReadText();
        int index = reader.ReadInt32();
        var topics = EventTopics.ReadFrom(ref reader);
        string? key = reader.ReadTextOrNull();
        string? name = reader.ReadTextOrNull();
        string? data = reader.ReadTextOrNull();
        string? id = reader.ReadTextOrNull();
        int retry = reader.ReadInt32();
        string? comment = reader.ReadTextOrNull();
        string? given = null;
        string? refusal = null;
        try
        {
            var message =
                new ServerSentEvents { Event = name, Data = data, Id = id, Retry = retry < 0 ? null : retry, Comment = comment };
            given = StreamHandover.Publish(stream, index, message, topics, key);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            refusal = e.Message;
        }
        var output = new ArrayBufferWriter<byte>();
        var writer = new HandoverWriter(output);
        writer.Write(number);
        writer.Write(given);
        if (given is null) writer.Write(refusal);
        channel.TrySend(HandoverKind.Published, output.WrittenSpan);
    }
}
