# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes what rlx-run needs to pack one huge weight.

usage: one-weight.py FOLDER ROWS

A GGUF file with one weight of q8_0 with that many rows of 8192 elements, all of them zero and none of them on the disk;
a program with integer activations, and its input.
"""

import os
import struct
import sys

COLUMNS, BLOCK, BLOCK_BYTES, Q8_0, ALIGNMENT = 8192, 32, 34, 8, 32


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def main(folder, rows):
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, 0)
    header += text("w") + struct.pack("<IQQIQ", 2, COLUMNS, rows, Q8_0, 0)
    begin = (len(header) + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
    with open(os.path.join(folder, "one.gguf"), "wb") as file:
        file.write(header)
        file.truncate(begin + rows * COLUMNS // BLOCK * BLOCK_BYTES)
    weight = f"tensor<{rows}x{COLUMNS}xf32, #rlx.quant<gguf_q8_0>>"
    x, y = f"tensor<1x{COLUMNS}xf32>", f"tensor<1x{rows}xf32>"
    with open(os.path.join(folder, "one.mlir"), "w", encoding="utf-8") as file:
        file.write(
            f"func.func @main(%x: {x}) -> {y} {{\n"
            f'  %w = rlx.weight "w" : {weight}\n'
            f"  %y = rlx.matmul %x, %w {{activations = i8}} : ({x}, {weight}) -> {y}\n"
            f"  return %y : {y}\n}}\n"
        )
    shape = f"{{'descr': '<f4', 'fortran_order': False, 'shape': (1, {COLUMNS}), }}".ljust(117) + "\n"
    with open(os.path.join(folder, "x.npy"), "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(shape)) + shape.encode() + bytes(4 * COLUMNS))


main(sys.argv[1], int(sys.argv[2]))
