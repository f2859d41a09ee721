#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes an ONNX model as linalg on tensors, and its weights as a safetensors file.

usage: export_onnx.py MODEL.onnx -o BASE

Initializers of 4 KiB and more become arguments with their names. MatMulNBits and DequantizeLinear of constant weights, which
torch-mlir does not know in all their forms, become quantized weights with a scheme of their own. Needs
`pip install onnx torch-mlir`.

In Python: export(model, "model") writes model.mlir and model.safetensors.
"""

import argparse
import sys

from onnx_weights import take_quantized_weights
from weights import torch_mlir_opt, write_program

# safetensors' name of each type of ONNX.
KINDS = {
    "FLOAT": "F32", "DOUBLE": "F64", "FLOAT16": "F16", "BFLOAT16": "BF16", "INT64": "I64", "INT32": "I32", "INT16": "I16",
    "INT8": "I8", "UINT8": "U8", "BOOL": "BOOL", "FLOAT8E4M3FN": "F8_E4M3", "FLOAT8E5M2": "F8_E5M2",
}
# What is smaller stays in the text: shapes, axes and other numbers that torch-mlir has to know.
LEAST_BYTES = 4096
PIPELINES = (
    "builtin.module(torch-onnx-to-torch-backend-pipeline)",
    "builtin.module(torch-backend-to-linalg-on-tensors-backend-pipeline)",
)


def take_weights(model):
    """Makes inputs of large initializers; {name: (type, shape, bytes)} of them."""
    import onnx
    from onnx import numpy_helper

    weights, kept = {}, []
    for each in model.graph.initializer:
        kind = KINDS.get(onnx.TensorProto.DataType.Name(each.data_type))
        array = numpy_helper.to_array(each)
        if not kind or array.nbytes < LEAST_BYTES:
            kept.append(each)
            continue
        weights[each.name] = (kind, array.shape, array.tobytes())
        if each.name not in {value.name for value in model.graph.input}:
            model.graph.input.append(onnx.helper.make_tensor_value_info(each.name, each.data_type, array.shape))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return weights


def to_linalg(model):
    from torch_mlir.extras import onnx_importer
    from torch_mlir.ir import Context, Location, Module
    from torch_mlir.dialects import torch as torch_dialect

    context = Context()
    torch_dialect.register_dialect(context)
    with context, Location.unknown():
        module = Module.create()
        info = onnx_importer.ModelInfo(model)
        onnx_importer.NodeImporter.define_function(info.main_graph, module.operation).import_all()
        text = module.operation.get_asm()
    return torch_mlir_opt(text, *PIPELINES)


def export(model, base):
    """Writes BASE.mlir and BASE.safetensors; gives the names of the weights."""
    import onnx

    if isinstance(model, str):
        model = onnx.load(model)
    model.graph.name = "main"
    quantized = take_quantized_weights(model)
    weights = take_weights(model)
    # Shapes behind weights that are new.
    model = onnx.shape_inference.infer_shapes(model)
    constants = {each.name for each in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in constants]
    text = to_linalg(model)
    names = [name if name in weights else quantized.get(name) for name in inputs]
    for each in quantized.values():
        weights.update(each.tensors)
    write_program(base, text, names, weights)
    return list(weights)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("model")
    parser.add_argument("-o", dest="base", required=True)
    arguments = parser.parse_args()
    try:
        export(arguments.model, arguments.base)
    except (ImportError, OSError, ValueError) as error:
        raise SystemExit(f"export_onnx.py: error: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
