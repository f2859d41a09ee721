# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Installs RLX and uses it as others do: starts every program, builds the README's C++ program and a pass of one's own
with the README's CMake lines, and runs both.

usage: check_install.py --source DIR --build DIR --work DIR --cmake PROGRAM --generator NAME --compiler PROGRAM
                        [--launcher PROGRAMS]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys

parser = argparse.ArgumentParser()
for option in ("source", "build", "work", "cmake", "generator", "compiler", "launcher"):
    parser.add_argument("--" + option, default="")
given = parser.parse_args()
PREFIX = os.path.join(given.work, "prefix")
PROJECT = os.path.join(given.work, "project")
# A library path of this shell would hide that a program has none of its own.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}


def run(*command, status=0):
    """What a command says, all of it. Ends the test where its status is another."""
    done = subprocess.run(
        command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != status:
        sys.exit(f"{' '.join(command)}: expected status {status}, but got {done.returncode}:\n{done.stdout}")
    return done.stdout


def expect(text, wanted):
    if wanted not in text:
        sys.exit(f"expected '{wanted}', but got:\n{text}")


def read(*names):
    with open(os.path.join(given.source, *names), encoding="utf-8") as file:
        return file.read()


def write(name, text):
    with open(os.path.join(PROJECT, name), "w", encoding="utf-8") as file:
        file.write(text)


shutil.rmtree(given.work, ignore_errors=True)
os.makedirs(PROJECT)
run(given.cmake, "--install", given.build, "--prefix", PREFIX)
programs = os.path.join(PREFIX, "bin")
names = sorted(os.listdir(programs))
for name in names:
    expect(run(os.path.join(programs, name), "--version"), "RLX ")
golden = os.path.join(PREFIX, "share", "rlx", "ggml-types.gguf")
expect(run(os.path.join(programs, "rlx-inspect"), golden), "'q4_K.quantized'")

# The README's lines, all of them, and nothing else but the sources.
readme = read("README.md")
blocks = {
    language: "".join(re.findall(rf"^```{language}\n(.*?)^```$", readme, re.M | re.S)) for language in ("cmake", "cpp")
}
write("CMakeLists.txt", blocks["cmake"])
write("app.cpp", blocks["cpp"] + read("tests", "install", "main.cpp"))
write("my-pass.cpp", read("tests", "install", "CountMatmuls.cpp"))
# Files of the project's own that are called as RLX's are.
for name in ("codegen/Compiler.h", "runtime/Tensor.h", "ir/Dialect.h"):
    os.makedirs(os.path.dirname(os.path.join(PROJECT, name)), exist_ok=True)
    write(name, '#error "this is not the header that was installed"\n')
write("CMakeLists.txt", blocks["cmake"] + "include_directories(${PROJECT_SOURCE_DIR})\n")
build = os.path.join(PROJECT, "build")
options = [f"-DCMAKE_PREFIX_PATH={PREFIX}", f"-DCMAKE_CXX_COMPILER={given.compiler}", "-DCMAKE_BUILD_TYPE=Debug"]
# Without -g: debug information of LLVM's headers takes longer than the code.
options.append("-DCMAKE_CXX_FLAGS_DEBUG=-O0")
if given.launcher:
    options.append(f"-DCMAKE_CXX_COMPILER_LAUNCHER={given.launcher}")
run(given.cmake, "-G", given.generator, "-S", PROJECT, "-B", build, *options)
run(given.cmake, "--build", build, "--parallel", "1")
expect(run(os.path.join(build, "app"), golden), "its other rows the same")
expect(run(os.path.join(build, "app"), "/nowhere.gguf", status=1), "nowhere.gguf")

write(
    "q4.mlir",
    "\n".join(re.findall(r"^```mlir\n(.*?)^```$", readme, re.M | re.S)[:1]),
)
opt = os.path.join(programs, "rlx-opt")
program = os.path.join(PROJECT, "q4.mlir")
passes = "--pass-pipeline=builtin.module(count-matmuls)"
plugin = os.path.join(build, "my-pass.so")
if not os.path.exists(plugin):
    plugin = os.path.join(build, "libmy-pass.so")
expect(run(opt, f"--load-pass-plugin={plugin}", passes, program), "1 matmuls, 1 of them with quantized weights")
# What is no plugin is refused.
expect(run(opt, f"--load-pass-plugin={golden}", passes, program, status=1), "rlx-opt: error: ")
print(f"{len(names)} programs, the README's program and a pass of one's own")
