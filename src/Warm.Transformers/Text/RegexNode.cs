namespace Warm.Transformers;

/// <summary>A parsed piece of a regex.</summary>
internal abstract record RegexNode
{
    /// <summary>Code points that a match may have: fewest and most (null: no bound).</summary>
    public abstract (int Least, int? Most) Width { get; }

    /// <summary>The points that a match can begin with, or null where it may be empty or that is not known.</summary>
    public virtual CodePointSet? First => null;

    /// <summary>One point of a set; <see cref="Literal"/> where it was written as a character (for multi-character case folding), else -1.</summary>
    public sealed record One(CodePointSet Set, int Literal = -1) : RegexNode
    {
        public override (int, int?) Width => (1, 1);
        public override CodePointSet? First => Set;
    }

    /// <summary>Nodes one after another.</summary>
    public sealed record Sequence(IReadOnlyList<RegexNode> Items) : RegexNode
    {
        public override (int, int?) Width => (Items.Sum(i => i.Width.Least), Items.Any(i => i.Width.Most is null) ? null : Items.Sum(i => i.Width.Most!.Value));

        public override CodePointSet? First
        {
            get
            {
                CodePointSet? first = null; // the union of the optional items' sets up to the first item that must match
                foreach (RegexNode item in Items)
                {
                    if (item is Assertion or Look or Keep) continue; // they consume nothing; the union stays an upper bound
                    CodePointSet? set = item.Width.Least > 0 ? item.First : item is Repeat { Body.First: { } body } ? body : null;
                    if (set is null) return null;
                    first = first?.Union(set) ?? set;
                    if (item.Width.Least > 0) return first;
                }
                return null;
            }
        }
    }

    /// <summary>The first alternative that leads to a match.</summary>
    public sealed record Choice(IReadOnlyList<RegexNode> Items) : RegexNode
    {
        public override (int, int?) Width => (Items.Min(i => i.Width.Least), Items.Any(i => i.Width.Most is null) ? null : Items.Max(i => i.Width.Most));
        public override CodePointSet? First => Items.Any(i => i.First is null) ? null : Items.Select(i => i.First!).Aggregate((a, b) => a.Union(b));
    }

    /// <summary>A node some times.</summary>
    public sealed record Repeat(RegexNode Body, int Least, int? Most, RepeatKind Kind) : RegexNode
    {
        public override (int, int?) Width =>
            ((int)Math.Min(int.MaxValue / 4, (long)Body.Width.Least * Least), Body.Width.Most is { } most && Most is { } times ? (int)Math.Min(int.MaxValue / 4, (long)most * times) : null);

        public override CodePointSet? First => Least > 0 ? Body.First : null;
    }

    /// <summary>A group whose text can be referred to.</summary>
    public sealed record Group(int Number, RegexNode Body) : RegexNode
    {
        public override (int, int?) Width => Body.Width;
        public override CodePointSet? First => Body.First;
    }

    /// <summary>A node that does not give back what it took.</summary>
    public sealed record Atomic(RegexNode Body) : RegexNode
    {
        public override (int, int?) Width => Body.Width;
        public override CodePointSet? First => Body.First;
    }

    /// <summary>Whether a node matches ahead of (or ends at) this place.</summary>
    public sealed record Look(RegexNode Body, bool Behind, bool Negative) : RegexNode
    {
        public override (int, int?) Width => (0, 0);
    }

    /// <summary>The text of a group again.</summary>
    public sealed record Reference(int Number, bool IgnoreCase) : RegexNode
    {
        public override (int, int?) Width => (0, null);
    }

    /// <summary>A place.</summary>
    public sealed record Assertion(RegexPlace Place) : RegexNode
    {
        public override (int, int?) Width => (0, 0);
    }

    /// <summary><c>\K</c>: the match begins here.</summary>
    public sealed record Keep : RegexNode
    {
        public override (int, int?) Width => (0, 0);
    }

    /// <summary><c>\X</c>: an extended grapheme cluster.</summary>
    public sealed record Grapheme : RegexNode
    {
        public override (int, int?) Width => (1, null);
    }
}

/// <summary>How a repetition takes.</summary>
internal enum RepeatKind { Greedy, Lazy, Possessive }

/// <summary>Places in a text.</summary>
internal enum RegexPlace { LineStart, LineEnd, TextStart, TextEnd, TextEndOrLastLineFeed, WordBoundary, NoWordBoundary, SearchStart }
