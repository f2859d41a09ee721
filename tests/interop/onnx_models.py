# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of ONNX, compared with its own reference evaluator or with the formulas of its specification."""

from interop import case

ROWS, WIDTH, OUT = 4, 256, 512


def numbers(*shape):
    import numpy

    return numpy.random.default_rng(1).standard_normal(shape).astype(numpy.float32)


def codes(low, high, *shape):
    import numpy

    return numpy.random.default_rng(2).integers(low, high, shape)


def exported(nodes, initializers, base, expected=None, x=None):
    """The model x -> y of `nodes`; expected from onnx's reference evaluator unless given."""
    import onnx
    from export_onnx import export
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    x = numbers(ROWS, WIDTH) if x is None else x
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (ROWS, OUT))], initializers)
    sets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=10)
    if expected is None:
        expected = ReferenceEvaluator(model).run(None, {"x": x})[0]
    export(model, base)
    return [x], [expected]


def tensor(name, array, kind=None):
    from onnx import helper, numpy_helper

    if kind is None:
        return numpy_helper.from_array(array, name)
    return helper.make_tensor(name, kind, array.shape, array.flatten().tolist())


def product(**attributes):
    from onnx import helper

    return [
        helper.make_node("DequantizeLinear", ["w", "scale"] + attributes.pop("zeros", []), ["f"], **attributes),
        helper.make_node("MatMul", ["x", "f"], ["y"]),
    ]


@case(1e-5, matmuls=1)
def onnx_dequantize_tensor(base):
    import numpy

    w = codes(-128, 128, WIDTH, OUT).astype(numpy.int8)
    return exported(product(), [tensor("w", w), tensor("scale", numpy.float32(0.01))], base)


@case(1e-5, matmuls=1)
def onnx_dequantize_channel(base):
    import numpy

    w, zero = codes(0, 256, WIDTH, OUT).astype(numpy.uint8), codes(0, 256, OUT).astype(numpy.uint8)
    scale = numpy.abs(numbers(OUT)) * 0.01
    return exported(product(axis=1, zeros=["zero"]), [tensor("w", w), tensor("scale", scale), tensor("zero", zero)], base)


@case(1e-5, matmuls=1)
def onnx_dequantize_blocks_int4(base):
    import numpy
    from onnx import TensorProto

    w, scale = codes(-8, 8, WIDTH, OUT), numpy.abs(numbers(WIDTH // 32, OUT)) * 0.01
    return exported(product(axis=0, block_size=32), [tensor("w", w, TensorProto.INT4), tensor("scale", scale)], base)


@case(1e-5, matmuls=1)
def onnx_dequantize_blocks_uint4_zeros(base):
    import numpy
    from onnx import TensorProto

    w, zero = codes(0, 16, WIDTH, OUT), codes(0, 16, WIDTH // 64, OUT)
    scale = numpy.abs(numbers(WIDTH // 64, OUT)) * 0.01
    parts = [tensor("w", w, TensorProto.UINT4), tensor("scale", scale), tensor("zero", zero, TensorProto.UINT4)]
    return exported(product(axis=0, block_size=64, zeros=["zero"]), parts, base)


def matmul_nbits(base, bits, group, zeros, width=WIDTH):
    """The formula of the operator: y = x @ ((code - zero) * scale)^T, zero 2^(bits - 1) where there is none. Where blocks do
    not divide K, the last one has numbers that mean nothing."""
    import numpy
    from onnx import helper
    from onnx_weights import pack

    groups = -(-width // group)
    w, zero = codes(0, 1 << bits, OUT, groups * group), codes(0, 1 << bits, OUT, groups)
    scale = (numpy.abs(numbers(OUT, groups)) * 0.01).astype(numpy.float32)
    parts = [tensor("w", pack(w, bits).reshape(OUT, groups, -1)), tensor("scale", scale.reshape(-1))]
    if zeros:
        parts.append(tensor("zero", pack(zero, bits).reshape(-1)))
    node = helper.make_node(
        "MatMulNBits", ["x", "w", "scale"] + (["zero"] if zeros else []), ["y"], domain="com.microsoft",
        K=width, N=OUT, bits=bits, block_size=group)
    number = (w - numpy.repeat(zero if zeros else zero * 0 + (1 << bits - 1), group, 1)) * numpy.repeat(scale, group, 1)
    x = numbers(ROWS, width)
    y = (x.astype(numpy.float64) @ number[:, :width].T).astype(numpy.float32)
    return exported([node], parts, base, y, x)


@case(1e-5, matmuls=1)
def onnx_matmul_nbits(base):
    return matmul_nbits(base, 4, 32, zeros=False)


@case(1e-5, matmuls=1)
def onnx_matmul_nbits_zeros(base):
    return matmul_nbits(base, 4, 128, zeros=True)


@case(1e-5, matmuls=1)
def onnx_matmul_nbits_8(base):
    return matmul_nbits(base, 8, 32, zeros=True)


@case(1e-5, matmuls=1)
def onnx_matmul_nbits_part_of_a_block(base):
    return matmul_nbits(base, 4, 32, zeros=True, width=100)


@case(2e-2)
def onnx_matmul_integer(base):
    import numpy
    from onnx import helper

    w = codes(-128, 128, WIDTH, OUT).astype(numpy.int8)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]),
        helper.make_node("MatMulInteger", ["xq", "w", "xz"], ["sum"]),
        helper.make_node("Cast", ["sum"], ["number"], to=1),
        helper.make_node("Mul", ["number", "xs"], ["scaled"]),
        helper.make_node("Mul", ["scaled", "scale"], ["y"]),
    ]
    return exported(nodes, [tensor("w", w), tensor("scale", numpy.float32(0.01))], base)
