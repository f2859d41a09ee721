# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs commands on a terminal of their own and tells which colour what they say.

usage: color.py NO_COLOR COMMAND...
"""

import os
import sys

import terminal

environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
environment["TERM"] = "xterm-256color"
if sys.argv[1]:
    environment["NO_COLOR"] = sys.argv[1]
for command in sys.argv[2:]:
    said, _ = terminal.run(command.split(), environment)
    print("coloured" if b"\x1b[" in said else "plain" if b"error" in said else f"says {said}")
