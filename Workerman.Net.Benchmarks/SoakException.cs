namespace Workerman.Benchmarks;

/// <summary>A client of <see cref="Soak"/> saw what it must not see.</summary>
internal sealed class SoakException(string message) : Exception(message);
