#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Decoders of built-in schemes, from their layouts alone, which share nothing with RLX.

usage: scheme_layouts.py check FOLDER [RLX-RUN OPTIONS]...   random weights of each scheme in a file; whether rlx-inspect and
                                                             rlx-run decode what the layouts say, and multiply with it
       scheme_layouts.py gguf FOLDER                         the same of a GGUF file with types of ik_llama.cpp
       scheme_layouts.py quantize FOLDER                     whether rlx-quantize chooses scales and codes as the rules say
"""

import json
import math
import os
import random
import struct
import subprocess
import sys

sys.dont_write_bytecode = True  # nothing is left in the sources

import checkpoints
import npy
import safetensors
from checkpoint_kinds import E2M1, FP4, NF4, f32

N, K = 8, 512


def small_float(bits, exponent_bits, mantissa_bits, bias):
    """A float without infinities."""
    mantissa = bits & ((1 << mantissa_bits) - 1)
    exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1)
    sign = -1.0 if bits >> (exponent_bits + mantissa_bits) else 1.0
    if exponent == 0:
        return sign * math.ldexp(mantissa, 1 - bias - mantissa_bits)
    return sign * math.ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits)


def e3m2(bits):
    return small_float(bits, 3, 2, 3)


def e2m3(bits):
    return small_float(bits, 2, 3, 1)


def e4m3(bits):
    return small_float(bits, 4, 3, 7)


def e5m2(bits):
    return small_float(bits, 5, 2, 15)


def si8(byte):
    return byte - 256 if byte > 127 else byte


def f16(block, at):
    return struct.unpack_from("<e", block, at)[0]


def u16(block, at):
    return struct.unpack_from("<H", block, at)[0]


def stream(block, bits):
    """Codes one after the other, from the lowest bit on."""
    number = int.from_bytes(block, "little")
    return [number >> (bits * i) & ((1 << bits) - 1) for i in range(8 * len(block) // bits)]


def high_first(block):
    return [code for byte in block for code in (byte >> 4, byte & 15)]


class Side:
    """A block of codes, and a scale of f32 or e8m0 for each block in a tensor beside it."""

    def __init__(self, block, size, codes, number, scale_type="F8_E8M0", allowed=range(256)):
        self.block, self.bytes, self.codes, self.number = block, size, codes, number
        self.scale_type, self.allowed = scale_type, list(allowed)

    def scale(self, numbers):
        """As it is stored, and its number."""
        if self.scale_type == "F8_E8M0":
            stored = numbers.randrange(110, 140)
            return stored, math.ldexp(1, stored - 127)
        number = f32(numbers.uniform(0.001, 0.1))
        return number, number

    def draw(self, numbers):
        """A block's bytes, its scale as it is stored, and the numbers."""
        block = bytes(numbers.choice(self.allowed) for _ in range(self.bytes))
        stored, scale = self.scale(numbers)
        return block, stored, [self.number(code) * scale for code in self.codes(block)]


