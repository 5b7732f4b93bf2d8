using System.IO.Pipelines;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// One part of a multipart form while it comes (<see cref="Request.ReadPartsAsync"/>): a field, or a file. It is read before the
/// next part is asked for. Made by a <see cref="StreamedParts"/>; for one thread at a time, as the body that it is of.
/// </summary>
public sealed class RequestPart
{
    private readonly MultipartHead _head;
    private readonly int _maxText;

    internal RequestPart(MultipartHead head, FieldCollection<string> headers, PipeReader reader, int maxText)
    {
        (_head, Headers, BodyReader, _maxText) = (head, headers, reader, maxText);
        if (head.FileName is { } name) FileName = UploadedFile.SafeName(name);
    }

    /// <summary>The field; empty if it has no name that can be read.</summary>
    public string Name => _head.Name;

    /// <summary>
    /// The last part of the name that the client sent for a file, without folders and control characters, empty if nothing is
    /// left; null for a field that is no file. The client chooses it: do not let it decide where the file is stored.
    /// </summary>
    public string? FileName { get; }

    /// <summary>The whole name of a file as the client sent it, which may be any text. For logs, never for paths.</summary>
    public string? ClientName => _head.FileName;

    /// <summary>The content type that the client sent, which need not be right; null for none.</summary>
    public string? ContentType => _head.ContentType;

    /// <summary>Its header fields, names in any case. What cannot be read is left out.</summary>
    public FieldCollection<string> Headers { get; }

    /// <summary>Its content as it comes. Reads fail as those of <see cref="Request.BodyReader"/>.</summary>
    public PipeReader BodyReader { get; }

    /// <summary>
    /// Its content as a stream, to be read by <c>ReadAsync</c> or <c>CopyToAsync</c>; a synchronous read of what has not come yet
    /// throws. The caller disposes of it.
    /// </summary>
    public Stream OpenBody() => new PipeReaderStream(BodyReader);

    /// <summary>
    /// Its content as text, in the charset that it names, otherwise UTF-8; no more of it than
    /// <see cref="HttpOptions.MaxFormFieldsSize"/>.
    /// </summary>
    /// <exception cref="BadRequestException">It is longer (413), or the body is malformed.</exception>
    public async Task<string> ReadTextAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            ReadResult read = await BodyReader.ReadAsync(cancellationToken);
            if (read.Buffer.Length > _maxText) throw FormLimits.TooLarge();
            if (read.IsCompleted)
            {
                string text = MultipartForm.Charset(ContentType).GetString(read.Buffer);
                BodyReader.AdvanceTo(read.Buffer.End);
                return text;
            }
            BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }
}
