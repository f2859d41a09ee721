#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a small random model of each architecture, with its logits in double precision.

usage: make_models.py OUT [NAME...]     needs numpy and gguf from PyPI

OUT/<architecture>.gguf has a tokenizer of single characters, and beside the weights of the model `golden.ids` (metadata)
and `golden.logits` (F32 [tokens, vocabulary], rounded once). BERT is a folder as
transformers stores it, with golden.safetensors. The forward passes here are written from the papers and the
models' own code, on dequantized weights, and share nothing with RLX.
"""

import json
import math
import os
import sys

import gguf
import numpy as np
from gguf.quants import dequantize, quantize

HIDDEN, HEADS, KEY_HEADS, SIZE, INNER = 32, 4, 2, 16, 64
EXPERTS, USED = 4, 2
TOKENS = 12
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'\u0120\u010a"
TEXTS = ["<s>", "</s>", *LETTERS, "th", "an", "he", "\u0120t", "in"]
MERGES = ["t h", "a n", "h e", "\u0120 t", "i n"]
EPSILON = 1e-5

# What differs. `types`: of matrices, which take turns.
MODELS = {
    "llama": dict(types=["Q8_0", "Q4_0", "F16"], factors="rope_freqs.weight", tied=True),
    "qwen2": dict(types=["Q4_1"], biases=["attn_q", "attn_k", "attn_v"], halves=True),
    "qwen3": dict(types=["Q8_0"], halves=True, head_norms=True, tied=True),
    "qwen3moe": dict(types=["Q4_0"], halves=True, head_norms=True, experts=True),
    "gemma": dict(types=["Q8_0"], halves=True, gelu=True, scaled=True, tied=True),
    "gemma2": dict(types=["Q8_0"], halves=True, gelu=True, scaled=True, tied=True, post_norms=True, window=3, period=2,
                   caps=(5.0, 3.0)),
    "gemma3": dict(types=["Q4_0"], halves=True, gelu=True, scaled=True, tied=True, post_norms=True, head_norms=True,
                   window=3, period=6, layers=6, scaling=("linear", 8.0), base=1e6, window_base=1e4),
    "phi3": dict(types=["Q8_0"], halves=True, fused=True, factors="rope_factors_short.weight", dims=8,
                 attn_factor=1.19),
    "gpt-oss": dict(types=["MXFP4", "Q8_0"], halves=True, experts=True, oai=True, sinks=True, window=3, period=2,
                    scaling=("yarn", 4.0), base=150000.0, norm="post_attention_norm",
                    biases=["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate_inp", "ffn_gate_exps",
                            "ffn_up_exps", "ffn_down_exps"]),
}  # fmt: skip
ORIGINAL = 64  # The context that yarn and longrope begin from.


class Writer:
    """Makes tensors, writes them, and keeps what they are once they are dequantized."""

    def __init__(self, out, name, traits):
        self.random = np.random.default_rng(sum(map(ord, name)))
        self.writer, self.traits, self.values, self.turn = gguf.GGUFWriter(out, name), traits, {}, 0

    def vector(self, name, size, mean=0.0, spread=0.1):
        self.plain(name, mean + spread * self.random.standard_normal(size))

    def plain(self, name, numbers):
        numbers = np.asarray(numbers, np.float32)
        self.writer.add_tensor(name, numbers)
        self.values[name] = numbers.astype(np.float64)

    def matrix(self, name, *shape):
        kinds = self.traits["types"]
        kind = getattr(gguf.GGMLQuantizationType, kinds[self.turn % len(kinds)])
        self.turn += 1
        numbers = (1.5 * shape[-1] ** -0.5 * self.random.standard_normal(shape)).astype(np.float32)
        data = quantize(numbers, kind)
        self.writer.add_tensor(name, data, raw_dtype=kind)
        self.values[name] = dequantize(data, kind).astype(np.float64).reshape(shape)


def write(out, name, traits):
    layers = traits.get("layers", 2)
    w = Writer(out, name, traits)
    g = w.writer
    g.add_name(f"random {name}")
    g.add_block_count(layers)
    g.add_context_length(ORIGINAL)
    g.add_embedding_length(HIDDEN)
    g.add_head_count(HEADS)
    g.add_head_count_kv(KEY_HEADS)
    g.add_key_length(SIZE)
    g.add_value_length(SIZE)
    g.add_layer_norm_rms_eps(EPSILON)
    g.add_rope_freq_base(traits.get("base", 10000.0))
    g.add_rope_dimension_count(traits.get("dims", SIZE))
    if traits.get("experts"):
        g.add_expert_count(EXPERTS)
        g.add_expert_used_count(USED)
        g.add_expert_feed_forward_length(INNER // 2)
    else:
        g.add_feed_forward_length(INNER)
    if "window" in traits:
        g.add_sliding_window(traits["window"])
    if "caps" in traits:
        g.add_attn_logit_softcapping(traits["caps"][0])
        g.add_final_logit_softcapping(traits["caps"][1])
    if "scaling" in traits:
        g.add_rope_scaling_type(gguf.RopeScalingType(traits["scaling"][0]))
        g.add_rope_scaling_factor(traits["scaling"][1])
        g.add_rope_scaling_orig_ctx_len(ORIGINAL)
    if "attn_factor" in traits:
        g.add_rope_scaling_attn_factors(traits["attn_factor"])
    g.add_tokenizer_model("gpt2")
    g.add_tokenizer_pre("gpt-2")
    g.add_token_list(TEXTS)
    g.add_token_types([3, 3] + [1] * (len(TEXTS) - 2))
    g.add_token_merges(MERGES)
    g.add_bos_token_id(0)
    g.add_eos_token_id(1)

    w.matrix("token_embd.weight", len(TEXTS), HIDDEN)
    w.vector("output_norm.weight", HIDDEN, 1)
    if not traits.get("tied"):
        w.matrix("output.weight", len(TEXTS), HIDDEN)
    if "factors" in traits:
        w.plain(traits["factors"], 1 + w.random.random(traits.get("dims", SIZE) // 2))
        if "short" in traits["factors"]:
            w.plain("rope_factors_long.weight", 4 + w.random.random(traits.get("dims", SIZE) // 2))
    for layer in range(layers):
        write_layer(w, f"blk.{layer}.")
    ids = w.random.integers(0, len(TEXTS), TOKENS).astype(np.int32)
    g.add_array("golden.ids", [int(i) for i in ids])
    g.add_tensor("golden.logits", forward(w.values, traits, layers, ids).astype(np.float32))
    g.write_header_to_file()
    g.write_kv_data_to_file()
    g.write_tensors_to_file()
    g.close()


def write_layer(w, prefix):
    traits = w.traits

    def matrix(name, *shape):
        w.matrix(prefix + name + ".weight", *shape)
        if name in traits.get("biases", []):
            w.vector(prefix + name + ".bias", shape[:-1], 0, 0.5)

    def norm(name, size):
        w.vector(prefix + name + ".weight", size, 1, 0.3)

    queries, keys = HEADS * SIZE, KEY_HEADS * SIZE
    norm("attn_norm", HIDDEN)
    if traits.get("fused"):
        matrix("attn_qkv", queries + 2 * keys, HIDDEN)
    else:
        matrix("attn_q", queries, HIDDEN)
        matrix("attn_k", keys, HIDDEN)
        matrix("attn_v", keys, HIDDEN)
    if traits.get("head_norms"):
        norm("attn_q_norm", SIZE)
        norm("attn_k_norm", SIZE)
    if traits.get("sinks"):
        w.vector(prefix + "attn_sinks.weight", HEADS, 0, 1)
    matrix("attn_output", HIDDEN, queries)
    if traits.get("post_norms"):
        norm("post_attention_norm", HIDDEN)
        norm("post_ffw_norm", HIDDEN)
    norm(traits.get("norm", "ffn_norm"), HIDDEN)
    if traits.get("experts"):
        # The routing stays in full precision, so that which experts are chosen is no matter of rounding.
        w.plain(prefix + "ffn_gate_inp.weight", w.random.standard_normal((EXPERTS, HIDDEN)))
        if "ffn_gate_inp" in traits.get("biases", []):
            w.vector(prefix + "ffn_gate_inp.bias", EXPERTS)
        matrix("ffn_gate_exps", EXPERTS, INNER // 2, HIDDEN)
        matrix("ffn_up_exps", EXPERTS, INNER // 2, HIDDEN)
        matrix("ffn_down_exps", EXPERTS, HIDDEN, INNER // 2)
    elif traits.get("fused"):
        matrix("ffn_up", 2 * INNER, HIDDEN)
        matrix("ffn_down", HIDDEN, INNER)
    else:
        matrix("ffn_gate", INNER, HIDDEN)
        matrix("ffn_up", INNER, HIDDEN)
        matrix("ffn_down", HIDDEN, INNER)


def rms(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * weight


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def angles(values, traits, windowed):
    """Cosines and sines [T, dims / 2]."""
    dims = traits.get("dims", SIZE)
    base = traits["window_base"] if windowed and "window_base" in traits else traits.get("base", 10000.0)
    pairs = np.arange(dims // 2)
    frequency = base ** (-2.0 * pairs / dims)
    magnitude = float(np.float32(traits.get("attn_factor", 1.0)))  # As the file has it.
    if "factors" in traits:
        frequency = frequency / values[traits["factors"]]
    kind, factor = traits.get("scaling", ("none", 1.0))
    if kind == "linear" and not (windowed and "window_base" in traits):
        frequency = frequency / factor
    if kind == "yarn":

        def pair(turns):
            return dims * np.log(ORIGINAL / (turns * 2 * np.pi)) / (2 * np.log(base))

        low, high = max(np.floor(pair(32.0)), 0), min(np.ceil(pair(1.0)), dims - 1)
        ramp = np.clip((pairs - low) / max(high - low, 0.001), 0, 1)
        frequency = frequency / factor * ramp + frequency * (1 - ramp)
        magnitude *= 1 + 0.1 * np.log(factor)
    angle = np.arange(TOKENS)[:, None] * frequency
    return np.cos(angle) * magnitude, np.sin(angle) * magnitude


def rotate(x, table, traits):
    cos, sin = (t[:, None, :] for t in table)
    dims, y = 2 * cos.shape[-1], x.copy()
    if traits.get("halves"):
        a, b = slice(0, dims // 2), slice(dims // 2, dims)
    else:
        a, b = slice(0, dims, 2), slice(1, dims, 2)
    y[..., a] = x[..., a] * cos - x[..., b] * sin
    y[..., b] = x[..., b] * cos + x[..., a] * sin
    return y


def forward(values, traits, layers, ids):
    x = values["token_embd.weight"][ids]
    if traits.get("scaled"):
        x = x * np.sqrt(HIDDEN)
    for layer in range(layers):
        prefix = f"blk.{layer}."
        weights = {k[len(prefix) :]: v for k, v in values.items() if k.startswith(prefix)}
        period = traits.get("period", 0)
        window = traits["window"] if period and layer % period < period - 1 else 0
        x = x + attention(x, weights, traits, window, angles(values, traits, window > 0))
        x = x + feed_forward(x, weights, traits)
    x = rms(x, values["output_norm.weight"])
    y = x @ values.get("output.weight", values["token_embd.weight"]).T
    cap = traits.get("caps", (0, 0))[1]
    return np.tanh(y / cap) * cap if cap else y


def linear(x, weights, name):
    y = x @ weights[name + ".weight"].T
    return y + weights[name + ".bias"] if name + ".bias" in weights else y


def attention(x, weights, traits, window, table):
    n = rms(x, weights["attn_norm.weight"])
    if traits.get("fused"):
        q, k, v = np.split(linear(n, weights, "attn_qkv"), [HEADS * SIZE, (HEADS + KEY_HEADS) * SIZE], axis=1)
    else:
        q, k, v = (linear(n, weights, "attn_" + c) for c in "qkv")
    q, k, v = q.reshape(-1, HEADS, SIZE), k.reshape(-1, KEY_HEADS, SIZE), v.reshape(-1, KEY_HEADS, SIZE)
    if traits.get("head_norms"):
        q, k = rms(q, weights["attn_q_norm.weight"]), rms(k, weights["attn_k_norm.weight"])
    q, k = rotate(q, table, traits), rotate(k, table, traits)
    k, v = (np.repeat(c, HEADS // KEY_HEADS, axis=1) for c in (k, v))
    scores = np.einsum("thd,shd->hts", q, k) / np.sqrt(SIZE)
    cap = traits.get("caps", (0, 0))[0]
    if cap:
        scores = np.tanh(scores / cap) * cap
    t, s = np.indices((len(x), len(x)))
    hidden = (s > t) | ((s <= t - window) if window else False)
    scores = np.where(hidden, -np.inf, scores)
    if traits.get("sinks"):
        sinks = np.broadcast_to(weights["attn_sinks.weight"][:, None, None], (HEADS, len(x), 1))
        shares = softmax(np.concatenate([scores, sinks], axis=-1))[..., :-1]
    else:
        shares = softmax(scores)
    y = linear(np.einsum("hts,shd->thd", shares, v).reshape(len(x), -1), weights, "attn_output")
    return rms(y, weights["post_attention_norm.weight"]) if traits.get("post_norms") else y


def gate(a, b, traits):
    if traits.get("oai"):
        a, b = np.minimum(a, 7), np.clip(b, -7, 7)
        return a * sigmoid(1.702 * a) * (b + 1)
    if traits.get("gelu"):
        return 0.5 * a * (1 + np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3))) * b
    return a * sigmoid(a) * b


def feed_forward(x, weights, traits):
    n = rms(x, weights[traits.get("norm", "ffn_norm") + ".weight"])
    if traits.get("experts"):
        scores = linear(n, weights, "ffn_gate_inp")
        y = np.zeros_like(x)
        for t in range(len(x)):
            chosen = np.argsort(-scores[t])[:USED]
            if traits.get("oai"):
                shares = softmax(scores[t][chosen])
            else:
                shares = softmax(scores[t])[chosen]
                shares = shares / shares.sum()
            for share, e in zip(shares, chosen):
                one = {k: v[e] for k, v in weights.items() if "_exps." in k}
                h = gate(linear(n[t], one, "ffn_gate_exps"), linear(n[t], one, "ffn_up_exps"), traits)
                y[t] += share * linear(h, one, "ffn_down_exps")
        return y
    if traits.get("fused"):
        a, b = np.split(linear(n, weights, "ffn_up"), 2, axis=1)
    else:
        a, b = linear(n, weights, "ffn_gate"), linear(n, weights, "ffn_up")
    y = linear(gate(a, b, traits), weights, "ffn_down")
    return rms(y, weights["post_ffw_norm.weight"]) if traits.get("post_norms") else y


def layer_norm(x, weight, bias):
    c = x - x.mean(-1, keepdims=True)
    return c / np.sqrt((c * c).mean(-1, keepdims=True) + 1e-12) * weight + bias


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, numbers in tensors.items():
        kind = {"float32": "F32", "int32": "I32"}[numbers.dtype.name]
        bytes_ = np.ascontiguousarray(numbers).tobytes()
        header[name] = {"dtype": kind, "shape": list(numbers.shape), "data_offsets": [len(data), len(data) + len(bytes_)]}
        data += bytes_
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


def write_bert(folder):
    """An encoder as transformers stores it, with the vectors of some tokens."""
    random = np.random.default_rng(7)
    hidden, heads, inner, layers, positions = 32, 4, 64, 2, 24
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS[:26], *("##" + c for c in LETTERS[:26]), "the", "cat"]
    config = dict(model_type="bert", hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                  intermediate_size=inner, vocab_size=len(words), max_position_embeddings=positions,
                  layer_norm_eps=1e-12, hidden_act="gelu", type_vocab_size=2)  # fmt: skip
    tensors = {}

    def dense(name, outputs, inputs):
        tensors[name + ".weight"] = (inputs**-0.5 * random.standard_normal((outputs, inputs))).astype(np.float32)
        tensors[name + ".bias"] = (0.3 * random.standard_normal(outputs)).astype(np.float32)

    def norm(name):
        tensors[name + ".weight"] = (1 + 0.3 * random.standard_normal(hidden)).astype(np.float32)
        tensors[name + ".bias"] = (0.3 * random.standard_normal(hidden)).astype(np.float32)

    for name, count in (("word", len(words)), ("position", positions), ("token_type", 2)):
        tensors[f"embeddings.{name}_embeddings.weight"] = random.standard_normal((count, hidden)).astype(np.float32)
    norm("embeddings.LayerNorm")
    for i in range(layers):
        p = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            dense(p + "attention.self." + part, hidden, hidden)
        dense(p + "attention.output.dense", hidden, hidden)
        norm(p + "attention.output.LayerNorm")
        dense(p + "intermediate.dense", inner, hidden)
        dense(p + "output.dense", hidden, inner)
        norm(p + "output.LayerNorm")

    w = {k: v.astype(np.float64) for k, v in tensors.items()}

    def line(x, name):
        return x @ w[name + ".weight"].T + w[name + ".bias"]

    def normed(x, name):
        return layer_norm(x, w[name + ".weight"], w[name + ".bias"])

    ids = np.array([2, *random.integers(4, len(words), 9), 3], np.int32)
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = normed(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for i in range(layers):
        p = f"encoder.layer.{i}."
        q, k, v = (line(x, p + "attention.self." + part).reshape(len(ids), heads, -1) for part in ("query", "key", "value"))
        shares = softmax(np.einsum("thd,shd->hts", q, k) / np.sqrt(hidden // heads))
        y = np.einsum("hts,shd->thd", shares, v).reshape(len(ids), hidden)
        x = normed(x + line(y, p + "attention.output.dense"), p + "attention.output.LayerNorm")
        h = line(x, p + "intermediate.dense")
        h = 0.5 * h * (1 + np.vectorize(math.erf)(h / np.sqrt(2)))
        x = normed(x + line(h, p + "output.dense"), p + "output.LayerNorm")
    mean = x.mean(0)
    os.makedirs(folder, exist_ok=True)
    write_safetensors(os.path.join(folder, "model.safetensors"), tensors)
    write_safetensors(os.path.join(folder, "golden.safetensors"), {
        "ids": ids, "vectors": x.astype(np.float32), "embedding": (mean / np.linalg.norm(mean)).astype(np.float32)
    })  # fmt: skip
    with open(os.path.join(folder, "config.json"), "w") as file:
        file.write(json.dumps(config, indent=1) + "\n")
    with open(os.path.join(folder, "vocab.txt"), "w") as file:
        file.write("\n".join(words) + "\n")


def main():
    out, names = sys.argv[1], sys.argv[2:] or [*MODELS, "bert"]
    for name in names:
        if name == "bert":
            write_bert(os.path.join(out, name))
            continue
        path = os.path.join(out, name + ".gguf")
        write(path, name, MODELS[name])
        print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
