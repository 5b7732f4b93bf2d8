using System.Diagnostics.CodeAnalysis;

namespace Workerman.Protocols.Http;

/// <summary>
/// A mistake of the client, found when the application asked for the part of the request that has it: a malformed form or JSON
/// body, too many members, fields, files or cookies. Unless it is caught, the request is answered with <see cref="StatusCode"/>
/// instead of 500.
/// </summary>
public sealed class BadRequestException : Exception
{
    /// <summary>Makes one, for mistakes that the application finds.</summary>
    /// <param name="statusCode">What to answer with, 400 to 499.</param>
    /// <param name="message">What is wrong, in a few words, for the client and the log.</param>
    /// <param name="innerException">What found it, if anything did.</param>
    public BadRequestException(int statusCode, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(statusCode, 400);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(statusCode, 499);
        StatusCode = statusCode;
    }

    /// <summary>Makes one that is answered with 400.</summary>
    public BadRequestException(string message)
        : this(400, message)
    {
    }

    /// <summary>Throws one if that is so: for handlers that check many things of a request, one after the other.</summary>
    /// <param name="condition">Whether it is a mistake.</param>
    /// <param name="statusCode">What to answer with, 400 to 499.</param>
    /// <param name="message">What is wrong, in a few words, for the client and the log.</param>
    /// <exception cref="BadRequestException">It is.</exception>
    public static void ThrowIf([DoesNotReturnIf(true)] bool condition, int statusCode, string message)
    {
        if (condition) throw new BadRequestException(statusCode, message);
    }

    /// <summary>The status that the request is answered with.</summary>
    public int StatusCode { get; }
}
