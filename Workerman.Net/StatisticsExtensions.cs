using System.Diagnostics.CodeAnalysis;
using Workerman.Diagnostics;

namespace Workerman;

/// <summary>
/// The figures of all workers, and of one. They are extensions, because a class cannot have both a member of its own and one of
/// its objects by the same name.
/// </summary>
[SuppressMessage("Naming", "CA1708", Justification = "The names that the compiler gives extension blocks are no names in C#.")]
public static class StatisticsExtensions
{
    extension(Worker)
    {
        /// <summary>
        /// What all workers of the process have had to do since it began, with those that have ended, client connections and
        /// loops that the application runs itself (PHP: the summary of <c>status</c>). A snapshot; any thread.
        /// </summary>
        public static WorkerStatistics Statistics => new(FigureRegistry.Sum());
    }

    extension(WorkerBase worker)
    {
        /// <summary>What the worker has had to do since it began, on all its loops. A snapshot; any thread.</summary>
        public WorkerStatistics Statistics => new(worker.Figures.Sum());
    }
}