SIDE_SCHEMES = {
    "mxfp6e3m2/32": Side(32, 24, lambda block: stream(block, 6), e3m2),
    "mxfp6e2m3/32": Side(32, 24, lambda block: stream(block, 6), e2m3),
    "mxfp4/32": Side(32, 16, lambda block: stream(block, 4), E2M1.__getitem__),
    "mxfp8/32": Side(32, 32, list, e4m3, allowed=(byte for byte in range(256) if byte & 127 != 127)),
    "mxfp8e5m2/32": Side(32, 32, list, e5m2, allowed=(byte for byte in range(256) if byte & 127 < 0x7C)),
    "mxint8/32": Side(32, 32, list, lambda byte: si8(byte) / 64),
    **{f"nf4/{size}": Side(size, size // 2, high_first, NF4.__getitem__, "F32") for size in (32, 64, 128, 256)},
    **{f"bnb_fp4/{size}": Side(size, size // 2, high_first, FP4.__getitem__, "F32") for size in (32, 64, 128)},
}


def f8q8(block):
    """32 bytes times a scale of e4m3 that 448 divides."""
    scale = f32(e4m3(block[0]) / 448)
    return [si8(byte) * scale for byte in block[1:]]


IQ2 = [-31, -13, 1, 17]
IQ3 = [-63, -40, -23, -10, 1, 13, 28, 47]
IQ4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
IQ5 = [-126, -114, -103, -92, -83, -74, -65, -57, -50, -43, -36, -30, -24, -18, -12, -6, -1, 5, 11, 17, 23, 29, 36, 43,
       51, 59, 68, 77, 87, 97, 109, 121]  # fmt: skip
IQ6 = [-127, -121, -115, -109, -104, -98, -93, -88, -84, -79, -74, -70, -66, -62, -58, -54, -51, -47, -44, -40, -37,
       -34, -31, -28, -25, -22, -19, -16, -13, -11, -8, -5, -2, 0, 3, 6, 9, 12, 14, 17, 20, 23, 27, 30, 33, 36, 40, 44,
       47, 51, 55, 59, 63, 68, 72, 77, 82, 87, 92, 98, 103, 109, 115, 121]  # fmt: skip


def iq2_k(block):
    """d, extra, 8 bytes of scales, 64 of codes; groups of 16."""
    values = [0.0] * 256
    for i in range(256):
        group, half, row = i // 16, i // 128, i % 128 // 32
        scale = (block[4 + group // 2] >> (4 * (group % 2)) & 15) - 8
        code = block[12 + 32 * half + i % 32] >> (2 * row) & 3
        values[i] = f16(block, 0) * scale * (IQ2[code] + 5 * (u16(block, 2) >> group & 1))
    return values


def iq3_k(block):
    """d, extra, signs of scales, 8 bytes of scales, 64 and 32 bytes of codes."""
    values = [0.0] * 256
    for i in range(256):
        group, half, row = i // 16, i // 128, i % 128 // 32
        scale = 2 * (block[6 + group // 2] >> (4 * (group % 2)) & 15) + 1
        if u16(block, 4) >> group & 1:
            scale = -scale
        code = block[14 + 32 * half + i % 32] >> (2 * row) & 3 | (block[78 + i % 32] >> (i // 32) & 1) << 2
        values[i] = f16(block, 0) * scale * (IQ3[code] + 4 * (u16(block, 2) >> group & 1))
    return values


def six_bits(block, group):
    """Scales of iq4_k and iq5_k."""
    low = block[8 + group // 2] >> (4 * (group % 2)) & 15
    return (low | (block[4 + group // 4] >> (2 * (group % 4)) & 3) << 4) - 32


def iq4_k(block):
    values = [0.0] * 256
    for i in range(256):
        group = i // 16
        code = block[16 + 16 * (i // 32) + i % 16] >> (4 * (group % 2)) & 15
        values[i] = f16(block, 0) * six_bits(block, group) * (IQ4[code] + 4 * (u16(block, 2) >> group & 1))
    return values


def iq5_k(block):
    values = [0.0] * 256
    for i in range(256):
        group, chunk, is_high = i // 16, i // 64, i % 64 // 32
        code = block[16 + 32 * chunk + i % 32] >> (4 * is_high) & 15
        code |= (block[144 + i % 32] >> (i // 32) & 1) << 4
        values[i] = f16(block, 0) * six_bits(block, group) * (IQ5[code] + 2 * (u16(block, 2) >> group & 1))
    return values


def iq6_k(block):
    values = [0.0] * 256
    for i in range(256):
        group, chunk, is_high = i // 16, i // 64, i % 64 // 32
        code = block[20 + 32 * chunk + i % 32] >> (4 * is_high) & 15
        code |= (block[148 + 32 * (chunk // 2) + i % 32] >> (4 * (chunk % 2) + 2 * is_high) & 3) << 4
        values[i] = f16(block, 0) * si8(block[4 + group]) * (IQ6[code] + (u16(block, 2) >> group & 1))
    return values


def iq4_ks(block):
    """Of a row whose scale is 1: 8 bytes of scales, whose lowest bit moves the numbers, and 128 of codes."""
    values = [0.0] * 256
    for i in range(256):
        scale = block[i // 32]
        code = block[8 + 16 * (i // 32) + i % 16] >> (4 * (i % 32 // 16)) & 15
        values[i] = ((scale & 254) - 127) * (IQ4[code] + 4 * (scale & 1))
    return values


def random_float(block, at, numbers):
    struct.pack_into("<e", block, at, numbers.uniform(-0.1, 0.1))


def random_e4m3(block, at, numbers):
    block[at] = numbers.randrange(1, 0x7F)


# Name: elements, bytes and numbers of a block, and what its first bytes have to be.
BLOCK_SCHEMES = {
    "f8q8": (32, 33, f8q8, random_e4m3),
    "gguf_iq2_k": (256, 76, iq2_k, random_float),
    "gguf_iq3_k": (256, 110, iq3_k, random_float),
    "gguf_iq4_k": (256, 144, iq4_k, random_float),
    "gguf_iq5_k": (256, 176, iq5_k, random_float),
    "gguf_iq6_k": (256, 212, iq6_k, random_float),
    "iq4_ks": (256, 136, iq4_ks, lambda block, at, numbers: None),
}
# Those with a scale for each row.
ROW_SCALES = {"iq4_ks"}


class Weight:
    """Random bytes of a scheme, and the numbers that they are."""

    def __init__(self, scheme):
        self.numbers = random.Random(scheme)
        self.scheme, self.name, self.side = scheme, scheme.replace("/", "_"), None
        self.content, self.values = b"", []
        if scheme in SIDE_SCHEMES:
            self.draw_with_side(SIDE_SCHEMES[scheme])
        else:
            self.draw_blocks(*BLOCK_SCHEMES[scheme])

    def draw_with_side(self, scheme):
        scales = []
        for _ in range(N * K // scheme.block):
            block, scale, values = scheme.draw(self.numbers)
            self.content += block
            scales.append(scale)
            self.values += map(f32, values)
        self.side = (scheme.scale_type, (N, K // scheme.block), scales)

    def draw_blocks(self, elements, size, decode, begin):
        scales = []
        for _ in range(N):
            # Of so few bits that products of scales are exact, as those of f16 are.
            scales.append(self.numbers.randrange(1, 1024) / 8192 if self.scheme in ROW_SCALES else 1)
            for _ in range(K // elements):
                block = bytearray(self.numbers.randbytes(size))
                begin(block, 0, self.numbers)
                self.content += bytes(block)
                self.values += [f32(scales[-1] * value) for value in decode(block)]
        if self.scheme in ROW_SCALES:
            self.side = ("F32", (N,), scales)

    def tensors(self):
        yield self.name, "U8", (N, len(self.content) // N), self.content
        if self.side:
            kind, shape, scales = self.side
            yield self.name + ".scales", kind, shape, safetensors.encode(kind, scales)

    def program(self, attributes):
        kind = f"tensor<{N}x{K}xf32, #rlx.quant<{self.scheme}>>"
        lines = [f'  %w = rlx.weight "{self.name}" : {kind}']
        operands, types = "", kind
        if self.side:
            element = "f32" if self.side[0] == "F32" else "f8E8M0FNU"
            side = f"tensor<{'x'.join(map(str, self.side[1]))}x{element}>"
            lines.append(f'  %s = rlx.weight "{self.name}.scales" : {side}')
            operands, types = " scales(%s)", f"{kind}, {side}"
        x, y, w = f"tensor<{ROWS}x{K}xf32>", f"tensor<{ROWS}x{N}xf32>", f"tensor<{N}x{K}xf32>"
        return "\n".join([
            f"func.func @main(%x: {x}) -> ({w}, {y}) {{", *lines,
            f"  %v = rlx.dequantize %w{operands} : ({types}) -> {w}",
            f"  %y = rlx.matmul %x, %w{operands} {attributes} : ({x}, {types}) -> {y}",
            f"  return %v, %y : {w}, {y}", "}"]) + "\n"  # fmt: skip


# Type of safetensors: name, bits and numbers of codes.
PLAIN = {
    "F4": ("fp4e2m1", 4, E2M1.__getitem__),
    "F6_E2M3": ("fp6e2m3", 6, e2m3),
    "F6_E3M2": ("fp6e3m2", 6, e3m2),
}


class PlainWeight(Weight):
    """Floats of few bits that no scale belongs to, stored as what they are."""

    def __init__(self, kind):
        self.kind, self.side = kind, None
        self.scheme, bits, number = PLAIN[kind]
        self.name = self.scheme
        codes = random.Random(kind).choices(range(1 << bits), k=N * K)
        self.content = sum(code << (bits * i) for i, code in enumerate(codes)).to_bytes(N * K * bits // 8, "little")
        self.values = [number(code) for code in codes]

    def tensors(self):
        yield self.name, self.kind, (N, K), self.content


def check_plain(folder):
    os.makedirs(folder, exist_ok=True)
    weights = [PlainWeight(kind) for kind in PLAIN]
    model = os.path.join(folder, "plain.safetensors")
    safetensors.write(model, [tensor for weight in weights for tensor in weight.tensors()])
    check_weights(folder, model, weights, "f32", ())


def write(folder, schemes):
    os.makedirs(folder, exist_ok=True)
    weights = [Weight(scheme) for scheme in schemes]
    metadata = {"rlx.scheme:" + weight.name: f"{N}x{K} {weight.scheme}" for weight in weights}
    path = os.path.join(folder, "w.safetensors")
    safetensors.write(path, [tensor for weight in weights for tensor in weight.tensors()], metadata)
    return path, weights


def compare(what, got, expected):
    for i, (a, b) in enumerate(zip(got, expected, strict=True)):
        if struct.pack("<f", a) != struct.pack("<f", b):
            sys.exit(f"{what}: expected {b!r} at {i}, but got {a!r}")


def check(folder, schemes="all", activations="f32", *options):
    """Decoded by rlx-inspect and by compiled code, and multiplied."""
    model, weights = write(folder, ALL if schemes == "all" else schemes.split(","))
    check_weights(folder, model, weights, activations, options)


def check_weights(folder, model, weights, activations, options):
    paths = [os.path.join(folder, name) for name in ("x.npy", "w.npy", "y.npy", "p.mlir")]
    numbers = random.Random(1)
    npy.write(paths[0], "<f4", f"{ROWS},{K}", [f32(numbers.uniform(-1, 1)) for _ in range(ROWS * K)])
    for weight in weights:
        subprocess.run(["rlx-inspect", model, "--dequantize", weight.name, "-o", paths[1]], check=True)
        compare(weight.scheme, npy.read(paths[1])[2], weight.values)
        with open(paths[3], "w", encoding="utf-8") as file:
            file.write(weight.program(f"{{activations = {activations}}}"))
        command = ["rlx-run", paths[3], "--weights", model, "--input", paths[0], "--output", paths[1], "--output", paths[2],
                   "--verify", *options]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        compare(weight.scheme + ", compiled", npy.read(paths[1])[2], weight.values)
        print(weight.scheme, "decoded and multiplied")


NUMBERS = {"gguf_iq2_k": 137, "gguf_iq3_k": 138, "gguf_iq4_k": 139, "gguf_iq5_k": 140, "gguf_iq6_k": 141,
           "iq4_ks": 144}  # fmt: skip


def rows_of(weight):
    """What a GGUF file has; rows of iq4_ks begin with their scale."""
    size = len(weight.content) // N
    if weight.scheme not in ROW_SCALES:
        return weight.content
    return b"".join(struct.pack("<f", weight.side[2][n]) + weight.content[n * size : (n + 1) * size] for n in range(N))


def write_gguf(path, tensors):
    """Tensors are (name, number of the type, shape, bytes)."""
    def string(value):
        return struct.pack("<Q", len(value)) + value.encode()

    header, data = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 0), b""
    for name, kind, shape, content in tensors:
        header += string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, len(data))
        data += content + bytes(-len(content) % 32)
    with open(path, "wb") as file:
        file.write(header + bytes(-len(header) % 32) + data)


def nvfp4(block):
    """Four scales, and nibbles of 16 elements in halves of 8."""
    def scale(byte):
        return 0.0 if byte in (0, 0x7F) else e4m3(byte)
    return [E2M1[block[4 + i // 16 * 8 + i % 8] >> (4 * (i % 16 // 8)) & 15] * scale(block[i // 16]) for i in range(64)]


def check_factors(folder):
    """NVFP4 with a factor beside it, and experts that have one each."""
    numbers = random.Random(7)
    tensors, expected = [], {}
    for name, shape in (("one.weight", (N, K)), ("blk.0.ffn_up_exps.weight", (3, N, K))):
        factors = [f32(numbers.uniform(0.001, 3)) for _ in range(math.prod(shape[:-2]))]
        content, values = b"", []
        for factor in factors:
            for _ in range(N * K // 64):
                block = bytes(numbers.randrange(128) for _ in range(4)) + numbers.randbytes(32)
                content += block
                values += [f32(factor * value) for value in nvfp4(block)]
        expected[name] = values
        tensors.append((name, 40, shape, content))
        tensors.append((name.replace("weight", "scale"), 0, (len(factors),), struct.pack(f"<{len(factors)}f", *factors)))
    model, path = os.path.join(folder, "factors.gguf"), os.path.join(folder, "w.npy")
    write_gguf(model, tensors)
    for name, values in expected.items():
        subprocess.run(["rlx-inspect", model, "--dequantize", name, "-o", path], check=True)
        compare(name, npy.read(path)[2], values)
    listed = json.loads(subprocess.run(["rlx-inspect", model, "--json"], check=True, capture_output=True).stdout)
    program, x, y = (os.path.join(folder, name) for name in ("p.mlir", "x.npy", "y.npy"))
    with open(program, "w", encoding="utf-8") as file:
        file.write(checkpoints.program(listed["weights"][0], ROWS))
    npy.write(x, "<f4", f"{ROWS},{K}", [f32(numbers.uniform(-1, 1)) for _ in range(ROWS * K)])
    subprocess.run(["rlx-run", program, "--weights", model, "--input", x, "--output", y, "--verify"], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    print("nvfp4 with factors decoded and multiplied")


def check_gguf(folder):
    os.makedirs(folder, exist_ok=True)
    weights = [Weight(scheme) for scheme in NUMBERS]
    for weight in weights:
        weight.name += ".weight"
    model = os.path.join(folder, "ik.gguf")
    write_gguf(model, [(weight.name, NUMBERS[weight.scheme], (N, K), rows_of(weight)) for weight in weights])
    check_weights(folder, model, weights, "f32", ())
    check_factors(folder)


# The largest exponent of elements, by which OCP MX chooses scales (6.3).
MX_EXPONENTS = {"mxfp6e3m2/32": 4, "mxfp6e2m3/32": 2, "mxfp4/32": 2, "mxfp8/32": 8, "mxfp8e5m2/32": 15, "mxint8/32": 0}
# The relative error of normal numbers that so many bits allow.
ALLOWED = {"bnb_fp4/32": 0.13, "bnb_fp4/64": 0.14, "bnb_fp4/128": 0.15, "f8q8": 0.01, "gguf_iq2_k": 0.32, "gguf_iq3_k": 0.16, "gguf_iq4_k": 0.08, "gguf_iq5_k": 0.04, "gguf_iq6_k": 0.02,
           "iq4_ks": 0.09}  # fmt: skip


def check_codes(scheme, values, codes, scales):
    """Scales as the rule says, and the nearest code for each number."""
    side = SIDE_SCHEMES[scheme]
    numbers = {code: side.number(code) for code in set(side.codes(bytes(side.allowed)))}
    width = 8 * side.bytes // side.block
    if width < 8:
        numbers = {code: side.number(code) for code in range(1 << width)}
    for i in range(len(values) // side.block):
        block = values[i * side.block : (i + 1) * side.block]
        most = max(map(abs, block))
        if scheme in MX_EXPONENTS:
            wanted = math.frexp(most)[1] - 1 - MX_EXPONENTS[scheme] + 127
            scale = math.ldexp(1, wanted - 127)
        else:
            wanted = scale = most
        if scales[i] != wanted:
            sys.exit(f"{scheme}: expected the scale {wanted} of block {i}, but got {scales[i]}")
        stored = side.codes(codes[i * side.bytes : (i + 1) * side.bytes])
        for x, code in zip(block, stored, strict=True):
            least = min(abs(x - number * scale) for number in numbers.values())
            if code not in numbers or abs(x - numbers[code] * scale) > least:
                sys.exit(f"{scheme}: {x} with scale {scale} became {code}, which is not the nearest")


def check_mistral(values, paths):
    """f8q8 as mistral.rs makes it: codes for the scale before it is stored."""
    subprocess.run(["rlx-quantize", paths[0], "-o", paths[1], "--scheme", "f8q8", "--rule",
                    "absmax 127 by reciprocal ties away"], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    _, data = safetensors.read(paths[1])
    for i in range(len(values) // 32):
        block = values[32 * i : 32 * i + 32]
        scale = f32(max(map(abs, block)) / 127)
        stored = min(range(0x7F), key=lambda byte: abs(e4m3(byte) - scale * 448))
        inverse = f32(1 / scale)
        codes = [math.trunc(f32(x * inverse) + math.copysign(0.5, x)) for x in block]
        expected = bytes([stored, *(code & 255 for code in codes)])
        if data[33 * i : 33 * i + 33] != expected:
            sys.exit(f"f8q8: expected {expected} as block {i}, but got {data[33 * i : 33 * i + 33]}")
    print("f8q8 as mistral.rs makes it")


def quantize(folder):
    """Normal numbers: the rule's scales and nearest codes, or an error that so many bits allow."""
    numbers, rows = random.Random(5), 4
    values = [f32(numbers.gauss(0, 0.05)) for _ in range(rows * K)]
    paths = [os.path.join(folder, name) for name in ("v.npy", "q.safetensors", "w.npy")]
    npy.write(paths[0], "<f4", f"{rows},{K}", values)
    check_mistral(values, paths)
    for scheme in ALL:
        subprocess.run(["rlx-quantize", paths[0], "-o", paths[1], "--scheme", scheme], check=True, stdout=subprocess.DEVNULL)
        header, data = safetensors.read(paths[1])
        content = {name: data[slice(*of["data_offsets"])] for name, of in header.items() if name != "__metadata__"}
        (name,) = [name for name in content if not name.endswith(".scales")]
        if scheme not in ALLOWED:
            code = "<f" if SIDE_SCHEMES[scheme].scale_type == "F32" else "<B"
            scales = [scale for (scale,) in struct.iter_unpack(code, content[name + ".scales"])]
            check_codes(scheme, values, content[name], scales)
            print(scheme, "quantized by its rule")
            continue
        subprocess.run(["rlx-inspect", paths[1], "--dequantize", name, "-o", paths[2]], check=True)
        again = npy.read(paths[2])[2]
        error = math.sqrt(sum((a - b) ** 2 for a, b in zip(again, values)) / sum(b * b for b in values))
        if not error < ALLOWED[scheme]:
            sys.exit(f"{scheme}: expected an error below {ALLOWED[scheme]}, but it is {error}")
        print(scheme, "quantized with little error")


ROWS = 3
ALL = [*SIDE_SCHEMES, *BLOCK_SCHEMES]
if __name__ == "__main__":
    {"check": check, "plain": check_plain, "gguf": check_gguf, "quantize": quantize}[sys.argv[1]](*sys.argv[2:])
