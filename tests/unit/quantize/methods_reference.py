#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""GPTQ, AWQ and SmoothQuant as they were published, in NumPy: what MethodsTest.cpp compares with.

usage: methods_reference.py FILE           writes MethodsReference.inc
       methods_reference.py --check FILE   fails where FILE is not what would be written, but for rounding

Shares nothing with codegen/quantize but the inputs, which both make from the same random bits. Ends with 77, which skips
the test, where there is no NumPy.
"""

import re
import sys

try:
    import numpy as np
except ImportError:
    print("NumPy is not there")
    sys.exit(77)

f32 = np.float32


def random_floats(seed, count):
    """As Random of tests/unit/ir/TestSupport.h: std::mt19937."""
    bits = np.random.RandomState(seed)._bit_generator.random_raw(count).astype(np.uint32)
    return bits.view(np.int32).astype(f32) * f32(2.0**-29)


def weight(rows, columns):
    return random_floats(1, rows * columns).reshape(rows, columns)


def activations(rows, columns):
    """Neighbours have much in common, channels differ in size, and two are dead."""
    own = random_floats(2, rows * columns).reshape(rows, columns)
    common = random_floats(3, rows * columns).reshape(rows, columns)
    k = np.arange(columns)
    x = (own + f32(2) * common[:, k // 8]) * (f32(2) ** (k % 3).astype(f32))
    x[:, [5, columns - 2]] = 0
    return x.astype(f32)


def away(x):
    return np.sign(x) * np.floor(np.abs(x) + 0.5)


class MinMax:
    """Zero points are integers, or the least value is stored."""

    def __init__(self, bits, integer_zero):
        self.most, self.integer_zero = 2**bits - 1, integer_zero

    def scales(self, w):
        w = w.astype(f32)
        least, most = w.min(axis=1), w.max(axis=1)
        if self.integer_zero:
            least, most = np.minimum(least, f32(0)), np.maximum(most, f32(0))
        scale = (most - least) / f32(self.most)
        safe = np.where(scale == 0, f32(1), scale)
        base = np.clip(away(-least / safe), 0, self.most) if self.integer_zero else least
        return scale.astype(float), np.asarray(base, float)

    def codes(self, w, scale, base):
        safe = np.where(scale == 0, 1, scale)
        t = w / safe + base if self.integer_zero else (w - base) / safe
        return np.where(scale == 0, 0, np.clip(away(t), 0, self.most)).astype(int)

    def numbers(self, codes, scale, base):
        return (codes - base) * scale if self.integer_zero else codes * scale + base


class AbsMax:
    """One scale for codes of both signs."""

    def __init__(self, most):
        self.most = most

    def scales(self, w):
        scale = np.abs(w.astype(f32)).max(axis=1) / f32(self.most)
        return scale.astype(float), np.zeros(len(w))

    def codes(self, w, scale, base):
        return np.clip(away(w / np.where(scale == 0, 1, scale)), -128, 127).astype(int)

    def numbers(self, codes, scale, base):
        return codes * scale


def nearest(w, quantizer, group):
    q = np.empty(w.shape)
    for k in range(0, w.shape[1], group):
        scale, base = quantizer.scales(w[:, k : k + group])
        for j in range(k, min(k + group, w.shape[1])):
            q[:, j] = quantizer.numbers(quantizer.codes(w[:, j].astype(float), scale, base), scale, base)
    return q


def gptq(w, x, quantizer, group, ordered=False, damping=0.01):
    """Frantar et al., "GPTQ", without lazy batches; scales of groups in place where columns are ordered."""
    w, x = w.astype(float), x.astype(float)
    columns = w.shape[1]
    hessian = 2 / len(x) * x.T @ x
    dead = np.diag(hessian) == 0
    hessian[dead, dead] = 1
    w[:, dead] = 0
    order = np.argsort(-np.diag(hessian), kind="stable") if ordered else np.arange(columns)
    scales = {}
    if ordered:
        for k in range(0, columns, group):
            scales[k] = quantizer.scales(w[:, k : k + group])
    w = w[:, order]
    hessian = hessian[order][:, order]
    hessian += damping * np.mean(np.diag(hessian)) * np.eye(columns)
    inverse = np.linalg.inv(hessian)
    upper = np.linalg.cholesky(inverse).T
    codes, numbers = np.empty(w.shape, int), np.empty(w.shape)
    for i in range(columns):
        column = order[i]
        start = column // group * group
        if start not in scales:
            scales[start] = quantizer.scales(w[:, start : start + group])
        codes[:, column] = quantizer.codes(w[:, i], *scales[start])
        numbers[:, column] = quantizer.numbers(codes[:, column], *scales[start])
        error = (w[:, i] - numbers[:, column]) / upper[i, i]
        w[:, i:] -= np.outer(error, upper[i, i:])
    return codes, numbers, np.stack([scales[k][0] for k in sorted(scales)], axis=1)


def output_error(w, q, x):
    return float(np.sum(((q - w.astype(float)) @ x.T.astype(float)) ** 2))


def awq(w, x, quantizer, group, steps=20):
    """Lin et al., "AWQ": the power of the grid whose factors give the least error."""
    sizes = np.abs(x.astype(float)).mean(axis=0)
    best = None
    for step in range(steps):
        factors = np.maximum(sizes ** (step / steps), 1e-4)
        factors /= np.sqrt(factors.max() * factors.min())
        scaled, divided = (w * factors).astype(f32), (x / factors).astype(f32)
        error = output_error(scaled, nearest(scaled, quantizer, group), divided)
        if best is None or error < best[1]:
            best = (step, error, factors)
    return best


def smooth(w, x, alpha):
    """Xiao et al., "SmoothQuant"."""
    a, b = np.abs(x.astype(float)).max(axis=0), np.abs(w.astype(float)).max(axis=0)
    return np.maximum(a, 1e-5) ** alpha / np.maximum(b, 1e-5) ** (1 - alpha)


def numbers_of(values):
    return ", ".join(f"{value:.9g}" for value in values)


def gptq_case(scheme, quantizer, rows, columns, group, samples, bits, ordered):
    w, x = weight(rows, columns), activations(samples, columns)
    codes, numbers, scales = gptq(w, x, quantizer, group, ordered)
    digits = ["".join(f"{code % 2 ** bits:0{2 if bits > 4 else 1}x}" for code in row) for row in codes]
    errors = output_error(w, nearest(w, quantizer, group), x), output_error(w, numbers, x)
    lines = "\n     ".join(f'"{row[i:i + 64]}"' for row in digits for i in range(0, len(row), 64))
    return (
        f'    {{"{scheme}", {rows}, {columns}, {samples}, {bits}, {str(ordered).lower()}, {errors[0]:.9g}, '
        f"{errors[1]:.9g},\n     {lines},\n     {{{numbers_of(scales.ravel())}}}}},\n"
    )


def content():
    text = "// Codes that NumPy chose. Made by methods_reference.py; hexadecimal digits, row after row.\n"
    text += "// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n// clang-format off\n"
    text += "const GptqCase gptqCases[] = {\n"
    for case in (
        ("int4a/16", MinMax(4, True), 4, 64, 16, 96, 4, False),
        ("int4a/16", MinMax(4, True), 4, 64, 16, 96, 4, True),
        ("affine4/16", MinMax(4, False), 4, 64, 16, 40, 4, False),
        ("affine3/32", MinMax(3, False), 3, 64, 32, 96, 3, False),
        ("affine2/64", MinMax(2, False), 3, 64, 64, 96, 2, True),
        ("int8/channel", AbsMax(127), 2, 160, 160, 96, 8, False),
        ("affine4/160", MinMax(4, False), 2, 320, 160, 96, 4, False),
        ("affine4/24", MinMax(4, False), 2, 312, 24, 96, 4, False),
    ):
        text += gptq_case(*case)
    w, x = weight(6, 64), activations(96, 64)
    step, error, factors = awq(w, x, MinMax(4, True), 16)
    text += f"}};\nconstexpr int awqStep = {step};\nconstexpr double awqError = {error:.9g};\n"
    text += f"const double awqFactors[] = {{{numbers_of(factors)}}};\n"
    text += f"const double smoothFactorsExpected[] = {{{numbers_of(smooth(w, x, 0.7))}}};\n"
    return text


def main(arguments):
    if arguments[0] != "--check":
        with open(arguments[0], "w", encoding="utf-8") as file:
            file.write(content())
        return
    number = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")
    with open(arguments[1], encoding="utf-8") as file:
        found, expected = file.read(), content()
    pairs = list(zip(number.findall(found), number.findall(expected)))
    if number.split(found) != number.split(expected) or any(
        abs(float(a) - float(b)) > 1e-6 * abs(float(b)) for a, b in pairs
    ):
        sys.exit(f"{arguments[1]} is not what methods_reference.py writes")
    print(f"{len(pairs)} numbers and all codes are as expected")


main(sys.argv[1:])
