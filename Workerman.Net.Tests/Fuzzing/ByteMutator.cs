namespace Workerman.Tests.Fuzzing;

/// <summary>
/// Makes what nobody would send, out of what somebody might: bytes changed, pieces cut out, doubled, moved between examples,
/// words of the protocol put where they do not belong. The same seed makes the same. One thread.
/// </summary>
/// <param name="seed">Makes the same again.</param>
/// <param name="corpus">What somebody might send.</param>
/// <param name="words">Words of the protocol.</param>
internal class ByteMutator(int seed, byte[][] corpus, byte[][] words)
{
    private readonly Random _random = new(seed);

    public byte[] Next()
    {
        byte[] bytes = Pick(corpus);
        // Some stay valid, so that the way behind them is walked too.
        for (int changes = _random.Next(5); changes > 0; changes--) bytes = Mutate(bytes);
        if (_random.Next(3) == 0) bytes = [.. bytes, .. Pick(corpus)];
        if (_random.Next(8) == 0) bytes = [.. Pick(corpus), .. bytes];
        return bytes;
    }

    /// <summary>Places to cut bytes at, all of them now and then.</summary>
    public List<Range> Cuts(int length)
    {
        var pieces = new List<Range>();
        int most = _random.Next(6) == 0 ? 1 : 1 + _random.Next(Math.Max(1, length));
        for (int start = 0; start < length;)
        {
            int end = Math.Min(length, start + 1 + _random.Next(most));
            pieces.Add(start..end);
            start = end;
        }
        return pieces;
    }

    private byte[] Mutate(byte[] bytes)
    {
        int at = _random.Next(bytes.Length + 1);
        int end = at + _random.Next(Math.Min(bytes.Length - at, 40) + 1);
        return _random.Next(9) switch
        {
            0 => [.. bytes[..at], (byte)_random.Next(256), .. bytes[at..]],
            1 when at < bytes.Length => [.. bytes[..at], (byte)_random.Next(256), .. bytes[(at + 1)..]],
            2 when at < bytes.Length => [.. bytes[..at], (byte)(bytes[at] ^ (1 << _random.Next(8))), .. bytes[(at + 1)..]],
            3 => [.. bytes[..at], .. bytes[end..]],
            4 => [.. bytes[..end], .. bytes[at..]],
            5 => Splice(bytes, at, end),
            6 when bytes.Length > 0 => bytes[..at],
            7 => [.. bytes[..at], .. Pick(words), .. bytes[end..]],
            _ => [.. bytes[..at], .. Pick(words), .. bytes[at..]],
        };
    }

    /// <summary>A piece of another request in the place of one.</summary>
    private byte[] Splice(byte[] bytes, int at, int end)
    {
        byte[] other = Pick(corpus);
        int from = _random.Next(other.Length);
        return [.. bytes[..at], .. other[from..(from + _random.Next(other.Length - from + 1))], .. bytes[end..]];
    }

    private byte[] Pick(byte[][] all) => all[_random.Next(all.Length)];
}
