using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// Arrays, lists, dictionaries and objects: with metadata from a <c>JsonSerializerContext</c>, for any program, or by reflection,
/// for programs that are neither trimmed nor native. Each can read what the other has written.
/// </summary>
public sealed partial class Session
{
    private const string ByReflection = "Goes through the members of T by reflection; use the overload with JsonTypeInfo<T>.";

    /// <summary>
    /// A value of the application's own type (PHP: <c>get()</c>), or <paramref name="defaultValue"/> if there is none, or if the
    /// stored value does not fit the type, for instance after an update of the application; the latter is logged.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">What it is read as: from a <c>JsonSerializerContext</c>, <c>MyContext.Default.Basket</c>.</param>
    /// <param name="defaultValue">What to give if there is none.</param>
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public T? Get<T>(string name, JsonTypeInfo<T> type, T? defaultValue = default)
    {
        ArgumentNullException.ThrowIfNull(type);
        return Read(name, defaultValue, value => value.Deserialize(type));
    }

    /// <summary>
    /// A value of any type that JSON has a form for, by reflection: not for trimmed or native programs (PHP: <c>get()</c>).
    /// <paramref name="defaultValue"/> if there is none, or if the stored value does not fit the type; the latter is logged.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="defaultValue">What to give if there is none.</param>
    /// <param name="options">How to read it; null for the serializer's defaults.</param>
    [RequiresUnreferencedCode(ByReflection)]
    [RequiresDynamicCode(ByReflection)]
    [OverloadResolutionPriority(-1)]
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public T? Get<T>(string name, T? defaultValue = default, JsonSerializerOptions? options = null) =>
        Read(name, defaultValue, value => value.Deserialize<T>(options));

    /// <summary>Stores a value of the application's own type, as it is now (PHP: <c>set()</c>).</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">The value; changes to it later on are not stored.</param>
    /// <param name="type">How it is written: from a <c>JsonSerializerContext</c>, <c>MyContext.Default.Basket</c>.</param>
    public void Set<T>(string name, T value, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(type);
        Store(name, JsonSerializer.SerializeToElement(value, type));
    }

    /// <summary>
    /// Stores a value of any type that JSON has a form for, as it is now, by reflection: not for trimmed or native programs (PHP:
    /// <c>set()</c>).
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">The value; changes to it later on are not stored.</param>
    /// <param name="options">How to write it; null for the serializer's defaults.</param>
    /// <exception cref="NotSupportedException">JSON has no form for it.</exception>
    [RequiresUnreferencedCode(ByReflection)]
    [RequiresDynamicCode(ByReflection)]
    [OverloadResolutionPriority(-1)]
    public void Set<T>(string name, T value, JsonSerializerOptions? options = null) =>
        Store(name, JsonSerializer.SerializeToElement(value, options));

    /// <summary>
    /// Gives a value as <see cref="Get{T}(string, JsonTypeInfo{T}, T)"/> does and removes it (PHP: <c>pull()</c>).
    /// </summary>
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public T? Pull<T>(string name, JsonTypeInfo<T> type, T? defaultValue = default) =>
        Pulled(name, Get(name, type, defaultValue));

    /// <summary>
    /// Gives a value as <see cref="Get{T}(string, T, JsonSerializerOptions)"/> does and removes it (PHP: <c>pull()</c>).
    /// </summary>
    [RequiresUnreferencedCode(ByReflection)]
    [RequiresDynamicCode(ByReflection)]
    [OverloadResolutionPriority(-1)]
    [return: NotNullIfNotNull(nameof(defaultValue))]
    public T? Pull<T>(string name, T? defaultValue = default, JsonSerializerOptions? options = null) =>
        Pulled(name, Get(name, defaultValue, options));

    private T? Read<T>(string name, T? defaultValue, Func<JsonElement, T?> read)
    {
        if (Find(name) is not { } value) return defaultValue;
        try
        {
            return read(value) ?? defaultValue;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            _store.Report?.Invoke($"A session's value is not the {typeof(T)} that was asked for; it counts as none", e);
            return defaultValue;
        }
    }
}
