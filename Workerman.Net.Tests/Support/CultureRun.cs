using System.Globalization;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;
using Workerman.Tests.Protocols.Http;

namespace Workerman.Tests.Support;

/// <summary>
/// The tests as a program, <c>under CULTURE=FIXTURE,…</c>: runs fixtures with a culture that every thread has, loops included,
/// which an attribute on a test cannot do; one culture after the other. Started by <c>CultureTests</c> in a process of its own.
/// </summary>
internal static class CultureRun
{
    public static int Main(string[] args)
    {
        if (args is ["scarce", string loop, string folder, string port]) return ScarceServer.Run(loop, folder, port);
        if (args is ["activate", string names, string owner, string sockets, .. string[] program])
            return OperatingSystem.IsLinux() ? SystemdActivation.Run(names, owner, sockets, program) : 2;
        if (args is ["write", string what, string path, string tag, string lines, string size])
            return LogWriter.Run(what, path, tag, lines, size);
        if (args is ["scan", string seed]) return FieldScannerTests.Run(seed);
        if (args is not ["under", .. string[] runs]) return 2;
        bool hasPassed = true;
        foreach (string run in runs) hasPassed &= Run(run.Split('=', ','));
        return hasPassed ? 0 : 1;
    }

    private static bool Run(string[] cultureAndFixtures)
    {
        CultureInfo culture = Find(cultureAndFixtures[0]);
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.DefaultThreadCurrentUICulture = culture;
        CultureInfo.CurrentCulture = CultureInfo.CurrentUICulture = culture;
        Console.WriteLine($"{culture.Name}, {culture.Calendar.GetType().Name}: "
            + $"{-1234567.5} {new DateTime(2024, 2, 29, 0, 0, 0, DateTimeKind.Utc)} {"TITLE ID".ToLower(culture)}");
        var runner = new NUnitTestAssemblyRunner(new DefaultTestAssemblyBuilder());
        runner.Load(typeof(CultureRun).Assembly, new Dictionary<string, object>());
        string classes = string.Concat(cultureAndFixtures[1..].Select(fixture => $"<class re='1'>\\.{fixture}$</class>"));
        // One loop will do: none of them knows what is written. Neither does how it is cut.
        string[] same = [.. Loops.Available[1..].Select(loop => loop.Name), "byte by byte", "cut at random"];
        string others = string.Concat(same.Select(test => $"<not><test re='1'>{test}</test></not>"));
        ITestResult result =
            runner.Run(new Reporter(), TestFilter.FromXml($"<filter><and><or>{classes}</or>{others}</and></filter>"));
        Console.WriteLine($"{cultureAndFixtures[0]}: passed {result.PassCount.ToString(CultureInfo.InvariantCulture)}, "
            + $"failed {result.FailCount.ToString(CultureInfo.InvariantCulture)}");
        return result.FailCount == 0 && result.PassCount > 0;
    }

    /// <summary>
    /// The culture as the system knows it; where it knows none, one with the signs, digits and words that matter.
    /// </summary>
    private static CultureInfo Find(string name)
    {
        try
        {
            var known = new CultureInfo(name, useUserOverride: false);
            if (known.NumberFormat.NegativeSign != "-" || known.Calendar is not GregorianCalendar
                || known.TextInfo.ToLower('I') != 'i') return known;
        }
        catch (CultureNotFoundException)
        {
            // This process has no data for cultures.
        }
        return Make();
    }

    /// <summary>A culture that needs no data of the system's.</summary>
    public static CultureInfo Make()
    {
        var made = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        made.NumberFormat.NegativeSign = "\u2212";
        made.NumberFormat.PositiveSign = "\u200e+";
        made.NumberFormat.NumberDecimalSeparator = "\u066b";
        made.NumberFormat.NumberGroupSeparator = "\u00a0";
        made.NumberFormat.NativeDigits = [.. Enumerable.Range(0x6F0, 10).Select(digit => ((char)digit).ToString())];
        made.DateTimeFormat.DateSeparator = "\u060c";
        made.DateTimeFormat.TimeSeparator = ".";
        made.DateTimeFormat.AbbreviatedDayNames = ["s\u00f6n", "m\u00e5n", "tis", "ons", "tors", "fre", "l\u00f6r"];
        made.DateTimeFormat.AbbreviatedMonthNames = [.. Enumerable.Range(1, 12).Select(month => $"m{month}"), ""];
        return made;
    }

    /// <summary>Tells of what fails, at once.</summary>
    private sealed class Reporter : ITestListener
    {
        public void TestStarted(ITest test)
        {
        }

        public void TestFinished(ITestResult result)
        {
            if (result.FailCount > 0 && !result.HasChildren)
                Console.WriteLine($"{result.FullName}: {result.Message}\n{result.StackTrace}");
        }

        public void TestOutput(TestOutput output)
        {
        }

        public void SendMessage(TestMessage message)
        {
        }
    }
}
