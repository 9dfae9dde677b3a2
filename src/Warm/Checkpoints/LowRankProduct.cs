using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Warm;

/// <summary>
/// What an adapter makes of one matrix: W + scale x B A, with B A of shape [out, in] and W as it is stored, which may be [in, out] (GPT-2's layers, embeddings); and with DoRA each output's
/// inputs then get a learned length: (W + scale B A) / norm x magnitude. All in double; a product is rounded, then added, over the rank in ascending order, so that a value depends on nothing
/// that is read beside it. LoRA: arXiv:2106.09685; DoRA: arXiv:2402.09353.
/// </summary>
/// <remarks>Memory: the factors of two matrices in double, at most 16 MB each, and the part of others that the values asked for need; with DoRA two doubles for each output, made in one reading of the matrix on first use.</remarks>
internal sealed class LowRankProduct
{
    /// <summary>Values of whole rows that are made at once.</summary>
    private const int Piece = 1 << 16;

    /// <summary>Values of the right factor that are held at once: they stay in the second-level cache.</summary>
    private const int Tile = 1 << 15;

    private readonly Checkpoint _file;
    private readonly RecentFactors _recent;
    private readonly string _a, _b;
    private readonly int _rank;
    private readonly double _scale;
    private readonly long _inputs, _outputs;
    private readonly bool _transposed;
    private readonly Lazy<(double[] Norms, double[] Lengths)>? _dora;

    /// <summary>A product that is added to a matrix.</summary>
    /// <param name="file">The adapter's tensors.</param>
    /// <param name="a">The first factor: [rank, in].</param>
    /// <param name="b">The second: [out, rank].</param>
    /// <param name="scale">What the product is multiplied by.</param>
    /// <param name="transposed">Whether the matrix is stored [in, out].</param>
    /// <param name="magnitude">DoRA's lengths, [out], or null.</param>
    /// <param name="matrix">Reads the matrix as it was before.</param>
    /// <param name="recent">The factors that the adapter's products hold.</param>
    public LowRankProduct(Checkpoint file, string a, string b, double scale, bool transposed, string? magnitude, MatrixReader matrix, RecentFactors recent)
    {
        (_file, _a, _b, _scale, _transposed, _recent) = (file, a, b, scale, transposed, recent);
        (_rank, _inputs, _outputs) = (checked((int)file.Info(a).Shape[0]), file.Info(a).Shape[1], file.Info(b).Shape[0]);
        if (magnitude is not null) _dora = new(() => (NormsOf(matrix), LengthsOf(magnitude)));
    }

    /// <summary>Reads values of a matrix, row-major as stored.</summary>
    public delegate void MatrixReader(long start, Span<double> values);

    private long Columns => _transposed ? _outputs : _inputs;

    /// <summary>Changes values of the matrix, those from number <paramref name="start"/> on, into the adapted ones.</summary>
    public void Apply(long start, Span<double> values)
    {
        Add(start, values);
        if (_dora is null) return;
        (double[] norms, double[] lengths) = _dora.Value;
        for (int i = 0; i < values.Length; i++)
        {
            (long row, long column) = Math.DivRem(start + i, Columns);
            long output = _transposed ? column : row;
            values[i] = values[i] / norms[output] * lengths[output];
        }
    }

    private void Add(long start, Span<double> values)
    {
        while (!values.IsEmpty)
        {
            // The rest of a begun row, or whole rows, or the begin of one.
            (long row, long column) = Math.DivRem(start, Columns);
            int width = (int)Math.Min(Columns - column, values.Length), rows = width == Columns ? Math.Max(1, Math.Min(Math.Min(values.Length, Piece) / width, Piece / _rank)) : 1;
            AddRows(row, rows, column, width, values[..(rows * width)]);
            start += (long)rows * width;
            values = values[(rows * width)..];
        }
    }

    /// <summary>values [rows, width] += scale x left [rows, rank] x right [rank, width], the right one tile by tile.</summary>
    private void AddRows(long row, int rows, long column, int width, Span<double> values)
    {
        int tile = Math.Min(width, Math.Max(16, Tile / _rank));
        // The whole right factor where it is of a size to be held, else its parts, read for this call.
        double[]? whole = _rank * Columns <= RecentFactors.Largest ? _recent.Of(this, WholeRight) : null;
        double[] left = ArrayPool<double>.Shared.Rent(rows * _rank), part = whole is null ? ArrayPool<double>.Shared.Rent(tile * _rank) : [];
        try
        {
            if (_transposed) ReadTransposedA(row, rows, left);
            else Read(_b, row * _rank, left.AsSpan(0, rows * _rank));
            for (int from = 0; from < width; from += tile)
            {
                int count = Math.Min(tile, width - from);
                if (whole is null) ReadRight(column + from, count, part);
                ReadOnlySpan<double> right = whole is null ? part : whole.AsSpan((int)column + from);
                int pitch = whole is null ? count : (int)Columns;
                for (int i = 0; i < rows; i++) AddLine(values.Slice(i * width + from, count), left.AsSpan(i * _rank, _rank), right, pitch, _scale);
            }
        }
        finally
        {
            ArrayPool<double>.Shared.Return(left);
            if (whole is null) ArrayPool<double>.Shared.Return(part);
        }
    }

    private double[] WholeRight()
    {
        var right = new double[_rank * Columns];
        ReadRight(0, (int)Columns, right);
        return right;
    }

    private void ReadRight(long first, int count, Span<double> values)
    {
        if (_transposed) ReadTransposedB(first, count, values);
        else ReadA(first, count, values);
    }

