#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checkpoints that contradict themselves: writes each, and prints what rlx-inspect and rlx-quantize say of it.

usage: refused_kinds.py FOLDER
"""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # nothing is left in the sources

import safetensors
from checkpoint_kinds import FP4, KINDS, MODULE, Writer

PREFIX = MODULE + "."


def said(writer):
    return writer.config["quantization_config"]


def group(writer):
    return said(writer)["config_groups"]["group_0"]


def change(writer, name, **values):
    for i, (tensor, kind, shape, content) in enumerate(writer.tensors):
        if tensor == PREFIX + name:
            writer.tensors[i] = (tensor, values.get("kind", kind), values.get("shape", shape),
                                 values.get("content", content))  # fmt: skip


def drop(writer, *names):
    writer.tensors = [tensor for tensor in writer.tensors if tensor[0] not in [PREFIX + name for name in names]]


def state(writer, **values):
    name = "weight.quant_state.bitsandbytes__nf4"
    (content,) = [tensor[3] for tensor in writer.tensors if tensor[0] == PREFIX + name]
    content = json.dumps({**json.loads(content), **values}).encode()
    change(writer, name, content=content, shape=(len(content),))


def integers(*numbers):
    return safetensors.encode("I64", numbers)


def floats(*numbers):
    return safetensors.encode("F32", numbers)


def without_config(writer):
    writer.config = None


CASES = {
    "gptq-format": ("gptq-4", lambda w: said(w).update(checkpoint_format="marlin")),
    "gptq-format-number": ("gptq-3", lambda w: said(w).update(checkpoint_format=7)),
    "gptq-bits": ("gptq-4", lambda w: said(w).update(bits=5)),
    "gptq-group": ("gptq-4", lambda w: said(w).update(group_size="x")),
    "gptq-order": ("gptq-4-ordered", lambda w: drop(w, "g_idx")),
    "gptq-no-zeros": ("gptq-4", lambda w: drop(w, "qzeros")),
    "gptq-method": ("gptq-4", lambda w: said(w).update(quant_method="foo")),
    "gptq-no-config": ("gptq-4", without_config),
    "awq-bits": ("awq", lambda w: said(w).update(bits=8)),
    "gptq-no-codes": ("gptq-4", lambda w: drop(w, "qweight")),
    "gptq-dynamic": ("gptq-4", lambda w: said(w).update(dynamic={"-:.*down.*": {}})),
    "awq-zeros": ("awq", lambda w: said(w).update(zero_point=False)),
    "hqq-axis": ("hqq-4", lambda w: w.add(PREFIX + "axis", "I32", (1,), [0])),
    "bnb-type": ("bnb-nf4", lambda w: state(w, quant_type="fp4")),
    "bnb-table": ("bnb-nf4", lambda w: change(w, "weight.quant_map", content=floats(*FP4))),
    "ct-order": ("ct-pack4-ordered-True", lambda w: drop(w, "weight_g_idx")),
    "ct-order-dynamic": ("ct-pack4-ordered-True", lambda w: (drop(w, "weight_g_idx"),
                                                             group(w)["weights"].update(actorder="dynamic"))),
    "ct-ignored": ("ct-pack4", lambda w: said(w).update(ignore=["lm_head", MODULE])),
    "ct-ignored-pattern": ("ct-int8-channel", lambda w: said(w).update(ignore=["re:.*mlp"])),
    "ct-other-tensor": ("ct-pack4", lambda w: w.add(PREFIX + "weight_foo", "F32", (1,), [2.0])),
    "ct-no-zeros": ("ct-pack4", lambda w: group(w)["weights"].update(symmetric=False)),
    "ct-bits": ("ct-pack4", lambda w: group(w)["weights"].update(num_bits=3)),
    "ct-shape": ("ct-pack4", lambda w: change(w, "weight_shape", content=integers(8, 128))),
    "ct-targets": ("ct-pack4", lambda w: group(w).update(targets=5)),
    "ct-targets-broken": ("ct-pack4", lambda w: group(w).update(targets=["re:((("])),
    "ct-targets-others": ("ct-pack4", lambda w: group(w).update(targets=["re:.*foo"])),
    "ct-factor": ("ct-nvfp4", lambda w: change(w, "weight_global_scale", content=floats(0))),
    "ct-no-factor": ("ct-nvfp4", lambda w: drop(w, "weight_global_scale")),
    "ct-int8-no-zeros": ("ct-int8-channel", lambda w: group(w)["weights"].update(symmetric=False)),
    "fp8-shape": ("fp8-tensor", lambda w: change(w, "weight_scale", shape=(3,), content=floats(1, 1, 1))),
    **{f"fp8-blocks-{i}": ("fp8-block", lambda w, size=size: said(w).update(weight_block_size=size)) for i, size in
       enumerate([[8], [8, 0], [8, 64, 1], "x", [8, "64"], [8, 32], True])},
    "fp8-blocks-of-one": ("fp8-weight_scale_inv-1", lambda w: said(w).update(weight_block_size=[8, 64])),
    "fp8-excluded": ("fp8-block", lambda w: said(w).update(modules_to_not_convert=["down_proj"])),
    "fp8-no-codes": ("fp8-block", lambda w: drop(w, "weight")),
    "fp8-type": ("fp8-block", lambda w: change(w, "weight_scale_inv", kind="F8_E8M0", content=bytes(4))),
    "fp8-no-scale": ("fp8-block", lambda w: drop(w, "weight_scale_inv")),
    "fp8-stacked": ("fp8-block", lambda w: change(w, "weight", shape=(2, 8, 128))),
    "fp8-no-config": ("fp8-block", without_config),
    "fp8-other-name": ("fp8-tensor", lambda w: (drop(w, "weight_scale"), w.add(PREFIX + "scale_weight", "F32", (), [2.0]))),
    "modelopt-mixed": ("modelopt-fp8", lambda w: w.config.update(quantization={"quant_algo": "MIXED_PRECISION"})),
    "modelopt-group": ("modelopt-nvfp4", lambda w: w.config["quantization"].update(group_size=32)),
    "modelopt-excluded": ("modelopt-nvfp4", lambda w: w.config["quantization"].update(exclude_modules=["*.mlp.*"])),
    "modelopt-rows": ("modelopt-fp8", lambda w: change(w, "weight_scale", shape=(16, 1), content=floats(*[1] * 16))),
    "mlx-types": ("mlx-8", lambda w: change(w, "biases", kind="F32", content=floats(*[1] * 64))),
    "mlx-excluded": ("mlx-4", lambda w: w.config["quantization"].update({MODULE: False, "group_size": 32})),
    "mlx-no-biases": ("mlx-4", lambda w: drop(w, "biases")),
    "mlx-no-config": ("mlx-4", without_config),
}  # fmt: skip


def main(folder):
    for name, (kind, spoil) in CASES.items():
        here = os.path.join(folder, name)
        os.makedirs(here)
        writer = Writer(kind)
        KINDS[kind](writer)
        spoil(writer)
        model = os.path.join(here, "model.safetensors")
        plain = ("lm.weight", "F32", (2, 32), floats(*range(64)))
        safetensors.write(model, writer.tensors + [plain])
        if writer.config is not None:
            with open(os.path.join(here, "config.json"), "w", encoding="utf-8") as file:
                json.dump(writer.config, file)
        (weight,) = writer.expected
        done = subprocess.run(["rlx-inspect", model, "--dequantize", weight, "-o", os.path.join(here, "w.npy")],
                              capture_output=True, text=True)  # fmt: skip
        print(f"{name} {done.returncode}: {done.stderr.replace(MODULE, 'm').strip()}")
        # Whatever cannot be read is kept as it is.
        subprocess.run(["rlx-quantize", model, "-o", os.path.join(here, "q.safetensors"), "--scheme", "int4/32",
                        "--requantize"], check=True, capture_output=True)  # fmt: skip
        kept = safetensors_of(os.path.join(here, "q.safetensors"))
        for tensor, stored, shape, content in writer.tensors:
            if kept.get(tensor) != (stored, list(shape), content):
                print(f"{name}: {tensor} was changed")


def safetensors_of(path):
    with open(path, "rb") as file:
        content = file.read()
    size = int.from_bytes(content[:8], "little")
    entries = json.loads(content[8 : 8 + size])
    entries.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], content[8 + size :][slice(*entry["data_offsets"])])
            for name, entry in entries.items()}  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
