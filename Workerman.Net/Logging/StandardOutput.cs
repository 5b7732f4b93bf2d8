using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.SystemCalls;

namespace Workerman.Logging;

/// <summary>
/// Standard output and error of a process that has no terminal: both go to a file, that of <c>Worker.StdoutFile</c>, which is
/// rotated as a log is. Whatever prints is caught, native libraries and programs that are started too, because it is the
/// descriptors 1 and 2 that lead there. Its owner calls <see cref="Tick"/> about once a second, on one thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class StandardOutput
{
    private const int Output = 1;
    private const int Error = 2;

    private readonly RotatingFile _file;

    private StandardOutput(RotatingFile file) => _file = file;

    /// <summary>Has both go to a file from now on.</summary>
    /// <param name="path">The whole path, <c>/dev/null</c> for nowhere.</param>
    /// <param name="maxSize">Bytes from which on it is rotated; 0 for never.</param>
    /// <param name="count">How many rotated files are kept, at least one.</param>
    /// <exception cref="IOException">It cannot be opened; the message says which file, and why.</exception>
    public static StandardOutput Redirect(string path, long maxSize, int count)
    {
        var output = new StandardOutput(new RotatingFile(path, maxSize, count));
        try
        {
            output._file.Open();
            output.Lead();
        }
        catch (IOException e)
        {
            throw new IOException($"Cannot write standard output to {path}: {e.Message}", e);
        }
        // .NET's console writes to a copy of the descriptor that it makes when it is first used.
        Console.SetOut(WriterTo(Output));
        Console.SetError(WriterTo(Error));
        return output;
    }

    /// <summary>Rotates the file if it is too large, and follows the path where that leads to another file.</summary>
    public void Tick()
    {
        try
        {
            if (_file.Renew(0)) Lead();
        }
        catch (IOException)
        {
            // The descriptors lead where they did; the next tick tries again.
        }
    }

    /// <summary>Has the file opened anew by the next <see cref="Tick"/>. Any thread.</summary>
    public void Reopen() => _file.Reopen();

    private void Lead()
    {
        foreach (int descriptor in (int[])[Output, Error])
        {
            if (dup2(_file.Handle!, descriptor) < 0)
                throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));
        }
    }

    private static StreamWriter WriterTo(int descriptor) =>
        new(new DescriptorStream(new SafeFileHandle(descriptor, ownsHandle: false)),
            new UTF8Encoding(encoderShouldEmitUTF8Identifier: false))
        {
            AutoFlush = true
        };

    /// <summary>Writes to a descriptor as it is at each moment. Console's writers lock around it.</summary>
    private sealed class DescriptorStream(SafeFileHandle descriptor) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            try
            {
                AppendedFile.Write(descriptor, buffer, out _);
            }
            catch (IOException)
            {
                // As with .NET's console where nobody reads: what is printed for nobody is no reason to fail.
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
