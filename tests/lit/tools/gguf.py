# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes models and imatrix files, and checks what rlx-quantize makes of them, without RLX's code.

usage: gguf.py model FILE               a small model: embeddings, norms, matrices, one that K-quants cannot take, experts
       gguf.py imatrix FILE KIND        what llama.cpp's imatrix would write of it: good, short, stranger, uncounted, negative,
                                        nan or experts (one fewer than there are)
       gguf.py sparse FILE (NAME DIMS)...   f32 zeros that take no room in the file system; DIMS as 4096,8, the innermost first
       gguf.py check FILE NAME=TYPE...  the order, alignment and padding that ggml wants, and the types of tensors
       gguf.py same A NAME B NAME       the bytes of two tensors
"""

import math
import random
import struct
import sys

MODEL = (
    ("token_embd.weight", (256, 12)),
    ("blk.0.attn_norm.weight", (256,)),
    ("blk.0.attn_q.weight", (256, 8)),
    ("blk.0.ffn_down.weight", (320, 4)),
    ("blk.0.ffn_gate_inp.weight", (256, 3)),
    ("blk.0.ffn_up_exps.weight", (256, 4, 3)),
    ("output.weight", (256, 12)),
)
# elements and bytes of a block
TYPES = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 6: (32, 22), 7: (32, 24), 8: (32, 34), 12: (256, 144), 14: (256, 210),
    20: (32, 18), 39: (32, 17)
}  # fmt: skip
ALIGNMENT = 64


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def key(name, kind, value):
    return text(name) + struct.pack("<I", kind) + value


def padded(size):
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def write(path, keys, tensors):
    """Tensors are names, dimensions with the innermost first, and f32 numbers."""
    keys = [key("general.alignment", 4, struct.pack("<I", ALIGNMENT))] + keys
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join(keys)
    data = b""
    for name, dims, numbers in tensors:
        header += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, 0, len(data))
        data += struct.pack(f"<{len(numbers)}f", *numbers)
        data += bytes(padded(len(data)) - len(data))
    with open(path, "wb") as file:
        file.write(header + bytes(padded(len(header)) - len(header)) + data)


def write_sparse(path, tensors):
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 2)
    header += key("general.alignment", 4, struct.pack("<I", ALIGNMENT))
    header += key("general.architecture", 8, text("llama"))
    end = 0
    for name, dims in tensors:
        header += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, 0, end)
        end += padded(4 * count(dims))
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(padded(len(header)) + end)


def count(dims):
    product = 1
    for size in dims:
        product *= size
    return product


def write_model(path):
    generator = random.Random(1)
    keys = [
        key("general.architecture", 8, text("llama")),
        key("general.file_type", 4, struct.pack("<I", 0)),
        key("tokens", 9, struct.pack("<IQ", 8, 2) + text("<s>") + text("größe")),
    ]
    tensors = [(name, dims, [generator.gauss(0, 0.05) for _ in range(count(dims))]) for name, dims in MODEL]
    write(path, keys, tensors)


def write_imatrix(path, kind):
    tensors = []
    for name, dims in MODEL:
        if len(dims) < 2:
            continue
        experts = dims[2] if len(dims) == 3 else 1
        if kind == "experts" and experts > 1:
            experts -= 1
        columns = dims[0] - (1 if kind == "short" else 0)
        sums = [7.0 * (1 + 100 * (i % 8 == 3)) for i in range(columns * experts)]
        counted = [7.0] * experts
        counted[-1] = 0.0 if experts > 1 else 7.0  # an expert that saw nothing
        if kind == "negative":
            counted[0] = -7.0
        if kind == "nan":
            sums[1] = math.nan
        name = "blk.0.attn_qq.weight" if kind == "stranger" and "attn_q" in name else name
        tensors.append((name + ".in_sum2", (columns, experts), sums))
        if kind != "uncounted":
            tensors.append((name + ".counts", (1, experts), counted))
    write(path, [key("general.type", 8, text("imatrix"))], tensors)


class Reader:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.content = file.read()
        self.at = 0
        magic, version, tensors, keys = self.take("<4sIQQ")
        assert magic == b"GGUF" and version == 3
        self.keys = {}
        for _ in range(keys):
            name = self.text()
            assert name not in self.keys, name
            self.keys[name] = self.value(self.take("<I")[0])
        self.tensors = []
        for _ in range(tensors):
            name = self.text()
            rank = self.take("<I")[0]
            self.tensors.append((name, self.take(f"<{rank}Q"), *self.take("<IQ")))
        self.alignment = self.keys.get("general.alignment", 32)
        self.data = (self.at + self.alignment - 1) // self.alignment * self.alignment

    def take(self, form):
        values = struct.unpack_from(form, self.content, self.at)
        self.at += struct.calcsize(form)
        return values

    def text(self):
        size = self.take("<Q")[0]
        self.at += size
        return self.content[self.at - size : self.at].decode()

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            item, size = self.take("<IQ")
            return [self.value(item) for _ in range(size)]
        return self.take("<" + "BbHhIif?__Qqd"[kind])[0]

    def bytes_of(self, name):
        for other, dims, kind, offset in self.tensors:
            if other == name:
                elements, size = TYPES[kind]
                begin = self.data + offset
                return self.content[begin : begin + count(dims) // elements * size]
        sys.exit(f"no tensor {name}")


def check(path, wanted):
    file = Reader(path)
    expected = 0
    for name, dims, kind, offset in file.tensors:
        assert offset == expected, f"{name}: offset {offset}, expected {expected}"
        elements, size = TYPES[kind]
        assert dims[0] % elements == 0
        expected += count(dims) // elements * size
        padding = -expected % file.alignment
        place = file.data + expected
        assert file.content[place : place + padding] == bytes(padding), f"{name}: padding"
        expected += padding
    assert len(file.content) == file.data + expected, "the end of the file"
    for pair in wanted:
        name, kind = pair.split("=")
        found = {other: str(number) for other, _, number, _ in file.tensors}[name]
        assert found == kind, f"{name}: type {found}, expected {kind}"
    for name in ("general.file_type", "general.quantization_version", "general.alignment", "tokens"):
        print(name, "=", file.keys.get(name))


def main(command, *arguments):
    if command == "model":
        write_model(*arguments)
    elif command == "imatrix":
        write_imatrix(*arguments)
    elif command == "sparse":
        pairs = zip(arguments[1::2], arguments[2::2], strict=True)
        write_sparse(arguments[0], [(name, tuple(map(int, dims.split(",")))) for name, dims in pairs])
    elif command == "check":
        check(arguments[0], arguments[1:])
    else:
        a, first, b, second = arguments
        if Reader(a).bytes_of(first) != Reader(b).bytes_of(second):
            sys.exit(f"{first} and {second} differ")


main(*sys.argv[1:])
