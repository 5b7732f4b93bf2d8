using System.Runtime.Versioning;
using System.Text;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Logging;
using Workerman.Supervision;

namespace Workerman.Workers;

/// <summary>
/// What <c>Worker.RunAll(args)</c> does: the command that the program was started with. For <c>start</c> it runs the workers
/// here; as a daemon it starts the master, which starts the process of the workers, both of them this same program in another
/// <see cref="ProcessRole"/>. For the main thread.
/// </summary>
internal static class ProgramRun
{
    /// <returns>The exit code.</returns>
    public static int Run(string[] args)
    {
        // Where they were closed: no socket or file of a daemon is to have the number of a standard stream.
        if (OperatingSystem.IsLinux()) StandardDescriptors.Hold();
        ProgramCommand command;
        try
        {
            command = ProgramCommand.Parse(args);
        }
        catch (FormatException e)
        {
            ConsoleLines.Tell($"{e.Message}.\n\n{ProgramCommand.Usage}", isError: true);
            return ExitCode.WrongUse;
        }
        if (command.Verb == CommandVerb.Help)
        {
            ConsoleLines.Tell(ProgramCommand.Usage);
            return ExitCode.Done;
        }
        if (OperatingSystem.IsLinux()) return new LinuxProgram().Run(command);
        if (command is { Verb: CommandVerb.Start, IsDaemon: false }) return RunHere(command.IsQuiet);
        ConsoleLines.Tell("This system has no daemons and no commands for them, only Linux has. Cure: start it without a "
            + "command, and let the system's own service manager keep it running.", isError: true);
        return ExitCode.Failed;
    }

    /// <summary>Runs the workers in this process until they are stopped, without a control socket.</summary>
    public static int RunHere(bool isQuiet) => ForegroundRun.Run(isQuiet);

    /// <summary>The same on Linux, with all commands. For the main thread.</summary>
    [SupportedOSPlatform("linux")]
    private sealed class LinuxProgram
    {
        private readonly ProgramPath _program = ProgramPath.Current();
        private readonly string _pidFile;
        private readonly ProgramCommands _commands;

        public LinuxProgram()
        {
            _pidFile = Path.GetFullPath(Worker.PidFile ?? _program.DefaultPidFile, _program.WorkingDirectory);
            _commands = new ProgramCommands(_pidFile, Worker.StopTimeout, Worker.GracefulStopTimeout);
        }

        public int Run(ProgramCommand command)
        {
            if (ProcessRole.IsTaken) return RefuseAnotherRun();
            if (ProcessRole.Take() is (string role, Channel channel))
                return role == ProcessRole.Master ? RunMaster(channel) : RunWorkers(role, channel);
            try
            {
                return Do(command);
            }
            catch (WorkerStartException e)
            {
                ConsoleLines.Tell(e.Message, isError: true);
                return ExitCode.Failed;
            }
        }

        /// <summary>
        /// This process was the master, or ran workers, and has ended what it was started for. The command is still the one that
        /// has made it: done again, it would start another daemon out of the one that was just stopped.
        /// </summary>
        private static int RefuseAnotherRun()
        {
            ConsoleLines.Tell("Worker.RunAll was called again in a process of a daemon that has ended. Cure: call it once, as "
                + "the last thing that the program does.", isError: true);
            return Environment.ExitCode;
        }

        private int Do(ProgramCommand command)
        {
            return command.Verb switch
            {
                CommandVerb.Stop => _commands.Stop(command),
                CommandVerb.Reload => _commands.Reload(command),
                CommandVerb.Status => _commands.Status(command),
                CommandVerb.Connections => _commands.Connections(command),
                CommandVerb.Install => Install(),
                CommandVerb.Restart => Restart(command),
                _ => Start(command),
            };
        }

        private int Restart(ProgramCommand command)
        {
            int stopped = _commands.Running is null ? ExitCode.Done : _commands.Stop(command);
            // One that did not end in time was killed, and is gone.
            if (stopped != ExitCode.Done && _commands.Running is not null) return stopped;
            return Start(command);
        }

