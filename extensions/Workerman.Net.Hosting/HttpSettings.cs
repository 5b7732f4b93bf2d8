using Workerman.Protocols;
using Workerman.Protocols.Http;

namespace Workerman.Extensions.Hosting;

/// <summary>What the configuration says of <see cref="HttpOptions"/>. Belongs to its <see cref="WorkerSettings"/>.</summary>
public sealed class HttpSettings
{
    /// <inheritdoc cref="HttpOptions.MaxRequestSize"/>
    public long? MaxRequestSize { get; set; }

    /// <inheritdoc cref="HttpOptions.MaxHeadSize"/>
    public int? MaxHeadSize { get; set; }

    /// <inheritdoc cref="HttpOptions.MaxRequestLineSize"/>
    public int? MaxRequestLineSize { get; set; }

    /// <inheritdoc cref="HttpOptions.MaxHeaderCount"/>
    public int? MaxHeaderCount { get; set; }

    /// <inheritdoc cref="HttpOptions.MaxListElements"/>
    public int? MaxListElements { get; set; }

    /// <inheritdoc cref="HttpOptions.HeadTimeout"/>
    public TimeSpan? HeadTimeout { get; set; }

    /// <inheritdoc cref="HttpOptions.BodyTimeout"/>
    public TimeSpan? BodyTimeout { get; set; }

    /// <inheritdoc cref="HttpOptions.MinBodyRate"/>
    public int? MinBodyRate { get; set; }

    /// <inheritdoc cref="HttpOptions.MinBodyRateGrace"/>
    public TimeSpan? MinBodyRateGrace { get; set; }

    /// <inheritdoc cref="HttpOptions.KeepAliveTimeout"/>
    public TimeSpan? KeepAliveTimeout { get; set; }

    /// <inheritdoc cref="HttpOptions.MaxQueryMembers"/>
    public int? MaxQueryMembers { get; set; }

    /// <inheritdoc cref="HttpOptions.MaxCookies"/>
    public int? MaxCookies { get; set; }

    /// <inheritdoc cref="HttpOptions.MaxFormFields"/>
    public int? MaxFormFields { get; set; }

    /// <inheritdoc cref="HttpOptions.MaxFormFieldsSize"/>
    public int? MaxFormFieldsSize { get; set; }

    /// <inheritdoc cref="HttpOptions.MaxFiles"/>
    public int? MaxFiles { get; set; }

    /// <inheritdoc cref="HttpOptions.BodyMemoryThreshold"/>
    public int? BodyMemoryThreshold { get; set; }

    /// <inheritdoc cref="HttpOptions.FileMemoryThreshold"/>
    public int? FileMemoryThreshold { get; set; }

    /// <inheritdoc cref="HttpOptions.MaxBodyMemory"/>
    public long? MaxBodyMemory { get; set; }

    /// <inheritdoc cref="HttpOptions.MaxBodyDisk"/>
    public long? MaxBodyDisk { get; set; }

    /// <inheritdoc cref="HttpOptions.UploadFolder"/>
    public string? UploadFolder { get; set; }

    /// <inheritdoc cref="HttpOptions.AllowConnect"/>
    public bool? AllowConnect { get; set; }

    /// <inheritdoc cref="HttpOptions.AllowTrace"/>
    public bool? AllowTrace { get; set; }

    /// <inheritdoc cref="HttpOptions.DecompressRequests"/>
    public bool? DecompressRequests { get; set; }

    /// <inheritdoc cref="HttpOptions.StreamBodies"/>
    public bool? StreamBodies { get; set; }

    /// <inheritdoc cref="HttpOptions.Compression"/>
    public bool? Compression { get; set; }

    /// <inheritdoc cref="HttpOptions.GzipLevel"/>
    public int? GzipLevel { get; set; }

    /// <inheritdoc cref="HttpOptions.BrotliQuality"/>
    public int? BrotliQuality { get; set; }

    /// <inheritdoc cref="HttpOptions.FileCharset"/>
    public string? FileCharset { get; set; }

    /// <inheritdoc cref="HttpOptions.ForwardedFields"/>
    public ForwardedFields? ForwardedFields { get; set; }

    /// <summary>Addresses and networks of the proxies whose word about the client counts, as
    /// <see cref="NetworkList.Add(string)"/> takes them; they take the place of those that the program sets.</summary>
    public IReadOnlyList<string>? TrustedProxies { get; set; }

    /// <summary>Settings of its sessions.</summary>
    public SessionSettings? Session { get; set; }

    internal void ApplyTo(HttpOptions options, SettingPath path)
    {
        path.Set(MaxRequestSize, value => options.MaxRequestSize = value);
        path.Set(MaxHeadSize, value => options.MaxHeadSize = value);
        path.Set(MaxRequestLineSize, value => options.MaxRequestLineSize = value);
        path.Set(MaxHeaderCount, value => options.MaxHeaderCount = value);
        path.Set(MaxListElements, value => options.MaxListElements = value);
        path.Set(HeadTimeout, value => options.HeadTimeout = value);
        path.Set(BodyTimeout, value => options.BodyTimeout = value);
        path.Set(MinBodyRate, value => options.MinBodyRate = value);
        path.Set(MinBodyRateGrace, value => options.MinBodyRateGrace = value);
        path.Set(KeepAliveTimeout, value => options.KeepAliveTimeout = value);
        path.Set(MaxQueryMembers, value => options.MaxQueryMembers = value);
        path.Set(MaxCookies, value => options.MaxCookies = value);
        path.Set(MaxFormFields, value => options.MaxFormFields = value);
        path.Set(MaxFormFieldsSize, value => options.MaxFormFieldsSize = value);
        path.Set(MaxFiles, value => options.MaxFiles = value);
        path.Set(BodyMemoryThreshold, value => options.BodyMemoryThreshold = value);
        path.Set(FileMemoryThreshold, value => options.FileMemoryThreshold = value);
        path.Set(MaxBodyMemory, value => options.MaxBodyMemory = value);
        path.Set(MaxBodyDisk, value => options.MaxBodyDisk = value);
        path.Set(UploadFolder, value => options.UploadFolder = value);
        path.Set(AllowConnect, value => options.AllowConnect = value);
        path.Set(AllowTrace, value => options.AllowTrace = value);
        path.Set(DecompressRequests, value => options.DecompressRequests = value);
        path.Set(StreamBodies, value => options.StreamBodies = value);
        path.Set(Compression, value => options.Compression = value);
        path.Set(GzipLevel, value => options.GzipLevel = value);
        path.Set(BrotliQuality, value => options.BrotliQuality = value);
        path.Set(FileCharset, value => options.FileCharset = value);
        path.Set(ForwardedFields, value => options.ForwardedFields = value);
        path.Set(TrustedProxies, value => options.TrustedProxies = ProxyProtocolSettings.ListOf(value));
        Session?.ApplyTo(options.Session, path.Section(nameof(Session)));
    }
}
