#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a PyTorch module as linalg on tensors, and its weights as a safetensors file.

usage: export_torch.py FILE.py[:FUNCTION] -o BASE

FUNCTION (default: example) gives (module, arguments), or (module, arguments, dynamic_shapes) with what torch.export takes
for the arguments. Parameters and buffers become arguments with their names, so that no number is in the text. Needs
`pip install torch torch-mlir`.

In Python: export(module, arguments, "model") writes model.mlir and model.safetensors.
"""

import argparse
import importlib.util
import sys

from weights import write_program

# safetensors' name of each type of torch.
KINDS = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
}


def stored(name, tensor):
    """(type, shape, bytes) of a tensor. Raises ValueError for a type that safetensors has no name for."""
    import torch

    kind = KINDS.get(str(tensor.dtype).removeprefix("torch."))
    if not kind:
        raise ValueError(f"'{name}' is of {tensor.dtype}, expected one of {', '.join(KINDS)}")
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return kind, tuple(tensor.shape), flat.view(torch.uint8).numpy().tobytes()


def plain(module):
    """`module` with the tensors that its quantized ones are made of, where torchao made them."""
    from torch.utils._python_dispatch import is_traceable_wrapper_subclass

    if any(is_traceable_wrapper_subclass(each) for each in module.parameters()):
        from torchao.utils import unwrap_tensor_subclass

        return unwrap_tensor_subclass(module)
    return module


def export(module, arguments, base, dynamic_shapes=None, function="main"):
    """Writes BASE.mlir and BASE.safetensors; gives the names of the weights, in the order of the arguments."""
    import torch
    from torch_mlir import fx

    # What torch.export made has no mode to be in.
    module = plain(module if isinstance(module, torch.fx.GraphModule) else module.eval())
    values = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    names = list(values)

    class WithWeights(torch.nn.Module):
        """Takes what the module keeps as its first arguments."""

        def forward(self, kept, *rest):
            return torch.func.functional_call(module, dict(zip(names, kept)), rest)

    kept = [value.detach() for value in values.values()]
    shapes = None if dynamic_shapes is None else ([None] * len(kept), tuple(dynamic_shapes))
    program = torch.export.export(WithWeights(), (kept, *arguments), dynamic_shapes=shapes, strict=False)
    # Operations of libraries (torchao's) into those of torch.
    program = program.run_decompositions()
    linalg = fx.export_and_import(program, output_type="linalg-on-tensors", func_name=function)
    text = linalg.operation.get_asm(enable_debug_info=False)
    inputs = [each for each in torch.utils._pytree.tree_leaves(arguments) if isinstance(each, torch.Tensor)]
    write_program(base, text, names + [None] * len(inputs), {n: stored(n, v) for n, v in values.items()}, function)
    return names


def load(place):
    """What FUNCTION of FILE.py gives, from 'FILE.py:FUNCTION'."""
    path, _, name = place.partition(":")
    spec = importlib.util.spec_from_file_location("exported", path)
    if not spec:
        raise ValueError(f"'{path}' is no Python file")
    file = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(file)
    made = getattr(file, name or "example", None)
    if not made:
        raise ValueError(f"'{path}' has no function '{name or 'example'}'")
    return made()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("place")
    parser.add_argument("-o", dest="base", required=True)
    arguments = parser.parse_args()
    try:
        module, inputs, *shapes = load(arguments.place)
        export(module, inputs, arguments.base, *shapes)
    except (ImportError, OSError, ValueError) as error:
        raise SystemExit(f"export_torch.py: error: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
