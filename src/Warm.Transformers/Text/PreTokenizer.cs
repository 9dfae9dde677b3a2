namespace Warm.Transformers;

/// <summary>A step that cuts a normalised stretch into the pieces that the model sees.</summary>
internal abstract class PreTokenizer
{
    public abstract void Cut(PieceList pieces);

    /// <summary>Rewrites every piece; the pieces then lie in a new text.</summary>
    protected static void Rewrite(PieceList pieces, Action<AlignedText, int, int, AlignedText> write)
    {
        var text = new AlignedText(pieces.Text.Aligned, pieces.Text.Length + pieces.Cuts.Count + 8);
        for (int i = 0; i < pieces.Cuts.Count; i++)
        {
            (int start, int end) = pieces.Cuts[i];
            int from = text.Length;
            write(pieces.Text, start, end, text);
            pieces.Cuts[i] = (from, text.Length);
        }
        pieces.Text = text;
    }
}

/// <summary>Steps one after another.</summary>
internal sealed class PreTokenizerSequence(PreTokenizer[] steps) : PreTokenizer
{
    public override void Cut(PieceList pieces)
    {
        foreach (PreTokenizer step in steps) step.Cut(pieces);
    }
}

/// <summary>GPT-2's way: an optional blank in front, its regex, and UTF-8 bytes in the printable alphabet.</summary>
internal sealed class ByteLevel(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    private static readonly RegexPattern s_pattern = new(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+");

    public override void Cut(PieceList pieces)
    {
        // The blank stands only before a piece that does not begin with one (U+0020 itself: a line feed gets one).
        if (addPrefixSpace) Rewrite(pieces, (text, start, end, result) =>
        {
            if (text[start] != ' ') result.Push(' ', text, start);
            result.Append(text, start, end);
        });
        if (useRegex) pieces.Split(s_pattern, SplitBehavior.Isolated, false);
        Rewrite(pieces, ByteAlphabet.Push);
    }
}

/// <summary>sentencepiece's way: blanks become a mark (▁), which also stands in front of a piece, and the text is cut before each mark.</summary>
internal sealed class Metaspace(int mark, MetaspacePrefix prefix, bool split) : PreTokenizer
{
    private readonly LiteralPattern _pattern = new(char.ConvertFromUtf32(mark));

    public override void Cut(PieceList pieces)
    {
        Rewrite(pieces, (text, start, end, result) =>
        {
            int first = text.PointAt(start, out _);
            bool begins = prefix == MetaspacePrefix.Always || (prefix == MetaspacePrefix.First && text.Span(start, end).Start == 0);
            if (begins && first != mark && first != ' ') result.Push(mark, text, start);
            for (int at = start; at < end;)
            {
                int point = text.PointAt(at, out int width);
                result.Push(point == ' ' ? mark : point, text, at);
                at += width;
            }
        });
        if (split) pieces.Split(_pattern, SplitBehavior.MergedWithNext, false);
    }
}

/// <summary>Where Metaspace puts a mark of its own: before every piece, before a piece at the text's very beginning, nowhere.</summary>
internal enum MetaspacePrefix { Always, First, Never }

/// <summary>Cuts at a string or regex.</summary>
internal sealed class Split(TextPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public override void Cut(PieceList pieces) => pieces.Split(pattern, behavior, invert);
}

/// <summary>Cuts at characters of a set: white space, punctuation, digits, a delimiter.</summary>
internal sealed class SplitAt(CodePointSet set, SplitBehavior behavior) : PreTokenizer
{
    /// <summary>The 25 points of White_Space are dropped.</summary>
    public static SplitAt WhitespaceOnly { get; } = new(UnicodeTables.Set("split-WhitespaceSplit"), SplitBehavior.Removed);

    /// <summary>ASCII punctuation (with $+&lt;=&gt;^`|~) and the punctuation of an older Unicode.</summary>
    public static CodePointSet PunctuationMarks { get; } = UnicodeTables.Set("split-Punctuation");

    /// <summary>Word characters of Whitespace and of added tokens: not those of the regexes' \w, for the joiners are in and ² is out.</summary>
    public static CodePointSet Words { get; } = UnicodeTables.Set("split-Word");

    /// <summary>Digits, letter numbers and other numbers.</summary>
    public static CodePointSet Digits { get; } = UnicodeTables.Set("split-Digits");

    public override void Cut(PieceList pieces) => pieces.Split(set, behavior);
}

/// <summary>Runs of word characters, and runs of what is neither that nor white space.</summary>
internal sealed class WordRuns : PreTokenizer
{
    public override void Cut(PieceList pieces)
    {
        var cuts = new List<(int, int)>(pieces.Text.Length / 4 + 4);
        foreach ((int start, int end) in pieces.Cuts)
        {
            int run = start, kind = 0; // 0: white space, 1: a word, 2: the rest
            for (int at = start; at < end;)
            {
                int point = pieces.Text.PointAt(at, out int width);
                int here = SplitAt.Words.Contains(point) ? 1 : RegexPattern.Space.Contains(point) ? 0 : 2;
                if (here != kind)
                {
                    if (kind != 0) cuts.Add((run, at));
                    (run, kind) = (at, here);
                }
                at += width;
            }
            if (kind != 0) cuts.Add((run, end));
        }
        pieces.Cuts = cuts;
    }
}

/// <summary>BERT's way: white space is dropped, every punctuation mark stands alone.</summary>
internal sealed class BertPreTokenizer : PreTokenizer
{
    private static readonly CodePointSet s_spaces = UnicodeTables.Set("split-WhitespaceSplit"), s_marks = SplitAt.PunctuationMarks;

    public override void Cut(PieceList pieces)
    {
        var cuts = new List<(int, int)>(pieces.Text.Length / 4 + 4);
        foreach ((int start, int end) in pieces.Cuts)
        {
            int word = start;
            for (int at = start; at < end;)
            {
                int point = pieces.Text.PointAt(at, out int width);
                bool space = s_spaces.Contains(point);
                if (space || s_marks.Contains(point))
                {
                    if (at > word) cuts.Add((word, at));
                    if (!space) cuts.Add((at, at + width));
                    word = at + width;
                }
                at += width;
            }
            if (end > word) cuts.Add((word, end));
        }
        pieces.Cuts = cuts;
    }
}

/// <summary>Cuts every so many code points.</summary>
internal sealed class FixedLength(int length) : PreTokenizer
{
    public override void Cut(PieceList pieces)
    {
        var cuts = new List<(int, int)>();
        foreach ((int start, int end) in pieces.Cuts)
            for (int at = start; at < end;)
            {
                int from = at;
                for (int i = 0; i < length && at < end; i++)
                {
                    pieces.Text.PointAt(at, out int width);
                    at += width;
                }
                cuts.Add((from, at));
            }
        pieces.Cuts = cuts;
    }
}
