# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tries what a document shows.

usage: documents.py DOCUMENT.md FOLDER    FOLDER is where files go and commands run; tests/ is linked there

- A program (```mlir) is read by rlx-opt. Behind it may stand a fence that begins with `error: `: that is what it says.
  A program is written to the file that the text right before it names: `q4.mlir`.
- A session (a fence that begins with `$ `) is run, and its output compared: numbers may differ, blanks do not count,
  a line `...` stands for any lines, and `...` within a line for any text. Commands that measure, or whose output is
  the machine's own (devices, choices), or that need a model from the network, are left out. So is what other tests do: tests/install, readme.test.
"""

import os
import re
import subprocess
import sys

NUMBER = re.compile(r"[-+]?\b\d+(?:\.\d+)?(?:e[-+]?\d+)?\b")
LEFT_OUT = re.compile(r"rlx-bench|--print-choices|--device|--list-devices|--load-pass-plugin|tools/dev|SmolLM2|git |cmake|^cc ")


def fences(text):
    """(language, content, the text before) of each fence."""
    before = 0
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S):
        yield match[1], match[2], text[before : match.start()]
        before = match.end()


def normal(line):
    return " ".join(NUMBER.sub("#", line).split())


def is_same(expected, got):
    pattern = ".*".join(re.escape(part) for part in normal(expected).split("..."))
    return re.fullmatch(pattern, normal(got)) is not None


def matches(expected, got):
    """Whether `got` is `expected`, lists of lines in which `...` stands for any lines."""
    parts = [[]]
    for line in expected:
        if line.strip() == "...":
            parts.append([])
        else:
            parts[-1].append(line)

    def stands(part, at):
        return at + len(part) <= len(got) and all(is_same(line, got[at + i]) for i, line in enumerate(part))

    if len(parts) == 1:
        return len(got) == len(expected) and stands(expected, 0)
    # The first part at the beginning, the last at the end, each other as early as it can be.
    first, *middle, last = parts
    if not stands(first, 0):
        return False
    at, end = len(first), len(got) - len(last)
    for part in middle:
        at = next((i for i in range(at, end + 1) if stands(part, i)), None)
        if at is None:
            return False
        at += len(part)
    return at <= end and stands(last, end)


def run(command, folder, text=None):
    result = subprocess.run(
        command, shell=True, cwd=folder, input=text, capture_output=True, text=True, timeout=120, check=False
    )
    return result.returncode, result.stdout + result.stderr


def main():
    document, folder = sys.argv[1:]
    with open(document, encoding="utf-8") as file:
        found = list(fences(file.read()))
    wrong = programs = commands = 0
    for (language, content, before), following in zip(found, found[1:] + [("", "", "")]):
        if language == "mlir":
            programs += 1
            names = re.findall(r"`([\w-]+\.mlir)`", before.strip().rpartition("\n\n")[2])
            if names:
                with open(os.path.join(folder, names[-1]), "w", encoding="utf-8") as file:
                    file.write(content)
            status, output = run("rlx-opt", folder, content)
            message = following[1].strip() if following[1].startswith("error: ") else ""
            if bool(status) != bool(message) or " ".join(message.split()) not in " ".join(output.split()):
                wrong += 1
                print(f"{document}: expected {message or 'a program'}, but got {output}\nof\n{content}")
        elif not language and content.startswith("$ "):
            for session in re.findall(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", content, re.M):
                command = session[0].split("   #")[0]
                if LEFT_OUT.search(command):
                    continue
                commands += 1
                _, output = run(command, folder)
                if not matches(session[1].splitlines(), output.rstrip("\n").splitlines()):
                    wrong += 1
                    print(f"{document}: expected of '{command}':\n{session[1]}but got:\n{output[:2000]}")
    print(f"{programs} programs, {commands} commands, {wrong} wrong")


main()
