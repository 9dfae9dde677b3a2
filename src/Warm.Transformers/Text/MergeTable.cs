namespace Warm.Transformers;

/// <summary>Pairs of ids to the rank of their merge and the id that it makes.</summary>
internal sealed class MergeTable(int capacity)
{
    private readonly ulong[] _keys = Filled(capacity);
    private readonly (int Rank, int Id)[] _values = new (int, int)[Size(capacity)];

    /// <summary>Adds a merge; a later one for the same pair counts.</summary>
    public void Set(int left, int right, int rank, int id)
    {
        int slot = Slot(left, right);
        _keys[slot] = Key(left, right);
        _values[slot] = (rank, id);
    }

    /// <summary>The pairs of ids that have a merge.</summary>
    public IEnumerable<(int Left, int Right)> Pairs => _keys.Where(key => key != ulong.MaxValue).Select(key => ((int)(key >> 32), (int)key));

    /// <summary>The merge of a pair; the rank is int.MaxValue where there is none.</summary>
    public (int Rank, int Id) Find(int left, int right)
    {
        int slot = Slot(left, right);
        return _keys[slot] == ulong.MaxValue ? (int.MaxValue, -1) : _values[slot];
    }

    private int Slot(int left, int right)
    {
        ulong key = Key(left, right);
        int mask = _keys.Length - 1, slot = (int)(key * 0x9E3779B97F4A7C15 >> 32) & mask;
        while (_keys[slot] != ulong.MaxValue && _keys[slot] != key) slot = slot + 1 & mask;
        return slot;
    }

    private static ulong Key(int left, int right) => (ulong)(uint)left << 32 | (uint)right;

    private static int Size(int capacity) => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(8, capacity * 2 + 1));

    private static ulong[] Filled(int capacity)
    {
        ulong[] keys = new ulong[Size(capacity)];
        Array.Fill(keys, ulong.MaxValue);
        return keys;
    }
}
