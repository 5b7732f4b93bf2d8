using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>Header fields of a request that the protocol itself has to know when it writes the answer. Pure.</summary>
internal static class RequestFields
{
    /// <summary>The value of a field, lines with the same name joined by a comma (RFC 9110 section 5.2); null if there is none.</summary>
    public static string? Find(RequestHead head, ReadOnlySpan<byte> name)
    {
        string? value = null;
        foreach (HeaderField field in head.Fields)
        {
            if (field.NameLength != name.Length || !Ascii.EqualsIgnoreCase(head.Name(field), name)) continue;
            string next = Encoding.Latin1.GetString(head.Value(field));
            value = value is null ? next : $"{value}, {next}";
        }
        return value;
    }
}
