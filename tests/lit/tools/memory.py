# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a command and compares the most memory that it had with a bound. Pages of files count while they are mapped.

usage: memory.py MIB COMMAND...
"""

import resource
import subprocess
import sys

bound = int(sys.argv[1])
subprocess.run(sys.argv[2:], check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10  # Linux counts KiB
print(f"peak {peak} MiB:", "small" if peak <= bound else f"large, expected at most {bound} MiB")
