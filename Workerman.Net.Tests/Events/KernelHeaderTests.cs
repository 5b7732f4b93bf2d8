using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Workerman.Events;
using Workerman.Supervision;
using Workerman.Tests.Support;

namespace Workerman.Tests.Events;

/// <summary>
/// The numbers and layouts that the library has of the kernel's and the C library's headers, beside these headers, for each
/// architecture whose compiler is installed. Nothing compiled is run: the values are read from the assembly text, so that other
/// architectures than this machine's need a cross compiler and its headers alone (Debian: gcc-aarch64-linux-gnu,
/// libc6-dev-arm64-cross).
/// </summary>
[Platform("Linux")]
[SupportedOSPlatform("linux")]
internal sealed partial class KernelHeaderTests
{
    private const string Headers = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <grp.h>
        #include <netinet/in.h>
        #include <netinet/tcp.h>
        #include <poll.h>
        #include <pwd.h>
        #include <signal.h>
        #include <spawn.h>
        #include <stddef.h>
        #include <sys/epoll.h>
        #include <sys/eventfd.h>
        #include <sys/file.h>
        #include <sys/mman.h>
        #include <sys/resource.h>
        #include <sys/socket.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <sys/uio.h>
        #include <linux/io_uring.h>
        #include <linux/openat2.h>
        #define SAY(name, value) __asm__ volatile (".ascii \"->" name " %0\"" : : "i" ((long)(value)));
        struct one_descriptor { struct cmsghdr head; int descriptor; };

