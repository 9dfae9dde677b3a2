using System.Buffers.Binary;
using System.Text;
using Warm.Testing;

namespace Warm.Tests;

/// <summary>One malformed file per rule of the format, made on the spot.</summary>
public class SafetensorsHeaderTests
{
    private const string A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}", B = "\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[16,24]}";
    private const string Good = $"{{\"__metadata__\":{{\"format\":\"pt\"}},{A},{B}}}";

    private static byte[] File(string header, int data = 24, long? length = null) => File(Encoding.UTF8.GetBytes(header), data, length);

    private static byte[] File(byte[] header, int data = 24, long? length = null)
    {
        byte[] file = new byte[8 + header.Length + data];
        BinaryPrimitives.WriteInt64LittleEndian(file, length ?? header.Length);
        header.CopyTo(file, 8);
        for (int i = 0; i < data; i++) file[8 + header.Length + i] = (byte)(i + 1);
        return file;
    }

    private static WarmException Refused(byte[] bytes)
    {
        using var folder = new TemporaryFolder();
        System.IO.File.WriteAllBytes(folder["x.safetensors"], bytes);
        var refusal = Assert.Throws<WarmException>(() => Checkpoint.Open(folder["x.safetensors"]));
        Assert.Contains("x.safetensors", refusal.Message);
        return refusal;
    }

    [Theory]
    [InlineData(Good)]
    [InlineData(" \n" + Good + "  \t\r\n ")]
    [InlineData("{" + B + "," + A + "}")]
    [InlineData("{" + A + ",\"b\":{\"extra\":[{}],\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[16,24]}}")]
    [InlineData("{\"__metadata__\":null," + A + "," + B + "}")]
    [InlineData("{" + A + ",\"e\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[16,16]}," + B + "}")]
    public void Open_takes_what_the_library_takes(string header)
    {
        using var folder = new TemporaryFolder();
        System.IO.File.WriteAllBytes(folder["x.safetensors"], File(header));
        using Checkpoint checkpoint = Checkpoint.Open(folder["x.safetensors"]);
        byte[] b = new byte[8];
        checkpoint.ReadRaw("b", 0, b);
        Assert.Equal([17, 18, 19, 20, 21, 22, 23, 24], b);
    }

    [Theory]
    [InlineData("[]", "a list")]
    [InlineData("{" + A + "," + B, "not JSON")]
    [InlineData("{" + A + "," + B + "}\0", "not JSON")]
    [InlineData("{" + A + "," + B + ",}", "not JSON")]
    [InlineData("\uFEFF" + Good, "not JSON")]
    [InlineData("{" + A + "," + A + "," + B + "}", "stands twice")]
    [InlineData("{" + A + ",\"\\u0061\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[16,24]}}", "stands twice")]
    [InlineData("{\"__metadata__\":{},\"__metadata__\":{}," + A + "," + B + "}", "stands twice")]
    [InlineData("{\"__metadata__\":{\"a\":1}," + A + "," + B + "}", "a text")]
    [InlineData("{\"__metadata__\":[]," + A + "," + B + "}", "an object of texts")]
    [InlineData("{" + A + ",\"b\":[\"I64\",[1],[16,24]]}", "an object with dtype")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":{\"I64\":null},\"shape\":[1],\"data_offsets\":[16,24]}}", "dtype of \"b\" is an object")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"i64\",\"shape\":[1],\"data_offsets\":[16,24]}}", "dtype of \"b\" is \"i64\"")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[16,24]}}", "stands twice")]
    [InlineData("{" + A + ",\"b\":{\"shape\":[1],\"data_offsets\":[16,24]}}", "no dtype")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"data_offsets\":[16,24]}}", "no shape")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[1]}}", "no data_offsets")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":null,\"data_offsets\":[16,24]}}", "null")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[1.0],\"data_offsets\":[16,24]}}", "1.0")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[1e0],\"data_offsets\":[16,24]}}", "1e0")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[-1],\"data_offsets\":[16,24]}}", "-1")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[-0,1],\"data_offsets\":[16,24]}}", "-0")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[[1]],\"data_offsets\":[16,24]}}", "a list of whole numbers")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[0,9223372036854775808],\"data_offsets\":[16,24]}}", "9223372036854775808")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[4294967296,4294967296],\"data_offsets\":[16,24]}}", "larger than any file")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[16,24]}}", "has 8 bytes; 16")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"F4\",\"shape\":[15],\"data_offsets\":[16,24]}}", "whole bytes")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[16,24,24]}}", "3 numbers")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[24,16]}}", "not before the begin")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[8,16]}}", "begins at byte 8")]
    [InlineData("{" + A + ",\"b\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[20,28]}}", "begins at byte 20")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[8,24]}}", "byte 0, for it is the first")]
    [InlineData("{" + A + ",\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}," + B + "}", "\"e\"")]
    [InlineData("{" + A + "}", "belong to none")]
    public void Open_refuses_and_says_what(string header, string said) => Assert.Contains(said, Refused(File(header)).Message);

    [Fact]
    public void Open_refuses_a_file_that_was_cut_naming_both_sizes()
    {
        byte[] whole = File(Good);
        string message = Refused(whole[..^3]).Message;
        Assert.Contains($"{whole.Length - 3:N0} bytes", message);
        Assert.Contains($"{whole.Length:N0} by its header", message);
        Assert.Contains("has 5 bytes", Refused(whole[..5]).Message);
        Assert.Contains("is empty", Refused([]).Message);
    }

    [Fact]
    public void Open_refuses_a_header_longer_than_the_limit_or_the_file()
    {
        Assert.Contains("100,000,001", Refused(File(Good, length: 100_000_001)).Message);
        Assert.Contains("cut short", Refused(File(Good, length: 100_000_000)).Message);
        Assert.Contains("18,446,744,073,709,551,615", Refused(File(Good, length: -1)).Message);
    }

    [Fact]
    public void Open_refuses_bytes_that_are_no_UTF8()
    {
        byte[] header = Encoding.UTF8.GetBytes(Good);
        header[Good.IndexOf("pt", StringComparison.Ordinal)] = 0xFF;
        Assert.Contains("0xFF", Refused(File(header)).Message);
    }

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12345\n", "git-LFS pointer")]
    [InlineData("<!DOCTYPE html><html><body>Login</body></html>", "web page")]
    [InlineData("PK\u0003\u0004 and so on, long enough", "zip")]
    [InlineData("GGUF\u0003\0\0\0 and so on", "GGUF")]
    [InlineData("{\"a\": 1, \"b\": [1, 2, 3]}", "text that begins with {")]
    public void Open_names_another_format(string text, string said) => Assert.Contains(said, Refused(Encoding.Latin1.GetBytes(text)).Message);

    [Fact]
    public void Open_of_every_flipped_or_cut_byte_gives_a_checkpoint_or_a_WarmException()
    {
        byte[] whole = File(Good);
        int headerEnd = whole.Length - 24, opened = 0, refused = 0;
        for (int at = 0; at < headerEnd; at++)
        {
            foreach (int flip in (int[])[0x01, 0x02, 0x08, 0x20, 0x80, 0xFF])
            {
                byte[] changed = (byte[])whole.Clone();
                changed[at] ^= (byte)flip;
                Try(changed);
            }
            Try(whole[..at]);                       // cut
            Try([.. whole[..at], .. whole[(at + 1)..]]); // one byte lost
        }
        Assert.True(opened > 0 && refused > 1000, $"{opened} opened, {refused} refused");

        void Try(byte[] bytes)
        {
            try
            {
                int length = SafetensorsHeader.Length(bytes.AsSpan(0, Math.Min(8, bytes.Length)), bytes.Length, "x");
                SafetensorsHeader header = SafetensorsHeader.Parse(bytes.AsSpan(8, length), bytes.Length, "x");
                Assert.All(header.Tensors.Values, t => Assert.InRange(header.DataOffset + t.Start + t.Info.Bytes, 0, bytes.Length));
                opened++;
            }
            catch (WarmException)
            {
                refused++;
            }
        }
    }
}
