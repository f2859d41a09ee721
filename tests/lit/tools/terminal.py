# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command on a terminal of its own and prints what it says there, a line for each that was overwritten.

usage: terminal.py COMMAND...
"""

import os
import pty
import subprocess
import sys


def run(command, environment=None):
    """What a command says on a terminal, as bytes, and its status."""
    terminal, program = pty.openpty()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=program, stderr=program)
    os.close(program)
    said = b""
    try:
        while data := os.read(terminal, 4096):
            said += data
    except OSError:  # Linux's way to say that the other end is closed.
        pass
    os.close(terminal)
    return said, process.wait()


if __name__ == "__main__":
    said, status = run(sys.argv[1:])
    print(said.decode().replace("\x1b[K", "").replace("\r", "\n"))
    sys.exit(status)
