"""Log-probabilities and greedy responses of tiny causal language models, as transformers computes them in float64. See README.md."""
import json, sys
import numpy as np, torch, transformers
from transformers import AutoConfig, AutoModelForCausalLM

GOLDEN = np.uint64(0x9E3779B97F4A7C15)

def mix(x):
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))

def values(name, shape, scale):
    """Value k of a tensor: a function of its name and k, so that the test writes the same model without carrying it."""
    h = 14695981039346656037
    for b in name.encode():
        h = (h ^ b) * 1099511628211 % 2**64
    n = int(np.prod(shape))
    with np.errstate(over="ignore"):
        u = (mix(np.uint64(h) + (np.arange(n, dtype=np.uint64) + np.uint64(1)) * GOLDEN) >> np.uint64(11)).astype(np.float64) / 2.0**53
    v = (2 * u - 1) * scale
    if len(shape) == 1 and name.endswith("weight"):
        v = v + 1
    return v.astype(np.float32).reshape(shape)

rope = {"rope_type": "default", "rope_theta": 10000.0}
base = dict(vocab_size=60, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
            bos_token_id=1, eos_token_id=2, pad_token_id=0)
CASES = {
    "llama": dict(base, model_type="llama", tie_word_embeddings=False, rope_parameters=rope),
    "llama-tied": dict(base, model_type="llama", tie_word_embeddings=True, rope_parameters=rope),
    "mistral-window": dict(base, model_type="mistral", sliding_window=5, tie_word_embeddings=False, rope_parameters=rope),
    "qwen2": dict(base, model_type="qwen2", tie_word_embeddings=True, rope_parameters=rope),
    "qwen3": dict(base, model_type="qwen3", head_dim=8, tie_word_embeddings=True, rope_parameters=rope),
    "phi3": dict(base, model_type="phi3", tie_word_embeddings=False, rope_parameters=rope),
    "gemma": dict(base, model_type="gemma", head_dim=6, hidden_activation="gelu_pytorch_tanh", rope_parameters=rope),
    "gemma2-softcap": dict(base, model_type="gemma2", head_dim=6, query_pre_attn_scalar=8, sliding_window=4, attn_logit_softcapping=5.0, final_logit_softcapping=3.0, rope_parameters=rope),
    "gemma3": dict(base, model_type="gemma3_text", head_dim=6, query_pre_attn_scalar=6, sliding_window=4, num_hidden_layers=3, layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                   rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 1000000.0}, "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}),
    "olmo2": dict(base, model_type="olmo2", tie_word_embeddings=False, rope_parameters=rope),
    "gpt2": dict(model_type="gpt2", vocab_size=60, n_embd=24, n_layer=2, n_head=4, n_positions=128, bos_token_id=1, eos_token_id=2),
    "gpt-neox": dict(model_type="gpt_neox", vocab_size=60, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=256, rotary_pct=0.5, bos_token_id=1, eos_token_id=2,
                     tie_word_embeddings=False),
    "opt-projected": dict(model_type="opt", vocab_size=60, hidden_size=24, word_embed_proj_dim=12, ffn_dim=40, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=128, do_layer_norm_before=True,
                          bos_token_id=1, eos_token_id=2, pad_token_id=0),
    "llama-dynamic": dict(base, model_type="llama", max_position_embeddings=16, tie_word_embeddings=False, rope_parameters={"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}),
}
ONLY = sys.argv[2:]

def forget(model):
    """Dynamic rotation remembers the longest text it has seen, until a short one comes by."""
    model(torch.tensor([[3, 4]]), use_cache=False)

def main(out):
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    generator = np.random.default_rng(3)
    cases = {}
    for name, settings in CASES.items():
        config = AutoConfig.for_model(**settings)
        config._attn_implementation = "eager"
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").double().eval()
        state = model.state_dict()
        tied = model.lm_head.weight is model.get_input_embeddings().weight if hasattr(model, "lm_head") else False
        shapes = {}
        with torch.no_grad():
            for key, tensor in state.items():
                if tied and key in ("lm_head.weight",):
                    continue
                shapes[key] = list(tensor.shape)
                tensor.copy_(torch.from_numpy(values(key, tuple(tensor.shape), 0.3).astype(np.float64)))
            if tied:
                model.tie_weights()
        texts = [[int(i) for i in generator.integers(3, 60, size=n)] for n in (2, 9, 21, 70)]
        texts.append(texts[2][:12] + [int(i) for i in generator.integers(3, 60, size=7)])
        log_probabilities, greedy = [], []
        with torch.no_grad():
            for ids in texts:
                forget(model)
                logits = model(torch.tensor([ids]), use_cache=False).logits[0]
                lp = torch.log_softmax(logits, -1)
                log_probabilities.append([float(lp[t, ids[t + 1]]) for t in range(len(ids) - 1)])
            for ids in texts[:3]:
                at, new = list(ids), []
                for _ in range(12):  # each token from the whole text, no cache
                    forget(model)
                    logits = model(torch.tensor([at]), use_cache=False).logits[0, -1]
                    two = torch.topk(logits, 2).values
                    assert two[0] - two[1] > 1e-4, (name, float(two[0] - two[1]))
                    at.append(int(logits.argmax())); new.append(at[-1])
                    if at[-1] == 2: break
                greedy.append(new)
        saved = json.loads(config.to_json_string(use_diff=False))
        saved["architectures"] = [type(model).__name__]
        keep = {k: v for k, v in saved.items() if k in settings or k in ("architectures", "model_type", "tie_word_embeddings", "hidden_act", "hidden_activation", "activation_function", "eos_token_id",
                "use_parallel_residual", "rope_parameters", "layer_types", "do_layer_norm_before", "attention_bias", "mlp_bias", "rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "use_sliding_window", "sliding_window")}
        cases[name] = dict(config=keep, tied=bool(tied), shapes=shapes, texts=texts, log_probabilities=log_probabilities, greedy=greedy)
        print(name, type(model).__name__, "tied" if tied else "own head", round(sum(log_probabilities[2]), 3), greedy[1])
    json.dump(dict(made_with=dict(torch=torch.__version__, transformers=transformers.__version__), cases=cases), open(out, "w"), separators=(",", ":"))

main(sys.argv[1])
