using System.Text.Json;
using System.Text.Json.Serialization;

namespace Workerman.HttpArena;

/// <summary>The arena's dataset.json, read at the start. It is not changed afterwards; any thread.</summary>
internal sealed class Dataset(Item[] items)
{
    /// <summary>Null where there is no such file, as in profiles that do not ask for it.</summary>
    public static Dataset? Load(string path) => File.Exists(path)
        ? new Dataset(JsonSerializer.Deserialize(File.ReadAllBytes(path), ItemJson.Default.ItemArray)!)
        : null;

    /// <summary>The first items, each with its total: price, quantity and <paramref name="factor"/> multiplied.</summary>
    public ItemList First(int count, int factor)
    {
        var list = new PricedItem[Math.Min(count, items.Length)];
        for (int i = 0; i < list.Length; i++)
        {
            Item item = items[i];
            list[i] = new PricedItem(item.Id, item.Name, item.Category, item.Price, item.Quantity, item.Active, item.Tags,
                item.Rating, (long)item.Price * item.Quantity * factor);
        }
        return new ItemList(list, list.Length);
    }
}

/// <summary>An item of the dataset.</summary>
internal sealed record Item(
    int Id, string Name, string Category, int Price, int Quantity, bool Active, string[] Tags, Rating Rating);

/// <summary>An item as it is answered.</summary>
internal readonly record struct PricedItem(
    int Id, string Name, string Category, int Price, int Quantity, bool Active, string[] Tags, Rating Rating, long Total);

/// <summary>How an item was rated.</summary>
internal sealed record Rating(int Score, int Count);

/// <summary>The answer to <c>/json/{count}</c>.</summary>
internal sealed record ItemList(PricedItem[] Items, int Count);

/// <summary>Their contracts, made when the program is built: nothing of them needs reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Item[]))]
[JsonSerializable(typeof(ItemList))]
internal sealed partial class ItemJson : JsonSerializerContext;
