namespace Workerman.Hosting;

/// <summary>
/// A worker cannot start: its address is bad or taken, a permission is missing, or its <c>OnWorkerStart</c> failed. The
/// message is one line with address, cause and cure.
/// </summary>
public sealed class WorkerStartException : Exception
{
    /// <summary>Makes an exception without a message.</summary>
    public WorkerStartException()
    {
    }

    /// <summary>Makes an exception.</summary>
    public WorkerStartException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with what caused it.</summary>
    public WorkerStartException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
