#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes safetensors files, from the format's description alone.

usage: safetensors.py write FILE [NAME TYPE SHAPE VALUES]...   TYPE as F32, SHAPE as 3,512; values are separated by
                                                               commas and repeat to fill the shape
       safetensors.py join FROM FILE [NAME TYPE SHAPE VALUES]...   FROM's tensors and metadata, and these
       safetensors.py shards FILE... INDEX                     an index of all tensors of these files
"""

import json
import os
import struct
import sys

CODES = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I32": "i", "I16": "h", "I8": "b", "U8": "B", "U16": "H",
         "U32": "I", "U64": "Q", "BOOL": "?", "F8_E4M3": "B", "F8_E5M2": "B", "F8_E8M0": "B"}  # fmt: skip


def bf16(number):
    """The nearest, ties to even."""
    bits = struct.unpack("<I", struct.pack("<f", number))[0]
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def encode(kind, numbers):
    """Bytes of numbers; those of 8-bit floats are given as their bytes."""
    if kind == "BF16":
        return struct.pack(f"<{len(numbers)}H", *map(bf16, numbers))
    code = CODES[kind]
    return struct.pack(f"<{len(numbers)}{code}", *(map(float if code in "dfe" else int, numbers)))


def write(path, tensors, metadata=None, padded=True):
    """Tensors are (name, type, shape, bytes)."""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, kind, shape, content in tensors:
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, ensure_ascii=False).encode()
    if padded:
        text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    """Header and data."""
    with open(path, "rb") as file:
        content = file.read()
    size = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def parse(arguments):
    """Tensors from the command line."""
    tensors = []
    for name, kind, shape, values in zip(*(iter(arguments),) * 4):
        shape = [int(size) for size in shape.split(",") if size]
        count = 1
        for size in shape:
            count *= size
        values = [float(value) if "F" in kind and "F8" not in kind else int(value) for value in values.split(",")]
        tensors.append((name, kind, shape, encode(kind, [values[i % len(values)] for i in range(count)])))
    return tensors


def main(command, *arguments):
    if command == "write":
        write(arguments[0], parse(arguments[1:]), {"format": "pt"}, padded=False)
    elif command == "join":
        header, data = read(arguments[0])
        metadata = header.pop("__metadata__", None)
        tensors = [
            (name, of["dtype"], of["shape"], data[slice(*of["data_offsets"])]) for name, of in header.items()
        ]  # fmt: skip
        write(arguments[1], tensors + parse(arguments[2:]), metadata)
    elif command == "shards":
        files = {name: os.path.basename(path) for path in arguments[:-1] for name in read(path)[0]
                 if name != "__metadata__"}  # fmt: skip
        with open(arguments[-1], "w", encoding="utf-8") as file:
            json.dump({"metadata": {}, "weight_map": files}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
