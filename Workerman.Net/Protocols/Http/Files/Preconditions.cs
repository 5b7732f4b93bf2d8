namespace Workerman.Protocols.Http.Files;

/// <summary>The validators of a representation, by which conditions are judged.</summary>
/// <param name="Tag">Its entity tag, if it has one.</param>
/// <param name="Modified">When it was last changed, to the second, if that is known.</param>
/// <param name="DateIsStrong">Whether it cannot have been changed twice within that second (RFC 9110 section 8.8.2.2).</param>
internal readonly record struct Validators(EntityTag? Tag, DateTimeOffset? Modified, bool DateIsStrong);

/// <summary>The result of a request's conditions.</summary>
internal enum Condition
{
    /// <summary>It is answered as if it had no conditions.</summary>
    Holds,

    /// <summary>304: the client has the current version.</summary>
    NotModified,

    /// <summary>412.</summary>
    Failed,
}

/// <summary>The conditions of a GET or HEAD request, as its header fields have them (RFC 9110 section 13). Pure.</summary>
internal sealed class Preconditions
{
    public string? IfMatch { get; init; }

    public string? IfUnmodifiedSince { get; init; }

    public string? IfNoneMatch { get; init; }

    public string? IfModifiedSince { get; init; }

    public string? IfRange { get; init; }

    /// <summary>Judges in the order of section 13.2.2. An invalid date is ignored (sections 13.1.3 and 13.1.4).</summary>
    public Condition Judge(in Validators representation)
    {
        if (IfMatch is not null)
        {
            if (!Matches(IfMatch, representation, strongly: true)) return Condition.Failed;
        }
        else if (HttpDate.TryParse(IfUnmodifiedSince, out DateTimeOffset unmodifiedSince)
            && representation.Modified > unmodifiedSince)
        {
            return Condition.Failed;
        }
        if (IfNoneMatch is not null)
            return Matches(IfNoneMatch, representation, strongly: false) ? Condition.NotModified : Condition.Holds;
        return HttpDate.TryParse(IfModifiedSince, out DateTimeOffset modifiedSince) && representation.Modified <= modifiedSince
            ? Condition.NotModified
            : Condition.Holds;
    }

    /// <summary>
    /// Whether Range applies: without If-Range always, with it only if the representation is unchanged (section 13.1.5).
    /// </summary>
    public bool AllowsRange(in Validators representation)
    {
        if (IfRange is null) return true;
        if (EntityTag.TryParse(IfRange, out EntityTag tag)) return representation.Tag is { } own && own.EqualsStrongly(tag);
        return HttpDate.TryParse(IfRange, out DateTimeOffset date) && representation.DateIsStrong
            && representation.Modified == date;
    }

    private static bool Matches(string list, in Validators representation, bool strongly) =>
        representation.Tag is { } tag ? EntityTag.ListHas(list, tag, strongly) : list.AsSpan().Trim(" \t") is "*";
}
