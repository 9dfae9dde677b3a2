"""Tiny reward models and what transformers makes of them when config.json is edited: python make.py DIR   (torch 2.6, transformers 5.23)

Each case names a base folder, the keys that are set or removed, the ids, and the logits in float32; "missing" where transformers would invent a tensor, "error" where it refuses.
"refused": the key that Warm names instead of following. "trap" says what is easily got wrong. Weights are random, seeded by the folder's name."""
import copy, json, os, shutil, sys, tempfile, zlib
import torch, transformers as T

OUT = sys.argv[1]
SIZES = dict(hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2, vocab_size=16, max_position_embeddings=32, num_labels=1)
DECODER = dict(**SIZES, num_key_value_heads=1, pad_token_id=0, bos_token_id=1, eos_token_id=2)
LONG = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.5], "long_factor": [3.0, 9.0], "original_max_position_embeddings": 16}
LAYERED = {"full_attention": {"rope_type": "default", "rope_theta": 100.0}, "sliding_attention": {"rope_type": "default", "rope_theta": 10.0}}
BASES = {
    "llama": (T.LlamaForSequenceClassification, T.LlamaConfig(**DECODER)),
    "gemma": (T.GemmaForSequenceClassification, T.GemmaConfig(**DECODER, head_dim=4)),
    "gemma3": (T.Gemma3TextForSequenceClassification, T.Gemma3TextConfig(**DECODER, head_dim=4, sliding_window=4, rope_parameters=copy.deepcopy(LAYERED), layer_types=["sliding_attention", "full_attention"])),
    "phi3": (T.Phi3ForSequenceClassification, T.Phi3Config(**DECODER, original_max_position_embeddings=16, rope_parameters=copy.deepcopy(LONG))),
    "olmo2": (T.Olmo2ForSequenceClassification, T.Olmo2Config(**{**DECODER, "pad_token_id": 1})),
    "opt": (T.OPTForSequenceClassification, T.OPTConfig(hidden_size=8, ffn_dim=12, num_hidden_layers=2, num_attention_heads=2, vocab_size=16, max_position_embeddings=32, pad_token_id=1, num_labels=1)),
    "gpt2": (T.GPT2ForSequenceClassification, T.GPT2Config(n_embd=8, n_layer=2, n_head=2, n_positions=32, vocab_size=16, pad_token_id=0, num_labels=1)),
    "gpt-neox": (T.GPTNeoXForSequenceClassification, T.GPTNeoXConfig(**{k: v for k, v in DECODER.items() if k != "num_key_value_heads"}, rope_parameters={"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 1.0})),
    "distilbert": (T.DistilBertForSequenceClassification, T.DistilBertConfig(dim=8, hidden_dim=12, n_layers=2, n_heads=2, vocab_size=16, max_position_embeddings=32, num_labels=1)),
    "modernbert": (T.ModernBertForSequenceClassification, T.ModernBertConfig(**SIZES, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2, local_attention=4, layer_types=["full_attention", "sliding_attention"], rope_parameters=copy.deepcopy(LAYERED))),
}
IDS = [[5, 6, 7, 8, 9, 3, 4, 11, 12, 13, 5, 6]]
PADDED = [[5, 6, 7, 0], [5, 6, 7, 1]]
YARN = {"rope_type": "yarn", "factor": 4.0}
BANDS = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
CASES = [
    *(dict(base=base, remove=["pad_token_id"], ids=PADDED, trap="pad_token_id that is not written is the class's own") for base in ("gemma", "gemma3", "opt", "olmo2", "llama")),
    *(dict(base=base, set={"pad_token_id": None}, ids=PADDED, trap="a null that is written is none") for base in ("gemma", "opt")),
    dict(base="llama", set={"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}, "rope_scaling": {"rope_type": "linear", "factor": 2.0}}, trap="of rope_parameters not even theta is looked at beside rope_scaling"),
    dict(base="llama", set={"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}, "rope_scaling": {}}, trap="an empty rope_scaling is none"),
    dict(base="llama", remove=["rope_parameters"], set={"rope_theta": 50.0, "rope_scaling": {**YARN, "original_max_position_embeddings": 8}, "original_max_position_embeddings": 2048}, trap="original_max_position_embeddings at top level wins"),
    dict(base="llama", remove=["rope_parameters"], set={"rope_theta": 50.0, "rope_scaling": {**BANDS, "original_max_position_embeddings": 8}, "original_max_position_embeddings": 64}, trap="the same"),
    dict(base="llama", remove=["rope_parameters"], set={"rope_theta": 50.0, "rope_scaling": BANDS}, trap="max_position_embeddings where no original is written"),
    dict(base="llama", remove=["rope_parameters"], set={"partial_rotary_factor": 0.5}, trap="not read by the default form", refused="partial_rotary_factor"),
    dict(base="llama", set={"is_causal": False}, trap="decides the mask", refused="is_causal"),
    dict(base="phi3", set={"original_max_position_embeddings": 8}, trap="the key at top level wins over the rotation's own"),
    dict(base="phi3", remove=["original_max_position_embeddings"], trap="and is 4096 where it is not written, whatever the rotation's own says"),
    dict(base="phi3", set={"rope_parameters": {"rope_type": "linear", "factor": 2.0}}, trap="no form but longrope"),
    dict(base="gemma3", remove=["rope_parameters"], set={"rope_scaling": {"rope_type": "linear", "factor": 8.0}}, trap="full layers only"),
    dict(base="gemma3", remove=["rope_parameters"], set={"rope_scaling": {"type": "linear", "factor": 8.0}}, trap="\"type\" is not read here, nothing is scaled", refused="rope_scaling.type"),
    dict(base="gemma3", set={"rope_scaling": {"rope_type": "linear", "factor": 8.0}}, trap="the two spellings are mixed", refused="rope_scaling"),
    dict(base="modernbert", remove=["rope_parameters"], set={"rope_scaling": {"rope_type": "linear", "factor": 8.0}, "global_rope_theta": 50.0}, trap="all layers"),
    dict(base="modernbert", remove=["rope_parameters"], set={"rope_scaling": {"type": "linear", "factor": 8.0}}, trap="\"type\" is not read here", refused="rope_scaling.type"),
    dict(base="gpt2", set={"num_hidden_layers": 1}, trap="the common name of a size counts, not n_layer"),
    dict(base="gpt2", set={"max_position_embeddings": 9}, trap="the common name of a size counts"),
    dict(base="gpt2", remove=["n_layer", "n_embd", "n_head", "n_positions"], set={"num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 4, "max_position_embeddings": 32}, trap="the common names alone"),
    dict(base="distilbert", set={"num_hidden_layers": 1}, trap="the common name of a size counts, not n_layers"),
    dict(base="gpt-neox", set={"head_dim": 2}, trap="rotates by it, and has heads of hidden_size / num_attention_heads", refused="head_dim"),
    dict(base="gpt-neox", set={"head_dim": 4}, trap="says what holds anyway"),
]


def main():
    for name, (cls, config) in BASES.items():
        model = cls(config).eval()
        g = torch.Generator().manual_seed(zlib.crc32(name.encode()))
        with torch.no_grad():
            for key, p in model.state_dict().items():
                n = torch.randn(p.shape, generator=g)
                p.copy_((0 if name.startswith("gemma") else 1) + 0.2 * n if p.dim() == 1 and not key.endswith("bias") else 0.4 * n)
        shutil.rmtree(os.path.join(OUT, name), ignore_errors=True)
        model.save_pretrained(os.path.join(OUT, name))
    for case in CASES:
        case.setdefault("ids", IDS)
        with tempfile.TemporaryDirectory() as d:
            folder = os.path.join(d, "m")
            shutil.copytree(os.path.join(OUT, case["base"]), folder)
            path = os.path.join(folder, "config.json")
            config = json.load(open(path))
            for key in case.get("remove", []): del config[key]
            config.update(case.get("set", {}))
            json.dump(config, open(path, "w"))
            try:
                model, info = BASES[case["base"]][0].from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
                if info["missing_keys"]: case["missing"] = sorted(info["missing_keys"])
                else:
                    with torch.no_grad(): case["logits"] = [model.eval()(torch.tensor([ids])).logits[0, 0].item() for ids in case["ids"]]
            except Exception as e: case["error"] = f"{type(e).__name__}: {str(e).splitlines()[0][:120]}"
        print(case["base"], case.get("set"), case.get("remove"), case.get("logits") or case.get("error") or case.get("missing"))
    with open(os.path.join(OUT, "cases.json"), "w") as f:
        f.write('{"versions": ' + json.dumps({"torch": torch.__version__, "transformers": T.__version__}) + ', "cases": [\n' + ",\n".join(json.dumps(c) for c in CASES) + "\n]}\n")


if __name__ == "__main__": main()