    /// <summary>line [n] += scale x (left [rank] x right [rank, n]), the rows of right so many values apart. Sums stay in registers; lanes are columns, so vectors of any width give the same bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddLine(Span<double> line, ReadOnlySpan<double> left, ReadOnlySpan<double> right, int pitch, double scale)
    {
        int n = line.Length, lanes = Vector512<double>.Count, i = 0;
        ref double x = ref MemoryMarshal.GetReference(line);
        ref double column = ref MemoryMarshal.GetReference(right);
        for (; i <= n - 4 * lanes; i += 4 * lanes)
        {
            Vector512<double> a = default, b = default, c = default, d = default;
            for (int k = 0; k < left.Length; k++)
            {
                Vector512<double> factor = Vector512.Create(left[k]);
                ref double at = ref Unsafe.Add(ref column, k * pitch + i);
                a += factor * Vector512.LoadUnsafe(ref at);
                b += factor * Vector512.LoadUnsafe(ref at, (nuint)lanes);
                c += factor * Vector512.LoadUnsafe(ref at, (nuint)(2 * lanes));
                d += factor * Vector512.LoadUnsafe(ref at, (nuint)(3 * lanes));
            }
            ref double to = ref Unsafe.Add(ref x, i);
            (Vector512.LoadUnsafe(ref to) + a * scale).StoreUnsafe(ref to);
            (Vector512.LoadUnsafe(ref to, (nuint)lanes) + b * scale).StoreUnsafe(ref to, (nuint)lanes);
            (Vector512.LoadUnsafe(ref to, (nuint)(2 * lanes)) + c * scale).StoreUnsafe(ref to, (nuint)(2 * lanes));
            (Vector512.LoadUnsafe(ref to, (nuint)(3 * lanes)) + d * scale).StoreUnsafe(ref to, (nuint)(3 * lanes));
        }
        for (; i < n; i++)
        {
            double sum = 0;
            for (int k = 0; k < left.Length; k++) sum += left[k] * right[k * pitch + i];
            line[i] += sum * scale;
        }
    }

    /// <summary>A's columns from <paramref name="first"/> on: [rank, count].</summary>
    private void ReadA(long first, int count, Span<double> values)
    {
        for (int k = 0; k < _rank; k++) Read(_a, k * _inputs + first, values.Slice(k * count, count));
    }

    /// <summary>The same as rows: [count, rank].</summary>
    private void ReadTransposedA(long first, int count, Span<double> values)
    {
        double[] columns = ArrayPool<double>.Shared.Rent(count * _rank);
        ReadA(first, count, columns);
        for (int k = 0; k < _rank; k++)
            for (int i = 0; i < count; i++) values[i * _rank + k] = columns[k * count + i];
        ArrayPool<double>.Shared.Return(columns);
    }

    /// <summary>B's rows from <paramref name="first"/> on, as columns: [rank, count].</summary>
    private void ReadTransposedB(long first, int count, Span<double> values)
    {
        double[] rows = ArrayPool<double>.Shared.Rent(count * _rank);
        Read(_b, first * _rank, rows.AsSpan(0, count * _rank));
        for (int i = 0; i < count; i++)
            for (int k = 0; k < _rank; k++) values[k * count + i] = rows[i * _rank + k];
        ArrayPool<double>.Shared.Return(rows);
    }

    /// <summary>Reads values of the adapter; what is no number would spread over a whole row, so it is refused here, where its place is known.</summary>
    private void Read(string name, long start, Span<double> values)
    {
        _file.Read(name, start, values);
        if (values.IsEmpty || double.IsFinite(TensorPrimitives.MaxMagnitude<double>(values))) return;
        int at = 0;
        while (double.IsFinite(values[at])) at++;
        throw new WarmException($"{_file.FileOf(name)}, {JsonText.Quote(name)}", $"is {(double.IsNaN(values[at]) ? "NaN" : "infinite")} at value {start + at:N0}", "finite numbers", "The run that trained it diverged: leave it out.");
    }

    private double[] LengthsOf(string magnitude)
    {
        var lengths = new double[_outputs];
        Read(magnitude, 0, lengths);
        return lengths;
    }

    /// <summary>The norm of each output's inputs in W + scale B A. Sums in a fixed order, whatever the machine.</summary>
    private double[] NormsOf(MatrixReader matrix)
    {
        var norms = new double[_outputs];
        long rows = _transposed ? _inputs : _outputs, step = Math.Max(1, Piece / Columns);
        double[] values = new double[checked((int)(step * Columns))];
        for (long row = 0; row < rows; row += step)
        {
            int count = (int)Math.Min(step, rows - row);
            Span<double> piece = values.AsSpan(0, (int)(count * Columns));
            matrix(row * Columns, piece);
            Add(row * Columns, piece);
            for (int i = 0; i < count; i++)
            {
                Span<double> line = piece.Slice((int)(i * Columns), (int)Columns);
                if (_transposed) TensorPrimitives.MultiplyAdd(line, line, norms, norms);
                else norms[row + i] = SumOfSquares(line);
            }
        }
        for (int i = 0; i < norms.Length; i++)
        {
            norms[i] = Math.Sqrt(norms[i]);
            if (norms[i] == 0) throw new WarmException($"{_file.FileOf(_b)}, {JsonText.Quote(_b)}", $"makes output {i} all zeros", "weights that can be given a length (DoRA)");
        }
        return norms;
    }

    private static double SumOfSquares(ReadOnlySpan<double> values)
    {
        Vector256<double> sums = default;
        int i = 0;
        for (; i <= values.Length - 4; i += 4)
        {
            Vector256<double> x = Vector256.Create(values.Slice(i, 4));
            sums += x * x;
        }
        double sum = sums[0] + sums[1] + (sums[2] + sums[3]);
        for (; i < values.Length; i++) sum += values[i] * values[i];
        return sum;
    }
}
