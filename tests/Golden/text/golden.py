"""Writes byte-level.json, word-piece.json (two small tokenizers, learned from the sentences below) and their answers, golden.json, beside itself.

usage: python golden.py FOLDER        (with the tokenizers library; versions are recorded in golden.json)
"""
import json, sys, tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SENTENCES = ["How do I boil an egg? Put it in water for seven minutes; then cool it.", "The answer isn't short, but it's right: we'll see, they've said so.",
             "An average of models scores better than its members.", "Ich mag Käse und Brot. Das Mädchen isst Äpfel.", "12 eggs cost 3.50; 1234 eggs cost more.", "the them then there these they"] * 3
TEXTS = ["", " ", "Hello world", "How do I boil an egg?", " leading and trailing ", "It's 12345 o'clock, they'LL say", "Käse, Ka\u0308se \u00c4PFEL", "a\n\n b\t c  \u00a0d", "\u4f60\u597d 😀 e\u0301\u0323", "x<|end|>y", "[MASK] a[SEP]b", "ſs K \u2028 \ufb01"]
PAIRS = [["How do I boil an egg?", "Put it in water."], ["", "b"], ["<|end|>", ""]]

llama3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
b = Tokenizer(models.BPE())
b.normalizer = normalizers.NFC()
b.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(llama3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
b.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=420, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
b.add_special_tokens([AddedToken("<|begin|>", special=True), AddedToken("<|end|>", special=True)])
begin = b.token_to_id("<|begin|>")
b.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(single="<|begin|> $A", pair="<|begin|> $A <|begin|>:1 $B:1", special_tokens=[("<|begin|>", begin)])])
b.decoder = decoders.ByteLevel()

w = Tokenizer(models.WordPiece(unk_token="[UNK]"))
w.normalizer = normalizers.BertNormalizer()
w.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
w.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=220, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
w.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
w.decoder = decoders.WordPiece()

golden = {"tokenizers": tokenizers.__version__, "python": sys.version.split()[0]}
for name, t in (("byte-level", b), ("word-piece", w)):
    t.save(f"{sys.argv[1]}/{name}.json", pretty=False)
    def answer(text, pair=None):
        e = t.encode(text, pair)
        units = lambda s, p: len(s[:p].encode("utf-16-le")) // 2
        spans = [[units(pair if q == 1 else text, x) for x in o] for o, q in zip(e.offsets, e.sequence_ids)]
        return {"text": text, "pair": pair, "ids": e.ids, "tokens": e.tokens, "offsets": spans, "types": e.type_ids, "mask": e.special_tokens_mask,
                "decoded": t.decode(e.ids, skip_special_tokens=False), "skipped": t.decode(e.ids)}
    golden[name] = [answer(x) for x in TEXTS] + [answer(x, y) for x, y in PAIRS]
json.dump(golden, open(f"{sys.argv[1]}/golden.json", "w"), indent=0)