        private int Start(ProgramCommand command)
        {
            if (_commands.Running is { } running)
            {
                ConsoleLines.Tell($"Already running as process {running.Id}: it holds the pid file {_pidFile}.", isError: true);
                return ExitCode.Failed;
            }
            if (!command.IsDaemon) return ForegroundRun.Run(command.IsQuiet, _program.Name, _pidFile);
            // systemd keeps a program running that does not go into the background.
            return Systemd.Current.IsThere ? RunMaster(null) : DaemonStart.Run(_program, command.IsQuiet);
        }

        private int Install()
        {
            string user = WorkerRights.OneOf(worker => worker.User, nameof(WorkerBase.User)) ?? Environment.UserName;
            string? group = WorkerRights.OneOf(worker => worker.Group, nameof(WorkerBase.Group));
            ConsoleLines.Tell(UnitFile.Of(_program, user, group).TrimEnd());
            return ExitCode.Done;
        }

        private int RunMaster(Channel? starter)
        {
            var output = new DaemonOutput(Worker.Files);
            ServerSettings settings = Worker.ReadSettings();
            void Tell(WorkerState state)
            {
                if (starter is not null)
                {
                    starter.TrySend(state.Failure is null ? MessageKind.Ready : MessageKind.Failed,
                        JsonPayload.Of(state, ControlJson.Default.WorkerState));
                    starter.Dispose();
                }
                else
                {
                    ConsoleLines.Print(state.Failure ?? state.Banner, isError: state.Failure is not null);
                }
            }
            try
            {
                bool[] reloadable = [.. WorkerRegistry.Workers.Select(worker => worker.Reloadable).Distinct()];
                if (reloadable.Length == 0) throw new InvalidOperationException("There is no worker to run; make one first.");
                InheritedSockets.AddFromSystemd();
                // The workers' process does it too, but this one may log before.
                WorkerRights.Prepare(settings.Files);
                using var master = new Master(new MasterSettings
                {
                    Program = _program,
                    Roles = reloadable.Length > 1 ? [ProcessRole.Reloadable, ProcessRole.Fixed]
                        : [reloadable[0] ? ProcessRole.All : ProcessRole.Fixed],
                    PidFile = _pidFile,
                    Logger = settings.Logger,
                    StartTimeout = Worker.StartTimeout,
                    StopTimeout = settings.StopTimeout,
                    GracefulStopTimeout = Worker.GracefulStopTimeout,
                    ReloadWindow = Worker.ReloadWindow,
                    OnMasterReload = Worker.OnMasterReload,
                    OnMasterStop = Worker.OnMasterStop,
                    OnWorkerExit = Worker.OnWorkerExit,
                    Detach = starter is null ? null : output.Redirect,
                    TendFiles = reopens =>
                    {
                        if (reopens) settings.Logger.ReopenFile();
                        output.Tend(reopens);
                    },
                }, Tell);
                return master.Run() ? ExitCode.Done : ExitCode.Failed;
            }
            catch (Exception e) when (e is WorkerStartException or InvalidOperationException)
            {
                Tell(new WorkerState { Failure = e.Message });
                return ExitCode.Failed;
            }
            finally
            {
                settings.Logger.Queue.Flush(settings.StopTimeout);
            }
        }

        private int RunWorkers(string role, Channel channel)
        {
            var link = new MasterLink(channel);
            if (link.ReceiveBeginning((address, descriptor) => InheritedSockets.Add(descriptor, address)) is not (bool handsOver,
                bool isDaemon))
                return ExitCode.Failed;
            MasterLink.Current = link;
            List<WorkerBase> workers = WorkerRegistry.Workers;
            if (role != ProcessRole.All) workers.RemoveAll(worker => worker.Reloadable != (role == ProcessRole.Reloadable));
            var process = new WorkerProcessRun(link, workers, $"Input \"{_program.Name} stop\" to stop.", isDaemon);
            try
            {
                return process.Run(handsOver);
            }
            catch (Exception e) when (e is WorkerStartException or InvalidOperationException)
            {
                link.SendFailure(e.Message);
                return ExitCode.Failed;
            }
        }
    }
}
