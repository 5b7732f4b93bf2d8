using System.Buffers;
using System.Diagnostics;

namespace Workerman.Protocols.Http;

/// <summary>
/// What is told to those who measure and trace requests. Where nobody does, a request costs one question whether somebody does,
/// and a null check at its end.
/// </summary>
internal partial class HttpProtocol
{
    /// <summary>The method of a head that is refused, as far as it is known.</summary>
    private KnownMethod _refusedMethod;

    public override Activity? Activity => _request?.Telemetry?.Activity;

    public override void OnFault(Exception exception, object? message)
    {
        if (_request is { Telemetry: { } telemetry } && (message is null || ReferenceEquals(message, _request)))
            telemetry.Fault = exception;
    }

    /// <summary>The method of a head that has come in part, or is invalid.</summary>
    private static KnownMethod MethodOf(in ReadOnlySequence<byte> input)
    {
        var reader = new SequenceReader<byte>(input);
        while (reader.IsNext("\r\n"u8, advancePast: true)) continue;
        Span<byte> start = stackalloc byte[HttpMethods.MaxKnownLength + 1];
        ReadOnlySequence<byte> rest = reader.UnreadSequence;
        rest = rest.Slice(0, Math.Min(rest.Length, start.Length));
        rest.CopyTo(start);
        int end = start[..(int)rest.Length].IndexOf((byte)' ');
        return end < 0 ? KnownMethod.Other : HttpMethods.KnownOf(start[..end]);
    }

    private void EndRefused(int status)
    {
        if (_request is null)
        {
            RequestTelemetry.CountRefusal(this, HttpMethods.NameOf(_refusedMethod), status);
            return;
        }
        _request.Telemetry?.StatusCode = status;
        _request.Telemetry?.End();
    }

    /// <summary>The connection has ended, or has another protocol from here on.</summary>
    private void EndTelemetry()
    {
        if (_request is not { Telemetry: { } telemetry }) return;
        bool isAnswered = _state is State.File or State.Chunked or State.Stream or State.Raw or State.Tunnel or State.Finished;
        if (!isAnswered) telemetry.StatusCode = 0;
        telemetry.Close(isOwed: !isAnswered || _state is State.File or State.Chunked, _peer?.IsGone == true);
    }
}
