# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX's quantized weights as weights with a scheme.

What com.microsoft.MatMulNBits and DequantizeLinear make of constants is a matrix [N, K] whose rows are cut into groups of
K that share a scale and a zero point. In the graph it becomes an input of floats; the program gets it from codes, scales
and zero points (weights.EncodedWeight).
"""

from weights import EncodedWeight


def pack(codes, bits):
    """Codes [N, K] as one stream of bits a row, the first one lowest; [N, K * bits / 8] bytes."""
    import numpy

    codes = codes.astype(numpy.int64) & ((1 << bits) - 1)
    planes = (codes[:, :, None] >> numpy.arange(bits)) & 1
    return numpy.packbits(planes.reshape(len(codes), -1).astype(numpy.uint8), axis=1, bitorder="little")


def unpack(data, bits, count):
    """The other way: [N, bytes] to [N, count]."""
    import numpy

    planes = numpy.unpackbits(data, axis=1, bitorder="little")[:, : count * bits].reshape(len(data), count, bits)
    return (planes.astype(numpy.int64) << numpy.arange(bits)).sum(2)


def largest_block(k):
    return next(block for block in (256, 128, 64, 32, 16, 8, 4, 2, 1) if k % block == 0)


def encoded(name, codes, code, scales, zeros, group):
    """`codes` [N, K] of type `code` ('ui4', 'si8'); scales, and zeros or None, [N, K / group] arrays."""
    rows, columns = codes.shape
    bits = int(code[2:])
    block = group if group <= 256 and group * bits % 8 == 0 and columns % group == 0 else largest_block(columns)
    if block * bits % 8:
        raise ValueError(f"'{name}' has {columns} columns of {bits} bits, expected whole bytes")
    place = f"at (n, k) -> (n, k floordiv {group})"
    scheme = f'#rlx.scheme<"onnx_{code}_{group}", block = {block}, bytes = {block * bits // 8}'
    scheme += f", code = {code} at (i) -> (0, {bits} * i)"
    sides = {"scales": scales}
    if zeros is not None:
        kind = {"i": "si8", "u": "ui8", "f": "f32"}[zeros.dtype.kind]
        scheme += f", zero = {kind} in zero_points {place}"
        sides["zero_points"] = zeros
    scheme += f", scale = {'f16' if scales.dtype == 'float16' else 'f32'} in scales {place}>"
    return EncodedWeight(name, scheme, (rows, columns), pack(codes, bits).tobytes(), sides)


class Quantized:
    """The constants of a graph, and what is made of them."""

    def __init__(self, model):
        from onnx import numpy_helper

        self.graph = model.graph
        self.arrays = {each.name: each for each in model.graph.initializer}
        self.read = numpy_helper.to_array
        self.weights, self.consumers = {}, {}
        for node in self.graph.node:
            for name in node.input:
                self.consumers.setdefault(name, []).append(node)

    def array(self, node, index):
        """Constant input `index` of a node, or None where there is none."""
        name = node.input[index] if index < len(node.input) else ""
        return self.read(self.arrays[name]) if name in self.arrays else None

    def add_input(self, weight, kind):
        from onnx import helper

        self.weights[weight.name] = weight
        self.graph.input.append(helper.make_tensor_value_info(weight.name, kind, weight.shape))

    def of_matmul(self, node):
        """The nodes that replace a MatMulNBits."""
        from onnx import TensorProto, helper

        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        k, n, group = attributes["K"], attributes["N"], attributes["block_size"]
        bits = attributes.get("bits", 4)
        data, scales, zeros = (self.array(node, index) for index in (1, 2, 3))
        if data is None or scales is None:
            raise ValueError(f"MatMulNBits '{node.name}' has weights that are no constants")
        if len(node.input) > 4 and node.input[4]:
            raise ValueError(f"MatMulNBits '{node.name}' has g_idx, an order of columns, expected none")
        # The last block of a row is filled: what is behind K is left out.
        groups = -(-k // group)
        codes = unpack(data.reshape(n, -1), bits, k)
        if zeros is None:
            zeros = (scales.reshape(n, groups) * 0 + (1 << (bits - 1))).astype("uint8")
        elif zeros.dtype.kind == "f":
            zeros = zeros.reshape(n, groups).astype("float32")
        else:
            zeros = unpack(zeros.reshape(n, -1), bits, groups).astype("uint8")
        name = node.input[1]
        weight = encoded(name, codes, f"ui{bits}", scales.reshape(n, groups), zeros, group)
        self.add_input(weight, TensorProto.FLOAT16 if scales.dtype == "float16" else TensorProto.FLOAT)
        product = node.output[0] + ("/product" if len(node.input) > 5 else "")
        made = [
            helper.make_node("Transpose", [name], [name + "/transposed"], perm=[1, 0]),
            helper.make_node("MatMul", [node.input[0], name + "/transposed"], [product]),
        ]
        if len(node.input) > 5:
            made.append(helper.make_node("Add", [product, node.input[5]], [node.output[0]]))
        return made

    def of_dequantize(self, node):
        """The nodes that replace a DequantizeLinear of a constant matrix, or None where it is something else."""
        import numpy
        from onnx import TensorProto, helper

        codes, scales, zeros = (self.array(node, index) for index in (0, 1, 2))
        if codes is None or scales is None or codes.ndim != 2 or scales.dtype not in ("float32", "float16"):
            return None
        kinds = {"int8": "si8", "uint8": "ui8", "int4": "si4", "uint4": "ui4", "int2": "si2", "uint2": "ui2"}
        code = kinds.get(str(codes.dtype))
        if not code:
            return None
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        axis, group = attributes.get("axis", 1) % 2, attributes.get("block_size", 0)
        codes = codes.astype(numpy.int16)
        zeros = None if zeros is None else zeros.astype(numpy.int8 if code[0] == "s" else numpy.uint8)
        users = self.consumers.get(node.output[0], [])
        # Rows that K runs along: blocks lie in them, channels are rows. Else as the product reads them.
        if group:
            is_transposed = axis == 0
        elif scales.size > 1:
            is_transposed = axis == 1
        else:
            is_transposed = any(user.op_type == "MatMul" for user in users)
        if is_transposed:
            codes = codes.T
            scales, zeros = (each.T if each is not None and each.ndim == 2 else each for each in (scales, zeros))
        rows, columns = codes.shape
        groups = columns // group if group else 1
        if group and columns % group:
            raise ValueError(f"DequantizeLinear '{node.name}' has {columns} numbers, expected a multiple of {group}")

        def spread(array):
            return None if array is None else numpy.ascontiguousarray(
                numpy.broadcast_to(array.reshape(-1, groups) if array.size > 1 else array.reshape(1, 1), (rows, groups)))

        name = node.input[0]
        weight = encoded(name, codes, code, spread(scales), spread(zeros), group or columns)
        self.add_input(weight, TensorProto.FLOAT16 if scales.dtype == "float16" else TensorProto.FLOAT)
        kind = "Transpose" if is_transposed else "Identity"
        return [helper.make_node(kind, [name], [node.output[0]], **({"perm": [1, 0]} if is_transposed else {}))]


def take_quantized_weights(model):
    """Replaces the nodes above in `model`; {name of the new input: EncodedWeight}."""
    quantized = Quantized(model)
    nodes = []
    for node in model.graph.node:
        made = None
        if node.op_type == "MatMulNBits":
            made = quantized.of_matmul(node)
        elif node.op_type == "DequantizeLinear":
            made = quantized.of_dequantize(node)
        nodes += [node] if made is None else made
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    # Constants that only those read.
    read = {name for node in nodes for name in node.input}
    kept = [each for each in model.graph.initializer if each.name in read and each.name not in quantized.weights]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return quantized.weights
