namespace Warm.Transformers;

/// <summary>
/// Shortens a tokenised text to a number of tokens. What the tokenizer added ([CLS], [SEP], a beginning-of-text) stays; so do, where no tokenizer adds them, a beginning-of-text
/// at the front and the special token that ends the text (an end-of-turn, whose state carries the reward). Of a pair the longer side is cut first, as <c>tokenizers</c> does (longest_first).
/// </summary>
internal static class TextCut
{
    /// <summary>The tokens that stay, by index and in order.</summary>
    /// <param name="text">The text.</param>
    /// <param name="most">How many may stay.</param>
    /// <param name="side">Which end is cut.</param>
    /// <param name="isPair">Whether it is a pair of texts.</param>
    /// <param name="isSpecial">Whether an id is a special token.</param>
    /// <param name="where">Whose text it is, for the message.</param>
    public static int[] Keep(TokenizedText text, int most, Truncation side, bool isPair, Func<int, bool> isSpecial, string where)
    {
        int count = text.Ids.Count;
        bool[] kept = [.. text.SpecialMask];
        if (isSpecial(text.Ids[0])) kept[0] = true;
        for (int i = count - 1; i >= Math.Max(0, count - 2); i--) // an end-of-turn, or one and the line break behind it
            if (isSpecial(text.Ids[i]))
            {
                Array.Fill(kept, true, i, count - i);
                break;
            }
        int[] free = [.. Enumerable.Range(0, count).Where(i => !kept[i])];
        int room = most - (count - free.Length);
        if (room < 0) throw new WarmException(where, $"{most} tokens are too few", $"at least {count - free.Length}, for the special tokens");

        int split = -1; // where the second text of a pair begins: behind the first gap
        for (int n = 1; n < free.Length && isPair && split < 0; n++)
            if (free[n] != free[n - 1] + 1) split = n;
        IEnumerable<int> stay = split > 0 ? Both(free[..split], free[split..]) : Cut(free, room);
        foreach (int i in stay) kept[i] = true;
        return [.. Enumerable.Range(0, count).Where(i => kept[i])];

        IEnumerable<int> Cut(int[] part, int length) => side == Truncation.Left ? part[^Math.Min(length, part.Length)..] : part[..Math.Min(length, part.Length)];

        IEnumerable<int> Both(int[] first, int[] second)
        {
            int shorter = Math.Min(first.Length, second.Length), longer = shorter > room ? shorter : Math.Max(shorter, room - shorter);
            if (shorter + longer > room) (shorter, longer) = (room / 2, room / 2 + room % 2);
            bool swap = first.Length > second.Length;
            return Cut(first, swap ? longer : shorter).Concat(Cut(second, swap ? shorter : longer));
        }
    }
}
