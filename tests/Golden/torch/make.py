"""Writes the torch files of this folder and expected.json, what torch reads from them. Run with torch in this folder: python make.py"""
import collections, json, pickle, torch

NAMES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32", torch.int16: "I16",
         torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL", torch.complex64: "C64"}
torch.manual_seed(3)
square = torch.randn(6, 5)
cube = torch.randn(3, 4, 5).to(torch.bfloat16)
complex_ = torch.randn(4, dtype=torch.complex64)
views = {"whole": square, "transposed": square.t(), "strided": square[1::2, ::2], "column": square[:, 3], "one": square[2, 2], "expanded": square[0].expand(3, 5),
         "permuted": cube.permute(2, 0, 1), "slice": cube[1:, 2], "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
         "windows": torch.arange(10, dtype=torch.int32).unfold(0, 4, 2), "conjugated": complex_.conj(), "negated": torch.randn(4, dtype=torch.complex64).conj().imag, "empty": torch.zeros(0, 4)}
model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
dtypes = {name: torch.tensor([0, 1, 5]).to(dtype) for dtype, name in NAMES.items()}
tied = torch.nn.Parameter(torch.randn(3, 2))

files = {
    "views.bin": (views, {}),
    "views_legacy.bin": (views, {"_use_new_zipfile_serialization": False}),
    "module.bin": (model.state_dict(), {}),
    "dtypes_protocol4.bin": (dtypes, {"pickle_protocol": 4}),
    "dtypes_legacy_protocol1.bin": (dtypes, {"pickle_protocol": 1, "_use_new_zipfile_serialization": False}),
    "checkpoint.bin": ({"epoch": 3, "lr": 1e-3, "tags": {"a", "b"}, "model_state_dict": collections.OrderedDict([("embed", tied), ("head", tied)]),
                        "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"params": [0]}]}}, {}),
}
expected = {}
for file, (value, options) in files.items():
    torch.save(value, file, **options)
    read = torch.load(file, weights_only=False)
    read = read.get("model_state_dict", read)
    expected[file] = {name: {"dtype": NAMES[t.dtype], "shape": list(t.shape), "hex": t.detach().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes().hex() if t.numel() else ""}
                      for name, t in read.items()}
json.dump({"torch": torch.__version__, "files": expected}, open("expected.json", "w"), indent=1)
