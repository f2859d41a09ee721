# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Evaluates a function of a manifest for input shapes, as a program that runs it would, and prints what it finds.

usage: check-manifest.py MANIFEST.json FUNCTION SHAPE...    SHAPE is 3,64; one for each input
"""

import json
import sys

path, name, *shapes = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    manifest = json.load(file)
(function,) = [entry for entry in manifest["functions"] if entry["name"] == name]
inputs = [[int(size) for size in shape.split(",")] for shape in shapes]
arguments = function["arguments"]
positions = [i for i, argument in enumerate(arguments) if argument["kind"] == "input"]
assert len(inputs) == len(positions), "as many shapes as inputs"
given = dict(zip(positions, inputs))

OPERATIONS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a // b,
    "ceil_divide": lambda a, b: -(-a // b),
    "remainder": lambda a, b: a % b,
    "minimum": min,
    "maximum": max,
    "equal": lambda a, b: int(a == b),
    "less": lambda a, b: int(a < b),
}
sizes = []
for kind, *operands in function["sizes"]:
    if kind == "constant":
        sizes.append(operands[0])
    elif kind == "dimension":
        sizes.append(given[operands[0]][operands[1]])
    else:
        assert max(operands) < len(sizes), "sizes come after those they are made of"
        sizes.append(OPERATIONS[kind](sizes[operands[0]], sizes[operands[1]]))


def evaluate(indices):
    return [sizes[index] for index in indices]


for check in function.get("size_checks", []):
    if not sizes[check["condition"]]:
        sys.exit(check["message"].replace("{}", "%d") % tuple(evaluate(check["values"])))
print("target", manifest["target"])
if "code" in manifest:
    print("code", manifest["code"]["file"], manifest["code"]["form"])
WIDTHS = {"f32": 4, "i32": 4, "u8": 1}
byte_counts = {}
for i, argument in enumerate(arguments):
    shape = evaluate(argument["shape"])
    assert i not in given or given[i] == shape, f"argument {i} is {shape}"
    named = f" '{argument['name']}'" if "name" in argument else ""
    scheme = f" scheme {argument['scheme']}" if "scheme" in argument else ""
    print(f"{argument['kind']}{named} {argument['type']} {shape}{scheme}")
    byte_counts[i] = WIDTHS[argument["type"]]
    for size in shape:
        byte_counts[i] *= size
buffers = function["buffers"]
for buffer in buffers:
    if buffer["kind"] == "argument":
        assert sizes[buffer["bytes"]] + buffer.get("offset", 0) <= byte_counts[buffer["argument"]]
    elif buffer["kind"] == "constant":
        assert len(buffer["data"]) == 2 * sizes[buffer["bytes"]]
    else:
        assert buffer["kind"] in ("packed", "temporary") and sizes[buffer["bytes"]] > 0
    if "device_block" in buffer:
        part = f" part {buffer['part']}" if "part" in buffer else ""
        print(f"packed rows {buffer['rows']} words {buffer['words']}{part} device_block {buffer['device_block']}")
for phase, steps in (("setup", function["setup"]), ("step", function["steps"])):
    for step in steps:
        if "copy" in step:
            print(phase, "copy", sizes[step["copy"]])
            continue
        kernel = function["kernels"][step["dispatch"]]
        assert len(step["buffers"]) == kernel["buffers"] and len(step["scalars"]) == kernel["scalars"]
        assert all(index < len(buffers) for index in step["buffers"])
        assert len(kernel["workgroup"]) == 3 and min(kernel["workgroup"]) >= 1
        evaluate(step["scalars"])
        print(phase, kernel["entry"], "groups", evaluate(step["groups"]))
if "status" in function:
    assert buffers[function["status"]]["kind"] == "temporary"
    for check in function["checks"]:
        print("check", check["what"], "<", check["bound"])
