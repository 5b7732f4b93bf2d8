using System.Buffers;

namespace Workerman.Protocols.Http;

/// <summary>
/// Reads a urlencoded body (WHATWG URL, application/x-www-form-urlencoded) piece by piece, so that a large one is never in memory
/// as a whole; the limits are those of every form. Belongs to the reader of the form.
/// </summary>
internal sealed class UrlEncodedForm(HttpOptions options)
{
    /// <summary>Bytes of an escape, %XX.</summary>
    private const int Escaped = 3;

    private readonly FieldCollection<string> _fields = new();
    private readonly ArrayBufferWriter<byte> _begun = new();
    private FormLimits _limits = new(options);

    /// <exception cref="BadRequestException">It is beyond a limit.</exception>
    public static FieldCollection<string> Read(RequestBody body, HttpOptions options)
    {
        var form = new UrlEncodedForm(options);
        if (body.IsInMemory)
        {
            body.CopyTo(form.Append);
        }
        else
        {
            using Stream stream = body.OpenRead();
            byte[] piece = ArrayPool<byte>.Shared.Rent(64 * 1024);
            for (int count; (count = stream.Read(piece)) > 0;) form.Append(piece.AsSpan(0, count));
            ArrayPool<byte>.Shared.Return(piece);
        }
        form.Take(form._begun.WrittenSpan);
        return form._fields;
    }

    private void Append(ReadOnlySpan<byte> piece)
    {
        for (int end; (end = piece.IndexOf((byte)'&')) >= 0; piece = piece[(end + 1)..])
        {
            if (_begun.WrittenCount == 0)
            {
                Take(piece[..end]);
                continue;
            }
            Keep(piece[..end]);
            Take(_begun.WrittenSpan);
            _begun.ResetWrittenCount();
        }
        Keep(piece);
    }

    private void Keep(ReadOnlySpan<byte> piece)
    {
        if (_begun.WrittenCount + (long)piece.Length > Escaped * ((long)options.MaxFormFieldsSize + options.MaxHeadSize))
            throw FormLimits.TooLarge();
        _begun.Write(piece);
    }

    private void Take(ReadOnlySpan<byte> member)
    {
        int equals = member.IndexOf((byte)'=');
        ReadOnlySpan<byte> name = equals < 0 ? member : member[..equals];
        ReadOnlySpan<byte> value = equals < 0 ? default : member[(equals + 1)..];
        if (name.IsEmpty) return;
        FormLimits.CheckName(UrlEncoding.DecodedLength(name), options);
        _limits.CountField();
        _limits.CountBytes(UrlEncoding.DecodedLength(value));
        _fields.Add(UrlEncoding.Decode(name, plusIsSpace: true), UrlEncoding.Decode(value, plusIsSpace: true));
    }
}
