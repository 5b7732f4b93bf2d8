namespace Workerman.Protocols.Http.Sessions;

/// <summary>Whose a file is, and who asks; .NET tells neither. Linux only.</summary>
internal static class FileOwner
{
    /// <summary>Whether it belongs to the user that this process acts for; null where that cannot be asked.</summary>
    public static bool? IsCaller(string path) =>
        OperatingSystem.IsLinux() && LinuxFile.OwnerOf(path) is { } owner ? owner == LinuxFile.Caller() : null;
}
