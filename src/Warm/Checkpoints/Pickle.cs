using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace Warm;

/// <summary>
/// Reads a Python pickle (protocols 0 to 5) as data. Nothing is ever imported, called or built that the reader does not know: a name that is not on its list is refused where it
/// stands, whether or not it would be called. Format: the comments of Python's <c>pickletools.py</c>.
/// </summary>
/// <remarks>
/// Values become: None null, booleans <see cref="bool"/>, integers <see cref="long"/> (<see cref="BigInteger"/> beyond), floats <see cref="double"/>, texts <see cref="string"/>, bytes
/// <c>byte[]</c>, tuples <c>object?[]</c>, lists <c>List&lt;object?&gt;</c>, <see cref="PickleDict"/>, <see cref="PickleGlobal"/>, <see cref="PickleOther"/>. They may hold themselves, and
/// a few bytes can make them wide beyond counting: never walk them as a tree. There is no recursion here.
/// </remarks>
internal abstract class Pickle(ByteWindow source, string where)
{
    /// <summary>About how many bytes of memory a pickle's values may take: a tensor takes up to one thousand.</summary>
    public const long Budget = 48_000_000;

    /// <summary>Longest text, longest number in bytes.</summary>
    private const int MostText = 1 << 22, MostDigits = 4096, ShortestFrame = 4;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = []; // heights of the stack at each MARK
    private readonly Dictionary<long, object?> _memo = [];
    private long _spent, _opcodeAt;
    private string _opcode = "";

    /// <summary>The name if it may be mentioned; else it throws.</summary>
    protected abstract PickleGlobal Find(string module, string name);

    /// <summary>What a mentioned name makes of these arguments, as data.</summary>
    protected abstract object? Call(PickleGlobal global, object?[] arguments);

    /// <summary>What a persistent id stands for.</summary>
    protected abstract object? Persistent(object? id);

    /// <summary>Whether a value may be given that state.</summary>
    protected abstract void Build(object? value, object? state);

    /// <summary>An error at the current opcode.</summary>
    protected WarmException Wrong(string found, string? expected = null, string? fix = null) => new($"{where}, byte {_opcodeAt:N0}{(_opcode.Length > 0 ? $" ({_opcode})" : "")}", found, expected, fix);

    /// <summary>Reads one pickle up to its STOP.</summary>
    public object? Read()
    {
        while (true)
        {
            _opcodeAt = source.Position;
            _opcode = "";
            int code = source.Next();
            if (code < 0) throw Wrong("the pickle ends", "STOP at its end", "The file was cut short: download or copy it again.");
            if (code == '.')
            {
                _opcode = "STOP";
                object? result = Pop();
                if (_stack.Count > 0 || _marks.Count > 0) throw Wrong($"{_stack.Count:N0} values are left over", "one value at the end");
                return result;
            }
            Step(code);
            // A list that grows takes up to three times its items for a moment.
            if (_spent + 24L * _stack.Count + 12L * _marks.Count > Budget) throw Wrong("the pickle takes too much memory", "names, shapes and places of tensors, about 48,000 in one file", "Save it in shards.");
        }
    }

