# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that rlx-bench measured every case it lists, and how exactly.

usage: check-bench.py results.json
"""

import json
import sys

rows = json.load(open(sys.argv[1], encoding="utf-8"))
bound = 2e-6
wrong = [r for r in rows if r["error"] or not r["median_ms"] > 0 or not r["rel_err"] < bound]
for row in wrong:
    print({key: row[key] for key in ("scheme", "m", "median_ms", "rel_err", "error")})
if rows and not wrong:
    print("complete, errors below 2e-6")
