#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Mutates the IR of the lit tests and sends it through passes in random order: nothing may end by a signal or hang.

usage: mutate_ir.py --opt build/release/bin/rlx-opt [--seed N] [--batches N | --seconds N] [--jobs N] [--keep FOLDER]

A batch is a file of some mutated modules, which one process reads one after the other, and some passes. What a batch
holds follows from the seed and its number alone; the first ones take each pass by itself. Where a batch fails, its modules are tried one by one; those that fail
by themselves are printed with the passes, and kept in FOLDER.
"""

import argparse
import concurrent.futures
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|[%@#!^][A-Za-z0-9_.$-]+|-?\d+\.\d+(?:[eE][+-]?\d+)?|0x[0-9A-Fa-f]+|-?\d+|'
    r"[A-Za-z_][A-Za-z0-9_.$]*|->|[^\sA-Za-z0-9]|\s+"
)
NUMBERS = ["0", "-1", "1", "2", "3", "7", "31", "255", "4096", "2147483647", "2147483648", "4294967296"]
NUMBERS += ["-2147483648", "9223372036854775807", "-9223372036854775808"]
TYPES = "f32 f16 bf16 f64 i1 i4 i8 i16 i32 i64 ui8 si8 index f8E4M3FN f8E5M2 f4E2M1FN tf32 i128 none".split()
SHAPED = ["tensor", "memref", "vector"]
SIZES = ["?", "0", "1", "2", "8", "31", "64", "256", "4096", "2147483648", "9223372036854775807"]
SCHEMES = "gguf_q8_0 gguf_q4k gguf_q6k gguf_q2k gguf_iq4_nl int8/32 int4/32 nvfp4/16 fp8e4m3 f32 bf16 nf4/64".split()
KEYWORDS = """ins outs scales zero_points global_scale bias epilogue once part tiles reencoded activations scheme record
 lanes rows words below at value bound count captures groups buffers scalars""".split()
# Modules that other dialects' functions and odd shapes of functions stand in.
EXTRA = [
    "func.func private @elsewhere(tensor<4xf32>) -> tensor<4xf32>",
    "llvm.func @other(%a: i32) -> i32 {\n  llvm.return %a : i32\n}",
    "llvm.func @declared(!llvm.ptr) -> i32",
    "gpu.module @kernels {\n  gpu.func @k(%a: memref<4xf32>) kernel {\n    gpu.return\n  }\n}",
    "spirv.module Logical GLSL450 {\n}",
    "module {\n  func.func @inner(%x: tensor<4xf32>) -> tensor<4xf32> {\n    return %x : tensor<4xf32>\n  }\n}",
    "memref.global @g : memref<4xf32>",
    "func.func @blocks(%c: i1, %x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {\n  cf.cond_br %c, ^a, ^b\n"
    "^a:\n  return %x : tensor<?xf32>\n^b:\n  return %y : tensor<?xf32>\n}",
    "func.func @again(%x: tensor<?xf32>) -> tensor<?xf32> {\n  %y = call @again(%x) : (tensor<?xf32>) -> tensor<?xf32>\n"
    "  return %y : tensor<?xf32>\n}",
    'func.func @odd(%x: tensor<4xf32>) {\n  "some.op"(%x) : (tensor<4xf32>) -> ()\n  return\n}',
    "func.func private @main.shapes(%x: tensor<?xf32>) -> tensor<1xi64>",
    "func.func @calls(%x: tensor<4xf32>) -> tensor<4xf32> {\n  %y = call @elsewhere(%x) : (tensor<4xf32>) -> tensor<4xf32>\n"
    "  return %y : tensor<4xf32>\n}\nfunc.func private @elsewhere(tensor<4xf32>) -> tensor<4xf32>",
    "func.func @twice(%x: memref<4x64xf32>, %w: memref<8x68xi8> {rlx.weight = \"w\"}, %y: memref<4x8xf32>) {\n"
    "  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8}"
    " : (memref<4x64xf32>, memref<8x68xi8>, memref<4x8xf32>) -> ()\n"
    "  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32}"
    " : (memref<4x64xf32>, memref<8x68xi8>, memref<4x8xf32>) -> ()\n  return\n}",
    "func.func @packing(%w: memref<8x68xi8> {rlx.weight = \"w\"}, %p: memref<1088xi8>) {\n"
    "  rlx.pack_weight ins(%w) outs(%p) {scheme = #rlx.quant<gguf_q8_0>, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>}"
    " : (memref<8x68xi8>, memref<1088xi8>) -> ()\n  return\n}",
    "func.func @kernels(%x: tensor<1x64xf32>, %w: tensor<8x64xf32, #rlx.quant<gguf_q8_0>> {rlx.weight = \"w\"})"
    " -> tensor<1x8xf32> {\n  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<gguf_q8_0>>)"
    " -> tensor<1x8xf32>\n  return %y : tensor<1x8xf32>\n}\nmodule {\n  func.func @f(%x: tensor<1x64xf32>) {\n"
    "    %w = rlx.weight \"w\" : tensor<8x64xf32, #rlx.quant<gguf_q8_0>>\n    return\n  }\n}",
    "module {\n}",
    "func.func @encoded(%x: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>) -> tensor<8x64xf32, #rlx.quant<gguf_q8_0>> {\n"
    "  cf.br ^a(%x : tensor<8x64xf32, #rlx.quant<gguf_q8_0>>)\n^a(%y: tensor<8x64xf32, #rlx.quant<gguf_q8_0>>):\n"
    "  return %y : tensor<8x64xf32, #rlx.quant<gguf_q8_0>>\n}",
]
# What rlx-opt refuses for the whole file.
REFUSED = re.compile(r"array<\s*(index|!)")
PIPELINES = ["rlx-import", "rlx-layout", "rlx-bufferize", "rlx-loops", "rlx-llvm", "rlx-cpu", "rlx-gpu", "rlx-spirv"]
CPU = [
    "",
    "=target={#rlx.cpu<vector_bits = 256, vector_registers = 16, features = [avx2, avxvnni]>}",
    "=target={#rlx.cpu<features = [avx512vnni, avx512vbmi, avx512bf16], two_vector_ports = true>}",
    "=target={#rlx.cpu<vector_bits = 128, features = [neon, dotprod]>}",
    "=target={#rlx.cpu<deterministic = true>}",
    "=target={#rlx.cpu<vector_bits = 0>}",
    "=target={#rlx.cpu<features = [none]>}",
    "=target={#rlx.cpu<mr = 3, min_m_panel = 1>}",
    "=print-choices=true",
]
GPU = [
    "",
    "=target=#rlx.gpu<opencl>",
    "=target={#rlx.gpu<opencl, vector_width = 8, integer_dot = true>}",
    "=target={#rlx.gpu<vulkan, integer_dot = true, subgroup_size = 32, subgroup_arithmetic = true>}",
    "=target={#rlx.gpu<vulkan, storage8 = true, storage16 = true, int8 = true, int16 = true, float16 = true, "
    "subgroup_size = 32, subgroup_arithmetic = true, cooperative_matrix = [16, 16, 16]>}",
    "=target={#rlx.gpu<vulkan, buffer_bytes = 65536>}",
]
OPTIONS = {
    "rlx-cpu": CPU,
    "rlx-layout": CPU,
    "rlx-loops": CPU,
    "rlx-gpu": GPU,
    "rlx-interleave-weights": GPU,
    "rlx-attach-cpu-target": CPU[:-1],
    "rlx-pack-weights": ["", "=print-choices=true"],
    "rlx-choose-tiles": ["", "=print-choices=true"],
    "rlx-set-activations": ["=i8", "=i16", "=i24", "=bf16", "=activations=i8 weights=reencoded"],
}


def sources(folder):
    """The modules of all tests, without their comments."""
    found = []
    for path, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if not name.endswith(".mlir"):
                continue
            with open(os.path.join(path, name), encoding="utf-8") as file:
                text = file.read()
            for module in text.split("// -----"):
                kept = [line for line in module.split("\n") if not line.lstrip().startswith("//")]
                kept = [line.split(" // ")[0] for line in kept if line.strip()]
                if kept:
                    found.append("\n".join(kept))
    return found


def passes_of(opt):
    """The passes of RLX that rlx-opt lists."""
    text = subprocess.run([opt, "--help"], capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^ +--(rlx-[a-z-]+)", text, re.M)
    return sorted(set(names) - set(PIPELINES) - {"rlx-annotate"})


def mutate_token(random_, token):
    if re.fullmatch(r"-?\d+", token):
        return random_.choice(NUMBERS)
    if token in TYPES:
        return random_.choice(TYPES)
    if token in SHAPED:
        return random_.choice(SHAPED)
    if token.startswith("gguf_") or token in SCHEMES:
        return random_.choice(SCHEMES)
    if token in KEYWORDS:
        return random_.choice(KEYWORDS)
    shape = re.fullmatch(r"x?((?:\d+|\?)x)*([A-Za-z]\w*)?", token)
    if "x" in token and shape:
        parts = token.split("x")
        at = random_.randrange(len(parts))
        parts[at] = random_.choice(TYPES if parts[at] in TYPES else SIZES)
        return "x".join(parts)
    return token


def mutate(random_, text, others):
    """Some changes to the tokens or lines of a module."""
    for _ in range(random_.choice([1, 1, 1, 2, 2, 3, 5])):
        kind = random_.randrange(10)
        lines = text.split("\n")
        if kind == 0 and len(lines) > 2:
            del lines[random_.randrange(len(lines))]
            text = "\n".join(lines)
        elif kind == 1:
            at = random_.randrange(len(lines))
            lines.insert(at, lines[at])
            text = "\n".join(lines)
        elif kind == 2:
            other = random_.choice(others).split("\n")
            lines.insert(random_.randrange(len(lines) + 1), random_.choice(other))
            text = "\n".join(lines)
        elif kind == 3 and random_.randrange(4) == 0:
            text += "\n" + random_.choice(EXTRA)
        elif kind == 4:
            # A function becomes a declaration, or an attribute goes.
            text = re.sub(r"[,{] *\w+ = [^,{}<>]+(?=[,}])", lambda m: m[0][0] if m[0][0] == "{" else "", text, count=1)
        else:
            tokens = TOKEN.findall(text)
            at = random_.randrange(len(tokens))
            if kind == 5:
                del tokens[at]
            elif kind == 6:
                same = [i for i, t in enumerate(tokens) if t[0] == tokens[at][0]]
                other = random_.choice(same)
                tokens[at], tokens[other] = tokens[other], tokens[at]
            elif kind == 7:
                same = [t for t in tokens if t[0] == tokens[at][0]]
                tokens[at] = random_.choice(same)
            else:
                # Shapes and numbers are what code computes with.
                wanted = [i for i, t in enumerate(tokens) if mutable(t)]
                if wanted:
                    at = random_.choice(wanted)
                    tokens[at] = mutate_token(random_, tokens[at])
            text = "".join(tokens)
    return text


def mutable(token):
    return token[0].isdigit() or token in TYPES or token in SHAPED or token in KEYWORDS or re.match(r"x?\d*x|gguf", token)


def mutate_shapes(random_, text):
    """A size everywhere it occurs, so that types still agree."""
    sizes = re.findall(r"(?<=[<x])\d+(?=x)", text)
    if not sizes:
        return text
    old, new = random_.choice(sizes), random_.choice(SIZES)
    return re.sub(rf"(?<=[<x]){old}(?=x)", new, text)


def choose_passes(random_, passes):
    kind = random_.randrange(4)
    if kind == 0:
        names = [random_.choice(PIPELINES)]
    elif kind == 1:
        names = [random_.choice(passes)]
    elif kind == 2:
        names = [random_.choice(PIPELINES) for _ in range(2)]
    else:
        names = [random_.choice(passes + PIPELINES) for _ in range(random_.randrange(2, 6))]
    return ["--" + name + random_.choice(OPTIONS.get(name, [""])) for name in names]


class Runner:
    def __init__(self, arguments):
        self.opt, self.timeout, self.memory = arguments.opt, arguments.timeout, arguments.memory
        self.folder = tempfile.mkdtemp(prefix="rlx-mutate-")

    def run(self, name, text, passes, timeout):
        """What ended the process, or nothing."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        command = [self.opt, path, "--split-input-file", "--allow-unregistered-dialect", "-o", os.devnull, *passes]

        def limit():
            if self.memory:
                resource.setrlimit(resource.RLIMIT_AS, (self.memory << 30, self.memory << 30))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            # Seconds of the processor: a busy machine is no hang.
            resource.setrlimit(resource.RLIMIT_CPU, (int(timeout), int(timeout) + 5))

        try:
            done = subprocess.run(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=20 * timeout, preexec_fn=limit
            )
        except subprocess.TimeoutExpired:
            return "asleep for %d s" % (20 * timeout)
        finally:
            os.unlink(path)
        if done.returncode in (0, 1):
            return None
        if -done.returncode in (signal.SIGXCPU, signal.SIGKILL):
            return "no end after %d s of the processor" % timeout
        text = done.stderr.decode(errors="replace")
        frames = [f for f in re.findall(r"#\d+ 0x\w+ (.*)", text) if "Signal" not in f and "libc.so" not in f]
        message = re.findall(r"^.*(?:LLVM ERROR|terminate called|Assertion).*$", text, re.M)
        return "status %d: %s" % (done.returncode, " < ".join(message[:1] + [f[:110] for f in frames[2:8]]))


