using System.Globalization;
using System.Reflection;
using System.Security.Authentication;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Workerman.Connection;
using Workerman.Extensions.Hosting;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;
using Workerman.Tls;

namespace Workerman.Tests.Extensions;

/// <summary>The configuration section of a host: what each key does, and what is said of one that makes no sense.</summary>
internal sealed class ConfigurationTests
{
    /// <summary>Values of single settings, where that of their type will not do.</summary>
    private static readonly Dictionary<string, object> Values = new()
    {
        ["UploadFolder"] = Path.GetTempPath(),
        ["FileCharset"] = "latin1",
        ["CookiePath"] = "/a",
        ["SameSite"] = SameSite.Strict,
        ["ForwardedFields"] = ForwardedFields.XForwardedFor,
        ["Protocols"] = SslProtocols.Tls13,
        ["GzipLevel"] = 9,
        ["BrotliQuality"] = 7,
    };

    /// <summary>A section, what it is bound to, and what that sets.</summary>
    private static readonly (string Section, Type Settings, Type Options, Func<WorkerOptions, object> Of)[] Sections =
    [
        ("", typeof(WorkerSettings), typeof(WorkerOptions), options => options),
        ("ProxyProtocol:", typeof(ProxyProtocolSettings), typeof(ProxyProtocolOptions), options => options.ProxyProtocol),
        ("Http:", typeof(HttpSettings), typeof(HttpOptions), options => options.Http),
        ("Http:Session:", typeof(SessionSettings), typeof(SessionOptions), options => options.Http.Session),
        ("WebSocket:", typeof(WebSocketSettings), typeof(WebSocketOptions), options => options.WebSocket),
        ("Tls:", typeof(TlsSettings), typeof(TlsOptions), options => options.Tls),
    ];

    [Test]
    public async Task EachSettingReachesItsOption()
    {
        (string Key, string Value)[] settings = [.. from section in Sections
            from property in section.Settings.GetProperties()
            where IsSimple(property.PropertyType) && section.Options.GetProperty(property.Name) is { } option
                && IsSimple(option.PropertyType)
            select ($"Workerman:Workers:WEB:{section.Section}{property.Name}", TextOf(ValueOf(property)))];
        Assert.That(settings, Has.Length.GreaterThan(50));
        await using TestHost host = await Start(settings);
        WorkerOptions options = host.Run!.Workers[0].Options;
        foreach ((_, Type type, _, Func<WorkerOptions, object> of) in Sections)
        {
            object target = of(options);
            foreach (PropertyInfo property in type.GetProperties().Where(property => IsSimple(property.PropertyType)))
            {
                if (target.GetType().GetProperty(property.Name) is { } option && IsSimple(option.PropertyType))
                    Assert.That(option.GetValue(target), Is.EqualTo(ValueOf(property)), $"{type.Name}.{property.Name}");
            }
        }
    }

    /// <summary>A new setting that is a number, a time, a name or a switch belongs into the configuration, too.</summary>
    [Test]
    public void EachOptionThatCanBeWrittenHasASetting()
    {
        string[] missing = [.. from section in Sections
            from option in section.Options.GetProperties()
            where option.SetMethod is { IsPublic: true }
                && (IsSimple(option.PropertyType) || option.PropertyType == typeof(NetworkList))
                && section.Settings.GetProperty(option.Name) is null
            select $"{section.Options.Name}.{option.Name}"];
        Assert.That(missing, Is.Empty);
    }

