#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of other frameworks, exported, run and compared with what the framework computes.

usage: interop.py BIN [--device=NAME] [CASE...]

BIN is the folder of rlx-run and rlx-opt. Each case is exported by tools/export, run by rlx-run on the CPU, or on a device,
where nothing is timed, and compared with the framework's numbers; how many products RLX has recognised as its own is counted. `tools/dev interop` installs the
frameworks and runs this. A case whose framework is not there is skipped, with the reason. Ends with 1 where a case fails.
"""

import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools", "export"))

CASES = {}


def case(bound, matmuls=None):
    """Declares a case: a function that exports to BASE and gives (inputs, expected) as lists of numpy arrays.

    `bound` is the largest error relative to the largest expected number; `matmuls` how many products have to be RLX's own.
    """

    def declare(function):
        CASES[function.__name__] = (function, bound, matmuls)
        return function

    return declare


class Programs:
    def __init__(self, folder, device):
        self.device = device
        self.run_program, self.opt_program = (os.path.join(folder, name) for name in ("rlx-run", "rlx-opt"))

    def run(self, base, inputs, count):
        """The `count` results of BASE.mlir."""
        import numpy

        command = [self.run_program, base + ".mlir", "--weights", base + ".safetensors", f"--device={self.device}"]
        for index, each in enumerate(inputs):
            numpy.save(f"{base}.in{index}.npy", each)
            command.append(f"--input={base}.in{index}.npy")
        outputs = [f"{base}.out{index}.npy" for index in range(count)]
        done = subprocess.run(
            command + [f"--output={each}" for each in outputs], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip() or f"rlx-run ended with {done.returncode}")
        return [numbers_of(numpy.load(each)) for each in outputs]

    def milliseconds(self, base, inputs):
        command = [self.run_program, base + ".mlir", "--weights", base + ".safetensors", "--benchmark", "--threads=1"]
        command += [f"--input={base}.in{index}.npy" for index in range(len(inputs))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"median ([\d.]+) ms", done.stdout)
        return float(found.group(1)) if found else None

    def matmuls(self, base):
        """How many products are RLX's own behind the import pipeline."""
        done = subprocess.run([self.opt_program, base + ".mlir", "--rlx-import"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return len(re.findall(r"rlx\.(?:\w*matmul|embedding)\b", done.stdout))


def numbers_of(array):
    """`array`, of f32 where it holds the bits of bf16, which numpy has no type for."""
    import numpy

    is_bf16 = array.dtype.kind in "uV" and array.dtype.itemsize == 2
    return (array.view(numpy.uint16).astype(numpy.uint32) << 16).view(numpy.float32) if is_bf16 else array


def difference(got, expected):
    import numpy

    if got.shape != expected.shape:
        raise RuntimeError(f"a result is {list(got.shape)}, expected {list(expected.shape)}")
    scale = float(numpy.abs(expected).max()) or 1.0
    return float(numpy.abs(got.astype(numpy.float64) - expected).max()) / scale


def run_case(programs, name, folder):
    function, bound, matmuls = CASES[name]
    base = os.path.join(folder, name)
    inputs, expected, *framework = function(base)
    results = programs.run(base, inputs, len(expected))
    error = max(difference(*each) for each in zip(results, expected))
    found = programs.matmuls(base)
    words = f"error {error:.1e} (at most {bound:.0e}), products of rlx {found}"
    if framework and programs.device == "cpu":
        words += f", {programs.milliseconds(base, inputs)} ms, framework {framework[0]():.3f} ms"
    if not error <= bound:
        raise RuntimeError(words)
    if matmuls is not None and found < matmuls:
        raise RuntimeError(f"{words}, expected {matmuls} of them")
    return words


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    # What they declare is what there is to run.
    for module in ("torch_models", "jax_models", "onnx_models"):
        __import__(module)
    devices = [each.split("=", 1)[1] for each in sys.argv[2:] if each.startswith("--device=")]
    programs = Programs(sys.argv[1], devices[-1] if devices else "cpu")
    names = [each for each in sys.argv[2:] if not each.startswith("--device=")] or list(CASES)
    failed = ran = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if name not in CASES:
                raise SystemExit(f"no case '{name}', expected one of {', '.join(CASES)}")
            try:
                print(f"{name:28} {run_case(programs, name, folder)}", flush=True)
                ran += 1
            except ImportError as error:
                print(f"{name:28} skipped: {error}", flush=True)
            except Exception as error:  # Whatever a framework throws is a failure of its case alone.
                failed += 1
                print(f"{name:28} FAILED: {str(error).splitlines()[0][:400] if str(error) else repr(error)}", flush=True)
    print(f"{ran} right, {failed} failed")
    return 77 if not ran and not failed else int(failed > 0)


if __name__ == "__main__":
    # What the cases import is this module, not a second one.
    sys.modules["interop"] = sys.modules["__main__"]
    sys.exit(main())
