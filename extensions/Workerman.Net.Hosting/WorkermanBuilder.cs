using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Workerman.Extensions.Hosting;

/// <summary>
/// Adds workers to a host: <c>services.AddWorkerman()</c> gives it. Each worker is made once, when the host starts, with the
/// container at hand. What is added with a name can be configured under <c>Workerman:Workers:NAME</c>, and is in the container
/// under that name (<c>[FromKeyedServices("web")] Worker web</c>). It adds to the service collection, and owns nothing else.
/// </summary>
public sealed class WorkermanBuilder
{
    internal WorkermanBuilder(IServiceCollection services) => Services = services;

    /// <summary>Where the services of the host are added.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Adds an HTTP worker.</summary>
    /// <param name="name">Its name in the log, the container and the configuration.</param>
    /// <param name="address">Where it listens, unless the configuration says something else.</param>
    /// <param name="configure">Sets its callbacks and options; gets the host's container.</param>
    /// <exception cref="ArgumentException">There is a worker of that name.</exception>
    public WorkermanBuilder AddWorker(string name, string address, Action<IServiceProvider, Worker> configure) =>
        AddNamed(name, address, static at => new Worker(at), configure);

    /// <summary>Adds an HTTP worker that has no name.</summary>
    /// <inheritdoc cref="AddWorker(string, string, Action{IServiceProvider, Worker})"/>
    public WorkermanBuilder AddWorker(string address, Action<IServiceProvider, Worker> configure) =>
        AddUnnamed(address, static at => new Worker(at), configure);

    /// <summary>Adds a worker of any protocol.</summary>
    /// <typeparam name="T">What its <c>OnMessage</c> receives.</typeparam>
    /// <inheritdoc cref="AddWorker(string, string, Action{IServiceProvider, Worker})"/>
    public WorkermanBuilder AddWorker<T>(string name, string address, Action<IServiceProvider, Worker<T>> configure) =>
        AddNamed(name, address, static at => new Worker<T>(at), configure);

    /// <summary>Adds a worker of any protocol that has no name.</summary>
    /// <typeparam name="T">What its <c>OnMessage</c> receives.</typeparam>
    /// <inheritdoc cref="AddWorker(string, string, Action{IServiceProvider, Worker})"/>
    public WorkermanBuilder AddWorker<T>(string address, Action<IServiceProvider, Worker<T>> configure) =>
        AddUnnamed(address, static at => new Worker<T>(at), configure);

    /// <summary>Adds a worker of datagrams.</summary>
    /// <typeparam name="T">What its <c>OnMessage</c> receives.</typeparam>
    /// <inheritdoc cref="AddWorker(string, string, Action{IServiceProvider, Worker})"/>
    public WorkermanBuilder AddUdpWorker<T>(string name, string address, Action<IServiceProvider, UdpWorker<T>> configure) =>
        AddNamed(name, address, static at => new UdpWorker<T>(at), configure);

    /// <summary>Adds a worker of datagrams that has no name.</summary>
    /// <typeparam name="T">What its <c>OnMessage</c> receives.</typeparam>
    /// <inheritdoc cref="AddWorker(string, string, Action{IServiceProvider, Worker})"/>
    public WorkermanBuilder AddUdpWorker<T>(string address, Action<IServiceProvider, UdpWorker<T>> configure) =>
        AddUnnamed(address, static at => new UdpWorker<T>(at), configure);

    /// <summary>
    /// Adds a worker that is a class of its own, whose constructor gets what it needs from the container, where it is a
    /// singleton. Its <see cref="WorkerBase.Name"/> is the one that the configuration knows it by.
    /// </summary>
    /// <typeparam name="TWorker">The class.</typeparam>
    public WorkermanBuilder AddWorker<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TWorker>()
        where TWorker : WorkerBase
    {
        Services.TryAddSingleton<TWorker>();
        return AddWorker(static services => services.GetRequiredService<TWorker>());
    }

    /// <summary>
    /// Adds a worker that the application makes, or finds in the container, when the host starts. Its
    /// <see cref="WorkerBase.Name"/> is the one that the configuration knows it by.
    /// </summary>
    /// <param name="make">Gives one that has not been run.</param>
    public WorkermanBuilder AddWorker(Func<IServiceProvider, WorkerBase> make)
    {
        ArgumentNullException.ThrowIfNull(make);
        Services.AddSingleton(new WorkerRegistration(null, make));
        return this;
    }

    private WorkermanBuilder AddUnnamed<TWorker>(
        string address, Func<string, TWorker> make, Action<IServiceProvider, TWorker> configure)
        where TWorker : WorkerBase
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(configure);
        return AddWorker(services =>
        {
            TWorker worker = make(address);
            configure(services, worker);
            return worker;
        });
    }

    private WorkermanBuilder AddNamed<TWorker>(
        string name, string address, Func<string, TWorker> make, Action<IServiceProvider, TWorker> configure)
        where TWorker : WorkerBase
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(configure);
        if (name.Contains(':', StringComparison.Ordinal))
            throw new ArgumentException($"'{name}' has a colon, which separates the keys of a configuration. Cure: leave it out.",
                nameof(name));
        if (Services.Any(service => service.ImplementationInstance is WorkerRegistration other
            && string.Equals(other.Name, name, StringComparison.OrdinalIgnoreCase)))
            throw new ArgumentException($"There is a worker {name} already. Cure: choose another name.", nameof(name));
        Services.AddKeyedSingleton<TWorker>(name, (services, _) =>
        {
            WorkermanOptions options = services.GetRequiredService<IOptions<WorkermanOptions>>().Value;
            TWorker worker = make(options.AddressOf(name, address));
            worker.Name = name;
            configure(services, worker);
            return worker;
        });
        Services.AddSingleton(new WorkerRegistration(name, services => services.GetRequiredKeyedService<TWorker>(name)));
        return this;
    }
}
