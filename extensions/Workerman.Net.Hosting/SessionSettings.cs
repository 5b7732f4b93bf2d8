using Workerman.Protocols.Http;

namespace Workerman.Extensions.Hosting;

/// <summary>What the configuration says of <see cref="SessionOptions"/>. Belongs to its <see cref="WorkerSettings"/>.</summary>
public sealed class SessionSettings
{
    /// <inheritdoc cref="SessionOptions.Name"/>
    public string? Name { get; set; }

    /// <inheritdoc cref="SessionOptions.Lifetime"/>
    public TimeSpan? Lifetime { get; set; }

    /// <inheritdoc cref="SessionOptions.AutoUpdateTimestamp"/>
    public bool? AutoUpdateTimestamp { get; set; }

    /// <inheritdoc cref="SessionOptions.CookieLifetime"/>
    public TimeSpan? CookieLifetime { get; set; }

    /// <inheritdoc cref="SessionOptions.CookiePath"/>
    public string? CookiePath { get; set; }

    /// <inheritdoc cref="SessionOptions.Domain"/>
    public string? Domain { get; set; }

    /// <inheritdoc cref="SessionOptions.Secure"/>
    public bool? Secure { get; set; }

    /// <inheritdoc cref="SessionOptions.HttpOnly"/>
    public bool? HttpOnly { get; set; }

    /// <inheritdoc cref="SessionOptions.SameSite"/>
    public SameSite? SameSite { get; set; }

    /// <inheritdoc cref="SessionOptions.GcProbability"/>
    public int? GcProbability { get; set; }

    /// <inheritdoc cref="SessionOptions.GcDivisor"/>
    public int? GcDivisor { get; set; }

    /// <inheritdoc cref="SessionOptions.MaxNewPerSecond"/>
    public int? MaxNewPerSecond { get; set; }

    internal void ApplyTo(SessionOptions options, SettingPath path)
    {
        path.Set(Name, value => options.Name = value);
        path.Set(Lifetime, value => options.Lifetime = value);
        path.Set(AutoUpdateTimestamp, value => options.AutoUpdateTimestamp = value);
        path.Set(CookieLifetime, value => options.CookieLifetime = value);
        path.Set(CookiePath, value => options.CookiePath = value);
        path.Set(Domain, value => options.Domain = value);
        path.Set(Secure, value => options.Secure = value);
        path.Set(HttpOnly, value => options.HttpOnly = value);
        path.Set(SameSite, value => options.SameSite = value);
        path.Set(GcProbability, value => options.GcProbability = value);
        path.Set(GcDivisor, value => options.GcDivisor = value);
        path.Set(MaxNewPerSecond, value => options.MaxNewPerSecond = value);
    }
}
