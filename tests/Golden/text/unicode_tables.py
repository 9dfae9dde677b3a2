"""Writes src/Warm.Transformers/Text/unicode.tables: the character classes and normal forms of the `tokenizers` library as it behaves.

usage: python unicode_tables.py UNICODE_JSON_GZ OUT
UNICODE_JSON_GZ is the reference's tokenizers/unicode.json.gz (classes that were measured by running tokenizers 0.23.3). What it lacks
(the remaining general categories, POSIX brackets, normal forms) is asked of the installed `tokenizers` here, by running it on every code point.

Form of the file (raw deflate): a sequence of tables, each: name (length byte, ASCII), kind byte, count (varint), entries.
  kind 0, a set:  count ranges, each two varints: gap since the last end, length - 1
  kind 1, a map:  count entries, each: gap since the last key, number of values, the values (code points), all varints
"""
import gzip, json, sys, unicodedata, zlib
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

def varint(n):
    out = bytearray()
    while n >= 128: out.append(n & 127 | 128); n >>= 7
    out.append(n)
    return bytes(out)

out = bytearray()
def head(name, kind, count):
    out.extend(bytes([len(name)]) + name.encode() + bytes([kind]) + varint(count))
def write_set(name, ranges):
    head(name, 0, len(ranges)); last = 0
    for a, b in ranges: out.extend(varint(a - last) + varint(b - a)); last = b
def write_map(name, entries):
    head(name, 1, len(entries)); last = 0
    for k in sorted(entries):
        out.extend(varint(k - last) + varint(len(entries[k])) + b"".join(varint(v) for v in entries[k])); last = k
def ranges_of(points):
    rows = []
    for p in points:
        if rows and rows[-1][1] == p - 1: rows[-1][1] = p
        else: rows.append([p, p])
    return rows

known = json.load(gzip.open(sys.argv[1], "rt", encoding="utf-8"))
points = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
text = "".join(map(chr, points))
def ask(pattern):  # which code points a one-character regex matches
    cut = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    return ranges_of([ord(piece) for piece, _ in cut.pre_tokenize_str(text)])

simple = lambda name: name.replace("\\p{", "").replace("}", "").replace("[[:", "posix-").replace(":]]", "").replace("\\", "class-")
written = set()
for name, rows in known["regex"].items():
    if name == ".": continue
    write_set(simple(name), rows); written.add(simple(name))
for category in "Co Pd Ps Pe Pi Pf Po Sm Sc Sk So Zl Zp LC Alphabetic Armenian Hebrew Devanagari Bengali Tamil Telugu Kannada Malayalam Gujarati Gurmukhi Georgian Ethiopic Khmer Lao Myanmar Mongolian Tibetan Sinhala Bopomofo Common Inherited Extended_Pictographic Uppercase Lowercase White_Space".split():
    if category not in written: write_set(category, ask("\\p{" + category + "}"))
for name in "alnum blank cntrl digit graph lower print xdigit word".split():
    if "posix-" + name not in written: write_set("posix-" + name, ask("[[:" + name + ":]]"))
for group in ("pre_tokenizer_splits_a_c_a", "normalizer"):
    for name, rows in known[group].items(): write_set("split-" + name if group[0] == "p" else name, rows)
# Word characters of the Whitespace pre-tokenizer and of added tokens' single_word: another regex library, another set (with the joiners).
whitespace = pre_tokenizers.Whitespace()
write_set("split-Word", ranges_of([c for c in points if len(whitespace.pre_tokenize_str("a" + chr(c) + "a")) == 1]))
write_map("lowercase", {int(k, 16): list(map(ord, v)) for k, v in known["lowercase"].items()})

# Simple and full case folding (Unicode of this Python), for (?i:...): checked in the tests against regex_ignore_case.
write_map("fold", {c: list(map(ord, chr(c).casefold())) for c in points if chr(c).casefold() != chr(c)})

# Normal forms, as the library answers.
forms = {form: getattr(normalizers, form)() for form in ("NFC", "NFD", "NFKC", "NFKD")}
for form in ("NFD", "NFKD"):
    write_map(form, {c: list(map(ord, got)) for c in points if not 0xAC00 <= c <= 0xD7A3 and (got := forms[form].normalize_str(chr(c))) != chr(c)})
compose, marks = {}, {}
for c in points:
    pair = unicodedata.decomposition(chr(c)).split()
    if len(pair) == 2 and not pair[0].startswith("<"):
        a, b = (int(x, 16) for x in pair)
        if forms["NFC"].normalize_str(chr(a) + chr(b)) == chr(c): compose[c] = [a, b]
    combining = unicodedata.combining(chr(c))
    if combining:
        # Does the library know it as a mark? It must change places with a mark of another class.
        other = "\u0345" if combining != 240 else "\u0334"   # classes 240 and 1
        both = other + chr(c) if combining < 240 else chr(c) + other
        if forms["NFD"].normalize_str("a" + both) != "a" + both: marks[c] = [combining]
write_map("compose", compose); write_map("marks", marks)
packer = zlib.compressobj(9, zlib.DEFLATED, -15)
open(sys.argv[2], "wb").write(packer.compress(bytes(out)) + packer.flush())
print(len(out), "bytes before packing; Python's Unicode", unicodedata.unidata_version, len(compose), "compositions", len(marks), "marks")
