# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs with weights beside them: what all exporters here write.

A program is linalg on tensors as text, whose weights are arguments with the name that they have in a safetensors file:

    func.func @main(%arg0: tensor<64x32xf32> {rlx.weight = "fc.weight"}, %arg1: tensor<?x32xf32>) -> tensor<?x64xf32>

`rlx-run NAME.mlir --weights NAME.safetensors --input x.npy` runs it. Needs nothing but Python and torch-mlir's wheel.
"""

import json
import os
import re
import struct
import subprocess
import sys



class EncodedWeight:
    """A quantized weight in the place of an argument of floats.

    `scheme` is the text of a #rlx.scheme, `shape` is (N, K), `data` the bytes of all rows, and `sides` has the arrays of
    scales and zero_points that the scheme names, as numpy has them.
    """

    KINDS = {"float32": ("F32", "f32"), "float16": ("F16", "f16"), "int8": ("I8", "si8"), "uint8": ("U8", "ui8")}

    def __init__(self, name, scheme, shape, data, sides):
        self.name, self.scheme, self.shape = name, scheme, tuple(shape)
        self.sides = {side: (f"{name}.{side}", array) for side, array in sides.items()}
        self.tensors = {name: ("U8", (shape[0], len(data) // shape[0]), data)}
        for stored, array in self.sides.values():
            self.tensors[stored] = (self.KINDS[str(array.dtype)][0], array.shape, array.tobytes())
        self.metadata = {f"rlx.scheme:{name}": f"{shape[0]}x{shape[1]} {scheme}"}

    def replace(self, value, kind):
        """(arguments, operation): what stands for argument `value` of type `kind`, and gives it as `value`_numbers."""
        types = [f"tensor<{self.shape[0]}x{self.shape[1]}xf32, #rlx.quant<{self.scheme}>>"]
        arguments = [f"{value}: {types[0]} {{rlx.weight = {json.dumps(self.name)}}}"]
        operands = value
        for side, (stored, array) in self.sides.items():
            sizes = "".join(f"{size}x" for size in array.shape)
            types.append(f"tensor<{sizes}{self.KINDS[str(array.dtype)][1]}>")
            arguments.append(f"{value}_{side}: {types[-1]} {{rlx.weight = {json.dumps(stored)}}}")
            operands += f" {side}({value}_{side})"
        return ", ".join(arguments), f"{value}_numbers = rlx.dequantize {operands} : ({', '.join(types)}) -> {kind}"


def write_safetensors(path, tensors, metadata=None):
    """Writes {name: (type, shape, bytes)} as a safetensors file, which appears whole or not at all."""
    header, offset = {"__metadata__": metadata} if metadata else {}, 0
    for name, (kind, shape, data) in tensors.items():
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    # Data begins at a multiple of eight bytes.
    text += b" " * (-len(text) % 8)
    unfinished = path + ".part"
    with open(unfinished, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in tensors.values():
            file.write(data)
    os.replace(unfinished, path)


def arguments_from(text, begin):
    """The arguments of a function, whose first is at `begin`, and where their parenthesis closes."""
    parts, depth, last = [], 1, begin
    # Brackets and commas that are not in strings; an arrow closes nothing.
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|->|[()<>\[\]{},]', text[begin:]):
        letter, at = found.group(), begin + found.start()
        if letter in "([{<":
            depth += 1
        elif letter in ")]}>":
            depth -= 1
        if (letter == "," and depth == 1) or depth == 0:
            parts.append(text[last:at].strip())
            last = at + 1
        if depth == 0:
            return [part for part in parts if part], at
    raise ValueError("the exporter's program ends within the arguments of a function")


def name_weights(module, names, function="main"):
    """`module` with {rlx.weight = name} at each argument of `function` whose name is not None.

    In place of a name may stand an EncodedWeight. Raises ValueError where the function is not there or has another number
    of arguments.
    """
    head = re.search(r"func\.func (?:public )?@" + re.escape(function) + r"\(", module)
    if not head:
        raise ValueError(f"the exporter's program has no function @{function}")
    arguments, end = arguments_from(module, head.end())
    if len(arguments) != len(names):
        raise ValueError(f"@{function} has {len(arguments)} arguments, expected {len(names)}: weights and inputs")

    marked, first, body = [], "", module[end:]
    for argument, name in zip(arguments, names):
        # torch-mlir may have said something of it already.
        argument = argument if name is None else re.sub(r"\s*\{.*\}$", "", argument)
        if isinstance(name, EncodedWeight):
            value, kind = argument.split(": ", 1)
            argument, operation = name.replace(value, kind)
            body = re.sub(re.escape(value) + r"\b", f"{value}_numbers", body)
            first += f"\n    {operation}"
        elif name is not None:
            argument = f"{argument} {{rlx.weight = {json.dumps(name)}}}"
        marked.append(argument)
    begin = body.index("{\n") + 1
    return module[: head.end()] + ", ".join(marked) + body[:begin] + first + body[begin:]


def write_program(base, module, names, weights, function="main"):
    """BASE.mlir, and BASE.safetensors with `weights` as write_safetensors takes them."""
    metadata = {}
    for name in names:
        if isinstance(name, EncodedWeight):
            metadata.update(name.metadata)
    write_safetensors(base + ".safetensors", weights, metadata)
    text = name_weights(module, names, function)
    with open(base + ".mlir", "w", encoding="utf-8") as file:
        file.write(text)
    size = sum(len(data) for _, _, data in weights.values())
    print(f"{base}.mlir: {text.count(chr(10))} lines; {base}.safetensors: {len(weights)} weights, {size / 1e6:.1f} MB")


def torch_mlir_opt(text, *pipelines):
    """What torch-mlir's own optimizer makes of `text`, pipeline after pipeline."""
    program = os.path.join(os.path.dirname(sys.executable), "torch-mlir-opt")
    for pipeline in pipelines:
        done = subprocess.run(
            [program if os.path.exists(program) else "torch-mlir-opt", f"--pass-pipeline={pipeline}"],
            input=text, capture_output=True, text=True, check=False,
        )
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if "error:" in line]
            raise ValueError("torch-mlir-opt: " + (errors[0] if errors else done.stderr.strip()[-500:]))
        text = done.stdout
    return text
