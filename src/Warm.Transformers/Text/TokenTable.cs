namespace Warm.Transformers;

/// <summary>
/// Strings to ids, asked by span. Open addressing; the hash begins from a number that differs in every process, so that no file can be written whose
/// entries all collide.
/// </summary>
internal sealed class TokenTable
{
    private static readonly uint s_seed = (uint)Random.Shared.Next() | 1;
    private uint[] _hashes = new uint[16]; // 0: free
    private int[] _entries = new int[16];
    private readonly List<(string Key, int Value)> _items = [];

    public int Count => _items.Count;

    /// <summary>Entries in the order in which they came.</summary>
    public IReadOnlyList<(string Key, int Value)> Items => _items;

    /// <summary>The value of a key, or -1.</summary>
    public int Find(ReadOnlySpan<char> key)
    {
        int slot = Slot(key, Hash(key));
        return _hashes[slot] == 0 ? -1 : _items[_entries[slot]].Value;
    }

    /// <summary>Adds an entry or changes its value; false where the key was there.</summary>
    public bool Set(string key, int value)
    {
        uint hash = Hash(key);
        int slot = Slot(key, hash);
        if (_hashes[slot] != 0)
        {
            _items[_entries[slot]] = (key, value);
            return false;
        }
        (_hashes[slot], _entries[slot]) = (hash, _items.Count);
        _items.Add((key, value));
        if (_items.Count * 2 > _hashes.Length) Grow();
        return true;
    }

    public static uint Hash(ReadOnlySpan<char> key)
    {
        uint hash = s_seed;
        foreach (char c in key) hash = (hash ^ c) * 0x9E3779B1 ^ hash >> 15;
        hash ^= hash >> 16;
        return hash == 0 ? 1 : hash;
    }

    private int Slot(ReadOnlySpan<char> key, uint hash)
    {
        int mask = _hashes.Length - 1, slot = (int)hash & mask;
        while (_hashes[slot] != 0 && !(_hashes[slot] == hash && key.SequenceEqual(_items[_entries[slot]].Key))) slot = slot + 1 & mask;
        return slot;
    }

    private void Grow()
    {
        (uint[] hashes, int[] entries) = (_hashes, _entries);
        (_hashes, _entries) = (new uint[hashes.Length * 4], new int[hashes.Length * 4]);
        for (int i = 0; i < hashes.Length; i++)
        {
            if (hashes[i] == 0) continue;
            int slot = (int)hashes[i] & _hashes.Length - 1;
            while (_hashes[slot] != 0) slot = slot + 1 & _hashes.Length - 1;
            (_hashes[slot], _entries[slot]) = (hashes[i], entries[i]);
        }
    }
}
