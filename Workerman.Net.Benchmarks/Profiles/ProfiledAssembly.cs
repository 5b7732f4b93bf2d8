using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;

namespace Workerman.Benchmarks.Profiles;

/// <summary>
/// The assembly that was profiled: finds its methods by what the runtime has written of them, and refers to them in a
/// <see cref="MibcFile"/>. Signatures are carried over with references in place of the assembly's own tokens. Left out is what
/// the text does not tell apart: generic methods, and generic types that are not shared by classes.
/// </summary>
internal sealed partial class ProfiledAssembly : ISignatureTypeProvider<byte[], object?>, IDisposable
{
    private const byte Class = 0x12, GenericInstance = 0x15;

    private readonly PEReader _file;
    private readonly MetadataReader _reader;
    private readonly MibcFile _mibc;
    private readonly AssemblyReferenceHandle _self;
    private readonly Dictionary<string, TypeDefinitionHandle> _types = [];
    private readonly ILookup<string, MethodDefinitionHandle> _methods;

    public ProfiledAssembly(string path, MibcFile mibc)
    {
        (_file, _mibc) = (new PEReader(File.OpenRead(path)), mibc);
        _reader = _file.GetMetadataReader();
        AssemblyDefinition assembly = _reader.GetAssemblyDefinition();
        Name = _reader.GetString(assembly.Name);
        _self = mibc.Assembly(Name, assembly.Version, default);
        foreach (TypeDefinitionHandle type in _reader.TypeDefinitions) _types[NameOf(type)] = type;
        _methods = _types.SelectMany(type => _reader.GetTypeDefinition(type.Value).GetMethods()
            .Select(method => (Name: $"{type.Key}.{_reader.GetString(_reader.GetMethodDefinition(method).Name)}", method)))
            .ToLookup(static one => one.Name, static one => one.method);
    }

    public string Name { get; }

    /// <summary>Adds what was counted in a method to the profile; false if it is not known which it is.</summary>
    public bool TryAdd(ProfiledMethod counted)
    {
        (string name, int shared) = (counted.Name, 0);
        if (Instance().Match(name) is { Success: true } instance)
        {
            string[] arguments = instance.Groups[2].Value.Split(',');
            if (arguments.Any(static argument => argument != "System.__Canon")) return false;
            (name, shared) = (instance.Groups[1].Value + instance.Groups[3].Value, arguments.Length);
        }
        MethodDefinitionHandle[] alike = [.. _methods[name].Where(method => IsAlike(method, counted))];
        if (alike.Length != 1) return false;
        MethodDefinition definition = _reader.GetMethodDefinition(alike[0]);
        TypeDefinitionHandle type = definition.GetDeclaringType();
        if (_reader.GetTypeDefinition(type).GetGenericParameters().Count != shared) return false;
        EntityHandle owner = shared == 0 ? Reference(type) : InstanceOf(type, [.. Enumerable.Repeat(Canon, shared)]);
        MethodSignature<byte[]> signature = definition.DecodeSignature(this, null);
        byte[] blob = [signature.Header.RawValue, .. Compressed(signature.ParameterTypes.Length), .. signature.ReturnType,
            .. signature.ParameterTypes.SelectMany(static parameter => parameter)];
        _mibc.Add(_mibc.Metadata.AddMemberReference(owner, _mibc.Metadata.GetOrAddString(_reader.GetString(definition.Name)),
            _mibc.Metadata.GetOrAddBlob(blob)), counted, TypeOf);
        return true;
    }

    public void Dispose() => _file.Dispose();

    private EntityHandle Canon => _mibc.Type(
        _mibc.Assembly("System.Private.CoreLib", typeof(object).Assembly.GetName().Version!,
            _mibc.Metadata.GetOrAddBlob(typeof(object).Assembly.GetName().GetPublicKeyToken()!)),
        "System.Private.CoreLib/System.__Canon", "System", "__Canon");

    private bool IsAlike(MethodDefinitionHandle handle, ProfiledMethod counted)
    {
        MethodDefinition method = _reader.GetMethodDefinition(handle);
        if (method.RelativeVirtualAddress == 0 || method.GetGenericParameters().Count > 0) return false;
        return _file.GetMethodBody(method.RelativeVirtualAddress).GetILReader().Length == counted.Size
            && method.DecodeSignature(this, null).ParameterTypes.Length == counted.Parameters;
    }

    /// <summary>
    /// A class of the assembly by the name that reflection has for it, or one that is generic over another; null for all else.
    /// </summary>
    private EntityHandle? TypeOf(string name)
    {
        if (GenericOverClass().Match(name) is { Success: true } generic)
        {
            return IsOwn(generic.Groups[1].Value, generic.Groups[4].Value, out TypeDefinitionHandle type)
                && IsOwn(generic.Groups[2].Value, generic.Groups[3].Value, out TypeDefinitionHandle argument)
                ? InstanceOf(type, Reference(argument)) : null;
        }
        return name.Split(", ") is [var own, var assembly, ..] && IsOwn(own, assembly, out TypeDefinitionHandle plain)
            && !own.Contains('`', StringComparison.Ordinal) ? Reference(plain) : null;
    }

    private bool IsOwn(string name, string assembly, out TypeDefinitionHandle type) =>
        _types.TryGetValue(name, out type) & assembly == Name;

