# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Takes the programs out of the README and finds its C++ example in the test.

usage: readme.py README.md TEST.cpp FOLDER    writes FOLDER/0.mlir, FOLDER/1.mlir, ... and FOLDER/app.c
"""

import os
import re
import sys

readme, test, folder = sys.argv[1:]
with open(readme, encoding="utf-8") as file:
    text = file.read()
with open(test, encoding="utf-8") as file:
    tested = file.read()
programs = re.findall(r"^```mlir\n(.*?)^```$", text, re.M | re.S)
for number, program in enumerate(programs):
    with open(os.path.join(folder, f"{number}.mlir"), "w", encoding="utf-8") as file:
        file.write(program)
with open(os.path.join(folder, "app.c"), "w", encoding="utf-8") as file:
    file.write("".join(re.findall(r"^```c\n(.*?)^```$", text, re.M | re.S)))
examples = re.findall(r"^```cpp\n(.*?)^```$", text, re.M | re.S)
# The test includes from the root of the sources, others from an installation.
examples = [re.sub(r"#include <rlx/(.*)>", r'#include "\1"', example) for example in examples]
same = bool(examples) and all(example in tested for example in examples)
print(f"{len(programs)} programs, the C++ example is {'' if same else 'not '}in {os.path.basename(test)}")
