#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes small checkpoints of each kind, from their layouts alone, and the numbers that they mean.

usage: checkpoints.py write KIND FOLDER        model.safetensors, config.json and expected.json, which has names and values
       checkpoints.py check FOLDER NAME W.npy  whether the values are those, bit for bit
       checkpoints.py kinds                    their names
       checkpoints.py inspect FOLDER           writes all kinds, and has rlx-inspect dequantize them
       checkpoints.py run FOLDER KIND [RLX-RUN OPTIONS]...   writes one, and a program that multiplies with it; whether
                                               rlx-run gives what the numbers say
"""

import json
import os
import random
import struct
import subprocess
import sys

sys.dont_write_bytecode = True  # nothing is left in the sources

import npy
import safetensors
import checkpoint_variants
from checkpoint_kinds import Writer, f32

KINDS = checkpoint_variants.KINDS  # with those


def write(kind, folder):
    os.makedirs(folder, exist_ok=True)
    writer = Writer(kind)
    KINDS[kind](writer)
    # The data is not aligned.
    safetensors.write(os.path.join(folder, "model.safetensors"), writer.tensors, padded=False)
    for name, content in (("config.json", writer.config), ("expected.json", writer.expected)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file)
    return writer.expected


def check(folder, name, path):
    with open(os.path.join(folder, "expected.json"), encoding="utf-8") as file:
        expected = json.load(file)[name]
    _, shape, values = npy.read(path)
    if len(values) != len(expected):
        sys.exit(f"{path}: expected {len(expected)} values, but got {len(values)} of shape {shape}")
    for i, (got, wanted) in enumerate(zip(values, expected)):
        if struct.pack("<f", got) != struct.pack("<f", wanted):
            sys.exit(f"{path}: expected {wanted!r} at {i}, but got {got!r}")
    return shape


def inspect(folder):
    for kind in KINDS:
        here = os.path.join(folder, kind)
        for name in write(kind, here):
            output = os.path.join(here, "w.npy")
            model = os.path.join(here, "model.safetensors")
            subprocess.run(["rlx-inspect", model, "--dequantize", name, "-o", output], check=True)
            print(kind, name, check(here, name, output))


def expert_of(row, experts):
    return (row + 1) % experts[0] if experts else 0


def program(weight, rows):
    """A matmul with a weight as rlx-inspect --json shows it."""
    *experts, n, k = weight["shape"]
    kind = f"tensor<{'x'.join(map(str, weight['shape']))}xf32, #rlx.quant<{weight['description']}>>"
    x, y = f"tensor<{rows}x{k}xf32>", f"tensor<{rows}x{n}xf32>"
    lines = [f"func.func @main(%x0: {x}) -> {y} {{", f'  %w = rlx.weight "{weight["name"]}" : {kind}']
    operands, types = "", [x, kind]
    for i, side in enumerate(weight["sides"]):
        types.append("tensor<" + "".join(f"{size}x" for size in side["shape"]) + side["type"] + ">")
        lines.append(f'  %s{i} = rlx.weight "{side["name"]}" : {types[-1]}')
        operands += f" {side['operand']}(%s{i})"
    if any(part["role"] == "group_index" for part in weight["parts"]):
        lines += [
            f'  %p = rlx.weight "{weight["name"]}.permutation" : tensor<{k}xi32>',
            f"  %e = tensor.empty() : {x}",
            "  %x = linalg.generic {indexing_maps = [affine_map<(m, k) -> (k)>, affine_map<(m, k) -> (m, k)>], "
            f'iterator_types = ["parallel", "parallel"]}} ins(%p : tensor<{k}xi32>) outs(%e : {x}) {{',
            "  ^bb0(%i: i32, %o: f32):",
            "    %row = linalg.index 0 : index",
            "    %column = arith.index_cast %i : i32 to index",
            f"    %v = tensor.extract %x0[%row, %column] : {x}",
            "    linalg.yield %v : f32",
            f"  }} -> {x}",
        ]
    else:
        lines = [line.replace("%x0", "%x") for line in lines]
    if experts:
        chosen = [[expert_of(m, experts)] for m in range(rows)]
        ids, rest = f"tensor<{rows}x1xi32>", types[2:]
        y = f"tensor<{rows}x1x{n}xf32>"
        lines[0] = f"func.func @main(%x: {x}) -> {y} {{"
        lines += [f"  %i = arith.constant dense<{chosen}> : {ids}"]
        lines += [f"  %y = rlx.gather_matmul %x, %w, %i{operands} : ({', '.join([x, kind, ids, *rest])}) -> {y}"]
        return "\n".join([*lines, f"  return %y : {y}", "}"]) + "\n"
    lines += [f"  %y = rlx.matmul %x, %w{operands} : ({', '.join(types)}) -> {y}", f"  return %y : {y}", "}"]
    return "\n".join(lines) + "\n"


def run(folder, kind, *options):
    here, rows = os.path.join(folder, kind), 3
    expected = write(kind, here)
    model = os.path.join(here, "model.safetensors")
    listed = json.loads(subprocess.run(["rlx-inspect", model, "--json"], check=True, capture_output=True).stdout)
    (weight,) = listed["weights"]
    *experts, n, k = weight["shape"]
    with open(os.path.join(here, "p.mlir"), "w", encoding="utf-8") as file:
        file.write(program(weight, rows))
    numbers = random.Random(1)
    x = [f32(numbers.uniform(-1, 1)) for _ in range(rows * k)]
    paths = [os.path.join(here, name) for name in ("x.npy", "y.npy", "p.mlir")]
    npy.write(paths[0], "<f4", f"{rows},{k}", x)
    command = ["rlx-run", paths[2], "--weights", model, "--input", paths[0], "--output", paths[1], "--verify", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    w, y = expected[weight["name"]], npy.read(paths[1])[2]
    for m in range(rows):
        for i in range(n):
            row = expert_of(m, experts) * n + i
            terms = [x[m * k + j] * w[row * k + j] for j in range(k)]
            size = sum(term * term for term in terms) ** 0.5
            if not abs(sum(terms) - y[m * n + i]) <= 1e-5 * size:
                sys.exit(f"{kind}: expected {sum(terms)} at {[m, i]}, but got {y[m * n + i]}")
    print(kind, weight["scheme"], "multiplied")


def main(command, *arguments):
    if command == "kinds":
        print("\n".join(KINDS))
    elif command == "write":
        write(*arguments)
    elif command == "check":
        print(arguments[1], check(*arguments), "as expected")
    elif command == "inspect":
        inspect(*arguments)
    elif command == "run":
        run(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
