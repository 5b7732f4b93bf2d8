namespace Workerman.Protocols.Http;

/// <summary>
/// Counts the fields of one form against the limits of <see cref="HttpOptions"/>, the same for multipart, urlencoded and JSON
/// bodies. Belongs to whoever reads
/// the form.
/// </summary>
internal struct FormLimits(HttpOptions options)
{
    private int _fields;
    private long _size;

    /// <summary>One more field begins.</summary>
    /// <exception cref="BadRequestException">There are too many.</exception>
    public void CountField()
    {
        if (++_fields > options.MaxFormFields) throw Refusals.TooMany("form fields", nameof(HttpOptions.MaxFormFields));
    }

    /// <summary>A name of so many bytes; of a part of a multipart form it is the whole head.</summary>
    /// <exception cref="BadRequestException">They are too many.</exception>
    public static void CheckName(long size, HttpOptions options)
    {
        if (size > options.MaxHeadSize) throw NameTooLong();
    }

    public static BadRequestException NameTooLong() => Refusals.TooLarge("name of a form field", nameof(HttpOptions.MaxHeadSize));

    /// <summary>So many more bytes of values.</summary>
    /// <exception cref="BadRequestException">They are too many.</exception>
    public void CountBytes(long count)
    {
        if ((_size += count) > options.MaxFormFieldsSize) throw TooLarge();
    }

    public static BadRequestException TooLarge() => Refusals.TooLarge("form fields", nameof(HttpOptions.MaxFormFieldsSize));
}
