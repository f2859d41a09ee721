# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Asks every tool for its version and its help, and runs the examples there.

usage: help.py FOLDER GOLDEN    in an empty folder; those of rlx-demo, which measures, are not run
"""

import os
import re
import shutil
import subprocess
import sys

folder, golden = sys.argv[1:]
os.chdir(folder)
shutil.copy(os.path.join(golden, "ggml-types.gguf"), ".")
shutil.copy(os.path.join(golden, "models", "llama.gguf"), "model.gguf")
with open(os.path.join(golden, "..", "..", "README.md"), encoding="utf-8") as file:
    program = re.search(r"^```mlir\n(.*?)^```$", file.read(), re.M | re.S)[1]
with open("q4.mlir", "w", encoding="utf-8") as file:
    file.write(program)


def run(command):
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{command}: status {done.returncode}:\n{done.stdout}")
    return done.stdout


tools = ["inspect", "quantize", "run", "opt", "compile", "bench", "llm", "lsp-server", "demo"]
ran = 0
for tool in tools:
    name = "rlx-" + tool
    version = run(name + " --version")
    if not re.fullmatch(r"RLX \d+\.\d+\.\d+\nLLVM 22\.\S+\nhost \S+, CPU \S+, features \S*\n", version):
        sys.exit(f"{name} --version says:\n{version}")
    example = run(name + " --help").partition("\nEXAMPLE:\n\n")[2]
    if name not in example or not example.startswith("  "):
        sys.exit(f"the help of {name} ends with no example:\n{example}")
    for line in example.splitlines():
        if line.startswith("  rlx-") and tool != "demo":
            run(line.strip())
            ran += 1
print(f"{len(tools)} tools tell their versions and end their help with an example, {ran} of which run")
