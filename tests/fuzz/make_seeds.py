#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the first inputs of the fuzz targets, small files of each kind.

usage: make_seeds.py FOLDER GOLDEN.gguf     writes a folder for each target: gguf, npy, safetensors, json, tokenizer,
                                            scheme
"""

import json
import os
import struct
import sys

SCHEMES = [
    '#rlx.scheme<"a", block = 4, bytes = 5, code = si8 at (i) -> (i, 0), scale = ui8 at byte 4>',
    '#rlx.scheme<"q5", block = 40, bytes = 27, unused = 4, code = ui4 at (i) -> (i floordiv 2, 4 * (i mod 2)) ++ ui1 '
    "at (i) -> (20 + i floordiv 8, i mod 8), zero = ui4 at byte 26, scale = f8E4M3FN at byte 25>",
    '#rlx.scheme<"b", block = 32, bytes = 16, code = ui4 at (i) -> (i floordiv 2, 4 * (i mod 2)) - 8, scale = f32 in '
    "scales at (n, k) -> (n, k floordiv 32)>",
    '#rlx.scheme<"c", block = 32, bytes = 18, code = ui4 at (i) -> (i mod 16 + 2, i floordiv 16 * 4) as [-127.0, '
    "-104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0, 89.0, 113.0], scale = f16 "
    "at byte 0>",
    '#rlx.scheme<"v", block = 8, bytes = 3, unused = 3, code = ui2 from [27, 0x8b] by (ui1 at (i) -> (0, i '
    "floordiv 4)) at (i) -> (i mod 4) ++ ui1 from parity by (ui3 at (i) -> (0, 2) ++ ui4 at (i) -> (1, 0)) at (i) -> "
    '(i), scale = ui4 at (i) -> (1, 4) as 0.5 * code + 2 * f8E4M3FN at byte 2>',
    '#rlx.scheme<"t", block = 12, bytes = 4, code = ui2 from digits 3 by (ui8 at (i) -> (i mod 2, 0) until 10 else (i) '
    "-> (2, 0)) at (i) -> (i floordiv 2) until 10 else (i) -> (i - 10) - 1, scale = f8E4M3FN at byte 3>",
]


def text(value, order="<"):
    return struct.pack(order + "Q", len(value)) + value


def gguf(golden):
    """The header of a real file, and small files with every type of value, of both orders of bytes."""
    with open(golden, "rb") as file:
        yield file.read(16384)
    for order in "<>":
        yield small_gguf(order)


def small_gguf(order):
    def string(value):
        return text(value, order)

    keys = [(b"general.alignment", 4, struct.pack(order + "I", 32)), (b"s", 8, string("größe".encode()))]
    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
    for kind, size in sizes.items():
        keys.append((b"k%d" % kind, kind, bytes([1] * size)))
        keys.append((b"a%d" % kind, 9, struct.pack(order + "IQ", kind, 2) + bytes([1] * size * 2)))
    keys.append((b"ss", 9, struct.pack(order + "IQ", 8, 2) + string(b"one") + string(b"")))
    tensors = [(b"t", (32, 2), 2, 0), (b"u", (4,), 0, 64), (b"none", (0,), 0, 64), (b"future", (4,), 1000, 96)]
    file = b"GGUF" + struct.pack(order + "IQQ", 3, len(tensors), len(keys))
    for name, kind, value in keys:
        file += string(name) + struct.pack(order + "I", kind) + value
    for name, shape, kind, offset in tensors:
        file += string(name) + struct.pack(f"{order}I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    file += bytes(-len(file) % 32)
    return file + bytes(128)


def npy():
    for kind, size in {"<f4": 4, "<f8": 8, "<u2": 2, "|b1": 1, "<V2": 2, "|i1": 1}.items():
        for shape in ("(2, 3)", "(6,)", "()"):
            count = 1 if shape == "()" else 6
            header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
            yield b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(count * size)


def safetensors():
    """Every type, metadata, a scalar, and an unknown type."""
    sizes = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
             "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64,
             "U64": 64, "C64": 64, "NEW": 8}  # fmt: skip
    header, size = {"__metadata__": {"format": "pt", "größe": "\n"}}, 0
    for kind, bits in sizes.items():
        header[kind] = {"dtype": kind, "shape": [2, 4], "data_offsets": [size, size + bits]}
        size += bits
    for tensors in (header, {}, {"s": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}):
        text = json.dumps(tensors).encode()
        yield struct.pack("<Q", len(text)) + text + bytes(max([0] + [
            t["data_offsets"][1] for t in tensors.values() if "dtype" in t]))  # fmt: skip


def texts():
    yield json.dumps({"quantization_config": {"bits": 4, "group_size": -1, "desc_act": False, "scale": 1.5e-3,
                                              "modules": ["a", "größe", None, True]}}).encode()  # fmt: skip
    yield '{"weight_map": {"a": "m-1.safetensors"}, "limit": [0.0, Infinity, -Infinity, NaN]}'.encode()
    yield b'"\\ud83d\\ude00 \\"\\/\\b"'


def tokenizers(golden):
    """A length, a vocabulary of that length, and a text."""
    folder = os.path.join(os.path.dirname(golden), "text")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".gguf"):
            with open(os.path.join(folder, name), "rb") as file:
                vocabulary = file.read()
            yield struct.pack("<I", len(vocabulary)) + vocabulary + "Größe 1234  \n\n<|im_end|>don't 你好".encode()


def main(folder, golden):
    seeds = {"gguf": gguf(golden), "npy": npy(), "safetensors": safetensors(), "json": texts(),
             "tokenizer": tokenizers(golden),
             "scheme": [scheme.encode() for scheme in SCHEMES]}  # fmt: skip
    for kind, contents in seeds.items():
        os.makedirs(os.path.join(folder, kind), exist_ok=True)
        for index, content in enumerate(contents):
            with open(os.path.join(folder, kind, f"seed-{index}"), "wb") as file:
                file.write(content)


main(*sys.argv[1:])
