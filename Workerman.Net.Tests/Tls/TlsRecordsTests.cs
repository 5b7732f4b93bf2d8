using System.Buffers;
using Workerman.Tests.Support;
using Workerman.Tls;

namespace Workerman.Tests.Tls;

/// <summary>
/// Whole records out of bytes that come in any pieces, one a read, and nothing kept that the peer has not begun.
/// </summary>
internal sealed class TlsRecordsTests
{
    private const byte Handshake = 22;
    private const byte ApplicationData = 23;

    private static readonly byte[] Two = [.. Record(Handshake, 3), .. Record(ApplicationData, 700)];

    [Test]
    public void NoBytesAreNoRecordAndNothingToRefuse()
    {
        var records = new TlsRecords(owner: null);
        records.Add(default);
        records.Keep();
        Assert.That((records.HasRecord, records.IsNotTls, records.IsReading), Is.EqualTo((false, false, false)));
        Assert.That(records.TakeOutput().Length, Is.Zero);
    }

    [Test]
    public void RecordIsThereWithItsLastByte([Values(0, 1, 16 * 1024)] int length)
    {
        byte[] record = Record(ApplicationData, length);
        foreach (int cut in new[] { 1, 4, 5, record.Length - 1 }.Where(cut => cut < record.Length))
        {
            var records = new TlsRecords(owner: null);
            records.Add(record.AsMemory(0, cut));
            Assert.That(records.HasRecord, Is.False, $"{cut} of {record.Length} bytes");
            records.Add(record.AsMemory(cut));
            Assert.That(records.HasRecord);
            Assert.That(Read(records), Is.EqualTo(record));
            Assert.That(records.HasRecord, Is.False);
        }
    }

    /// <summary>A read never has bytes of the next record, or those would be kept in a place that is not looked at.</summary>
    [Test]
    public void EachReadIsOneRecord()
    {
        var records = new TlsRecords(owner: null);
        records.Add(Two);
        Assert.That(Read(records), Is.EqualTo(Two[..8]));
        Assert.That(Read(records), Is.EqualTo(Two[8..]));
    }

    [Test]
    public void SmallBufferTakesARecordInPieces()
    {
        var records = new TlsRecords(owner: null);
        records.Add(Two);
        var pieces = new List<int>();
        var bytes = new List<byte>();
        while (records.HasRecord)
        {
            byte[] piece = Read(records, 300);
            pieces.Add(piece.Length);
            bytes.AddRange(piece);
        }
        Assert.That(bytes, Is.EqualTo(Two));
        Assert.That(pieces, Is.EqualTo(new[] { 8, 300, 300, 105 }));
    }

    [Test]
    public void ReadOfNothingOnlyAsks()
    {
        var records = new TlsRecords(owner: null);
        records.Add(Two);
        Assert.That(Read(records, 0), Is.Empty);
        Assert.That(Read(records), Is.EqualTo(Two[..8]));
    }

    /// <summary>The memory of a receive is used again as soon as <see cref="TlsRecords.Keep"/> has returned.</summary>
    [Test]
    public void CutAtEachByteTheRecordsAreTheSame()
    {
        for (int cut = 0; cut <= Two.Length; cut++)
        {
            var records = new TlsRecords(owner: null);
            var read = new List<byte>();
            foreach (byte[] part in new[] { Two[..cut], Two[cut..] })
            {
                records.Add(part);
                while (records.HasRecord) read.AddRange(Read(records));
                records.Keep();
                part.AsSpan().Fill(0xEE);
            }
            Assert.That(read, Is.EqualTo(Two), $"cut at {cut}");
        }
    }

    [Test]
    public void BytesThatComeSinglyAreKept()
    {
        var records = new TlsRecords(owner: null);
        byte[] many = [.. Enumerable.Range(0, 20).SelectMany(i => Record(ApplicationData, 50 * i))];
        byte[] buffer = new byte[1];
        var read = new List<byte>();
        foreach (byte one in many)
        {
            buffer[0] = one;
            records.Add(buffer);
            records.Keep();
            // Some wait for others: what is kept is several records and the beginning of one.
            if (one == 0 && records.HasRecord) read.AddRange(Read(records));
        }
        while (records.HasRecord) read.AddRange(Read(records));
        Assert.That(read, Is.EqualTo(many));
    }

    /// <summary>RFC 8446 section 5.1: the content types are 20 to 24, and nothing but application data is empty.</summary>
    [TestCase(new byte[] { 19 }, true)]
    [TestCase(new byte[] { 20 }, false)]
    [TestCase(new byte[] { 24 }, false)]
    [TestCase(new byte[] { 25 }, true)]
    [TestCase(new byte[] { (byte)'G', (byte)'E', (byte)'T' }, true)]
    [TestCase(new byte[] { 22, 3, 1, 0 }, false)]
    [TestCase(new byte[] { 22, 3, 1, 0, 0 }, true)]
    [TestCase(new byte[] { 20, 3, 1, 0, 0 }, true)]
    [TestCase(new byte[] { 21, 3, 1, 0, 0 }, true)]
    [TestCase(new byte[] { 23, 3, 3, 0, 0 }, false)]
    [TestCase(new byte[] { 22, 3, 1, 0, 1 }, false)]
    public void WhatIsNoRecordIsToldByItsFirstBytes(byte[] bytes, bool isNone)
    {
        var records = new TlsRecords(owner: null);
        records.Add(bytes);
        Assert.That(records.IsNotTls, Is.EqualTo(isNone));
    }

