# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What some writers of a kind store in another way: experts of MLX, words of other types, short last groups, other bits."""

import random

from checkpoint_kinds import (E2M1, KINDS, MODULE, NF4, G, K, N, affine, bitsandbytes, compressed, constant, e4m3, f32,
                              hqq, mlx, signed, stream, transposed, words_along)  # fmt: skip

SWITCH = "model.layers.0.mlp.switch_mlp.gate_proj"


def mlx_experts(w, bits):
    """All experts in one tensor, as mlx_lm stacks them."""
    w.config = {"quantization": {"group_size": G, "bits": bits}}
    experts = 2
    codes = [w.codes(bits) for _ in range(experts)]
    scales, biases = ([w.scales("BF16", N, K // G) for _ in range(experts)] for _ in range(2))
    w.add_bytes(SWITCH + ".weight", "U32", (experts, N, K * bits // 32), b"".join(stream(c, bits, 32) for c in codes))
    w.add(SWITCH + ".scales", "BF16", (experts, N, K // G), scales)
    w.add(SWITCH + ".biases", "BF16", (experts, N, K // G), biases)
    w.expect([[code * scales[e][n][k // G] + biases[e][n][k // G] for k, code in enumerate(row)]
              for e in range(experts) for n, row in enumerate(codes[e])], SWITCH + ".weight")  # fmt: skip


def mlx_float_experts(w, mode, bits, group, number, scale):
    w.config = {"quantization": {"group_size": group, "bits": bits, "mode": mode}}
    experts = 2
    codes = [w.codes(4) if bits == 4 else w.floats8(N, K) for _ in range(experts)]
    scales = [w.floats8(N, K // group, positive=True) for _ in range(experts)]
    w.add_bytes(SWITCH + ".weight", "U32", (experts, N, K * bits // 32), b"".join(stream(c, bits, 32) for c in codes))
    w.add(SWITCH + ".scales", "U8", (experts, N, K // group), scales)
    w.add(SWITCH + ".bias", "BF16", (experts, N), w.scales("BF16", experts, N))
    w.expect([[number(code) * scale(scales[e][n][k // group]) for k, code in enumerate(row)]
              for e in range(experts) for n, row in enumerate(codes[e])], SWITCH + ".weight")  # fmt: skip


def mlx_mode(w):
    """What is said of a module is all that is said of it: without a mode it is affine, whatever the others are."""
    mlx(w, 8)
    w.config["quantization"].update(mode="mxfp4", group_size=32, lm_head=False)


def in_words(w, name, kind):
    """Codes that are said to be of another type; their bytes are the same."""
    size = {"BF16": 2, "F16": 2, "F32": 4}[kind]
    for i, (tensor, stored, shape, content) in enumerate(w.tensors):
        if tensor == name:
            last = len(content) // size // shape[0]
            shape = (len(content) // size, 1) if shape[1] == 1 else (shape[0], last)
            w.tensors[i] = (tensor, kind, shape, content)


def bitsandbytes_words(w, kind):
    bitsandbytes(w, "nf4", NF4)
    in_words(w, MODULE + ".weight", kind)


def hqq_words(w, bits, kind, axis=1):
    hqq(w, bits, axis, *((32, 8) if axis == 0 else ()))
    in_words(w, MODULE + ".W_q", kind)


def hqq_bytes(w):
    """Older versions store small integers as one byte, without a shape."""
    hqq(w, 4)
    numbers = {MODULE + ".nbits": 4, MODULE + ".group_size": G}
    w.tensors = [tensor for tensor in w.tensors if tensor[0] not in numbers]
    for name, number in {**numbers, MODULE + ".axis": 1}.items():
        w.add(name, "U8", (), [number])
    w.add(MODULE + ".packing", "U8", (7,), list(b"4bit_u8"))


def gptq_short(w, bits, columns, group, form, ordered=False):
    """The last group has fewer columns."""
    rows, groups = 32, (columns + group - 1) // group
    less = 1 if form == "gptq" else 0
    codes, scales = w.codes(bits, rows, columns), w.scales("F16", rows, groups)
    zeros = [[w.random.randrange(min(1 << bits, 255)) + less for _ in range(groups)] for _ in range(rows)]
    index = [k // group for k in range(columns)]
    if ordered:
        w.random.shuffle(index)
    w.config = {"quantization_config": {"quant_method": "gptq", "bits": bits, "group_size": group, "desc_act": ordered,
                                        "checkpoint_format": form}}  # fmt: skip
    for name, values in ((".qweight", transposed(words_along(codes, bits))),
                         (".qzeros", words_along(transposed([[z - less for z in row] for row in zeros]), bits))):  # fmt: skip
        w.add(MODULE + name, "U32", (len(values), len(values[0])), values)
        w.tensors[-1] = (MODULE + name, "I32", *w.tensors[-1][2:])
    w.add(MODULE + ".scales", "F16", (groups, rows), transposed(scales))
    w.add(MODULE + ".g_idx", "I32", (columns,), index)
    w.expect([[(code - zeros[n][index[k]]) * scales[n][index[k]] for k, code in enumerate(row)]
              for n, row in enumerate(codes)])  # fmt: skip


def onnx(w, bits, zeros_of, columns=K):
    """The name says the bits; zero points are packed, floats, or not there."""
    groups = columns // G
    kind = "F32" if zeros_of == "U8" else "F16"
    codes, scales = w.codes(bits, N, columns), w.scales(kind, N, groups)
    w.add_bytes(f"q_Q{bits}", "U8", (N, groups, G * bits // 8), stream(codes, bits, 8))
    w.add("q_scales", kind, (N, groups), scales)
    zeros = constant(1 << (bits - 1), N, groups)
    if zeros_of == "U8":
        zeros = w.codes(bits, N, groups)
        w.add_bytes("q_zero_points", "U8", (N, (groups * bits + 7) // 8), stream(zeros, bits, 8))
    elif zeros_of:
        zeros = w.scales(kind, N, groups)
        w.add("q_zero_points", kind, (N, groups), zeros)
    w.expect(affine(codes, zeros, scales, G), "q")


def ct_naive(w):
    compressed(w, "naive-quantized", 8, strategy="channel", symmetric=True)
    codes, scales = signed(w.codes(8), 8), w.scales("BF16", N, 1)
    w.add(MODULE + ".weight", "I8", (N, K), codes)
    w.add(MODULE + ".weight_scale", "BF16", (N, 1), scales)
    w.expect([[code * scales[n][0] for code in row] for n, row in enumerate(codes)])


def excluding(kind, lists):
    """Lists of modules that are not quantized, none of which names this one."""

    def write(w):
        w.random = random.Random(kind)
        KINDS[kind](w)
        next(iter(w.config.values())).update(lists)

    return write


def mlx_converted(w):
    """What the model was before stays in its configuration."""
    mlx(w, 4)
    w.config["quantization_config"] = {"quant_method": "fp8", "weight_block_size": [128, 128]}


AUTO_ROUND = {"quant_method": "auto-round", "packing_format": "auto_round:auto_gptq", "bits": 8, "checkpoint_format": None,
              "extra_config": {MODULE: {"bits": 4, "group_size": G}, "lm_head": {"bits": 16}}}  # fmt: skip


def modelopt_mixed(w):
    KINDS["modelopt-nvfp4"](w)
    layers = {MODULE: {"quant_algo": "NVFP4", "group_size": 16}, MODULE + "s": {"quant_algo": "FP8"}}
    w.config = {"quantization": {"quant_algo": "MIXED_PRECISION", "quantized_layers": layers}}


def power(byte):
    return f32(2.0 ** (byte - 127))


VARIANTS = {
    "mlx-experts": lambda w: mlx_experts(w, 4),
    "mlx-experts-6": lambda w: mlx_experts(w, 6),
    "mlx-mxfp4-experts": lambda w: mlx_float_experts(w, "mxfp4", 4, 32, E2M1.__getitem__, power),
    "mlx-mxfp8-experts": lambda w: mlx_float_experts(w, "mxfp8", 8, 32, e4m3, power),
    "mlx-nvfp4-experts": lambda w: mlx_float_experts(w, "nvfp4", 4, 16, E2M1.__getitem__, e4m3),
    "mlx-own-mode": mlx_mode,
    "mlx-converted": mlx_converted,
    "gptq-4-auto-round": excluding("gptq-4", AUTO_ROUND),
    **{f"bnb-nf4-in-{kind}": lambda w, kind=kind: bitsandbytes_words(w, kind) for kind in ("BF16", "F16", "F32")},
    "hqq-4-in-BF16": lambda w: hqq_words(w, 4, "BF16"),
    "hqq-4-bytes": hqq_bytes,
    "hqq-3-in-F16": lambda w: hqq_words(w, 3, "F16"),
    "hqq-4-axis0-in-F32": lambda w: hqq_words(w, 4, "F32", axis=0),
    **{f"gptq-{bits}-short{name}": lambda w, bits=bits, form=form, ordered=ordered: gptq_short(
        w, bits, 160, 128, form, ordered) for bits in (2, 3, 4) for name, form, ordered in (
            ("", "gptq", False), ("-v2", "gptq_v2", False), ("-ordered", "gptq", True))},
    "gptq-8-short": lambda w: gptq_short(w, 8, 136, 32, "gptq_v2", True),
    **{f"onnx-{bits}{name}": lambda w, bits=bits, of=of: onnx(w, bits, of, 96) for bits in (2, 4, 8)
       for name, of in (("", ""), ("-zeros", "U8"), ("-floats", "F16"))},
    "ct-int8-naive": ct_naive,
    "ct-pack4-others": excluding("ct-pack4", {"ignore": ["lm_head", "re:.*up_proj", "down_proj", "re:(((", 5]}),
    "gptq-4-others": excluding("gptq-4", {"dynamic": {"-:.*self_attn.*": {}, "-:lm_head": {}}, "lm_head": False}),
    "fp8-block-others": excluding("fp8-block", {"modules_to_not_convert": ["lm_head", "mlp", "proj", "gate"]}),
    "modelopt-nvfp4-others": excluding("modelopt-nvfp4", {"exclude_modules": ["lm_head", "*self_attn*", "*router"]}),
    "modelopt-nvfp4-mixed": modelopt_mixed,
}  # fmt: skip
KINDS.update(VARIANTS)
