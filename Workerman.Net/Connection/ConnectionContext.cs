namespace Workerman.Connection;

/// <summary>What the slots for objects of the application's have in common. No state; any thread.</summary>
internal static class ConnectionContext
{
    /// <summary>There is one slot, and another type has it.</summary>
    public static InvalidOperationException Mismatch(string whose, object held, Type asked) => new(
        $"The Context of this {whose} is a {held.GetType()}, not a {asked}: there is one, for one class. Cure: "
        + $"put all that belongs to the {whose} into one class of your own.");
}
