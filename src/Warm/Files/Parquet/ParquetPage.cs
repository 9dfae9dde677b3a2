using Microsoft.Win32.SafeHandles;

namespace Warm;

/// <summary>The head of a page.</summary>
internal sealed record ParquetPage
{
    public const int Data = 0, Dictionary = 2, DataV2 = 3;
    private const int LargestHead = 1 << 24;

    public int Kind { get; private set; }

    /// <summary>Bytes in the file, after the head.</summary>
    public int Stored { get; private set; }

    /// <summary>Bytes when unpacked.</summary>
    public int Unpacked { get; private set; }

    /// <summary>Values, nulls included.</summary>
    public int Values { get; private set; }

    public int Encoding { get; private set; }
    public int RepetitionBytes { get; private set; }
    public int DefinitionBytes { get; private set; }
    public bool IsCompressed { get; private set; } = true;

    /// <summary>Where the page's bytes begin in the file.</summary>
    public long Body { get; private set; }

    /// <summary>Reads the head at a place; its length is known only when it is read.</summary>
    public static ParquetPage Read(SafeFileHandle file, string path, long at, long end)
    {
        if (at >= end) throw new EndOfStreamException("the column ends before its rows");
        for (int window = 1 << 10; ; window <<= 3)
        {
            byte[] bytes = new byte[(int)Math.Min(window, end - at)];
            InputFile.Read(file, path, bytes, at);
            try
            {
                var reader = new CompactThrift(bytes);
                ParquetPage page = Parse(ref reader);
                page.Body = at + reader.Position;
                return page;
            }
            catch (Exception error) when (error is IndexOutOfRangeException or ArgumentOutOfRangeException or InvalidDataException && bytes.Length == window && window < LargestHead)
            {
                // Statistics with long texts: once more with a larger window.
            }
        }
    }

    private static ParquetPage Parse(ref CompactThrift reader)
    {
        var page = new ParquetPage();
        for (int field = 0; reader.Field(ref field, out byte type);)
        {
            switch (field)
            {
                case 1: page.Kind = reader.Int32(); break;
                case 2: page.Unpacked = reader.Int32(); break;
                case 3: page.Stored = reader.Int32(); break;
                case 5 or 7 or 8:
                    for (int inner = 0; reader.Field(ref inner, out byte kind);)
                    {
                        switch ((field, inner))
                        {
                            case (_, 1): page.Values = reader.Int32(); break;
                            case (5 or 7, 2) or (8, 4): page.Encoding = reader.Int32(); break;
                            case (8, 5): page.DefinitionBytes = reader.Int32(); break;
                            case (8, 6): page.RepetitionBytes = reader.Int32(); break;
                            case (8, 7): page.IsCompressed = kind == CompactThrift.True; break;
                            default: reader.Skip(kind); break;
                        }
                    }
                    break;
                default: reader.Skip(type); break;
            }
        }
        if (page.RepetitionBytes < 0 || page.DefinitionBytes < 0) throw new InvalidDataException("levels of negative length");
        return page;
    }
}