    [Test]
    public void InsideARecordAnyByteIsRight()
    {
        var records = new TlsRecords(owner: null);
        byte[] record = Record(ApplicationData, 10);
        record.AsSpan(5).Fill(99);
        records.Add(record);
        Read(records, 7);
        Assert.That(records.IsNotTls, Is.False);
    }

    [Test]
    public void ReadThatWaitsGoesOnWithTheWholeRecord()
    {
        var records = new TlsRecords(owner: null);
        byte[] buffer = new byte[100];
        Task<int> read = records.ReadAsync(buffer).AsTask();
        Assert.That((records.IsReading, read.IsCompleted), Is.EqualTo((true, false)));
        byte[] record = Record(Handshake, 20);
        records.Add(record.AsMemory(0, 24));
        records.Complete();
        Assert.That(read.IsCompleted, Is.False, "one byte is missing");
        records.Add(record.AsMemory(24));
        Assert.That(read.IsCompleted, Is.False, "not before it is told to");
        records.Complete();
        Assert.That((read.IsCompleted, records.IsReading), Is.EqualTo((true, false)));
        Assert.That(buffer[..read.Result], Is.EqualTo(record));
        records.Complete();
        Assert.That(records.IsReading, Is.False, "nobody reads: nothing happens");
    }

    [Test]
    public void DiscardedBytesAreGone()
    {
        var records = new TlsRecords(owner: null);
        records.Add(Two);
        Read(records, 4);
        records.Discard();
        Assert.That(records.HasRecord, Is.False);
        records.Add(Two);
        Assert.That(Read(records), Is.EqualTo(Two[..8]), "from a beginning on");
    }

    [Test]
    public void WritesGoWhereTheyWereAskedForOrWait()
    {
        var output = new ArrayBufferWriter<byte>();
        var records = new TlsRecords(owner: null);
        records.Write("own"u8);
        records.Output = output;
        records.Write("asked"u8);
        records.Output = null;
        records.Write([1, 2, 3, 4], 1, 2);
        Assert.That(output.WrittenSpan.ToArray(), Is.EqualTo("asked"u8.ToArray()));
        Assert.That(records.TakeOutput().ToArray(), Is.EqualTo("own"u8.ToArray().Concat(new byte[] { 2, 3 })));
        Assert.That(records.TakeOutput().Length, Is.Zero, "taken once");
    }

    /// <summary>
    /// What a handshake does on the thread pool: its writes wait, and its reads have the owner woken, whose the input is.
    /// </summary>
    [Test]
    public async Task FromAnotherThreadNothingTouchesTheInput()
    {
        var owner = new Owner();
        var output = new ArrayBufferWriter<byte>();
        var records = new TlsRecords(owner) { Output = output };
        records.Add(Two);
        byte[] buffer = new byte[100];
        Task<ValueTask<int>> other = Task.Factory.StartNew(() =>
        {
            records.Write("alert"u8);
            return records.ReadAsync(buffer);
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        ValueTask<int> read = Wait.For(other);
        Assert.That((read.IsCompleted, owner.Woken, output.WrittenCount), Is.EqualTo((false, 1, 0)));
        Assert.That(records.TakeOutput().ToArray(), Is.EqualTo("alert"u8.ToArray()));
        records.Complete();
        Assert.That(buffer[..await read], Is.EqualTo(Two[..8]));
    }

    [Test]
    public void DisposedOfItReadsNoMore([Values] bool whileReading)
    {
        var records = new TlsRecords(owner: null);
        ValueTask<int> read = whileReading ? records.ReadAsync(new byte[10]) : default;
        records.Add(Two);
        records.Dispose();
        records.Dispose();
        Assert.That((records.HasRecord, records.IsReading), Is.EqualTo((false, false)));
        Assert.Throws<ObjectDisposedException>(() => _ = records.ReadAsync(new byte[10]).AsTask());
        if (whileReading) Assert.That(() => read.AsTask(), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void OtherUsesOfAStreamAreRefused()
    {
        var records = new TlsRecords(owner: null);
        Assert.That((records.CanRead, records.CanWrite, records.CanSeek), Is.EqualTo((true, true, false)));
        Assert.Throws<NotSupportedException>(() => records.ReadExactly(new byte[1], 0, 1));
        Assert.Throws<NotSupportedException>(() => records.Seek(0, SeekOrigin.Begin));
        Assert.Throws<NotSupportedException>(() => records.SetLength(0));
        Assert.Throws<NotSupportedException>(() => _ = records.Length);
        Assert.Throws<NotSupportedException>(() => records.Position = 0);
    }

    private static byte[] Read(TlsRecords records, int size = 20_000)
    {
        byte[] buffer = new byte[size];
        Task<int> read = records.ReadAsync(buffer).AsTask();
        Assert.That(read.IsCompletedSuccessfully, "the record is there");
        return buffer[..read.Result];
    }

    private static byte[] Record(byte type, int length)
    {
        byte[] record = new byte[5 + length];
        new Random(length).NextBytes(record);
        (record[0], record[1], record[2], record[3], record[4]) = (type, 3, 3, (byte)(length >> 8), (byte)length);
        return record;
    }

    private sealed class Owner : ITlsOwner
    {
        public int Woken { get; private set; }

        public void WakeHandshake() => Woken++;
    }
}
