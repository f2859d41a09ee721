# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small checkpoints of each kind: their tensors, from the layouts alone, and the numbers that they mean."""

import json
import random
import struct

import safetensors

N, K, G = 16, 128, 32
MODULE = "model.layers.0.mlp.down_proj"
E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]
NF4 = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
       -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634,
       0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]  # fmt: skip


def f32(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


FP4 = [f32(x) for x in (0, 0.0052083333, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25)]
FP4 += [-x for x in FP4]


def e4m3(byte):
    sign, exponent, mantissa = -1 if byte & 128 else 1, byte >> 3 & 15, byte & 7
    return sign * (mantissa / 8 * 2**-6 if exponent == 0 else (1 + mantissa / 8) * 2 ** (exponent - 7))


def e5m2(byte):
    sign, exponent, mantissa = -1 if byte & 128 else 1, byte >> 2 & 31, byte & 3
    return sign * (mantissa / 4 * 2**-14 if exponent == 0 else (1 + mantissa / 4) * 2 ** (exponent - 15))


class Writer:
    """Tensors of one module; numbers from one seed."""

    def __init__(self, kind):
        self.random = random.Random(kind)
        self.tensors, self.config, self.expected = [], {}, {}

    def codes(self, bits, rows=N, columns=K):
        return [[self.random.randrange(1 << bits) for _ in range(columns)] for _ in range(rows)]

    def floats8(self, rows, columns, positive=False):
        """Bytes of e4m3 that are no NaN."""
        return [[self.random.choice([b for b in range(128 if positive else 256) if b & 127 != 127])
                 for _ in range(columns)] for _ in range(rows)]  # fmt: skip

    def scales(self, kind, rows, columns):
        """Numbers that the type has."""
        def one():
            number = self.random.uniform(0.001, 0.1)
            if kind == "F16":
                return struct.unpack("<e", struct.pack("<e", number))[0]
            if kind == "BF16":
                return struct.unpack("<f", struct.pack("<I", safetensors.bf16(number) << 16))[0]
            return f32(number)
        return [[one() for _ in range(columns)] for _ in range(rows)]

    def add(self, name, kind, shape, numbers):
        """Numbers are nested lists, or flat."""
        flat = list(numbers)
        while flat and isinstance(flat[0], list):
            flat = [x for row in flat for x in row]
        self.tensors.append((name, kind, shape, safetensors.encode(kind, flat)))

    def add_bytes(self, name, kind, shape, content):
        self.tensors.append((name, kind, shape, content))

    def expect(self, values, name=None):
        self.expected[name or MODULE + ".weight"] = [f32(x) for row in values for x in row]


def stream(codes, bits, word):
    """Rows of codes as little-endian streams of bits, in whole words."""
    packed = b""
    for row in codes:
        value = sum(code << (bits * i) for i, code in enumerate(row))
        packed += value.to_bytes((len(row) * bits + word - 1) // word * word // 8, "little")
    return packed


def transposed(rows):
    return [list(column) for column in zip(*rows)]


def affine(codes, zeros, scales, group):
    return [[(code - zeros[n][k // group]) * scales[n][k // group] for k, code in enumerate(row)]
            for n, row in enumerate(codes)]  # fmt: skip


def constant(value, rows, columns):
    return [[value] * columns for _ in range(rows)]


def compressed(w, form, bits=None, **weights):
    w.config = {"quantization_config": {"quant_method": "compressed-tensors", "format": form, "config_groups": {
        "group_0": {"targets": ["Linear"], "weights": {"num_bits": bits, **weights}}}}}  # fmt: skip


def ct_pack(w, bits, group, symmetric, kind="BF16", ordered=False):
    compressed(w, "pack-quantized", bits, group_size=group, symmetric=symmetric, actorder="group" if ordered else None)
    codes, groups = w.codes(bits), K // group
    index = [k // group for k in range(K)]
    if ordered:
        w.random.shuffle(index)
        w.add(MODULE + ".weight_g_idx", "I32", (K,), index)
    scales = w.scales(kind, N, groups)
    zeros = constant(1 << (bits - 1), N, groups) if symmetric else w.codes(bits, N, groups)
    w.add_bytes(MODULE + ".weight_packed", "I32", (N, K * bits // 32), stream(codes, bits, 32))
    w.add(MODULE + ".weight_scale", kind, (N, groups), scales)
    w.add(MODULE + ".weight_shape", "I64", (2,), [N, K])
    if not symmetric:
        # Along N: a word has the zeros of 32 / bits rows of one group.
        words = [[sum(zeros[(32 // bits) * i + j][g] << (bits * j) for j in range(32 // bits)) for g in range(groups)]
                 for i in range(N * bits // 32)]  # fmt: skip
        w.add(MODULE + ".weight_zero_point", "U32", (N * bits // 32, groups), words)
        w.tensors[-1] = (w.tensors[-1][0], "I32", *w.tensors[-1][2:])
    w.expect([[(code - zeros[n][index[k]]) * scales[n][index[k]] for k, code in enumerate(row)]
              for n, row in enumerate(codes)])  # fmt: skip


def ct_pack_padded(w, columns):
    """Rows that end within a word, whose rest no weight has."""
    compressed(w, "pack-quantized", 4, strategy="channel", symmetric=True)
    codes, scales = w.codes(4, N, columns), w.scales("BF16", N, 1)
    w.add_bytes(MODULE + ".weight_packed", "I32", (N, (columns + 7) // 8), stream(codes, 4, 32))
    w.add(MODULE + ".weight_scale", "BF16", (N, 1), scales)
    w.add(MODULE + ".weight_shape", "I64", (2,), [N, columns])
    w.expect(affine(codes, constant(8, N, 1), scales, columns))


def ct_int(w, columns, group):
    compressed(w, "int-quantized", 8)
    codes = [[code - 128 for code in row] for row in w.codes(8)]
    rows = 1 if columns == 0 else N
    scales = w.scales("F32", rows, max(columns, 1))
    w.add(MODULE + ".weight", "I8", (N, K), codes)
    w.add(MODULE + ".weight_scale", "F32", (N, columns) if columns else (1,), scales)
    w.expect([[code * scales[n % rows][k // group] for k, code in enumerate(row)] for n, row in enumerate(codes)])


def fp8(w, config, name, kind, rows, columns, shape, stored="F8_E4M3"):
    w.config = config
    value = e4m3 if stored == "F8_E4M3" else e5m2
    codes = [[code if stored == "F8_E4M3" or code & 127 < 124 else 60 for code in row] for row in w.floats8(N, K)]
    scales = w.scales(kind, N // rows, K // columns)
    w.add(MODULE + ".weight", stored, (N, K), codes)
    w.add(MODULE + "." + name, kind, shape, scales)
    w.add(MODULE + ".input_scale", "F32", (), [0.5])
    w.expect([[value(code) * scales[n // rows][k // columns] for k, code in enumerate(row)]
              for n, row in enumerate(codes)])  # fmt: skip


def nvfp4(w, config, codes_name, global_name, shape, divides):
    w.config = config
    codes, scales, factor = w.codes(4), w.floats8(N, K // 16, positive=True), f32(w.random.uniform(0.001, 3))
    w.add_bytes(MODULE + codes_name, "U8", (N, K // 2), stream(codes, 4, 8))
    w.add(MODULE + ".weight_scale", "F8_E4M3", (N, K // 16), scales)
    w.add(MODULE + global_name, "F32", shape, [factor])
    factor = f32(1 / factor) if divides else factor
    w.expect([[E2M1[code] * (e4m3(scales[n][k // 16]) * factor) for k, code in enumerate(row)]
              for n, row in enumerate(codes)])  # fmt: skip


def gpt_oss(w, blocks, scales_name, bias, logical):
    experts = 2
    codes = [w.codes(4) for _ in range(experts)]
    scales = [[[w.random.randrange(110, 140) for _ in range(K // 32)] for _ in range(N)] for _ in range(experts)]
    w.config = {"quantization_config": {"quant_method": "mxfp4"}}
    w.add_bytes(logical + blocks, "U8", (experts, N, K // 32, 16), b"".join(stream(c, 4, 8) for c in codes))
    w.add(logical + scales_name, "U8", (experts, N, K // 32), scales)
    if bias:
        w.add(logical + bias, "BF16", (experts, N), w.scales("BF16", experts, N))
    w.expect([[E2M1[code] * 2.0 ** (scales[e][n][k // 32] - 127) for k, code in enumerate(row)]
              for e in range(experts) for n, row in enumerate(codes[e])], logical)  # fmt: skip


def mlx(w, bits, kind="F16"):
    w.config = {"quantization": {"group_size": G, "bits": 4, "mode": "affine",
                                 MODULE: {"group_size": G, "bits": bits}}}  # fmt: skip
    codes, scales, biases = w.codes(bits), w.scales(kind, N, K // G), w.scales(kind, N, K // G)
    w.add_bytes(MODULE + ".weight", "U32", (N, K * bits // 32), stream(codes, bits, 32))
    w.add(MODULE + ".scales", kind, (N, K // G), scales)
    w.add(MODULE + ".biases", kind, (N, K // G), biases)
    w.expect([[code * scales[n][k // G] + biases[n][k // G] for k, code in enumerate(row)]
              for n, row in enumerate(codes)])  # fmt: skip


def mlx_floats(w, mode, bits, group, number, scale, has_factor=False):
    w.config = {"quantization": {"group_size": group, "bits": bits, "mode": mode}}
    codes = w.codes(4) if bits == 4 else w.floats8(N, K)
    scales = w.codes(7, N, K // group) if mode != "nvfp4" else w.floats8(N, K // group, positive=True)
    w.add_bytes(MODULE + ".weight", "U32", (N, K * bits // 32), stream(codes, bits, 32))
    w.add(MODULE + ".scales", "U8", (N, K // group), scales)
    factor = 1
    if has_factor:  # the largest magnitude
        most = f32(w.random.uniform(0.1, 5))
        w.add(MODULE + ".global_scale", "F32", (), [most])
        factor = f32(most / (448 * 6))
    w.expect([[number(code) * (scale(scales[n][k // group]) * factor) for k, code in enumerate(row)]
              for n, row in enumerate(codes)])  # fmt: skip


def bitsandbytes(w, kind, numbers, nested=False):
    block, blocks = 64, N * K // 64
    codes, absmax = w.codes(4), w.scales("F32", N, K // block)
    state = {"quant_type": kind, "blocksize": block, "dtype": "float16", "shape": [N, K]}
    w.config = {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}
    # The first element is in the high nibble.
    packed = [row[i] << 4 | row[i + 1] for row in codes for i in range(0, K, 2)]
    w.add(MODULE + ".weight", "U8", (N * K // 2, 1), packed)
    if nested:
        size, offset = 16, f32(0.05)
        indices = [w.random.randrange(256) for _ in range(blocks)]
        book, outer = w.scales("F32", 1, 256)[0], w.scales("F32", 1, blocks // size)[0]
        state.update(nested_blocksize=size, nested_dtype="float32", nested_offset=offset)
        flat = [f32(f32(book[index] * outer[i // size]) + offset) for i, index in enumerate(indices)]
        absmax = [flat[n * K // block : (n + 1) * K // block] for n in range(N)]
        w.add(MODULE + ".weight.absmax", "U8", (blocks,), indices)
        w.add(MODULE + ".weight.nested_absmax", "F32", (blocks // size,), outer)
        w.add(MODULE + ".weight.nested_quant_map", "F32", (256,), book)
    else:
        w.add(MODULE + ".weight.absmax", "F32", (blocks,), absmax)
    w.add(MODULE + ".weight.quant_map", "F32", (16,), numbers)
    text = json.dumps(state).encode()
    w.add_bytes(MODULE + f".weight.quant_state.bitsandbytes__{kind}", "U8", (len(text),), text)
    w.expect([[numbers[code] * absmax[n][k // block] for k, code in enumerate(row)] for n, row in enumerate(codes)])


def hqq(w, bits, axis=1, rows=N, group=G):
    """Rows that are reshaped to groups, of axis 1 or 0; parts of these rows are packed above each other."""
    count = rows * K // group
    codes, scales, zeros = w.codes(bits, rows), w.scales("F16", 1, count)[0], w.scales("F16", 1, count)[0]
    w.config = {"quantization_config": {"quant_method": "hqq"}}
    flat, width = [code for row in codes for code in row], group if axis else count
    lines = [flat[i : i + width] for i in range(0, len(flat), width)]
    parts, top, kind = (10, 27, "I32") if bits == 3 else (8 // bits, 8 - bits, "U8")
    step = (len(lines) + parts - 1) // parts
    lines += [[0] * width] * (step * parts - len(lines))
    packed = [[sum(lines[p * step + i][j] << (top - bits * p) for p in range(parts)) for j in range(width)]
              for i in range(step)]  # fmt: skip
    w.add(MODULE + ".W_q", kind, (step, width), packed)
    w.add(MODULE + ".scale", "F16", (count, 1) if axis else (1, count), scales)
    w.add(MODULE + ".zero", "F16", (count, 1) if axis else (1, count), zeros)
    w.add(MODULE + ".shape", "I32", (2,), [rows, K])
    w.add(MODULE + ".nbits", "I32", (1,), [bits])
    w.add(MODULE + ".group_size", "I32", (1,), [group])
    index = [i // group if axis else i % count for i in range(rows * K)]
    values = [(code - zeros[g]) * scales[g] for code, g in zip(flat, index)]
    w.expect([values[n * K : (n + 1) * K] for n in range(rows)])


def words_along(values, bits):
    """Each row of values as a stream of bits in words, one list of words a row."""
    content = stream(values, bits, 32)
    size = len(content) // len(values)
    return [list(struct.unpack(f"<{size // 4}I", content[i * size : (i + 1) * size])) for i in range(len(values))]


def gptq(w, bits, form="gptq", ordered=False, symmetric=False):
    rows, groups = 32, K // G
    codes, scales = w.codes(bits, rows), w.scales("F16", rows, groups)
    stored_less = 1 if form == "gptq" else 0
    middle = 1 << (bits - 1)
    zeros = constant(middle, rows, groups) if symmetric else [
        [w.random.randrange(min(1 << bits, 255)) + stored_less for _ in range(groups)] for _ in range(rows)]  # fmt: skip
    less = 0 if symmetric == "as v2" else stored_less
    index = [k // G for k in range(K)]
    if ordered:
        w.random.shuffle(index)
    w.config = {"quantization_config": {"quant_method": "gptq", "bits": bits, "group_size": G, "desc_act": ordered,
                                        "checkpoint_format": form}}  # fmt: skip
    def add_words(name, values):
        w.add(name, "U32", (len(values), len(values[0])), values)
        w.tensors[-1] = (name, "I32", *w.tensors[-1][2:])
    add_words(MODULE + ".qweight", transposed(words_along(codes, bits)))
    add_words(MODULE + ".qzeros", words_along(transposed([[z - less for z in row] for row in zeros]), bits))
    w.add(MODULE + ".scales", "F16", (groups, rows), transposed(scales))
    w.add(MODULE + ".g_idx", "I32", (K,), index)
    w.expect([[(code - zeros[n][index[k]]) * scales[n][index[k]] for k, code in enumerate(row)]
              for n, row in enumerate(codes)])  # fmt: skip


def awq(w, rows=N, columns=K):
    groups, order = columns // G, [0, 2, 4, 6, 1, 3, 5, 7]
    codes, zeros, scales = w.codes(4, rows, columns), w.codes(4, rows, groups), w.scales("F16", rows, groups)
    w.config = {"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": G, "version": "gemm"}}
    def pack(lines):
        return [[sum(line[8 * c + order[i]] << (4 * i) for i in range(8)) for c in range(rows // 8)] for line in lines]
    for name, values in ((".qweight", pack(transposed(codes))), (".qzeros", pack(transposed(zeros)))):
        w.add(MODULE + name, "U32", (len(values), rows // 8), values)
        w.tensors[-1] = (MODULE + name, "I32", *w.tensors[-1][2:])
    w.add(MODULE + ".scales", "F16", (groups, rows), transposed(scales))
    w.expect(affine(codes, zeros, scales, G))


def awq_gemv(w, columns):
    """Nothing is interleaved; rows of zero points are whole words, and their number is a multiple of four."""
    groups = columns // G
    width = ((groups + 7) // 8 + 3) // 4 * 4
    codes, zeros, scales = w.codes(4, N, columns), w.codes(4, N, groups), w.scales("F16", N, groups)
    w.config = {"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": G, "version": "gemv"}}
    w.add_bytes(MODULE + ".qweight", "I32", (N, columns // 8), stream(codes, 4, 32))
    w.add_bytes(MODULE + ".qzeros", "I32", (N, width), stream([row + [0] * (8 * width - groups) for row in zeros], 4, 32))
    w.add(MODULE + ".scales", "F16", (N, 8 * width), [row + [0.0] * (8 * width - groups) for row in scales])
    w.expect(affine(codes, zeros, scales, G))


def several(w, config, kinds):
    """Several modules, whose bits the configuration says by their names."""
    global MODULE
    usual = MODULE
    for name, write in kinds.items():
        MODULE = name
        write(w)
    MODULE = usual
    w.config = {"quantization_config": config}


CT_GROUPS = {"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {
    "group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "group_size": G}},
    "group_1": {"targets": ["re:.*down_proj$"], "weights": {"num_bits": 8, "group_size": G}}}}  # fmt: skip
GPTQ_DYNAMIC = {"quant_method": "gptq", "bits": 4, "group_size": G, "desc_act": False, "checkpoint_format": "gptq",
                "dynamic": {r"+:.*\.1\..*down": {"bits": 8}, r"+:.*\.2\.": {"bits": 3}}}  # fmt: skip


def onnx(w, with_zeros, columns=K):
    groups = columns // G
    codes, scales = w.codes(4, N, columns), w.scales("F32", N, groups)
    zeros = w.codes(4, N, groups) if with_zeros else constant(8, N, groups)
    w.add_bytes("q_MatMul_Q4", "U8", (N, groups, G // 2), stream(codes, 4, 8))
    w.add("q_MatMul_scales", "F32", (N * groups,), scales)
    if with_zeros:
        w.add_bytes("q_MatMul_zero_points", "U8", (N * ((groups + 1) // 2),), stream(zeros, 4, 8))
    w.expect(affine(codes, zeros, scales, G), "q_MatMul")


def signed(codes, bits):
    return [[code - (1 << (bits - 1)) for code in row] for row in codes]


def nibbles(rows):
    """Signed codes of 4 bits, the first in the lower half."""
    return b"".join(bytes(row[i] & 15 | (row[i + 1] & 15) << 4 for i in range(0, len(row), 2)) for row in rows)


def int8_zeros(w, names, kind):
    codes, zeros, scales = (signed(w.codes(8), 8), signed(w.codes(8, N, K // G), 8), w.scales("BF16", N, K // G))
    for name, type, values in zip(names, ("I8", "BF16", kind), (codes, scales, zeros)):
        w.add(name, type, (N, len(values[0])), values)
    w.expect(affine(codes, zeros, scales, G))


def ct_int_zeros(w):
    compressed(w, "int-quantized", 8, group_size=G, symmetric=False)
    int8_zeros(w, [MODULE + name for name in (".weight", ".weight_scale", ".weight_zero_point")], "I8")


def ct_int_zero(w):
    compressed(w, "int-quantized", 8, strategy="tensor", symmetric=False)
    codes, scale, zero = signed(w.codes(8), 8), w.scales("F32", 1, 1)[0][0], 7
    w.add(MODULE + ".weight", "I8", (N, K), codes)
    w.add(MODULE + ".weight_scale", "F32", (1,), [[scale]])
    w.add(MODULE + ".weight_zero_point", "I8", (1,), [[zero]])
    w.expect([[(code - zero) * scale for code in row] for row in codes])


TORCHAO = [MODULE + "._weight_" + name for name in ("qdata", "scale", "zero_point")]


def torchao_int4(w, kind):
    codes, scales, zeros = signed(w.codes(4), 4), w.scales(kind, N, K // G), w.scales(kind, N, K // G)
    w.add_bytes(TORCHAO[0], "I8", (N, K // 2), nibbles(codes))
    w.add(TORCHAO[1], kind, (K // G, N), transposed(scales))
    w.add(TORCHAO[2], kind, (K // G, N), transposed(zeros))
    w.expect([[code * scales[n][k // G] + zeros[n][k // G] for k, code in enumerate(row)]
              for n, row in enumerate(codes)])  # fmt: skip


def torchao_int8(w, group):
    codes, scales = signed(w.codes(8), 8), w.scales("BF16", N, K // group)
    w.add(TORCHAO[0], "I8", (N, K), codes)
    w.add(TORCHAO[1], "BF16", (N, K // group), scales)
    w.expect(affine(codes, constant(0, N, K // group), scales, group))


def torchao_float8(w, rows):
    codes, scales = w.floats8(N, K), w.scales("F32", rows, 1)
    w.add(TORCHAO[0], "F8_E4M3", (N, K), codes)
    w.add(TORCHAO[1], "F32", (rows, 1), scales)
    w.expect([[e4m3(code) * scales[n % rows][0] for code in row] for n, row in enumerate(codes)])


def config(**values):
    return {"quantization_config": values}


NVFP4_CT = config(quant_method="compressed-tensors", format="nvfp4-pack-quantized")
FP8_CT = config(quant_method="compressed-tensors", format="float-quantized",
                config_groups={"group_0": {"weights": {"block_structure": [8, 32]}}})  # fmt: skip
EXPERTS = "model.layers.0.mlp.experts.gate_up_proj"
KINDS = {
    "ct-pack4": lambda w: ct_pack(w, 4, G, True),
    "ct-pack4-zeros": lambda w: ct_pack(w, 4, G, False),
    "ct-pack8-channel": lambda w: ct_pack(w, 8, K, True, "F32"),
    "ct-pack4-channel": lambda w: ct_pack(w, 4, K, True, "F16"),
    "ct-pack8-zeros": lambda w: ct_pack(w, 8, G, False, "F16"),
    **{f"ct-pack{bits}-ordered-{symmetric}": lambda w, bits=bits, symmetric=symmetric: ct_pack(
        w, bits, G, symmetric, ordered=True) for bits in (4, 8) for symmetric in (True, False)},
    "ct-pack4-padded": lambda w: ct_pack_padded(w, 100),
    "ct-fp8-row": lambda w: fp8(w, FP8_CT, "weight_scale", "F32", 1, K, (N,)),
    "ct-int8-channel": lambda w: ct_int(w, 1, K),
    "ct-int8-tensor": lambda w: ct_int(w, 0, K),
    "ct-int8-group": lambda w: ct_int(w, K // G, G),
    "ct-int8-zeros": ct_int_zeros,
    "ct-int8-zero": ct_int_zero,
    "torchao-int4": lambda w: torchao_int4(w, "BF16"),
    "torchao-int4-f32": lambda w: torchao_int4(w, "F32"),
    "torchao-int8": lambda w: torchao_int8(w, K),
    "torchao-int8-group": lambda w: torchao_int8(w, G),
    "torchao-intx": lambda w: int8_zeros(w, TORCHAO, "I8"),
    "torchao-intx-floats": lambda w: int8_zeros(w, TORCHAO, "F32"),
    "torchao-fp8": lambda w: torchao_float8(w, N),
    "torchao-fp8-tensor": lambda w: torchao_float8(w, 1),
    "ct-fp8-tensor": lambda w: fp8(w, FP8_CT, "weight_scale", "BF16", N, K, (1,)),
    "ct-fp8-channel": lambda w: fp8(w, FP8_CT, "weight_scale", "F32", 1, K, (N, 1)),
    "ct-fp8-block": lambda w: fp8(w, FP8_CT, "weight_scale", "BF16", 8, 32, (N // 8, K // 32)),
    "ct-nvfp4": lambda w: nvfp4(w, NVFP4_CT, ".weight_packed", ".weight_global_scale", (1,), True),
    "modelopt-nvfp4": lambda w: nvfp4(w, {"quantization": {"quant_algo": "NVFP4", "group_size": 16}}, ".weight",
                                      ".weight_scale_2", (), False),
    "modelopt-fp8": lambda w: fp8(w, {"quantization": {"quant_algo": "FP8"}}, "weight_scale", "F32", N, K, ()),
    "fp8-block": lambda w: fp8(w, config(quant_method="fp8", weight_block_size=[8, 64]), "weight_scale_inv", "F32", 8,
                               64, (N // 8, K // 64)),
    "fp8-tensor": lambda w: fp8(w, config(quant_method="fp8"), "weight_scale", "F32", N, K, ()),
    **{f"fp8-{name}-{i}": lambda w, name=name, shape=shape: fp8(w, config(quant_method="fp8"), name, "BF16", N, K, shape)
       for name in ("weight_scale", "weight_scale_inv") for i, shape in enumerate([(), (1,), (1, 1)])},
    **{f"fp8-rows-{len(shape)}": lambda w, shape=shape: fp8(w, config(quant_method="fp8"), "weight_scale", "F32", 1, K,
                                                           shape) for shape in [(N,), (N, 1)]},
    "fp8-e5m2": lambda w: fp8(w, config(quant_method="fp8"), "weight_scale", "F32", N, K, (), "F8_E5M2"),
    "fp8-e5m2-block": lambda w: fp8(w, config(quant_method="fp8", weight_block_size=[8, 64]), "weight_scale_inv", "F32",
                                    8, 64, (N // 8, K // 64), "F8_E5M2"),
    "fp8-channel": lambda w: fp8(w, config(quant_method="fbgemm_fp8"), "weight_scale", "F32", 1, K, (N, 1)),
    "gpt-oss": lambda w: gpt_oss(w, "_blocks", "_scales", "_bias", EXPERTS),
    "gpt-oss-original": lambda w: gpt_oss(w, ".blocks", ".scales", "", "block.0.mlp.mlp1_weight"),
    **{f"mlx-{bits}": lambda w, bits=bits: mlx(w, bits, "BF16" if bits == 4 else "F16") for bits in (2, 3, 4, 5, 6, 8)},
    "mlx-mxfp4": lambda w: mlx_floats(w, "mxfp4", 4, 32, E2M1.__getitem__, lambda s: 2.0 ** (s - 127)),
    "mlx-mxfp8": lambda w: mlx_floats(w, "mxfp8", 8, 32, e4m3, lambda s: 2.0 ** (s - 127)),
    "mlx-nvfp4": lambda w: mlx_floats(w, "nvfp4", 4, 16, E2M1.__getitem__, e4m3),
    "mlx-nvfp4-factor": lambda w: mlx_floats(w, "nvfp4", 4, 16, E2M1.__getitem__, e4m3, True),
    "bnb-nf4": lambda w: bitsandbytes(w, "nf4", NF4),
    "bnb-fp4": lambda w: bitsandbytes(w, "fp4", FP4),
    "bnb-nf4-nested": lambda w: bitsandbytes(w, "nf4", NF4, nested=True),
    "hqq-4": lambda w: hqq(w, 4),
    "hqq-2": lambda w: hqq(w, 2),
    "hqq-8": lambda w: hqq(w, 8),
    "hqq-1": lambda w: hqq(w, 1),
    "hqq-3": lambda w: hqq(w, 3),
    "hqq-3-odd": lambda w: hqq(w, 3, rows=5),
    "hqq-4-odd": lambda w: hqq(w, 4, rows=5),
    "hqq-4-axis0": lambda w: hqq(w, 4, axis=0, rows=32, group=8),
    "hqq-2-axis0": lambda w: hqq(w, 2, axis=0, rows=48, group=16),
    "hqq-3-axis0": lambda w: hqq(w, 3, axis=0, rows=48, group=16),
    "hqq-8-axis0": lambda w: hqq(w, 8, axis=0, rows=32, group=8),
    "gptq-2": lambda w: gptq(w, 2),
    "gptq-3": lambda w: gptq(w, 3),
    "gptq-4": lambda w: gptq(w, 4),
    "gptq-8": lambda w: gptq(w, 8),
    "gptq-4-ordered": lambda w: gptq(w, 4, ordered=True),
    "gptq-4-symmetric": lambda w: gptq(w, 4, symmetric=True),
    "gptq-4-as-v2": lambda w: gptq(w, 4, symmetric="as v2"),
    "gptq-3-v2": lambda w: gptq(w, 3, "gptq_v2"),
    "gptq-3-v2-ordered": lambda w: gptq(w, 3, "gptq_v2", ordered=True),
    "gptq-2-v2": lambda w: gptq(w, 2, "gptq_v2"),
    "gptq-8-v2": lambda w: gptq(w, 8, "gptq_v2"),
    "gptq-4-v2": lambda w: gptq(w, 4, "gptq_v2"),
    "awq": awq,
    "awq-large": lambda w: awq(w, 512, 288),
    "awq-gemv": lambda w: awq_gemv(w, K),
    "awq-gemv-wide": lambda w: awq_gemv(w, 1088),
    "ct-groups": lambda w: several(w, CT_GROUPS, {
        "model.layers.0.mlp.up_proj": lambda w: ct_pack(w, 4, G, True),
        "model.layers.0.mlp.down_proj": lambda w: ct_pack(w, 8, G, False)}),
    "gptq-dynamic": lambda w: several(w, GPTQ_DYNAMIC, {
        "model.layers.0.mlp.down_proj": lambda w: gptq(w, 4),
        "model.layers.1.mlp.down_proj": lambda w: gptq(w, 8),
        "model.layers.1.mlp.up_proj": lambda w: gptq(w, 4),
        "model.layers.2.mlp.up_proj": lambda w: gptq(w, 3)}),
    "onnx": lambda w: onnx(w, False),
    "onnx-zeros": lambda w: onnx(w, True),
    "onnx-odd-zeros": lambda w: onnx(w, True, 96),
}  # fmt: skip
