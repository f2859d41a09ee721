#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What RLX reads and writes beside what others read and write: gguf, safetensors and onnxruntime of PyPI.

usage: public_readers.py BIN [FOLDER]   BIN has rlx-inspect and rlx-quantize

Each part is skipped, and says so, where its package cannot be imported; with all of them skipped the exit code is 77.
`python3 -m venv v && v/bin/pip install gguf safetensors onnx onnxruntime` has all that is needed.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # nothing is left in the sources

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
CHECKPOINTS = os.path.join(TESTS, "lit", "tools", "checkpoints.py")
# Those that gguf decodes.
TYPES = ("q4_0 q4_1 q5_0 q5_1 q8_0 q2_K q3_K q4_K q5_K q6_K iq4_nl iq4_xs iq2_xxs iq2_xs iq2_s iq3_xxs iq3_s iq1_s iq1_m tq1_0 "
         "tq2_0 mxfp4 nvfp4 bf16")  # fmt: skip
GOLDEN = os.path.join(TESTS, "golden", "ggml-types.gguf")


class Tools:
    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder

    def run(self, name, *arguments):
        command = [os.path.join(self.programs, name), *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    def path(self, name):
        return os.path.join(self.folder, name)

    def values(self, file, name):
        """What rlx-inspect makes of a weight."""
        import numpy

        output = self.path("values.npy")
        self.run("rlx-inspect", file, "--dequantize", name, "-o", output)
        return numpy.load(output)


def expect(condition, what):
    if not condition:
        sys.exit(f"public_readers.py: {what}")


def same_bits(a, b):
    """Whether numbers are the same, zeros of either sign too: tables of integers have no -0."""
    import numpy

    a, b = (numpy.ascontiguousarray(x, dtype=numpy.float32) + numpy.float32(0) for x in (a, b))
    return a.shape == b.shape and numpy.array_equal(a.view(numpy.uint32), b.view(numpy.uint32))


def read_gguf(tools, path):
    """Each tensor that both can decode, bit for bit; their number."""
    import gguf

    listed = {tensor["name"]: tensor for tensor in json.loads(tools.run("rlx-inspect", path, "--json"))["tensors"]}
    reader, compared = gguf.GGUFReader(path), 0
    expect(len(reader.tensors) == len(listed), f"{path} has {len(reader.tensors)} tensors, but {len(listed)} are listed")
    for tensor in reader.tensors:
        shape = [int(size) for size in reversed(tensor.shape)]
        expect(listed[tensor.name]["shape"] == shape, f"{tensor.name} has the shape {shape}")
        try:
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(shape)
        except NotImplementedError:
            continue
        expect(same_bits(tools.values(path, tensor.name), values), f"{tensor.name} of {path} has other values")
        compared += 1
    return compared


def check_gguf(tools):
    import gguf
    import numpy

    source = tools.path("source.npy")
    tools.run("rlx-inspect", GOLDEN, "--dequantize", "source", "-o", source)
    for scheme in TYPES.split():
        path = tools.path(scheme + ".gguf")
        tools.run("rlx-quantize", source, "-o", path, "--scheme", scheme)
        expect(read_gguf(tools, path) == 1, f"nothing of {path} is decoded")
    print("gguf: reads what rlx-quantize writes")
    for order in (gguf.GGUFEndian.LITTLE, gguf.GGUFEndian.BIG):
        path = tools.path("written.gguf")
        numbers = numpy.random.default_rng(1).normal(size=(4, 96)).astype(numpy.float32)
        writer = gguf.GGUFWriter(path, "test", endianess=order)
        writer.add_string("name", "größe")
        writer.add_array("list", [1.5, -2.0])
        writer.add_tensor("a", numbers.copy())
        writer.add_tensor("b", numbers.astype(numpy.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        expect(same_bits(tools.values(path, "a"), numbers), f"f32, {order.name}")
        expect(same_bits(tools.values(path, "b"), numbers.astype(numpy.float16)), f"f16, {order.name}")
    print("gguf: written files are read in both orders of bytes")


def check_safetensors(tools):
    import numpy
    import safetensors
    import safetensors.numpy

    numbers = numpy.random.default_rng(2).normal(size=(8, 64)).astype(numpy.float32)
    path = tools.path("w.safetensors")
    safetensors.numpy.save_file({"w": numbers, "h": numbers.astype(numpy.float16), "i": numpy.arange(3)}, path)
    expect(same_bits(tools.values(path, "w"), numbers), "f32 of safetensors")
    expect(same_bits(tools.values(path, "h"), numbers.astype(numpy.float16)), "f16 of safetensors")
    quantized = tools.path("q.safetensors")
    tools.run("rlx-quantize", path, "-o", quantized, "--scheme", "int4/32", "--tensor", "h=fp8e4m3/channel")
    with safetensors.safe_open(quantized, "numpy") as file:
        names = set(file.keys())
        expect(names == {"w", "w.scales", "h", "h.scales", "i"}, f"names of {quantized}: {names}")
        codes, scales = file.get_tensor("w"), file.get_tensor("w.scales")
        expect(file.metadata()["rlx.scheme:w"] == "8x64 int4/32", "metadata")
        expect(numpy.array_equal(file.get_tensor("i"), numpy.arange(3)), "integers that are copied")
    nibbles = numpy.stack([codes & 15, codes >> 4], axis=-1).reshape(8, 64).astype(numpy.int32)
    values = (nibbles - 16 * (nibbles > 7)) * scales.repeat(32, axis=1)
    expect(same_bits(tools.values(quantized, "w"), values), "values of int4/32")
    print("safetensors: reads and writes alike")


def check_onnxruntime(tools):
    import numpy
    import onnx
    import onnxruntime
    import safetensors.numpy

    rows, group = 3, 32
    for kind in ("onnx", "onnx-zeros", "onnx-odd-zeros"):
        folder = tools.path(kind)
        subprocess.run([sys.executable, CHECKPOINTS, "write", kind, folder], check=True)
        model = os.path.join(folder, "model.safetensors")
        weights = safetensors.numpy.load_file(model)
        n, groups, _ = weights["q_MatMul_Q4"].shape
        k = groups * group
        inputs = ["x"] + [name for name in ("q_MatMul_Q4", "q_MatMul_scales", "q_MatMul_zero_points") if name in weights]
        node = onnx.helper.make_node("MatMulNBits", inputs, ["y"], domain="com.microsoft", K=k, N=n, bits=4,
                                     block_size=group)  # fmt: skip
        info = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            [node], "g", [info("x", onnx.TensorProto.FLOAT, [rows, k])], [info("y", onnx.TensorProto.FLOAT, [rows, n])],
            [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()])  # fmt: skip
        opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.microsoft", 1)]
        proto = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
        session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
        x = numpy.random.default_rng(3).normal(size=(rows, k)).astype(numpy.float32)
        expected = x.astype(numpy.float64) @ tools.values(model, "q_MatMul").astype(numpy.float64).T
        error = numpy.abs(session.run(None, {"x": x})[0] - expected).max() / numpy.abs(expected).max()
        expect(error < 1e-5, f"{kind}: the largest error is {error}")
    print("onnxruntime: MatMulNBits multiplies what rlx-inspect reads")


def main(programs, folder=None):
    parts = {
        "gguf": (check_gguf, ["gguf"]),
        "safetensors": (check_safetensors, ["safetensors"]),
        "onnxruntime": (check_onnxruntime, ["onnxruntime", "onnx", "safetensors"]),
    }
    ran = 0
    with tempfile.TemporaryDirectory() as temporary:
        tools = Tools(programs, folder or temporary)
        for name, (check, packages) in parts.items():
            try:
                for package in ("numpy", *packages):
                    importlib.import_module(package)
            except ImportError as error:
                print(f"{name}: skipped: {error}; expected 'pip install {' '.join(packages)}'")
                continue
            check(tools)
            ran += 1
    return 0 if ran else 77


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
