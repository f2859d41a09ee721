#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a JAX function as linalg on tensors, and its weights as a safetensors file.

usage: export_jax.py FILE.py[:FUNCTION] -o BASE

FUNCTION (default: example) gives (f, weights, arguments), where f(weights, *arguments) is what is exported and weights is
a tree of arrays, whose paths become their names. Needs `pip install jax torch-mlir`: torch-mlir's optimizer lowers
StableHLO to linalg. It has no lowering of control flow (lax.scan), scatter and sort.

In Python: export(f, weights, arguments, "model") writes model.mlir and model.safetensors.
"""

import argparse
import sys

from export_torch import KINDS, load
from weights import torch_mlir_opt, write_program

TO_LINALG = "builtin.module(inline,func.func(stablehlo-legalize-to-linalg),stablehlo-convert-to-signless,canonicalize)"


def stored(name, array):
    """(type, shape, bytes) of an array. Raises ValueError for a type that safetensors has no name for."""
    import numpy

    array = numpy.asarray(array)
    kind = KINDS.get(str(array.dtype))
    if not kind:
        raise ValueError(f"'{name}' is of {array.dtype}, expected one of {', '.join(KINDS)}")
    return kind, array.shape, numpy.ascontiguousarray(array).tobytes()


def path_name(path):
    return ".".join(str(getattr(step, "key", getattr(step, "idx", getattr(step, "name", step)))) for step in path)


def export(function, weights, arguments, base):
    """Writes BASE.mlir and BASE.safetensors; gives the names of the weights, in the order of the arguments."""
    import jax

    leaves = jax.tree_util.tree_flatten_with_path(weights)[0]
    values = {path_name(path): leaf for path, leaf in leaves}
    lowered = jax.jit(function, keep_unused=True).lower(weights, *arguments)
    text = torch_mlir_opt(lowered.as_text(), TO_LINALG)
    inputs = jax.tree_util.tree_leaves(arguments)
    write_program(base, text, list(values) + [None] * len(inputs), {n: stored(n, v) for n, v in values.items()})
    return list(values)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("place")
    parser.add_argument("-o", dest="base", required=True)
    arguments = parser.parse_args()
    try:
        function, weights, inputs = load(arguments.place)
        export(function, weights, inputs, arguments.base)
    except (ImportError, OSError, ValueError) as error:
        raise SystemExit(f"export_jax.py: error: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
