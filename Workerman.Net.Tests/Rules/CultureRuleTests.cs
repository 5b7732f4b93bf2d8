using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Text;
using Workerman.Extensions.Hosting;

namespace Workerman.Tests.Rules;

/// <summary>
/// What the analyzers of culture do not see: interpolated strings and <c>Append(value)</c>, which write by the culture of the
/// thread. Read off the compiled library.
/// Whole numbers differ by their sign alone, so they are the business of those who know whether one may be negative.
/// </summary>
internal sealed class CultureRuleTests
{
    private static readonly Type[] Written = [typeof(double), typeof(float), typeof(Half), typeof(decimal), typeof(DateTime),
        typeof(DateTimeOffset), typeof(DateOnly), typeof(TimeOnly)];

    private static readonly Type[] WholeNumbers =
        [typeof(int), typeof(long), typeof(short), typeof(sbyte), typeof(nint), typeof(Int128)];

    private static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    [Test]
    public void NothingIsWrittenByTheCultureOfTheThread()
    {
        // What measures code coverage puts a type of its own into the assembly.
        string[] found = [.. new[] { typeof(Worker), typeof(WorkermanOptions) }.SelectMany(type => type.Assembly.GetTypes())
            .Where(type => type.Namespace?.StartsWith("Coverlet.", StringComparison.Ordinal) != true)
            .SelectMany(type => type.GetMembers(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static
                | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .OfType<MethodBase>()
            .SelectMany(method => WrittenBy(method).Select(what => $"{method.DeclaringType}.{method.Name}: {what}"))];
        Assert.That(found, Is.Empty, "string.Create(CultureInfo.InvariantCulture, $\"\u2026\") does not ask the thread");
    }

    [Test]
    public void TheRuleSeesWhatItIsThereFor()
    {
        string[] found = [.. new[] { nameof(Interpolated), nameof(Appended), nameof(Invariant) }.SelectMany(
            name => WrittenBy(typeof(CultureRuleTests).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!))];
        Assert.That(found, Is.EqualTo(new[] { "an interpolated Double", "Append(Int32)" }));
    }

    private static string Interpolated(double value) => $"{value}";

    private static StringBuilder Appended(int value) => new StringBuilder().Append(value);

    private static string Invariant(double value) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{value}");

    private static IEnumerable<string> WrittenBy(MethodBase method)
    {
        bool named = false;
        foreach (MethodBase called in CallsOf(method))
        {
            Type[] parameters = [.. called.GetParameters().Select(parameter => parameter.ParameterType)];
            Type? owner = called.DeclaringType;
            if (owner == typeof(DefaultInterpolatedStringHandler)
                || owner == typeof(StringBuilder.AppendInterpolatedStringHandler))
            {
                if (called.IsConstructor) named = parameters.Contains(typeof(IFormatProvider));
                else if (!named && called.IsGenericMethod && Sensitive(called.GetGenericArguments()[0], Written))
                    yield return $"an interpolated {called.GetGenericArguments()[0].Name}";
            }
            else if (owner == typeof(StringBuilder) && called.Name is "Append" or "Insert"
                && Sensitive(parameters[^1], [.. Written, .. WholeNumbers])) yield return $"{called.Name}({parameters[^1].Name})";
            else if (called.Name is "ToString" or "Parse" or "TryParse" && owner is not null
                && Sensitive(owner, [.. Written, .. WholeNumbers]) && !parameters.Contains(typeof(IFormatProvider)))
                yield return $"{owner.Name}.{called.Name}";
        }
    }

    private static bool Sensitive(Type type, Type[] among) => among.Contains(Nullable.GetUnderlyingType(type) ?? type);

    private static IEnumerable<MethodBase> CallsOf(MethodBase method)
    {
        byte[]? il = method.GetMethodBody()?.GetILAsByteArray();
        for (int at = 0; at < il?.Length;)
        {
            short value = il[at++];
            if (value == 0xFE) value = (short)(0xFE00 | il[at++]);
            OpCode code = Codes[value];
            if (code.OperandType == OperandType.InlineMethod && Resolve(method, BitConverter.ToInt32(il, at)) is { } called)
                yield return called;
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
                _ => 4,
            };
        }
    }

    private static MethodBase? Resolve(MethodBase method, int token) => method.Module.ResolveMethod(
        token,
        method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null,
        method is { IsGenericMethod: true } ? method.GetGenericArguments() : null);
}
