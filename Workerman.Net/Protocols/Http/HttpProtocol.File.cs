using System.Buffers;

namespace Workerman.Protocols.Http;

/// <summary>Answers whose body is a file: the head is written here, the file follows it from the connection.</summary>
internal partial class HttpProtocol
{
    private void EncodeFile(Response message, AnswerForm form, IBufferWriter<byte> output)
    {
        FileAnswer answer = FileAnswer.Of(message, _request);
        FileRange? file = answer.Body;
        try
        {
            if (file is null) ResponseWriter.Write(answer.Head, form, output);
            else ResponseWriter.WriteHead(answer.Head, form, file.Remaining, output);
            bool follows = file is { Remaining: > 0 } && !form.IsHead && ResponseWriter.HasBody(answer.Head.StatusCode);
            _retiring |= !form.KeepAlive;
            if (follows) (PendingFile, file, _state) = (file, null, State.File);
            else EndAnswer();
        }
        finally
        {
            file?.Dispose();
        }
    }

    public override void OnFileSent() => EndAnswer();
}
