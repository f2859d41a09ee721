# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of JAX."""

from interop import case

WIDTH = 256


def exported(function, weights, arguments, base):
    import numpy
    from export_jax import export

    expected = function(weights, *arguments)
    export(function, weights, arguments, base)
    return [numpy.asarray(each) for each in arguments], [numpy.asarray(expected)]


def numbers(*shape):
    import numpy

    return numpy.random.default_rng(1).standard_normal(shape).astype(numpy.float32)


@case(1e-5)
def jax_mlp(base):
    import jax

    def model(weights, x):
        x = jax.nn.gelu(x @ weights["up"] + weights["bias"])
        return x @ weights["down"]

    weights = {"up": numbers(WIDTH, 512) / 16, "bias": numbers(512), "down": numbers(512, WIDTH) / 16}
    return exported(model, weights, (numbers(4, WIDTH),), base)


@case(1e-5, matmuls=1)
def jax_int8(base):
    import numpy

    def model(weights, x):
        return x @ (weights["codes"].astype(numpy.float32) * weights["scale"])

    codes = numpy.random.default_rng(1).integers(-127, 128, (WIDTH, 512)).astype(numpy.int8)
    weights = {"codes": codes, "scale": numpy.abs(numbers(512)) * 0.01}
    return exported(model, weights, (numbers(4, WIDTH),), base)