        """;

    /// <summary>What headers before Linux 6.5 do not have.</summary>
    private static readonly string[] Newer = ["SYS_cachestat"];

    private static readonly Type[] Constants =
    [
        typeof(SystemCalls), typeof(ProcessCalls), typeof(Errno), typeof(Workerman.Events.SocketOptions),
        typeof(IoUringStructures),
    ];

    /// <summary>A structure of the library's, and the C structure; then fields and what they are called there.</summary>
    private static readonly (Type Ours, string Theirs, string[] Fields)[] Structures =
    [
        (typeof(SystemCalls.FileStatus), "struct statx", ["Owner stx_uid", "Group stx_gid", "_mode stx_mode", "Number stx_ino",
            "Size stx_size", "_seconds stx_mtime.tv_sec", "_nanoseconds stx_mtime.tv_nsec", "_deviceMajor stx_dev_major",
            "_deviceMinor stx_dev_minor"]),
        (typeof(SystemCalls.FileLock), "struct flock", ["Type l_type", "Whence l_whence", "Start l_start", "Length l_len",
            "Process l_pid"]),
        (typeof(SystemCalls.OpenHow), "struct open_how", ["Flags flags", "Mode mode", "Resolve resolve"]),
        (typeof(SystemCalls.IoVector), "struct iovec", ["Base iov_base", "Length iov_len"]),
        (typeof(SystemCalls.ResourceLimit), "struct rlimit", ["Current rlim_cur", "Maximum rlim_max"]),
        (typeof(IoUringStructures.Params), "struct io_uring_params", ["SqEntries sq_entries", "CqEntries cq_entries",
            "Flags flags", "Features features", "SqHead sq_off.head", "SqTail sq_off.tail", "SqRingMask sq_off.ring_mask",
            "SqArray sq_off.array", "CqHead cq_off.head", "CqTail cq_off.tail", "CqRingMask cq_off.ring_mask",
            "CqEntriesAt cq_off.cqes"]),
        (typeof(IoUringStructures.Submission), "struct io_uring_sqe", ["Opcode opcode", "Fd fd", "Address addr", "Length len",
            "MessageFlags msg_flags", "UserData user_data"]),
        (typeof(IoUringStructures.Completion), "struct io_uring_cqe", ["UserData user_data", "Result res"]),
        (typeof(ProcessCalls.MessageHeader), "struct msghdr", ["Name msg_name", "NameLength msg_namelen", "Vectors msg_iov",
            "VectorCount msg_iovlen", "Control msg_control", "ControlLength msg_controllen", "Flags msg_flags"]),
        (typeof(ProcessCalls.DescriptorMessage), "struct one_descriptor", ["Length head.cmsg_len", "Level head.cmsg_level",
            "Type head.cmsg_type", "Descriptor descriptor"]),
        (typeof(ProcessCalls.PollDescriptor), "struct pollfd", ["Descriptor fd", "Wanted events", "Happened revents"]),
        (typeof(ProcessCalls.PeerCredentials), "struct ucred", ["Process pid", "User uid", "Group gid"]),
    ];

    /// <summary>Layouts that are no structure of the library's: what it takes them to be, and how C says it.</summary>
    private static readonly (string Name, long Ours)[] Layouts =
    [
        ("sizeof(struct sockaddr_in)", 16), ("offsetof(struct sockaddr_in, sin_port)", 2),
        ("offsetof(struct sockaddr_in, sin_addr)", 4), ("sizeof(struct sockaddr_in6)", SocketAddresses.Size),
        ("offsetof(struct sockaddr_in6, sin6_port)", 2), ("offsetof(struct sockaddr_in6, sin6_addr)", 8),
        ("offsetof(struct sockaddr_in6, sin6_scope_id)", 24), ("sizeof(struct linger)", 8),
        ("offsetof(struct linger, l_linger)", 4), ("CMSG_SPACE(sizeof(int))", 24), ("offsetof(struct passwd, pw_uid)", 16),
        ("offsetof(struct passwd, pw_gid)", 20), ("offsetof(struct group, gr_gid)", 16),
        ("sizeof(posix_spawnattr_t) <= 512", 1), ("sizeof(posix_spawn_file_actions_t) <= 512", 1),
        ("sizeof(sigset_t) <= 512", 1), ("sizeof(struct passwd) <= 64", 1), ("sizeof(struct group) <= 64", 1),
        ("sizeof(off_t)", 8),
    ];

    [TestCase("gcc", null)]
    [TestCase("aarch64-linux-gnu-gcc", Architecture.Arm64)]
    [TestCase("powerpc64le-linux-gnu-gcc", Architecture.Ppc64le)]
    [TestCase("s390x-linux-gnu-gcc", Architecture.S390x)]
    [TestCase("riscv64-linux-gnu-gcc", Architecture.RiscV64)]
    public void NumbersAndLayoutsAreThoseOfTheHeaders(string compiler, Architecture? architecture)
    {
        Architecture target = architecture ?? RuntimeInformation.ProcessArchitecture;
        List<(string Name, string Expression, long Ours)> claims =
            [.. Numbers(target), .. Sizes(target), .. Layouts.Select(one => (one.Name, one.Name, one.Ours))];
        Dictionary<string, long> theirs = Compile(compiler, claims.Select(claim => (claim.Name, claim.Expression)));
        Assert.That(claims.Select(claim => claim.Name).Except(theirs.Keys).Except(Newer), Is.Empty, "the headers have no such");
        Assert.That(claims.Where(claim => theirs.ContainsKey(claim.Name))
            .Where(claim => claim.Ours != theirs[claim.Name])
            .Select(claim => $"{claim.Name}: {claim.Ours} here, {theirs[claim.Name]} there"), Is.Empty);
        Assert.That(theirs, Has.Count.GreaterThan(150));
    }

    /// <summary>Every constant of the library that has a name of C's, and those that depend on the architecture.</summary>
    private static IEnumerable<(string Name, string Expression, long Ours)> Numbers(Architecture target)
    {
        const BindingFlags all = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        foreach (FieldInfo field in Constants.SelectMany(static type => type.GetFields(all)).DistinctBy(static one => one.Name))
        {
            if (field.IsLiteral && CName().IsMatch(field.Name))
                yield return (field.Name, field.Name, Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture));
        }
        yield return ("O_NOFOLLOW", "O_NOFOLLOW", SystemCalls.NoFollowOn(target));
        yield return ("O_DIRECTORY", "O_DIRECTORY", SystemCalls.DirectoryOn(target));
        yield return ("RLIMIT_NOFILE", "RLIMIT_NOFILE", SystemCalls.RLIMIT_NOFILE);
        yield return ("SO_PASSCRED", "SO_PASSCRED", ProcessCalls.PassCredentialsOn(target));
        yield return ("SO_PEERCRED", "SO_PEERCRED", ProcessCalls.PeerCredentialsOn(target));
    }

    private static IEnumerable<(string Name, string Expression, long Ours)> Sizes(Architecture target)
    {
        yield return ("epoll_event", "sizeof(struct epoll_event)", EpollEvent.SizeFor(target));
        yield return ("epoll_event.data", "offsetof(struct epoll_event, data)", EpollEvent.SizeFor(target) - 8);
        foreach ((Type ours, string theirs, string[] fields) in Structures)
        {
            yield return (ours.Name, $"sizeof({theirs})", Marshal.SizeOf(ours));
            foreach (string[] field in fields.Select(static field => field.Split(' ')))
                yield return ($"{ours.Name}.{field[0]}", $"offsetof({theirs}, {field[1]})", Marshal.OffsetOf(ours, field[0]));
        }
    }

    /// <summary>What C says of each expression; nothing of those that are newer than the headers.</summary>
    private static Dictionary<string, long> Compile(string compiler, IEnumerable<(string Name, string Expression)> asked)
    {
        using var folder = new TemporaryFolder();
        IEnumerable<string> lines = asked.Select(static one => Newer.Contains(one.Name)
            ? $"\n#ifdef {one.Name}\nSAY(\"{one.Name}\", {one.Expression})\n#endif\n"
            : $"SAY(\"{one.Name}\", {one.Expression})\n");
        File.WriteAllText(folder.PathOf("say.c"), $"{Headers}void say(void) {{\n{string.Concat(lines)}}}\n");
        var info = new ProcessStartInfo(compiler, ["-S", "-o", "-", folder.PathOf("say.c")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using Process process = Process.Start(info)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string assembly = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, () => errors.Result);
            return Said().Matches(assembly).ToDictionary(static match => match.Groups[1].Value,
                static match => long.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore($"{compiler} is not installed");
            return [];
        }
    }

    [GeneratedRegex("^([A-Z]+[0-9]?|[A-Z][A-Z0-9]*_[A-Za-z0-9_]+)$")]
    private static partial Regex CName();

    // Immediate operands have a sign before them: $ on x64, # on Arm.
    [GeneratedRegex("->(.+) [$#]?(-?\\d+)\"")]
    private static partial Regex Said();
}
