# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a program with large constants.

usage: constants.py PROGRAM OUT [--safetensors FILE] NAME TYPE COUNT...

Appends resources of these names to the text of PROGRAM: COUNT small random numbers of TYPE (f32, f16, bf16, f64, i8),
the same in each run. Where PROGRAM has `dense<NAME>`, that becomes a constant of hexadecimal digits instead. With
--safetensors they go to that file and PROGRAM stays as it is.
"""

import random
import struct
import sys

CODES = {"f32": "f", "f16": "e", "f64": "d", "i8": "b"}


def data_of(name, kind, count):
    generator = random.Random(name)
    if kind == "i8":
        return bytes(generator.getrandbits(8) for _ in range(count))
    # Exact in all types: sums of their products are small integers over 64.
    numbers = [generator.randint(-16, 16) / 8 for _ in range(count)]
    if kind == "bf16":
        return b"".join(struct.pack("<f", number)[2:] for number in numbers)
    return struct.pack(f"<{count}{CODES[kind]}", *numbers)


def write_safetensors(path, tensors):
    header, blob = [], b""
    for name, kind, count, data in tensors:
        header.append(f'"{name}":{{"dtype":"{kind.upper()}","shape":[{count.replace("x", ",")}],'
                      f'"data_offsets":[{len(blob)},{len(blob) + len(data)}]}}')  # fmt: skip
        blob += data
    text = ("{" + ",".join(header) + "}").encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + blob)


def main(arguments):
    program, out, *rest = arguments
    safetensors = None
    if rest[0] == "--safetensors":
        safetensors, rest = rest[1], rest[2:]
    tensors = []
    for name, kind, shape in zip(rest[::3], rest[1::3], rest[2::3]):
        count = 1
        for size in shape.split("x"):
            count *= int(size)
        tensors.append((name, kind, shape, data_of(name, kind, count)))
    with open(program) as file:
        text = file.read()
    if safetensors:
        write_safetensors(safetensors, tensors)
    else:
        resources = []
        for name, _, _, data in tensors:
            digits = data.hex().upper()
            if f"dense<{name}>" in text:
                text = text.replace(f"dense<{name}>", f'dense<"0x{digits}">')
            else:
                resources.append(f'      {name}: "0x08000000{digits}"')
        if resources:
            text += "\n{-#\n  dialect_resources: {\n    builtin: {\n" + ",\n".join(resources) + "\n    }\n  }\n#-}\n"
    with open(out, "w") as file:
        file.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
