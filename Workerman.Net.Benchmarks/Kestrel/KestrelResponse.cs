using System.Globalization;
using System.IO.Pipelines;
using System.Reflection.Emit;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Workerman.Benchmarks.Kestrel;

/// <summary>
/// A response as Kestrel writes it for HTTP/1.1: its own collection of response header fields, status lines and buffer writer,
/// in the order of its output producer. Those types are internal: the few calls that need their names are emitted. The Date
/// is ready as bytes, as it is there. One thread.
/// </summary>
internal sealed class KestrelResponse
{
    private delegate void WriteAll(object headers, PipeWriter output, int status, byte[] version, byte[] headEnd, byte[] body);

    private static readonly byte[] Version = "HTTP/1.1 "u8.ToArray();
    private static readonly byte[] HeadEnd = "\r\n\r\n"u8.ToArray();
    private static readonly byte[] KeepAlive = "\r\nConnection: keep-alive"u8.ToArray();

    private readonly WriteAll _write;
    private readonly Action _reset;
    private readonly Action<StringValues, byte[]> _setDate;
    private readonly Action<StringValues, byte[]> _setConnection;
    private readonly string _date = DateTime.UtcNow.ToString("R", CultureInfo.InvariantCulture);
    private readonly byte[] _dateBytes;

    public KestrelResponse()
    {
        Type type = KestrelInternals.Http("HttpResponseHeaders");
        object headers = KestrelInternals.Constructor(type, typeof(Func<string, Encoding?>)).Invoke([null]);
        Headers = (IHeaderDictionary)headers;
        _reset = KestrelInternals.Method(type, "Reset").CreateDelegate<Action>(headers);
        _setDate = KestrelInternals.Method(type, "SetRawDate", typeof(StringValues), typeof(byte[]))
            .CreateDelegate<Action<StringValues, byte[]>>(headers);
        _setConnection = KestrelInternals.Method(type, "SetRawConnection", typeof(StringValues), typeof(byte[]))
            .CreateDelegate<Action<StringValues, byte[]>>(headers);
        _dateBytes = Encoding.ASCII.GetBytes("\r\nDate: " + _date);
        _write = Emit(type);
    }

    /// <summary>The application's header fields.</summary>
    public IHeaderDictionary Headers { get; }

    /// <summary>Empties it for the next response.</summary>
    public void Reset() => _reset();

    /// <summary>Status line, header fields with Date and Connection, and a body, as one commit.</summary>
    public void Write(int status, byte[] body, PipeWriter output)
    {
        _setConnection("keep-alive", KeepAlive);
        _setDate(_date, _dateBytes);
        _write(Headers, output, status, Version, HeadEnd, body);
    }

    private static WriteAll Emit(Type headers)
    {
        Type writer = KestrelInternals.Type("System.Buffers.BufferWriter`1").MakeGenericType(typeof(PipeWriter));
        Type span = typeof(ReadOnlySpan<byte>);
        var method = new DynamicMethod("WriteResponse", null, [typeof(object), typeof(PipeWriter), typeof(int), typeof(byte[]),
            typeof(byte[]), typeof(byte[])], headers.Module, skipVisibility: true);
        ILGenerator il = method.GetILGenerator();
        LocalBuilder local = il.DeclareLocal(writer);
        il.Emit(OpCodes.Ldloca, local);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Call, KestrelInternals.Constructor(writer, typeof(PipeWriter)));
        WriteSpan(() => il.Emit(OpCodes.Ldarg_3));
        WriteSpan(() =>
        {
            il.Emit(OpCodes.Ldarg_2);
            il.Emit(OpCodes.Ldnull);
            il.Emit(OpCodes.Call,
                KestrelInternals.Method(KestrelInternals.Http("ReasonPhrases"), "ToStatusBytes", typeof(int), typeof(string)));
        });
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Castclass, headers);
        il.Emit(OpCodes.Ldloca, local);
        il.Emit(OpCodes.Call, KestrelInternals.Method(headers, "CopyTo", writer.MakeByRefType()));
        WriteSpan(() => il.Emit(OpCodes.Ldarg_S, (byte)4));
        WriteSpan(() => il.Emit(OpCodes.Ldarg_S, (byte)5));
        il.Emit(OpCodes.Ldloca, local);
        il.Emit(OpCodes.Call, KestrelInternals.Method(writer, "Commit"));
        il.Emit(OpCodes.Ret);
        return method.CreateDelegate<WriteAll>();

        void WriteSpan(Action loadBytes)
        {
            il.Emit(OpCodes.Ldloca, local);
            loadBytes();
            il.Emit(OpCodes.Call, KestrelInternals.Method(span, "op_Implicit", typeof(byte[])));
            il.Emit(OpCodes.Call, KestrelInternals.Method(writer, "Write", span));
        }
    }
}