def batch(runner, arguments, number, modules, passes):
    random_ = random.Random(f"{arguments.seed}:{number}")
    alone = passes + PIPELINES
    if number < len(alone):
        # First each pass by itself, on what no test of it has.
        chosen, mutated = ["--" + alone[number] + OPTIONS.get(alone[number], [""])[0]], list(EXTRA)
    else:
        chosen, mutated = choose_passes(random_, passes), []
    while len(mutated) < arguments.modules:
        text = random_.choice(modules)
        text = mutate_shapes(random_, text) if random_.randrange(5) == 0 else mutate(random_, text, modules)
        if not REFUSED.search(text):
            mutated.append(text)
    name = f"{number}.mlir"
    failure = runner.run(name, "\n// -----\n".join(mutated), chosen, arguments.timeout)
    found = []
    if failure:
        for index, text in enumerate(mutated):
            reason = runner.run(f"{number}-{index}.mlir", text, chosen, arguments.timeout / 2)
            if reason:
                found.append((f"{arguments.seed}-{number}-{index}", reason, chosen, text))
        if not found:
            found.append((f"{arguments.seed}-{number}", failure + " (together only)", chosen, "\n// -----\n".join(mutated)))
    return found, mutated


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--opt", required=True, help="the rlx-opt to try")
    parser.add_argument("--tests", default=os.path.join(here, "..", "lit"), help="the folder of tests")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batches", type=int, default=0, help="how many; 0: until the time is over")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--modules", type=int, default=20, help="modules of a batch")
    parser.add_argument("--timeout", type=float, default=20, help="seconds for a batch; half for a module")
    parser.add_argument("--memory", type=int, default=6, help="GiB of addresses; 0: no limit, as sanitizers need it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--first", type=int, default=0, help="the number of the first batch")
    parser.add_argument("--keep", help="a folder for modules that fail")
    arguments = parser.parse_args()
    modules, passes = sources(arguments.tests), passes_of(arguments.opt)
    runner = Runner(arguments)
    end = time.monotonic() + arguments.seconds
    number, tried, failures = arguments.first, 0, 0
    last = arguments.first + arguments.batches

    def wanted():
        return number < last if arguments.batches else time.monotonic() < end

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        running = set()
        while wanted() or running:
            while wanted() and len(running) < arguments.jobs:
                running.add(pool.submit(batch, runner, arguments, number, modules, passes))
                number += 1
            done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for one in done:
                tried += len(one.result()[1])
                for name, reason, chosen, text in one.result()[0]:
                    failures += 1
                    print(f"{name}: {reason}\n  {' '.join(chosen)}", flush=True)
                    if arguments.keep:
                        os.makedirs(arguments.keep, exist_ok=True)
                        with open(os.path.join(arguments.keep, name + ".mlir"), "w", encoding="utf-8") as file:
                            file.write(f"// {' '.join(chosen)}\n// {reason}\n{text}\n")
    os.rmdir(runner.folder)
    print(f"{tried} modules in {number - arguments.first} batches, {failures} ended by a signal or hung")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