    private void Step(int code)
    {
        switch (code)
        {
            case 0x80: _opcode = "PROTO"; if (Byte() is > 5 and var protocol) throw Wrong($"protocol {protocol}", "0 to 5"); break;
            case 0x95: _opcode = "FRAME"; if (Length(8) is < ShortestFrame and var frame) throw Wrong($"a frame of {frame} bytes", $"{ShortestFrame} or more, as Python writes them"); break; // a hint for readers of streams; what is in it is read as it comes
            case '(': _opcode = "MARK"; _marks.Add(_stack.Count); break;
            case '0': _opcode = "POP"; if (_marks.Count > 0 && _marks[^1] == _stack.Count) _marks.RemoveAt(_marks.Count - 1); else Pop(); break;
            case '1': _opcode = "POP_MARK"; PopMark(); break;
            case '2': _opcode = "DUP"; Push(Top()); break;

            case 'N': Push(null); break;
            case 0x88: Push(true); break;
            case 0x89: Push(false); break;
            case 'K': _opcode = "BININT1"; Push((long)Byte()); break;
            case 'M': _opcode = "BININT2"; Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); break;
            case 'J': _opcode = "BININT"; Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); break;
            case 'I': _opcode = "INT"; Push(Line() switch { "00" => false, "01" => true, var digits => Integer(digits) }); break;
            case 'L': _opcode = "LONG"; Push(Integer(Line().TrimEnd('L'))); break;
            case 0x8a: _opcode = "LONG1"; Push(Integer(Bytes(Byte()))); break;
            case 0x8b: _opcode = "LONG4"; Push(Integer(Bytes(Length(4, MostDigits)))); break;
            case 'G': _opcode = "BINFLOAT"; Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); break;
            case 'F': _opcode = "FLOAT"; Push(Float(Line())); break;

            case 0x8c: _opcode = "SHORT_BINUNICODE"; Push(Text(Byte())); break;
            case 'X': _opcode = "BINUNICODE"; Push(Text(Length(4))); break;
            case 0x8d: _opcode = "BINUNICODE8"; Push(Text(Length(8))); break;
            case 'V': _opcode = "UNICODE"; Push(Unescape(Line())); break;
            case 'U': _opcode = "SHORT_BINSTRING"; Push(Text(Byte())); break; // Python 2's str
            case 'T': _opcode = "BINSTRING"; Push(Text(Length(4))); break;
            case 'C': _opcode = "SHORT_BINBYTES"; Push(Bytes(Byte())); break;
            case 'B': _opcode = "BINBYTES"; Push(Bytes(Length(4))); break;
            case 0x8e: _opcode = "BINBYTES8"; Push(Bytes(Length(8))); break;
            case 0x96: _opcode = "BYTEARRAY8"; Push(Bytes(Length(8))); break;

            case ')': Push(Array.Empty<object?>()); break;
            case 't': _opcode = "TUPLE"; Push(PopMark()); break;
            case 0x85 or 0x86 or 0x87: _opcode = $"TUPLE{code - 0x84}"; Push(PopMany(code - 0x84)); break;
            case ']': Push(Spend(32, new List<object?>())); break;
            case 'l': _opcode = "LIST"; Push(Spend(32, new List<object?>(PopMark()))); break;
            case 'a': _opcode = "APPEND"; Append([Pop()]); break;
            case 'e': _opcode = "APPENDS"; Append(PopMark()); break;
            case '}': Push(Spend(56, new PickleDict())); break;
            case 'd': _opcode = "DICT"; object?[] entries = PopMark(); Push(Spend(56, new PickleDict())); SetItems(entries); break;
            case 's': _opcode = "SETITEM"; SetItems(PopMany(2)); break;
            case 'u': _opcode = "SETITEMS"; SetItems(PopMark()); break;
            case 0x8f: Push(Spend(24, new PickleOther("a set"))); break;
            case 0x90: _opcode = "ADDITEMS"; PopMark(); if (Top() is not PickleOther) throw Wrong($"adds to {PickleOther.KindOf(Top())}", "a set"); break;
            case 0x91: _opcode = "FROZENSET"; PopMark(); Push(Spend(24, new PickleOther("a set"))); break;

            case 'p': _opcode = "PUT"; Put(Index(Line())); break;
            case 'q': _opcode = "BINPUT"; Put(Byte()); break;
            case 'r': _opcode = "LONG_BINPUT"; Put(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))); break;
            case 0x94: _opcode = "MEMOIZE"; Put(_memo.Count); break;
            case 'g': _opcode = "GET"; Get(Index(Line())); break;
            case 'h': _opcode = "BINGET"; Get(Byte()); break;
            case 'j': _opcode = "LONG_BINGET"; Get(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))); break;

            case 'c': _opcode = "GLOBAL"; Push(Find(Line(), Line())); break;
            case 0x93:
                _opcode = "STACK_GLOBAL";
                object?[] names = PopMany(2);
                if (names is not [string module, string name]) throw Wrong($"names {PickleOther.KindOf(names[0])} and {PickleOther.KindOf(names[1])}", "two texts, module and name");
                Push(Find(module, name));
                break;
            case 'R' or 0x81:
                _opcode = code == 'R' ? "REDUCE" : "NEWOBJ";
                object?[] call = PopMany(2);
                if (call[0] is not PickleGlobal global) throw Wrong($"calls {PickleOther.KindOf(call[0])}", "a name");
                if (call[1] is not object?[] arguments) throw Wrong($"calls {global.Name} with {PickleOther.KindOf(call[1])}", "a tuple of arguments");
                Push(Call(global, arguments));
                break;
            case 'b': _opcode = "BUILD"; object? state = Pop(); Build(Top(), state); break;
            case 'Q': _opcode = "BINPERSID"; Push(Persistent(Pop())); break;
            default:
                _opcode = code switch { 'i' => "INST", 'o' => "OBJ", 0x92 => "NEWOBJ_EX", 0x82 or 0x83 or 0x84 => $"EXT{1 << (code - 0x82)}", 'P' => "PERSID", 'S' => "STRING", 0x97 => "NEXT_BUFFER", 0x98 => "READONLY_BUFFER", _ => "" };
                throw _opcode.Length > 0 ? Wrong("a state dictionary needs no such instruction", "tensors, names and plain values only") : Wrong($"0x{code:X2} is no pickle instruction", "a file as torch.save writes it");
        }
    }

    private void Push(object? value) => _stack.Add(value);

    private int Floor => _marks.Count == 0 ? 0 : _marks[^1];

    private object? Top() => _stack.Count > Floor ? _stack[^1] : throw Wrong("the stack is empty", "a value on it");

    private object? Pop()
    {
        object? value = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] PopMany(int count)
    {
        if (_stack.Count - Floor < count) throw Wrong($"{_stack.Count - Floor} values are on the stack", $"{count}");
        object?[] values = Spend(24 + 8 * count, CollectionsMarshal.AsSpan(_stack)[^count..].ToArray());
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private object?[] PopMark()
    {
        if (_marks.Count == 0) throw Wrong("there is no MARK", "one before the first item");
        int from = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        object?[] values = Spend(24 + 8 * (_stack.Count - from), CollectionsMarshal.AsSpan(_stack)[from..].ToArray());
        _stack.RemoveRange(from, _stack.Count - from);
        return values;
    }

    private T Spend<T>(long bytes, T value)
    {
        _spent += bytes;
        return value;
    }

    private void Append(object?[] items)
    {
        if (Top() is not List<object?> list) throw Wrong($"appends to {PickleOther.KindOf(Top())}", "a list");
        list.AddRange(Spend(16 * items.Length, items));
    }

    private void SetItems(object?[] items)
    {
        if (items.Length % 2 != 0) throw Wrong($"{items.Length:N0} keys and values", "an even number");
        if (Top() is not PickleDict dictionary) throw Wrong($"sets items of {PickleOther.KindOf(Top())}", "a dictionary");
        for (int i = 0; i < items.Length; i += 2) dictionary.Entries.Add(new(items[i], items[i + 1]));
        _spent += 16L * items.Length;
    }

    private void Put(long index)
    {
        _memo[index] = Spend(40, Top());
    }

    private void Get(long index) => Push(_memo.TryGetValue(index, out object? value) ? value : throw Wrong($"memo {index:N0} was never put", "an earlier PUT"));

    private int Byte() => source.Next() is >= 0 and var value ? value : throw Wrong("the pickle ends", "an argument");

    private byte[] Bytes(int count)
    {
        if (count > source.Left) throw Wrong($"{count:N0} bytes are announced and {source.Left:N0} are left");
        if (count == 0) return [];
        byte[] bytes = Spend(3L * count, new byte[count]); // and as text
        source.Read(bytes);
        return bytes;
    }

    /// <summary>A length of 4 or 8 bytes, compared with what is left before anybody trusts it.</summary>
    private int Length(int size, int most = MostText)
    {
        ulong length = size == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)) : BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8));
        if (length > (ulong)source.Left) throw Wrong($"{length:N0} bytes are announced and {source.Left:N0} are left");
        // A frame may be as long as the pickle: nothing is taken for it.
        if (_opcode != "FRAME" && length > (ulong)most) throw Wrong($"{length:N0} bytes are announced", $"at most {most:N0}");
        return (int)Math.Min(length, int.MaxValue);
    }

    private string Text(int length)
    {
        try
        {
            return Strict.GetString(Bytes(length));
        }
        catch (DecoderFallbackException error)
        {
            throw Wrong("the text is not UTF-8", error);
        }
    }

    private WarmException Wrong(string found, Exception inner) => new($"{where}, byte {_opcodeAt:N0} ({_opcode})", found, inner: inner);

    /// <summary>Latin-1 up to the end of the line.</summary>
    private string Line()
    {
        var line = new StringBuilder();
        for (int c; (c = source.Next()) != '\n'; line.Append((char)c))
            if (c < 0 || line.Length == MostDigits) throw Wrong(c < 0 ? "the line has no end" : $"the line is longer than {MostDigits:N0} bytes");
        return line.ToString();
    }

    private long Index(string digits) => long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long index) ? index : throw Wrong($"{JsonText.Quote(digits)} is no memo index");

    private object Integer(string digits) =>
        BigInteger.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger value) ? Small(value) : throw Wrong($"{JsonText.Quote(digits)} is no integer");

    private static object Integer(byte[] littleEndian) => Small(new BigInteger(littleEndian));

    private static object Small(BigInteger value) => value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value; // (object), or the long would become a BigInteger again

    private object Float(string text) => text switch
    {
        "nan" => double.NaN,
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        _ => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && char.IsAsciiDigit(text.TrimStart('-', '+', '.') is [var first, ..] ? first : ' ') ? value : throw Wrong($"{JsonText.Quote(text)} is no number"),
    };

    /// <summary>Python's raw-unicode-escape: Latin-1 with \uXXXX and \UXXXXXXXX.</summary>
    private string Unescape(string line)
    {
        var text = new StringBuilder(line.Length);
        for (int i = 0; i < line.Length; i++)
        {
            int digits = line[i] == '\\' && i + 1 < line.Length ? line[i + 1] switch { 'u' => 4, 'U' => 8, _ => 0 } : 0;
            if (digits == 0) { text.Append(line[i]); continue; }
            if (i + 2 + digits > line.Length || !int.TryParse(line.AsSpan(i + 2, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code) || (digits == 8 && !Rune.IsValid(code)))
                throw Wrong("the text holds a broken escape");
            if (digits == 4) text.Append((char)code);
            else text.Append(new Rune(code));
            i += 1 + digits;
        }
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (!char.IsHighSurrogate(text[i]) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1])) throw Wrong("the text holds half a surrogate pair");
            i++;
        }
        return text.ToString();
    }
}
