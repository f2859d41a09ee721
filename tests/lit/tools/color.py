# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs commands on a terminal of their own and tells which colour what they say.

usage: color.py NO_COLOR COMMAND...
"""

import os
import pty
import subprocess
import sys

environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
environment["TERM"] = "xterm-256color"
if sys.argv[1]:
    environment["NO_COLOR"] = sys.argv[1]
for command in sys.argv[2:]:
    terminal, program = pty.openpty()
    process = subprocess.Popen(
        command.split(), env=environment, stdin=subprocess.DEVNULL, stdout=program, stderr=program
    )
    os.close(program)
    said = b""
    try:
        while data := os.read(terminal, 4096):
            said += data
    except OSError:  # Linux's way to say that the other end is closed.
        pass
    process.wait()
    os.close(terminal)
    print("coloured" if b"\x1b[" in said else "plain" if b"error" in said else f"says {said}")
