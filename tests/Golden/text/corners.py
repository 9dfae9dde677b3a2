"""Small tokenizers with components in corners that no published file has, and what the library makes of them.

    python corners.py > corners.json        (tokenizers 0.23)
"""
import json, sys
import tokenizers
from tokenizers import Tokenizer

LETTERS = {c: i for i, c in enumerate(["<unk>", *"abcdefgh xyz\n▁", "ab", "é"])}
BYTES = {f"<0x{b:02X}>": b for b in range(256)}


def added(content, i, lstrip=False, rstrip=False, normalized=False, special=False, single_word=False):
    return dict(id=i, content=content, single_word=single_word, lstrip=lstrip, rstrip=rstrip, normalized=normalized, special=special)


def tokenizer(model, added_tokens=(), normalizer=None, decoder=None):
    return dict(version="1.0", truncation=None, padding=None, added_tokens=list(added_tokens), normalizer=normalizer, pre_tokenizer=None, post_processor=None, decoder=decoder, model=model)


def bpe(vocab, merges, **options):
    return {**dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=False, byte_fallback=False, ignore_merges=False), **options,
            "vocab": vocab, "merges": merges}


letters = bpe(LETTERS, [["a", "b"]], unk_token="<unk>")
bytes_and_words = {**BYTES, **{w: 256 + i for i, w in enumerate(["▁", "t", "h", "e", "c", "a", "th", "the", "▁the", "▁c", "at", "▁cat", "é"])}}
words = bpe(bytes_and_words, [["t", "h"], ["th", "e"], ["▁", "the"], ["▁", "c"], ["a", "t"], ["▁c", "at"]], byte_fallback=True, fuse_unk=True)
parts = ["<unk>", "a", "é", "b", "##b", "##é", "ab", "aé", "a##b"]
prefixed = bpe({w: i for i, w in enumerate(parts)}, [["a", "##b"], ["a", "##é"]], unk_token="<unk>", continuing_subword_prefix="##")

CASES = {
    "a token that the one before has swallowed": (tokenizer(letters, [added("\n", LETTERS["\n"], lstrip=True, rstrip=True)]), ["a\n\n\nb", "\n", " \n \n x"]),
    "tokens that overlap in the blanks they take": (tokenizer(letters, [added("\n", LETTERS["\n"], rstrip=True)]), ["a\n\n\nb"]),
    "nothing replaced by something": (tokenizer(letters, decoder={"type": "Replace", "pattern": {"String": ""}, "content": "-"}), ["ab c", "", "é"]),
    "nothing found by a regex": (tokenizer(letters, decoder={"type": "Replace", "pattern": {"Regex": "x*"}, "content": "-"}), ["axxb"]),
    "nothing replaced before": (tokenizer(letters, normalizer={"type": "Replace", "pattern": {"String": ""}, "content": "z"}), ["ab", "", "é"]),
    "a prefix goes in bytes": (tokenizer(prefixed), ["ab", "aé", "abé"]),
    "words of one long piece": (tokenizer(words, normalizer={"type": "Replace", "pattern": {"String": " "}, "content": "▁"}),
                                ["the cat the cat the cat the cat the cat the cat", "the\ncat the日本cat é the thethe cat  the🙂 cat the the", " the" * 30 + "\n\n" + " catat" * 9]),
}


def answer(t, text):
    e = t.encode(text)
    units = [0]
    for c in text: units.append(units[-1] + (2 if ord(c) > 0xFFFF else 1))
    return dict(text=text, ids=e.ids, tokens=e.tokens, offsets=[[units[a], units[b]] for a, b in e.offsets], decoded=t.decode(e.ids, skip_special_tokens=False))


result = {"tokenizers": tokenizers.__version__, "python": sys.version.split()[0], "cases": []}
for name, (file, texts) in CASES.items():
    t = Tokenizer.from_str(json.dumps(file))
    result["cases"].append(dict(name=name, file=file, answers=[answer(t, text) for text in texts]))
print("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v) if k != 'cases' else '[' + ','.join(chr(10) + json.dumps(c) for c in v) + ']'}" for k, v in result.items()) + "}")
