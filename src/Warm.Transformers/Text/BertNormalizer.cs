namespace Warm.Transformers;

/// <summary>BERT's clean-up: control characters away, white space to blanks, blanks around Chinese characters, accents away (after NFD, which stays), lower case.</summary>
internal sealed class BertNormalizer(bool cleanText, bool chinese, bool stripAccents, bool lowercase) : Normalizer
{
    private static readonly CodePointSet s_removed = UnicodeTables.Set("Bert-clean-removed").Union(CodePointSet.Of((0, 0), (0xFFFD, 0xFFFD)));
    private static readonly CodePointSet s_spaces = UnicodeTables.Set("Bert-clean-to-space");
    private static readonly CodePointSet s_chinese = UnicodeTables.Set("Bert-chinese");
    private static readonly CodePointSet s_accents = UnicodeTables.Set("Bert-strip-accents-removed");

    public override AlignedText Apply(AlignedText text)
    {
        if (cleanText) text = Clean(text);
        if (chinese) text = SurroundChinese(text);
        if (stripAccents) text = Keep(NormalForm.Decomposed.Apply(text), point => point < 0x300 || !s_accents.Contains(point));
        return lowercase ? Lowercase.Instance.Apply(text) : text;
    }

    private static AlignedText Clean(AlignedText text)
    {
        var result = new AlignedText(text.Aligned, text.Length);
        for (int at = 0; at < text.Length;)
        {
            int point = text.PointAt(at, out int width);
            if (point is > ' ' and < 127) result.Push(point, text, at);
            else if (s_spaces.Contains(point)) result.Push(' ', text, at);
            else if (!s_removed.Contains(point)) result.Push(point, text, at);
            at += width;
        }
        return result;
    }

    private static AlignedText SurroundChinese(AlignedText text)
    {
        AlignedText? result = null;
        for (int at = 0; at < text.Length;)
        {
            int point = text.PointAt(at, out int width);
            bool surround = point >= 0x3400 && s_chinese.Contains(point);
            if (surround && result is null)
            {
                result = new AlignedText(text.Aligned, text.Length + 16);
                result.Append(text, 0, at);
            }
            if (surround) result!.Push(' ', text, at);
            result?.Append(text, at, at + width);
            if (surround) result!.Push(' ', text, at);
            at += width;
        }
        return result ?? text;
    }
}