    [Test]
    public async Task WhatIsNoSimpleValueIsWrittenAsTextsOrSections()
    {
        await using TestHost host = await Start(
            ("Workerman:Workers:web:Address", "http://127.0.0.1:0"),
            ("Workerman:Workers:web:Count", "2"),
            ("Workerman:Workers:web:ReusePort", "true"),
            ("Workerman:Workers:web:UnixFileMode", "660"),
            ("Workerman:Workers:web:KeepAlive:Idle", "00:00:20"),
            ("Workerman:Workers:web:KeepAlive:Probes", "3"),
            ("Workerman:Workers:web:Http:TrustedProxies:0", "10.0.0.0/8"),
            ("Workerman:Workers:web:Http:TrustedProxies:1", "unix:"),
            ("Workerman:Workers:web:ProxyProtocol:TrustedProxies:0", "::1"),
            ("Workerman:Workers:web:WebSocket:Deflate", "true"));
        WorkerBase worker = host.Run!.Workers[0];
        Assert.That((worker.Count, worker.ReusePort), Is.EqualTo((2, true)));
        Assert.That(worker.Options.UnixFileMode, Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite
            | UnixFileMode.GroupRead | UnixFileMode.GroupWrite));
        Assert.That(worker.Options.KeepAlive, Is.EqualTo(new TcpKeepAlive { Idle = TimeSpan.FromSeconds(20), Probes = 3 }));
        Assert.That(worker.Options.Http.TrustedProxies.Single().ToString(), Is.EqualTo("10.0.0.0/8"));
        Assert.That(worker.Options.Http.TrustedProxies.HasUnixSockets);
        Assert.That(worker.Options.ProxyProtocol.TrustedProxies.Single().ToString(), Is.EqualTo("::1/128"));
        Assert.That(worker.Options.WebSocket.Deflate, Is.Not.Null);
    }

    [Test]
    public async Task WhatTheConfigurationSaysCountsAndWhatItDoesNotSayStays()
    {
        await using TestHost host = await Start(worker =>
        {
            worker.Count = 3;
            worker.Options.Backlog = 7;
            worker.Options.Http.MaxCookies = 8;
        }, ("Workerman:Workers:web:Count", "2"), ("Workerman:Workers:web:KeepAlive:Enabled", "false"));
        WorkerBase worker = host.Run!.Workers[0];
        Assert.That((worker.Count, worker.Options.Backlog, worker.Options.Http.MaxCookies), Is.EqualTo((2, 7, 8)));
        Assert.That(worker.Options.KeepAlive, Is.Null);
    }

    [Test]
    public async Task WorkerThatIsAClassAsksForItsAddress()
    {
        await using TestHost host = TestHost.Make(Loops.Available[0],
            services => services.AddWorkerman().AddWorker<Own>(),
            ("Workerman:Workers:own:Address", "http://127.0.0.1:0"), ("Workerman:Workers:own:MaxConnections", "5"));
        await host.StartAsync();
        Assert.That(host.Run!.Workers[0].Options.MaxConnections, Is.EqualTo(5));
        Assert.That(host.EndPoint.Port, Is.Not.Zero);
    }

    [TestCase("Workerman:Workers:web:Http:MaxHeadSize", "5", "Workerman:Workers:web:Http:MaxHeadSize", "256")]
    [TestCase("Workerman:Workers:web:Http:HeadTimeout", "00:00:00", "Workerman:Workers:web:Http:HeadTimeout", "greater than")]
    [TestCase("Workerman:Workers:web:Http:Session:CookiePath", "a", "Workerman:Workers:web:Http:Session:CookiePath", "slash")]
    [TestCase("Workerman:Workers:web:Http:TrustedProxies:0", "10.0.0.0/99", "Workerman:Workers:web:Http:TrustedProxies", "/99")]
    [TestCase("Workerman:Workers:web:Count", "0", "Workerman:Workers:web:Count", "1")]
    [TestCase("Workerman:Workers:web:KeepAlive:Idle", "00:00:00.5", "Workerman:Workers:web:KeepAlive:Idle", "whole seconds")]
    [TestCase("Workerman:Workers:web:UnixFileMode", "1777", "Workerman:Workers:web:UnixFileMode", "three octal digits")]
    [TestCase("Workerman:Workers:web:UnixFileMode", "68", "Workerman:Workers:web:UnixFileMode", "three octal digits")]
    [TestCase("Workerman:Workers:web:Tls:Protocols", "Tls11", "Workerman:Workers:web:Tls:Protocols", "")]
    [TestCase("Workerman:Workers:wbe:Count", "2", "Workerman:Workers:wbe", "no worker has that name. Cure: use one of these")]
    [TestCase("Workerman:StopTimeout", "-00:00:01", "Workerman:StopTimeout", "")]
    [TestCase("Workerman:StopTimeout", "30", "Workerman:StopTimeout", "less than or equal", Description = "30 days")]
    [TestCase("Workerman:Workers", "5", "Workerman:Workers", "'5' stands where settings or a list belong")]
    [TestCase("Workerman:Workers:web", "5", "Workerman:Workers:web", "Cure: write them below it")]
    [TestCase("Workerman:Workers:web:Tls", "a.pem", "Workerman:Workers:web:Tls", "'a.pem' stands where")]
    [TestCase("Workerman:Workers:web:Http:Session", "on", "Workerman:Workers:web:Http:Session", "'on' stands where")]
    [TestCase("Workerman:Workers:web:Http:TrustedProxies", "10.0.0.1", "Workerman:Workers:web:Http:TrustedProxies", "a list")]
    [TestCase("Workerman", "5", "Workerman", "Cure: write them below it, as in Workerman:KEY")]
    [TestCase("Workerman:EventLoopClass", "Epoll", "Workerman:EventLoopClass", "'Epoll' is no event loop. Cure: ")]
    public async Task ValueThatIsRefusedIsNamed(string key, string value, string place, string reason)
    {
        TestHost host = Make(_ => { }, (key, value));
        string message = (await Assert.ThrowsAsync<WorkerStartException>(host.StartAsync))!.Message;
        Assert.That(message, Does.StartWith($"The configuration has no usable {place}: ").And.Contain(reason));
        Assert.That(message, Does.Not.Contain("\n").And.Not.Contain("Parameter"));
        await host.DisposeOnlyAsync();
    }

    [TestCase("Workerman:Workers:web:Cuont", "2", "Cuont")]
    [TestCase("Workerman:Workers:web:Http:MaxHeadSiez", "1000", "MaxHeadSiez")]
    [TestCase("Workerman:StopTimout", "00:00:01", "StopTimout")]
    [TestCase("Workerman:Workers:web:Count", "many", "Workerman:Workers:web:Count")]
    [TestCase("Workerman:Workers:web:Http:SameSite", "x", "SameSite")]
    public async Task KeyThatMeansNothingOrTextThatIsNoValueIsNamed(string key, string value, string named)
    {
        TestHost host = Make(_ => { }, (key, value));
        Assert.That((await Assert.ThrowsAsync<InvalidOperationException>(host.StartAsync))!.ToString(), Does.Contain(named));
        await host.DisposeOnlyAsync();
    }

    [Test]
    public async Task AddressOfAWorkerThatDoesNotAskIsRefused()
    {
        TestHost host = TestHost.Make(Loops.Available[0],
            services => services.AddWorkerman().AddWorker(_ => new Worker("http://127.0.0.1:0") { Name = "fixed" }),
            ("Workerman:Workers:fixed:Address", "http://127.0.0.1:1"));
        Assert.That((await Assert.ThrowsAsync<WorkerStartException>(host.StartAsync))!.Message,
            Does.Contain("Workerman:Workers:fixed:Address").And.Contain("AddressOf(name, address)"));
        await host.DisposeOnlyAsync();
    }

    [Test]
    public void NamesAreTakenOnceAndHaveNoColon()
    {
        WorkermanBuilder builder = new ServiceCollection().AddWorkerman().AddWorker("web", "http://127.0.0.1:0", (_, _) => { });
        Assert.Throws<ArgumentException>(() => builder.AddWorker("Web", "http://127.0.0.1:0", (_, _) => { }));
        Assert.Throws<ArgumentException>(() => builder.AddWorker("a:b", "http://127.0.0.1:0", (_, _) => { }));
    }

    [Test]
    public async Task CodeMaySetWhatTheConfigurationMay()
    {
        await using TestHost host = TestHost.Make(Loops.Available[0], services =>
        {
            services.Configure<WorkermanOptions>(options =>
                options.Workers["web"] = new WorkerSettings { Http = new HttpSettings { MaxFiles = 3 } });
            services.AddWorkerman("Other")
                .AddWorker("web", "http://127.0.0.1:0", (_, worker) => worker.OnMessage = (_, _) => { });
        }, ("Other:Workers:web:Backlog", "9"), ("Workerman:Workers:nobody:Count", "0"));
        await host.StartAsync();
        WorkerOptions options = host.Run!.Workers[0].Options;
        Assert.That((options.Http.MaxFiles, options.Backlog), Is.EqualTo((3, 9)));
    }

    private static TestHost Make(Action<Worker> configure, params (string Key, string Value)[] settings) =>
        TestHost.Web(Loops.Available[0], (_, worker) =>
        {
            configure(worker);
            worker.OnMessage = (_, _) => { };
        }, settings);

    private static Task<TestHost> Start(params (string Key, string Value)[] settings) => Start(_ => { }, settings);

    private static Task<TestHost> Start(Action<Worker> configure, params (string Key, string Value)[] settings) =>
        Make(configure, settings).StartAsync();

    private static bool IsSimple(Type type)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        return plain == typeof(string) || plain == typeof(bool) || plain == typeof(int) || plain == typeof(long)
            || plain == typeof(TimeSpan) || (plain.IsEnum && plain != typeof(UnixFileMode));
    }

    private static object ValueOf(PropertyInfo property)
    {
        if (Values.TryGetValue(property.Name, out object? value)) return value;
        Type plain = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        return plain == typeof(string) ? "some.value"
            : plain == typeof(bool) ? property.Name != nameof(SessionOptions.HttpOnly)
            : plain == typeof(int) ? 999
            : plain == typeof(long) ? (object)999L
            : TimeSpan.FromSeconds(7);
    }

    private static string TextOf(object value) => value is IFormattable formattable
        ? formattable.ToString(null, CultureInfo.InvariantCulture)
        : value.ToString()!;

    private sealed class Own : Worker
    {
        public Own(IOptions<WorkermanOptions> options)
            : base(options.Value.AddressOf("own", "http://192.0.2.1:80"))
        {
            Name = "own";
            OnMessage = (_, _) => { };
        }
    }
}
