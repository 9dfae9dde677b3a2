namespace Warm.Transformers.Tests;

public class BatchLayoutTests
{
    [Fact]
    public void Of_without_sharing_lays_texts_end_to_end()
    {
        BatchLayout layout = BatchLayout.Of([[5, 6, 7], [5, 6], [9]]);
        Assert.Equal([5, 6, 7, 5, 6, 9], layout.Ids.ToArray());
        Assert.Equal([0, 1, 2, 0, 1, 0], layout.Positions.ToArray());
        Assert.Equal(3, layout.Segments.Length);
        Assert.Equal([0, 3, 5], Enumerable.Range(0, 3).Select(t => layout.RowOf(t, 0)));
        Assert.True(layout.Attended.IsEmpty);
    }

    [Fact]
    public void Of_drafts_to_one_prompt_computes_the_prompt_once()
    {
        int[] prompt = [.. Enumerable.Range(10, 200)];
        int[][] drafts = [.. Enumerable.Range(0, 8).Select(n => (int[])[.. prompt, 1000 + n, .. Enumerable.Range(0, 30)])];
        BatchLayout layout = BatchLayout.Of(drafts, shareBeginnings: true);
        Assert.Equal(200 + 8 * 31, layout.Rows);
        Assert.Equal(8 * 231, layout.Tokens);
        Assert.Equal(9, layout.Segments.Length);
    }

    [Fact]
    public void Of_equal_texts_shares_all_rows()
    {
        BatchLayout layout = BatchLayout.Of([[1, 2, 3], [1, 2, 3], [1, 2]], shareBeginnings: true);
        Assert.Equal(3, layout.Rows);
        Assert.Equal(layout.LastSegment(0), layout.LastSegment(1));
        Assert.Equal([3, 3, 2], Enumerable.Range(0, 3).Select(layout.Length));
    }

    [Fact]
    public void Of_texts_of_other_types_shares_no_further_than_types_agree() =>
        Assert.Equal(5, BatchLayout.Of([[1, 2, 3], [1, 2, 3]], shareBeginnings: true, typeIds: [[0, 0, 0], [0, 1, 1]]).Rows);

    [Fact]
    public void Of_given_positions_or_mask_switches_sharing_off()
    {
        Assert.Equal(4, BatchLayout.Of([[1, 2], [1, 2]], true, positions: [[0, 1], [3, 7]]).Rows);
        Assert.Equal(4, BatchLayout.Of([[1, 2], [1, 2]], true, attended: [[true, true], [false, true]]).Rows);
    }

    [Fact]
    public void Of_an_empty_text_is_refused() => Assert.Throws<ArgumentException>(() => BatchLayout.Of([[1], []]));

    [Fact]
    public void Of_no_texts_has_no_rows() => Assert.Equal(0, BatchLayout.Of([], shareBeginnings: true).Rows);

    [Fact]
    public void RowOf_beyond_the_text_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => BatchLayout.Of([[1, 2]]).RowOf(0, 2));

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(3, 40)]
    public void Of_random_texts_is_a_trie(int seed, int vocabulary)
    {
        var random = new Random(seed);
        for (int round = 0; round < 60; round++)
        {
            int[][] texts = [.. Enumerable.Range(0, random.Next(1, 20)).Select(_ => Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.Next(vocabulary)).ToArray())];
            BatchLayout layout = BatchLayout.Of(texts, shareBeginnings: true);

            // As many rows as there are different beginnings, and each text reads back its own ids and indices.
            var beginnings = new HashSet<string>();
            foreach (int[] text in texts)
                for (int i = 1; i <= text.Length; i++) beginnings.Add(string.Join(' ', text[..i]));
            Assert.Equal(beginnings.Count, layout.Rows);
            Assert.Equal(texts.Sum(t => t.Length), layout.Tokens);
            for (int t = 0; t < texts.Length; t++)
            {
                Assert.Equal(texts[t].Length, layout.Length(t));
                for (int i = 0; i < texts[t].Length; i++)
                {
                    int row = layout.RowOf(t, i);
                    Assert.Equal((texts[t][i], i), (layout.Ids[row], layout.Positions[row]));
                }
            }

            // Segments are runs of rows in order, each behind the parent that it continues.
            int next = 0;
            for (int s = 0; s < layout.Segments.Length; s++)
            {
                BatchLayout.Segment segment = layout.Segments[s];
                Assert.Equal(next, segment.Row);
                Assert.True(segment.Length >= 1 && segment.Parent < s);
                Assert.Equal(segment.Start, segment.Parent < 0 ? 0 : layout.Segments[segment.Parent].Start + layout.Segments[segment.Parent].Length);
                next += segment.Length;
            }
            Assert.Equal(layout.Rows, next);
        }
    }
}