    private TypeSpecificationHandle InstanceOf(TypeDefinitionHandle type, params EntityHandle[] arguments) =>
        _mibc.Metadata.AddTypeSpecification(_mibc.Metadata.GetOrAddBlob((byte[])[
            GenericInstance, Class, .. Token(Reference(type)), .. Compressed(arguments.Length),
            .. arguments.SelectMany(static argument => (byte[])[Class, .. Token(argument)])]));

    private string NameOf(TypeDefinitionHandle handle)
    {
        TypeDefinition type = _reader.GetTypeDefinition(handle);
        (string space, string name) = (_reader.GetString(type.Namespace), _reader.GetString(type.Name));
        if (type.IsNested) return $"{NameOf(type.GetDeclaringType())}+{name}";
        return space.Length == 0 ? name : $"{space}.{name}";
    }

    private EntityHandle Reference(TypeDefinitionHandle handle)
    {
        TypeDefinition type = _reader.GetTypeDefinition(handle);
        EntityHandle scope = type.IsNested ? Reference(type.GetDeclaringType()) : _self;
        return _mibc.Type(scope, $"{Name}/{NameOf(handle)}", _reader.GetString(type.Namespace), _reader.GetString(type.Name));
    }

    private (EntityHandle Handle, string Key) Reference(TypeReferenceHandle handle)
    {
        TypeReference type = _reader.GetTypeReference(handle);
        (string space, string name) = (_reader.GetString(type.Namespace), _reader.GetString(type.Name));
        EntityHandle scope;
        string key;
        if (type.ResolutionScope.Kind == HandleKind.TypeReference)
        {
            (scope, string outer) = Reference((TypeReferenceHandle)type.ResolutionScope);
            key = $"{outer}+{name}";
        }
        else
        {
            AssemblyReference assembly = _reader.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope);
            string assemblyName = _reader.GetString(assembly.Name);
            scope = _mibc.Assembly(assemblyName, assembly.Version,
                _mibc.Metadata.GetOrAddBlob(_reader.GetBlobBytes(assembly.PublicKeyOrToken)));
            key = $"{assemblyName}/{space}.{name}";
        }
        return (_mibc.Type(scope, key, space, name), key);
    }

    private static byte[] Token(EntityHandle type) => Compressed(CodedIndex.TypeDefOrRefOrSpec(type));

    private static byte[] Compressed(int value)
    {
        var blob = new BlobBuilder();
        blob.WriteCompressedInteger(value);
        return blob.ToArray();
    }

    // Types in signatures are as in ECMA-335 partition II section 23.2.12.
    byte[] ISimpleTypeProvider<byte[]>.GetPrimitiveType(PrimitiveTypeCode typeCode) => [(byte)typeCode];

    byte[] ISimpleTypeProvider<byte[]>.GetTypeFromDefinition(
        MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) =>
        [rawTypeKind, .. Token(Reference(handle))];

    byte[] ISimpleTypeProvider<byte[]>.GetTypeFromReference(
        MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) =>
        [rawTypeKind, .. Token(Reference(handle).Handle)];

    byte[] ISignatureTypeProvider<byte[], object?>.GetTypeFromSpecification(
        MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
        reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

    byte[] ISZArrayTypeProvider<byte[]>.GetSZArrayType(byte[] elementType) => [0x1D, .. elementType];

    byte[] IConstructedTypeProvider<byte[]>.GetByReferenceType(byte[] elementType) => [0x10, .. elementType];

    byte[] IConstructedTypeProvider<byte[]>.GetPointerType(byte[] elementType) => [0x0F, .. elementType];

    byte[] ISignatureTypeProvider<byte[], object?>.GetPinnedType(byte[] elementType) => [0x45, .. elementType];

    byte[] IConstructedTypeProvider<byte[]>.GetGenericInstantiation(byte[] genericType, ImmutableArray<byte[]> typeArguments) =>
        [GenericInstance, .. genericType, .. Compressed(typeArguments.Length), .. typeArguments.SelectMany(static one => one)];

    byte[] ISignatureTypeProvider<byte[], object?>.GetGenericTypeParameter(object? genericContext, int index) =>
        [0x13, .. Compressed(index)];

    byte[] ISignatureTypeProvider<byte[], object?>.GetGenericMethodParameter(object? genericContext, int index) =>
        [0x1E, .. Compressed(index)];

    byte[] ISignatureTypeProvider<byte[], object?>.GetModifiedType(byte[] modifier, byte[] unmodifiedType, bool isRequired) =>
        [(byte)(isRequired ? 0x1F : 0x20), .. modifier[1..], .. unmodifiedType];

    byte[] IConstructedTypeProvider<byte[]>.GetArrayType(byte[] elementType, ArrayShape shape) =>
        throw new NotSupportedException();

    byte[] ISignatureTypeProvider<byte[], object?>.GetFunctionPointerType(MethodSignature<byte[]> signature) => [0x18];

    [GeneratedRegex(@"^([^\[]+)\[([^\]]*)\](.*)$")]
    private static partial Regex Instance();

    [GeneratedRegex(@"^([^\[]+)\[\[([^,\[\]]+), ([^,]+),[^\[\]]*\]\], ([^,]+)")]
    private static partial Regex GenericOverClass();
}
