using System.Numerics;

namespace Warm;

/// <summary>
/// The pickle inside a torch file, with the few names that state dictionaries mention. What they stand for is known here and described, never run: a tensor is a storage with sizes
/// and strides, everything else a plain value.
/// </summary>
/// <param name="source">The bytes.</param>
/// <param name="where">What messages call them.</param>
/// <param name="storage">Finds the storage of a key, type and number of values, with an error's maker for what is wrong; null where no tensor may stand.</param>
internal sealed class TorchPickle(ByteWindow source, string where, Func<string, DType, long, Func<string, string?, WarmException>, TorchStorage>? storage) : Pickle(source, where)
{
    private const int MostAxes = 64; // torch's own limit

    /// <summary>Most bytes of a tensor that repeats its storage's values.</summary>
    private const long MostRepeated = 1L << 30;

    private const string Advice = "Save a state dictionary: torch.save(model.state_dict(), path).";

    protected override PickleGlobal Find(string module, string name)
    {
        string full = $"{module}.{name}";
        if (full is "collections.OrderedDict" or "collections.Counter" or "collections.defaultdict" or "torch.Size" or "torch.device" or "_codecs.encode"
            or "torch._utils._rebuild_tensor" or "torch._utils._rebuild_tensor_v2" or "torch._utils._rebuild_tensor_v3"
            or "torch._utils._rebuild_parameter" or "torch._utils._rebuild_parameter_with_state") return new(full);
        if (module is "builtins" or "__builtin__" && name is "dict" or "list" or "tuple" or "set" or "frozenset" or "slice" or "complex" or "bytearray" or "int" or "long" or "float" or "bool" or "str") return new($"builtins.{name}");
        if (module is "torch" or "torch.cuda" or "torch.storage" && name.EndsWith("Storage", StringComparison.Ordinal) && StorageType(name) is not null) return new($"torch.{name}");
        if (module == "torch" && (ScalarType(name) is not null || name is "complex128" or "cdouble" or "complex32" or "chalf" or "qint8" or "quint8" or "qint32")) return new(full);
        string shown = JsonText.Quote(full).Trim('"');
        throw full switch
        {
            "torch._utils._rebuild_sparse_tensor" or "torch._utils._rebuild_sparse_csr_tensor" => Wrong($"holds a sparse tensor ({shown})", "dense tensors", "Call to_dense() before saving."),
            "torch._utils._rebuild_qtensor" => Wrong($"holds a quantised tensor ({shown})", "dense tensors", "Call dequantize() before saving."),
            "torch._utils._rebuild_meta_tensor_no_storage" => Wrong($"holds a tensor on the device meta, which has no values ({shown})", "tensors with values"),
            _ when name.StartsWith('Q') && name.EndsWith("Storage", StringComparison.Ordinal) => Wrong($"holds a quantised tensor ({shown})", "dense tensors", "Call dequantize() before saving."),
            _ when name == "ComplexDoubleStorage" => Wrong($"holds complex numbers of two doubles ({shown})", "types that safetensors knows"),
            _ when module.StartsWith("numpy", StringComparison.Ordinal) => Wrong($"holds a numpy object ({shown})", "torch tensors and plain values", "Save the weights alone, as torch tensors."),
            _ when module.StartsWith("torch.nn", StringComparison.Ordinal) => Wrong($"holds a pickled module ({shown}), not its weights", "a state dictionary", Advice),
            _ => Wrong($"mentions {shown}, which is no part of weights; nothing was run", "tensors and plain values only", Advice),
        };
    }

    protected override object? Call(PickleGlobal global, object?[] arguments)
    {
        switch (global.Name)
        {
            case "collections.OrderedDict" or "builtins.dict" or "collections.Counter" or "collections.defaultdict":
                return Dictionary(global.Name, arguments);
            case "torch.Size" when arguments is [object?[] sizes]:
                return sizes;
            case "torch._utils._rebuild_tensor" when arguments.Length == 4:
                return Tensor(arguments, null, null);
            case "torch._utils._rebuild_tensor_v2" when arguments.Length is 6 or 7:
                return Tensor(arguments, null, arguments.ElementAtOrDefault(6));
            case "torch._utils._rebuild_tensor_v3" when arguments.Length is 7 or 8:
                if (arguments[6] is not PickleGlobal type || Scalar(type) is not { } dtype) throw Wrong($"a tensor of type {PickleOther.KindOf(arguments[6])}", "a type that safetensors knows");
                return Tensor(arguments, dtype, arguments.ElementAtOrDefault(7));
            case "torch._utils._rebuild_parameter" when arguments.Length == 3:
            case "torch._utils._rebuild_parameter_with_state" when arguments.Length == 4:
                return arguments[0] as TorchTensor ?? throw Wrong($"makes a parameter of {PickleOther.KindOf(arguments[0])}", "a tensor");
            case "torch.device" or "_codecs.encode" or "builtins.set" or "builtins.frozenset" or "builtins.slice" or "builtins.complex" or "builtins.bytearray" or "builtins.int" or "builtins.long" or "builtins.float" or "builtins.bool" or "builtins.str":
                return new PickleOther($"a {global.Name[(global.Name.LastIndexOf('.') + 1)..]}");
            default:
                throw Wrong($"calls {global.Name} with {arguments.Length} values", "what torch.save writes");
        }
    }

