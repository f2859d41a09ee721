#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes and shows .npy files without NumPy, for the tests of rlx-run.

usage: npy.py write FILE TYPE SHAPE [VALUE...]   TYPE as '<f4', SHAPE as 3,512; values repeat to fill the shape
       npy.py activations FILE SHAPE SEED        f32 whose columns have much in common
       npy.py less-output-error W X A B [FACTORS]   whether the outputs X W^T suffer less from A than from B; A is
                                                 for X divided by FACTORS
       npy.py gguf FILE.gguf NAME FILE.npy       the f32 tensor NAME of a GGUF file
       npy.py show FILE                          type, shape and the first values
       npy.py narrowed WIDE NARROW               whether f16 or bf16 numbers are the nearest to f32 ones
       npy.py diff A B                           norm of the difference over the norm of B
"""

import ast
import math
import random
import struct
import sys

CODES = {"f4": "f", "f8": "d", "f2": "e", "i4": "i", "i8": "q", "u1": "B", "i1": "b", "u2": "H", "b1": "?"}


def write(path, kind, shape, values):
    shape = tuple(int(size) for size in shape.split(",") if size)
    count = math.prod(shape)
    code = CODES[kind[1:]]
    number = float if code in "fde" else int
    values = [number(value) for value in values] or [0]
    data = [values[i % len(values)] for i in range(count)]
    header = repr({"descr": kind, "fortran_order": False, "shape": shape})
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack(f"<{count}{code}", *data))


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    size = struct.unpack("<H", content[8:10])[0]
    header = ast.literal_eval(content[10 : 10 + size].decode())
    code = CODES[header["descr"][1:]]
    data = struct.unpack(f"<{math.prod(header['shape'])}{code}", content[10 + size :])
    return header["descr"], header["shape"], data


def from_gguf(gguf, name, path):
    with open(gguf, "rb") as file:
        content = file.read()
    at = 8
    tensors, keys = struct.unpack_from("<QQ", content, at)
    at += 16

    def text():
        nonlocal at
        size = struct.unpack_from("<Q", content, at)[0]
        at += 8 + size
        return content[at - size : at].decode()

    def skip(kind):
        nonlocal at
        if kind == 8:
            text()
        elif kind == 9:
            kind, count = struct.unpack_from("<IQ", content, at)
            at += 12
            for _ in range(count):
                skip(kind)
        else:
            at += {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1}.get(kind, 8)

    for _ in range(keys):
        text()
        kind = struct.unpack_from("<I", content, at)[0]
        at += 4
        skip(kind)
    found = None
    for _ in range(tensors):
        this = text()
        rank = struct.unpack_from("<I", content, at)[0]
        shape = struct.unpack_from(f"<{rank}Q", content, at + 4)
        at += 4 + 8 * rank
        kind, offset = struct.unpack_from("<IQ", content, at)
        at += 12
        if this == name and kind == 0:
            found = shape[::-1], offset
    start = -(-at // 32) * 32 + found[1]
    values = struct.unpack_from(f"<{math.prod(found[0])}f", content, start)
    write(path, "<f4", ",".join(map(str, found[0])), values)


def activations(path, shape, seed):
    generator = random.Random(int(seed))
    *rows, columns = map(int, shape.split(","))
    values = []
    for _ in range(math.prod(rows)):
        common = [generator.gauss(0, 1) for _ in range(8)]
        values += [generator.gauss(0, 0.5) + common[k % 8] * (1 + k % 3) for k in range(columns)]
    write(path, "<f4", shape, values)


def output_error(weight, x, other, factors):
    rows, columns = weight[1]
    total = 0
    for n in range(rows):
        row = range(n * columns, (n + 1) * columns)
        d = [other[2][i] / factors[i % columns] - weight[2][i] for i in row]
        total += sum(sum(x[2][t * columns + k] * d[k] for k in range(columns)) ** 2 for t in range(x[1][0]))
    return total


def less_output_error(weight, x, a, b, factors=None):
    weight, x = read(weight), read(x)
    ones = [1] * weight[1][1]
    first = output_error(weight, x, read(a), read(factors)[2] if factors else ones)
    second = output_error(weight, x, read(b), ones)
    if not first < second:
        sys.exit(f"the error {first} is not below {second}")


def narrowed(wide, narrow):
    """Bit for bit, ties to even."""
    _, shape, values = read(wide)
    with open(narrow, "rb") as file:
        content = file.read()
    size = struct.unpack("<H", content[8:10])[0]
    header = ast.literal_eval(content[10 : 10 + size].decode())
    is_half = header["descr"] == "<f2"
    got = struct.unpack(f"<{math.prod(header['shape'])}H", content[10 + size :])
    if shape != header["shape"]:
        sys.exit(f"{narrow}: expected the shape {shape}, but got {header['shape']}")
    for i, value in enumerate(values):
        if is_half:
            expected = struct.unpack("<H", struct.pack("<e", value))[0]
        else:
            bits = struct.unpack("<I", struct.pack("<f", value))[0]
            expected = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
        if got[i] != expected:
            sys.exit(f"{narrow}: expected {expected:#06x} at {i}, but got {got[i]:#06x}")
    print("narrowed", header["descr"], shape)


def norm(values):
    return math.sqrt(sum(value * value for value in values))


def main(arguments):
    command = arguments[0]
    if command == "write":
        write(arguments[1], arguments[2], arguments[3], arguments[4:])
    elif command == "gguf":
        from_gguf(*arguments[1:])
    elif command == "activations":
        activations(*arguments[1:])
    elif command == "less-output-error":
        less_output_error(*arguments[1:])
    elif command == "show":
        kind, shape, data = read(arguments[1])
        print(kind, shape, *data[:8])
    elif command == "narrowed":
        narrowed(*arguments[1:])
    elif command == "diff":
        a, b = read(arguments[1]), read(arguments[2])
        assert a[:2] == b[:2], (a[:2], b[:2])
        print(f"{norm([x - y for x, y in zip(a[2], b[2])]) / norm(b[2]):.1e}")


if __name__ == "__main__":
    main(sys.argv[1:])
