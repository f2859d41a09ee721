#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From which M on panels of decoded weights pay, measured beside what the cost model chooses.

usage: panel_crossover.py RLX_BENCH [SCHEME,...] [ACTIVATIONS]

For each scheme and number M of rows it times the matmul three times: without panels, with panels always, and as the cost
model of passes/cpu/TileChoice.cpp chooses. Rounds alternate, so that other programs slow down all three alike; the least
time of each counts. `lost` is what the choice takes more than the better of the two. The constants `wait` and `beside`
of the cost model are those that lose least; docs/speed.md names the machines.
"""

import csv
import io
import subprocess
import sys

ROWS = [8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128]
ROUNDS = 3
CHOICES = {"direct": "min_m_panel=100000", "panel": "min_m_panel=1", "model": None}


def measure(program, scheme, activations, choice):
    command = [program, "matmul", "--scheme", scheme, "--activations", activations, "--m", ",".join(map(str, ROWS)),
               "--n", "2048", "--k", "4096", "--threads", "1", "--seconds", "0.05", "--csv"]
    if choice:
        command += ["--choices", choice]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {int(row["m"]): float(row["min_ms"]) for row in csv.DictReader(io.StringIO(done.stdout))}


def main():
    program = sys.argv[1]
    schemes = sys.argv[2].split(",") if len(sys.argv) > 2 else ["q4_0", "q8_0", "q4_K", "q6_K", "q3_K", "iq4_nl"]
    activations = sys.argv[3] if len(sys.argv) > 3 else "i8"
    print(f"{'scheme':8} {'M':>4} {'direct ms':>10} {'panel ms':>10} {'model ms':>10} {'lost':>6}")
    for scheme in schemes:
        least = {name: {} for name in CHOICES}
        for _ in range(ROUNDS):
            for name, choice in CHOICES.items():
                for m, ms in measure(program, scheme, activations, choice).items():
                    least[name][m] = min(ms, least[name].get(m, ms))
        worst = 0.0
        for m in ROWS:
            direct, panel, model = (least[name][m] for name in ("direct", "panel", "model"))
            lost = model / min(direct, panel) - 1
            worst = max(worst, lost)
            print(f"{scheme:8} {m:4} {direct:10.3f} {panel:10.3f} {model:10.3f} {100 * lost:5.0f}%")
        print(f"{scheme:8} most lost: {100 * worst:.0f}%")


if __name__ == "__main__":
    main()