    private PickleDict Dictionary(string name, object?[] arguments)
    {
        var result = new PickleDict();
        if (arguments.Length == 0 || (name == "collections.defaultdict" && arguments is [PickleGlobal or null])) return result;
        if (name is "collections.Counter" or "builtins.dict" && arguments is [PickleDict given]) return given;
        // As Python 2 wrote it: a list of pairs.
        if (arguments is not [List<object?> pairs]) throw Wrong($"calls {name} with {arguments.Length} values", "none, or a list of pairs");
        foreach (object? pair in pairs)
            if (pair is object?[] and [var key, var value]) result.Entries.Add(new(key, value));
            else if (pair is List<object?> { Count: 2 } list) result.Entries.Add(new(list[0], list[1]));
            else throw Wrong($"calls {name} with a list that holds {PickleOther.KindOf(pair)}", "pairs");
        return result;
    }

    /// <summary>Only what <c>Module.state_dict()</c> does: attributes of a dictionary, such as <c>_metadata</c>. They are not kept.</summary>
    protected override void Build(object? value, object? state)
    {
        if (value is not PickleDict || state is not PickleDict attributes) throw Wrong($"gives {PickleOther.KindOf(value)} the state {PickleOther.KindOf(state)}", "attributes of a dictionary");
        foreach ((object? key, _) in attributes.Entries)
            if (key is not string name || name.StartsWith("__", StringComparison.Ordinal)) throw Wrong($"sets the attribute {(key is string text ? JsonText.Quote(text) : PickleOther.KindOf(key))} of a dictionary", "plain attributes, such as _metadata");
    }

    protected override object? Persistent(object? id)
    {
        if (storage is null) throw Wrong("names a storage", "plain values here");
        if (id is not object?[] { Length: 5 or 6 } parts || parts is not ["storage", var type, string key, _, var number, ..])
            throw Wrong($"a persistent id that is {PickleOther.KindOf(id)}", "(\"storage\", type, key, device, number of values)");
        if (type is not PickleGlobal global || !global.Name.EndsWith("Storage", StringComparison.Ordinal) || StorageType(global.Name[6..]) is not { } dtype) throw Wrong($"a storage of type {PickleOther.KindOf(type)}", "a storage type of torch");
        string Named() => $"the storage {JsonText.Quote(key)}";
        if (number is not long count || count < 0 || count > long.MaxValue / dtype.Bits()) throw Wrong($"{Named()} has {(number is long or BigInteger ? $"{number} values" : PickleOther.KindOf(number))}", "a number of values that fits a file");
        TorchStorage found = storage(key, dtype, count, (wrong, expected) => Wrong($"{Named()} {wrong}", expected));
        if (parts.Length == 5 || parts[5] is null) return found;
        if (parts[5] is not object?[] and not List<object?>) throw Wrong($"{Named()} has the view {PickleOther.KindOf(parts[5])}", "(key, offset, number of values)");
        if (Items(parts[5]) is not [string, long from, long values] || from < 0 || values < 0 || from > count || values > count - from) throw Wrong($"a view beyond {Named()}", $"(key, offset, number) within its {count:N0} values");
        return new TorchStorageSlice(found, from, values);
    }

    private static IReadOnlyList<object?>? Items(object? value) => value as object?[] ?? (IReadOnlyList<object?>?)(value as List<object?>);

