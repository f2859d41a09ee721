#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes and reads calibration records, independently of RLX.

usage: record.py write FILE NAME:WEIGHT,...:CHANNELS:LEAST:MOST ...   values as if from one batch of two rows
       record.py check FILE NAME X.npy [X.npy ...]                    whether the record says of NAME what the batches
                                                                      are: [..., CHANNELS] of f32
"""

import ast
import json
import math
import struct
import sys

SIDE = 2048


def value(text):
    name, weights, channels, least, most = text.split(":")
    channels, least, most = int(channels), float(least), float(most)
    limit = 2.0 ** math.ceil(math.log2(max(abs(least), abs(most))))
    counts = [0] * (2 * SIDE)
    # Numbers from the least to the greatest, evenly.
    total = 2 * channels
    for i in range(total):
        number = least + (most - least) * i / max(total - 1, 1)
        place = min(int(abs(number) / limit * SIDE), SIDE - 1)
        counts[SIDE - 1 - place if number < 0 else SIDE + place] += 1
    top = max(abs(least), abs(most))
    return {
        "name": name,
        "weights": [weight for weight in weights.split(",") if weight],
        "rows": 2,
        "min": least,
        "max": most,
        "average_min": least / 2,
        "average_max": most / 2,
        "histogram": {"limit": limit, "counts": counts},
        "channel_maxima": [top * (i + 1) / channels for i in range(channels)],
        "channel_means": [top / 2] * channels,
        "channel_mean_squares": [top * top / 4] * channels,
    }


def write(path, texts):
    record = {"format": "rlx-calibration", "version": 1, "batches": 1, "values": [value(text) for text in texts]}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(record, file)


def numbers(path):
    with open(path, "rb") as file:
        content = file.read()
    size = struct.unpack("<H", content[8:10])[0]
    header = ast.literal_eval(content[10 : 10 + size].decode())
    assert header["descr"] == "<f4", header
    count = math.prod(header["shape"])
    return header["shape"][-1], struct.unpack(f"<{count}f", content[10 + size :])


def check(path, name, batches):
    with open(path, encoding="utf-8") as file:
        record = json.load(file)
    (found,) = [entry for entry in record["values"] if entry["name"] == name]
    everything, averages = [], None
    for batch in batches:
        channels, values = numbers(batch)
        extremes = min(values), max(values)
        averages = averages or extremes
        averages = [old + 0.01 * (new - old) for old, new in zip(averages, extremes)]
        everything += values
    rows = len(everything) // channels
    columns = [everything[k::channels] for k in range(channels)]
    expected = {
        "rows": [rows],
        "min": [min(everything)],
        "max": [max(everything)],
        "average_min": [averages[0]],
        "average_max": [averages[1]],
        "channel_maxima": [max(map(abs, column)) for column in columns],
        "channel_means": [sum(map(abs, column)) / rows for column in columns],
        "channel_mean_squares": [sum(x * x for x in column) / rows for column in columns],
    }
    for key, wanted in expected.items():
        got = found[key] if isinstance(found[key], list) else [found[key]]
        if len(got) != len(wanted) or any(abs(a - b) > 1e-12 * abs(b) for a, b in zip(got, wanted)):
            sys.exit(f"{key}: expected {wanted[:4]}, but got {got[:4]}")
    limit, counts = found["histogram"]["limit"], [0] * (2 * SIDE)
    for number in everything:
        place = min(int(abs(number) / limit * SIDE), SIDE - 1)
        counts[SIDE - 1 - place if number < 0 else SIDE + place] += 1
    if counts != found["histogram"]["counts"]:
        sys.exit("the histogram counts something else")
    print(f"{name}: {rows} rows of {channels} channels")


def main(command, path, *rest):
    if command == "write":
        write(path, rest)
    else:
        check(path, rest[0], rest[1:])


main(*sys.argv[1:])
