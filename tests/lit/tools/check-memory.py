# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares the memory that a run of rlx-run had with what it packed.

usage: check-memory.py REPORT.json

A program and LLVM itself take some memory; beyond that, loading may take 1.15 times the packed bytes.
"""

import json
import sys

PROGRAM_BYTES = 224 << 20

with open(sys.argv[1], encoding="utf-8") as file:
    report = json.load(file)
peak, packed = report["peak_rss_bytes"], report["packed_bytes"]
allowed = 1.15 * packed + PROGRAM_BYTES
print(f"packed {packed >> 20} MiB, peak {peak >> 20} MiB, allowed {int(allowed) >> 20} MiB")
print("small" if peak <= allowed else "large")
