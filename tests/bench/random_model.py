#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a llama of random Q4_K weights, to measure with: 1.1 B parameters unless asked otherwise.

usage: random_model.py OUT [LAYERS [HIDDEN HEADS KEY_HEADS FEED_FORWARD VOCABULARY]]     needs numpy and gguf from PyPI

    rlx-llm bench OUT -p 512 -n 32 -d 0,512,4096 -t 1,2 --activations i8 -o csv

There is no tokenizer in it. Each layer has weights of its own: equal ones would be read from caches.
"""

import sys

import gguf
import numpy as np


def main():
    if len(sys.argv) not in (2, 3, 8):
        sys.exit(__doc__)
    numbers = [16, 2048, 32, 8, 8192, 32000]
    numbers[: len(sys.argv) - 2] = map(int, sys.argv[2:])
    layers, hidden, heads, key_heads, inner, vocabulary = numbers
    size = hidden // heads
    random = np.random.default_rng(1)
    w = gguf.GGUFWriter(sys.argv[1], "llama")
    w.add_name("random")
    w.add_block_count(layers)
    w.add_context_length(8192)
    w.add_embedding_length(hidden)
    w.add_feed_forward_length(inner)
    w.add_head_count(heads)
    w.add_head_count_kv(key_heads)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_freq_base(10000.0)
    w.add_rope_dimension_count(size)
    w.add_vocab_size(vocabulary)
    w.add_tokenizer_model("no_vocab")

    def matrix(name, rows, columns):
        kind = gguf.GGMLQuantizationType.Q4_K
        block, count = gguf.GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (rows, columns // block, count), dtype=np.uint8)
        # d * scale * code - m * minimum has a mean of 0 and a deviation of about 1 / sqrt(columns).
        d = columns**-0.5 / 32 / 4.6
        blocks[..., 0:2] = np.frombuffer(np.float16(d).tobytes(), np.uint8)
        blocks[..., 2:4] = np.frombuffer(np.float16(d * 7.5).tobytes(), np.uint8)
        w.add_tensor(name, blocks.reshape(rows, -1), raw_dtype=kind)

    def norm(name):
        w.add_tensor(name, (1 + 0.1 * random.standard_normal(hidden)).astype(np.float32))

    matrix("token_embd.weight", vocabulary, hidden)
    norm("output_norm.weight")
    matrix("output.weight", vocabulary, hidden)
    for layer in range(layers):
        prefix = f"blk.{layer}."
        norm(prefix + "attn_norm.weight")
        norm(prefix + "ffn_norm.weight")
        for name, rows, columns in [
            ("attn_q", hidden, hidden),
            ("attn_k", key_heads * size, hidden),
            ("attn_v", key_heads * size, hidden),
            ("attn_output", hidden, hidden),
            ("ffn_gate", inner, hidden),
            ("ffn_up", inner, hidden),
            ("ffn_down", hidden, inner),
        ]:
            matrix(f"{prefix}{name}.weight", rows, columns)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


main()
