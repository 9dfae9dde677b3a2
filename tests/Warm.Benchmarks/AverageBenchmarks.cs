using BenchmarkDotNet.Attributes;
using System.Runtime.InteropServices;

namespace Warm.Benchmarks;

/// <summary>The uniform mean of six members' blocks of 32,768 BF16 values: in registers, beside the plain way through memory.</summary>
public unsafe class AverageBenchmarks
{
    private const int Members = 6, Count = 1 << 15;
    private static readonly double[] Ones = [.. Enumerable.Repeat(1.0, Members)];
    private readonly byte[][] _members = [.. Enumerable.Range(1, Members).Select(Member)];
    private readonly byte[] _result = GC.AllocateArray<byte>(2 * Count, pinned: true);
    private readonly double[] _sum = new double[WeightedSum.Run];
    private readonly nint[] _places;
    private readonly nint _place;

    public AverageBenchmarks()
    {
        _places = [.. _members.Select(Address)];
        _place = Address(_result);
    }

    [Benchmark(Baseline = true)]
    public byte[] Plain()
    {
        for (int at = 0; at < Count; at += WeightedSum.Run)
        {
            _sum.AsSpan().Clear();
            foreach (byte[] member in _members) WeightedSum.Add(_sum, member.AsSpan(2 * at, 2 * WeightedSum.Run), DType.BF16, 1);
            System.Numerics.Tensors.TensorPrimitives.Divide<double>(_sum, Members, _sum);
            FloatBits.Narrow(DType.BF16, _sum, _result.AsSpan(2 * at, 2 * WeightedSum.Run));
        }
        return _result;
    }

    [Benchmark]
    public int Registers() => RegisterAverage.Run(_places, DType.BF16, Ones, Members, DType.BF16, (byte*)_place, Count, out _);

    private static byte[] Member(int seed)
    {
        var random = new Random(seed);
        byte[] bits = GC.AllocateArray<byte>(2 * Count, pinned: true);
        FloatBits.Narrow(DType.BF16, Enumerable.Range(0, Count).Select(_ => (random.NextDouble() - 0.5) * 0.1).ToArray(), bits);
        return bits;
    }

    private static nint Address(byte[] pinned) => (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));
}
