using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Workerman.Tests.Support;

namespace Workerman.Tests.Builds;

/// <summary>
/// The profile that the package gives the compiler ahead of time. Methods that have gone since it was made do no harm, but have
/// no profile under their new names.
/// </summary>
internal sealed class ProfileTests
{
    [Test]
    public void ProfileIsOfTheLibraryAsItIs()
    {
        using var file = new PEReader(File.OpenRead(Repository.PathOf("Workerman.Net", "buildTransitive", "Workerman.Net.mibc")));
        MetadataReader reader = file.GetMetadataReader();
        string[] profiled = [.. reader.MemberReferences.Select(handle => NameOf(reader, reader.GetMemberReference(handle)))];
        const BindingFlags Own = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static
            | BindingFlags.DeclaredOnly;
        HashSet<string> known = [.. typeof(Worker).Assembly.GetTypes().SelectMany(static type =>
            type.GetMembers(Own).OfType<MethodBase>().Select(method => $"{type.FullName}.{method.Name}"))];
        Assert.That(profiled, Has.Length.GreaterThan(400).And.Member("Workerman.Protocols.Http.HttpProtocol.TryDecode"));
        string[] gone = [.. profiled.Where(method => !known.Contains(method))];
        Assert.That(gone, Has.Length.LessThan(profiled.Length / 5),
            $"make it anew (CONTRIBUTING.md); gone are {string.Join(", ", gone)}");
    }

    private static string NameOf(MetadataReader reader, MemberReference method) =>
        $"{NameOf(reader, method.Parent)}.{reader.GetString(method.Name)}";

    private static string NameOf(MetadataReader reader, EntityHandle owner)
    {
        if (owner.Kind == HandleKind.TypeSpecification)
        {
            // A generic type, ECMA-335 partition II section 23.2.12: GENERICINST CLASS, the type, its arguments.
            BlobReader blob = reader.GetBlobReader(reader.GetTypeSpecification((TypeSpecificationHandle)owner).Signature);
            Assert.That((blob.ReadByte(), blob.ReadByte()), Is.EqualTo((0x15, 0x12)));
            return NameOf(reader, blob.ReadTypeHandle());
        }
        TypeReference type = reader.GetTypeReference((TypeReferenceHandle)owner);
        (string space, string name) = (reader.GetString(type.Namespace), reader.GetString(type.Name));
        if (type.ResolutionScope.Kind == HandleKind.TypeReference) return $"{NameOf(reader, type.ResolutionScope)}+{name}";
        return space.Length == 0 ? name : $"{space}.{name}";
    }
}
