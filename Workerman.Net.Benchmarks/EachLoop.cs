namespace Workerman.Benchmarks;

/// <summary>
/// Asks every loop of a worker something that only the loop itself knows. Made before the worker runs, with its
/// <see cref="WorkerBase.Count"/> set; asked on any of its loops, where the code behind an <c>await</c> goes on.
/// </summary>
internal sealed class EachLoop(Worker worker)
{
    private readonly SynchronizationContext?[] _loops = new SynchronizationContext?[worker.Count];

    /// <summary>To be called in <see cref="Worker{T}.OnWorkerStart"/>, which each loop does for itself.</summary>
    public void Enter() => _loops[worker.Id] = SynchronizationContext.Current;

    /// <summary>The answers, by the loop's number.</summary>
    public Task<T[]> Ask<T>(Func<T> question) => Task.WhenAll(_loops.Select(loop =>
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        loop!.Post(_ => answer.SetResult(question()), null);
        return answer.Task;
    }));
}
