using System.Reflection;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Workerman.Benchmarks.Kestrel;

/// <summary>
/// The types of Kestrel that are not public, by name. A name that is gone throws: then there is nothing to compare with.
/// </summary>
internal static class KestrelInternals
{
    private const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

    public static Type Type(string name) => typeof(KestrelServer).Assembly.GetType(name, throwOnError: true)!;

    public static Type Http(string name) => Type("Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http." + name);

    public static MethodInfo Method(Type type, string name, params Type[] parameters) =>
        type.GetMethod(name, Any, parameters) ?? throw new MissingMethodException(type.FullName, name);

    public static ConstructorInfo Constructor(Type type, params Type[] parameters) =>
        type.GetConstructor(Any, parameters) ?? throw new MissingMethodException(type.FullName, ".ctor");
}