    private TorchTensor Tensor(object?[] arguments, DType? dtype, object? metadata)
    {
        TorchStorageSlice slice = arguments[0] switch
        {
            TorchStorage whole => new(whole, 0, whole.Count),
            TorchStorageSlice part => part,
            _ => throw Wrong($"a tensor over {PickleOther.KindOf(arguments[0])}", "a storage"),
        };
        DType type = dtype ?? slice.Root.Type;
        long[] sizes = Numbers(arguments[2], "sizes"), strides = Numbers(arguments[3], "strides");
        if (sizes.Length != strides.Length) throw Wrong($"a tensor with {sizes.Length} sizes and {strides.Length} strides", "as many of both");
        if (sizes.Length > MostAxes) throw Wrong($"a tensor with {sizes.Length} axes", $"at most {MostAxes}");
        if (arguments.Length > 4 && arguments[4] is not bool) throw Wrong($"a tensor whose requires_grad is {PickleOther.KindOf(arguments[4])}", "true or false");
        if (arguments[1] is not long offset || offset < 0) throw Wrong($"a tensor that begins at {(arguments[1] is long or BigInteger ? arguments[1] : PickleOther.KindOf(arguments[1]))} of its storage", "0 or more");
        (bool negated, bool conjugated) = Signs(metadata, type);

        // In values of the tensor's own type, which need not be the storage's.
        long item = type.Bits() / 8, available = slice.Count * (slice.Root.Type.Bits() / 8) / item, skipped = slice.Offset * (slice.Root.Type.Bits() / 8) / item;
        Int128 count = 1, last = offset;
        for (int i = 0; i < sizes.Length; i++)
        {
            count *= sizes[i];
            if (count > long.MaxValue / 64) throw Wrong($"a tensor of shape [{string.Join(", ", sizes)}]", "a number of values that fits a file");
            last += (Int128)strides[i] * (sizes[i] - 1);
        }
        if (count == 0) return new(slice.Root, type, 0, sizes, strides, false, false);
        if (last >= available) throw Wrong($"a tensor that reaches value {last:N0} of the storage {JsonText.Quote(slice.Root.Key)}", $"at most {available - 1:N0}, its last");
        if (count > available && count * item > MostRepeated) throw Wrong($"a tensor of shape [{string.Join(", ", sizes)}] over {available:N0} values, which it repeats", $"at most {MostRepeated:N0} bytes of repeated values");
        return new(slice.Root, type, skipped + offset, sizes, strides, negated, conjugated);
    }

    private long[] Numbers(object? value, string what)
    {
        IReadOnlyList<object?> items = Items(value) ?? throw Wrong($"{what} that are {PickleOther.KindOf(value)}", "a tuple of integers");
        var numbers = new long[items.Count];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = items[i] is long number and >= 0 ? number : throw Wrong($"{what} that hold {(items[i] is long or BigInteger ? items[i] : PickleOther.KindOf(items[i]))}", "integers, 0 or more, below 2^63");
        return numbers;
    }

    /// <summary>The bits <c>neg</c> and <c>conj</c> of a view that torch had not yet worked out.</summary>
    private (bool Negated, bool Conjugated) Signs(object? metadata, DType type)
    {
        if (metadata is null) return default;
        if (metadata is not PickleDict bits) throw Wrong($"a tensor with metadata that is {PickleOther.KindOf(metadata)}", "a dictionary");
        bool negated = false, conjugated = false;
        foreach ((object? key, object? value) in bits.Entries)
            switch (key, value)
            {
                case ("neg", bool on): negated = on; break;
                case ("conj", bool on): conjugated = on; break;
                default: throw Wrong($"a tensor with the metadata {(key is string text ? JsonText.Quote(text) : PickleOther.KindOf(key))}", "neg or conj, True or False");
            }
        if (conjugated && type != DType.C64) throw Wrong($"a conjugated tensor of {type.Name()}", "complex numbers");
        if (negated && type is not (DType.F64 or DType.F32 or DType.F16 or DType.BF16 or DType.C64)) throw Wrong($"a negated view of {type.Name()}", "floating-point numbers");
        return (negated, conjugated);
    }

    private static DType? Scalar(PickleGlobal global) => global.Name.StartsWith("torch.", StringComparison.Ordinal) ? ScalarType(global.Name[6..]) : null;

    /// <summary>The type of that name in torch.</summary>
    private static DType? ScalarType(string name) => name switch
    {
        "float64" or "double" => DType.F64,
        "float32" or "float" => DType.F32,
        "float16" or "half" => DType.F16,
        "bfloat16" => DType.BF16,
        "float8_e4m3fn" => DType.F8E4M3,
        "float8_e5m2" => DType.F8E5M2,
        "float8_e4m3fnuz" => DType.F8E4M3Fnuz,
        "float8_e5m2fnuz" => DType.F8E5M2Fnuz,
        "float8_e8m0fnu" => DType.F8E8M0,
        "int64" or "long" => DType.I64,
        "int32" or "int" => DType.I32,
        "int16" or "short" => DType.I16,
        "int8" => DType.I8,
        "uint64" => DType.U64,
        "uint32" => DType.U32,
        "uint16" => DType.U16,
        "uint8" => DType.U8,
        "bool" => DType.Bool,
        "complex64" or "cfloat" => DType.C64,
        _ => null,
    };

    /// <summary>The type of a storage's values.</summary>
    private static DType? StorageType(string name) => name switch
    {
        "DoubleStorage" => DType.F64,
        "FloatStorage" => DType.F32,
        "HalfStorage" => DType.F16,
        "BFloat16Storage" => DType.BF16,
        "LongStorage" => DType.I64,
        "IntStorage" => DType.I32,
        "ShortStorage" => DType.I16,
        "CharStorage" => DType.I8,
        "ByteStorage" or "UntypedStorage" => DType.U8,
        "BoolStorage" => DType.Bool,
        "ComplexFloatStorage" => DType.C64,
        _ => null,
    };
}
