namespace Workerman.Extensions.Hosting;

/// <summary>
/// A worker that <see cref="WorkermanBuilder"/> was told to add: it is made when the host starts. Immutable; one is in the
/// container for each.
/// </summary>
/// <param name="Name">The name that it was added with; null if it has none, or gives itself one.</param>
/// <param name="Make">Makes it of the container, or finds it there.</param>
internal sealed record WorkerRegistration(string? Name, Func<IServiceProvider, WorkerBase> Make);
