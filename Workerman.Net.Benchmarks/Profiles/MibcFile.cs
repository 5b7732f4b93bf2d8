using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Workerman.Benchmarks.Profiles;

/// <summary>
/// A profile as the compiler ahead of time reads it (<c>--mibc</c>): an assembly that is never run. A global method
/// <c>AssemblyDictionary</c> names the assemblies, and for each a global method whose IL is the data: the token of a method, its
/// records as numbers and tokens of types between two marks, <c>pop</c>.
/// </summary>
internal sealed class MibcFile
{
    /// <summary>Kinds and places of all four parts of a record follow, instead of their changes.</summary>
    private const int AllParts = 0xF;

    private readonly Dictionary<string, EntityHandle> _types = [];
    private readonly Dictionary<string, AssemblyReferenceHandle> _assemblies = [];
    private readonly InstructionEncoder _data = new(new BlobBuilder());

    public MetadataBuilder Metadata { get; } = new();

    public AssemblyReferenceHandle Assembly(string name, Version version, BlobHandle token)
    {
        if (_assemblies.TryGetValue(name, out AssemblyReferenceHandle known)) return known;
        return _assemblies[name] =
            Metadata.AddAssemblyReference(Metadata.GetOrAddString(name), version, default, token, default, default);
    }

    /// <summary>A reference to a type.</summary>
    /// <param name="scope">Its assembly, or the type that it is nested in.</param>
    /// <param name="key">What no other type has.</param>
    /// <param name="space">Its namespace.</param>
    /// <param name="name">Its own name.</param>
    public EntityHandle Type(EntityHandle scope, string key, string space, string name)
    {
        if (_types.TryGetValue(key, out EntityHandle known)) return known;
        return _types[key] = Metadata.AddTypeReference(scope, Metadata.GetOrAddString(space), Metadata.GetOrAddString(name));
    }

    /// <summary>Adds what was counted in a method.</summary>
    public void Add(EntityHandle method, ProfiledMethod counted, Func<string, EntityHandle?> typeOf)
    {
        Token(method);
        _data.LoadString(Metadata.GetOrAddUserString("InstrumentationDataStart"));
        foreach (ProfileRecord record in counted.Records)
        {
            foreach (int part in (int[])[AllParts, record.Offset, record.Kind, record.Count, record.Other])
                _data.LoadConstantI4(part);
            for (int i = 0; i < record.Values.Count; i++) Write(record.Values[i], i, typeOf);
        }
        foreach (int end in (int[])[AllParts, 0, 0, 0, 0]) _data.LoadConstantI4(end);
        _data.LoadString(Metadata.GetOrAddUserString("InstrumentationDataEnd"));
        _data.OpCode(ILOpCode.Pop);
    }

    public byte[] Build(string assembly)
    {
        Metadata.AddModule(0, Metadata.GetOrAddString("profile.dll"), Metadata.GetOrAddGuid(Guid.Empty), default, default);
        Metadata.AddAssembly(Metadata.GetOrAddString("profile"), new Version(0, 0, 0, 0), default, default, 0,
            AssemblyHashAlgorithm.None);
        Metadata.AddTypeDefinition(default, default, Metadata.GetOrAddString("<Module>"), default,
            MetadataTokens.FieldDefinitionHandle(1), MetadataTokens.MethodDefinitionHandle(1));
        var signature = new BlobBuilder();
        new BlobEncoder(signature).MethodSignature().Parameters(0, static result => result.Void(), static _ => { });
        BlobHandle none = Metadata.GetOrAddBlob(signature);
        var code = new BlobBuilder();
        var bodies = new MethodBodyStreamEncoder(code);
        MethodDefinitionHandle data = AddMethod($"Assemblies_{assembly}", _data, bodies, none);
        var dictionary = new InstructionEncoder(new BlobBuilder());
        dictionary.LoadString(Metadata.GetOrAddUserString(assembly + ";"));
        dictionary.OpCode(ILOpCode.Ldtoken);
        dictionary.Token(data);
        dictionary.OpCode(ILOpCode.Pop);
        AddMethod("AssemblyDictionary", dictionary, bodies, none);
        var file = new BlobBuilder();
        new ManagedPEBuilder(new PEHeaderBuilder(imageCharacteristics: Characteristics.Dll), new MetadataRootBuilder(Metadata),
            code, deterministicIdProvider: static _ => default).Serialize(file);
        return file.ToArray();
    }

    private void Write(object? value, int at, Func<string, EntityHandle?> typeOf)
    {
        if (value is long count) _data.LoadConstantI4((int)Math.Min(count, int.MaxValue));
        else if (value is string name && typeOf(name) is { } type) Token(type);
        // One that cannot be named has a number that is no token.
        else _data.LoadConstantI4(value is null ? 0 : at + 1);
    }

    private void Token(EntityHandle handle)
    {
        _data.OpCode(ILOpCode.Ldtoken);
        _data.Token(handle);
    }

    private MethodDefinitionHandle AddMethod(string name, InstructionEncoder code, MethodBodyStreamEncoder bodies,
        BlobHandle signature)
    {
        code.OpCode(ILOpCode.Ret);
        return Metadata.AddMethodDefinition(MethodAttributes.Public | MethodAttributes.Static, MethodImplAttributes.IL,
            Metadata.GetOrAddString(name), signature, bodies.AddMethodBody(code), default);
    }
}
