#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that the source tree keeps the shape described in the design.

usage: check_house.py RULE ROOT     prints every violation of one rule; fails if there is one
       check_house.py --self-test   breaks each rule in a tree of its own and expects that to be seen

It reads text only, and leaves what the compiler sees anyway to the compiler.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

# Who may include whom. `tools` stands on everything; tests and benchmarks are free.
ALLOWED = {
    "runtime": {"runtime"},
    "ir": {"ir"},
    "passes": {"passes", "ir"},
    "codegen": {"codegen", "passes", "ir", "runtime"},
    "tools": {"tools", "codegen", "passes", "ir", "runtime"},
}
HOUSE = set(ALLOWED) | {"tests"}
# The rooms of passes/, from the ground up: none includes from a room above it. What lies beside them (Passes.h,
# PassDetail.h) belongs to all, and Pipelines.cpp stands on all.
PASS_ROOMS = (
    "support",
    "math",
    "decode",
    "rules",
    "checks",
    "dialects",
    "transformer",
    "import",
    "import/recognize",
    "graph",
    "quantize",
    "program",
    "storage",
    "cpu/target",
    "cpu/kernels",
    "cpu/attention",
    "cpu/linalg",
    "cpu/packed",
    "cpu",
    "cpu/lower",
    "gpu/layout",
    "gpu/spirv",
    "gpu/kernels",
)
CODE = (".cpp", ".h", ".c", ".inc", ".def", ".td", ".cl")
SOURCES = CODE + (".py", ".sh", ".cmake", "CMakeLists.txt", "tools/dev")

MAX_PATH = 60  # characters, exclusive
MAX_DEPTH = 3  # folders below the root
LISTED_LINES = 500
MAX_LINES = 800
# Files made by others keep their names.
FREE_PATHS = ("tests/golden/",)
# Not ours to judge: build trees, caches, what is only mounted into a checkout.
SKIPPED_FOLDERS = re.compile(r"^(\.git|\.cache|build.*|shared|__pycache__)$")

# What the reference and the quantizers are tested against must not be what they are made of.
# What upstream makes of its own dialects is their meaning, for the reference too.
CODEGEN_SHARED = ("passes/dialects/",)
CODEGEN_APART = {
    "codegen/reference": ("passes/", "codegen/cpu/", "codegen/gpu/", "codegen/opencl/"),
    "codegen/quantize": ("passes/", "codegen/cpu/", "codegen/gpu/", "codegen/opencl/"),
    "codegen/quantize/methods": ("passes/", "codegen/cpu/", "codegen/gpu/", "codegen/opencl/"),
}

# The formats are data: outside ir/ only the tables of what files store may name one. The names are those of the table
# of schemes, of which plain floats are names of types as well.
TABLE_OF_SCHEMES = "ir/BuiltinSchemes.cpp"
NAME_IN_TABLE = re.compile(r'^\s*\{"([\w$/]+)",(?:\s*$|\s*"block)')
PLAIN_SCHEMES = ("f32", "f16", "bf16")
SCHEME_FREE_FOLDERS = ("passes/", "codegen/", "runtime/")
SCHEME_TABLE = (
    "runtime/weights/GgmlTypes.cpp",
    "runtime/weights/GgmlTypes.h",
    "runtime/weights/CheckpointKinds.cpp",
    "runtime/weights/LibraryKinds.cpp",
    "codegen/weights/StoredTypes.cpp",
)
# Texts for readers show examples, and examples have types: documents, descriptions of ops and passes, comment lines.
SCHEME_TEXTS = (".md", ".td")

LICENCE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
LICENCE_LINES = 12  # of a file, among which it stands

# Documents and comments name files; a name in backticks that begins like one of ours is one.
NAMED_FOLDERS = "ir|passes|codegen|runtime|tools|tests|docs|cmake"
NAMED_PATH = re.compile(rf"`((?:{NAMED_FOLDERS})/[\w./*+-]*)`")
COMMENT_PATH = re.compile(rf"(?<![\w/])((?:{NAMED_FOLDERS})/[\w/]+\.(?:h|cpp|td|md))\b(?!\.inc)")
LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCE = re.compile(r"^\s*```")

INCLUDE = re.compile(r'^\s*#?\s*include\s*(["<])([^">]+)[">]')


def pass_room(path):
    """The room of a file or an include of passes/; None beside the rooms."""
    room = os.path.dirname(path)[len("passes/") :]
    return room if path.startswith("passes/") and room else None


def is_above(included, room):
    """Whether a file in `room` must not include what lies in `included`."""
    if included not in PASS_ROOMS or room not in PASS_ROOMS:
        return True
    both_targets = {included.split("/")[0], room.split("/")[0]} == {"cpu", "gpu"}
    return both_targets or PASS_ROOMS.index(included) > PASS_ROOMS.index(room)


def files(root):
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if not SKIPPED_FOLDERS.match(f)]
        found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(f for f in found if f != ".git")


def lines(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def check_includes(root):
    for path in files(root):
        folder = path.split("/")[0]
        if folder not in ALLOWED or "/" not in path:
            continue
        if path.endswith(CODE):
            for number, line in enumerate(lines(root, path), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                included = match[2]
                head = included.split("/")[0]
                if head in HOUSE and head not in ALLOWED[folder]:
                    yield f"{path}:{number}: '{folder}' must not include '{included}'"
                elif (
                    pass_room(included)
                    and pass_room(path)
                    and pass_room(included) != pass_room(path)
                    and is_above(pass_room(included), pass_room(path))
                ):
                    yield f"{path}:{number}: the room '{pass_room(path)}' must not include '{included}'"
                elif included.startswith(
                    CODEGEN_APART.get(os.path.dirname(path), ())
                ) and not included.startswith(CODEGEN_SHARED):
                    yield f"{path}:{number}: the room '{os.path.dirname(path)}' must not include '{included}'"
                elif folder == "runtime" and re.match(r"(llvm|mlir)(-c)?$", head):
                    yield f"{path}:{number}: the runtime must not include '{included}'"
                elif match[1] == '"' and (head in (".", "..") or "/" not in included):
                    yield f"{path}:{number}: expected an include written from the root, but got '{included}'"
        if path.startswith("runtime/") and path.endswith(("CMakeLists.txt", ".cmake")):
            for number, line in enumerate(lines(root, path), 1):
                if re.search(r"llvm|mlir", line.split("#")[0], re.I):
                    yield f"{path}:{number}: the runtime must not know LLVM or MLIR: {line.strip()}"


def is_one_letter(one, other):
    """Whether two words differ by one letter: another one, or one more."""
    if len(one) == len(other):
        return sum(a != b for a, b in zip(one, other)) == 1
    short, long = sorted((one, other), key=len)
    return len(long) == len(short) + 1 and any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def check_names(root):
    """Sources whose names differ by one letter are taken for each other."""
    stems = {}
    for path in files(root):
        if path.split("/")[0] in ALLOWED and path.endswith(CODE):
            stems.setdefault(os.path.splitext(os.path.basename(path))[0], path)
    names = sorted(stems)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            if is_one_letter(one, other):
                yield f"{stems[one]}: expected a name that differs by more than a letter from that of '{stems[other]}'"


def check_layout(root):
    yield from check_names(root)
    for path in files(root):
        if not path.startswith(FREE_PATHS):
            if len(path) >= MAX_PATH:
                yield f"{path}: expected a path below {MAX_PATH} characters, but got {len(path)}"
            if path.count("/") > MAX_DEPTH:
                yield f"{path}: expected at most {MAX_DEPTH} folders, but got {path.count('/')}"
        if path.endswith(SOURCES):
            text = lines(root, path)
            # clang-format breaks a longer one in two.
            if text and text[0].startswith("//===-") and not (text[0].endswith("===//") and len(text[0]) <= 80):
                yield f"{path}:1: expected a first line of 80 columns that ends with '===//', but got '{text[0]}'"
            for number, line in enumerate(text[1:], 2):
                if line.lstrip().startswith("//===-") and not line.endswith("===//"):
                    yield f"{path}:{number}: expected a line that ends with '===//', but got '{line.strip()}'"
            count = len(text)
            if count > MAX_LINES:
                yield f"{path}: expected at most {MAX_LINES} lines, but got {count}: split it"
            elif count > LISTED_LINES:
                print(f"note: {path} has {count} lines; above {LISTED_LINES} the reason should be known")


def scheme_names(root):
    """What a string has that names a scheme of the table, with or without ggml's prefix."""
    table = lines(root, TABLE_OF_SCHEMES) if os.path.exists(os.path.join(root, TABLE_OF_SCHEMES)) else []
    names = {match[1] for match in map(NAME_IN_TABLE.match, table) if match} - set(PLAIN_SCHEMES)
    patterns = []
    for name in sorted(names):
        # `q4k` and `Q4_K`, `int8/$b` and `int8/32`.
        plain, prefix = name.removeprefix("gguf_").replace("_", ""), "(gguf_?)?" if name.startswith("gguf_") else ""
        letters = [r"\d+" if part.startswith("$") else re.escape(part) for part in re.findall(r"\$\w|.", plain)]
        patterns.append(prefix + "_?".join(letters))
    return re.compile('"(' + "|".join(patterns) + ')"|gguf_?i?q[0-9]', re.I) if patterns else None


def check_schemes(root):
    scheme_name = scheme_names(root)
    if not scheme_name:
        yield f"{TABLE_OF_SCHEMES}: expected the table of schemes, but found no name"
        return
    for path in files(root):
        if not path.startswith(SCHEME_FREE_FOLDERS) or path in SCHEME_TABLE or path.endswith(SCHEME_TEXTS):
            continue
        for number, line in enumerate(lines(root, path), 1):
            if scheme_name.search(line) and not line.lstrip().startswith("//"):
                yield f"{path}:{number}: a scheme named outside the table: {line.strip()}"


def check_format(root):
    """Where the formatter would change a source."""
    program = shutil.which("clang-format-14")
    if not program:
        yield "expected clang-format-14 on the path (tools/dev setup installs it)"
        return
    sources = [p for p in files(root) if p.endswith((".cpp", ".h"))]
    if not sources:
        return
    result = subprocess.run(
        [program, "--dry-run", "-Werror", *sources], cwd=root, capture_output=True, text=True, check=False
    )
    changed = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", result.stderr, re.M)))
    for path in changed:
        yield f"{path}: expected the form that 'tools/dev format' gives"
    if result.returncode and not changed:
        yield result.stderr.strip()


def check_licence(root):
    for path in files(root):
        if path.endswith(SOURCES) and not any(LICENCE in line for line in lines(root, path)[:LICENCE_LINES]):
            yield f"{path}: expected '{LICENCE}' in the first {LICENCE_LINES} lines"


def exists(root, path):
    """Whether there is such a file or folder, or files of that name: `ir/Scheme` stands for its .h and .cpp."""
    full = os.path.join(root, path)
    return os.path.exists(full) or bool(glob.glob(full) or glob.glob(full + ".*"))


def anchors(root, path):
    """What headings of a document are called in links, as GitHub does it."""
    found, fenced = set(), False
    for line in lines(root, path):
        fenced ^= bool(FENCE.match(line))
        if line.startswith("#") and not fenced:
            text = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            found.add(text.replace(" ", "-"))
    return found


ROOMS = ("passes", "codegen", "runtime")
MAP_OF_ROOMS = "docs/architecture.md"


def unnamed_rooms(root):
    """Folders with sources that the map of rooms does not name."""
    if os.path.exists(os.path.join(root, MAP_OF_ROOMS)):
        text = "\n".join(lines(root, MAP_OF_ROOMS))
        rooms = {os.path.dirname(path) for path in files(root) if path.endswith((".cpp", ".h"))}
        for room in sorted(rooms):
            if room.split("/")[0] in ROOMS and f"`{room}/`" not in text:
                yield f"{MAP_OF_ROOMS}: expected the room `{room}/` to be named"


def check_documents(root):
    yield from unnamed_rooms(root)
    for path in files(root):
        if path.endswith(".md"):
            fenced = False
            for number, line in enumerate(lines(root, path), 1):
                fenced ^= bool(FENCE.match(line))
                if fenced:
                    continue
                for name in NAMED_PATH.findall(line):
                    if not exists(root, name):
                        yield f"{path}:{number}: there is no '{name}'"
                for target in LINK.findall(line):
                    if re.match(r"[a-z]+:", target):
                        continue
                    name, _, anchor = target.partition("#")
                    to = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
                    if not os.path.exists(os.path.join(root, to)):
                        yield f"{path}:{number}: the link '{target}' leads nowhere"
                    elif anchor and to.endswith(".md") and anchor not in anchors(root, to):
                        yield f"{path}:{number}: '{to}' has no heading '{anchor}'"
        elif path.endswith(CODE) and path.split("/")[0] in HOUSE:
            for number, line in enumerate(lines(root, path), 1):
                text = line if path.endswith(".td") else line.partition("//")[2]
                for name in COMMENT_PATH.findall(text):
                    if not exists(root, name):
                        yield f"{path}:{number}: there is no '{name}'"


RULES = {
    "includes": check_includes,
    "layout": check_layout,
    "schemes": check_schemes,
    "format": check_format,
    "licence": check_licence,
    "documents": check_documents,
}

# rule, path (or paths of files of the same text), text, is it a violation?
CASES = [
    ("includes", "runtime/A.h", '#include "runtime/B.h"\n#include <vector>\n', False),
    ("includes", "runtime/A.h", '#include "ir/Dialect.h"\n', True),
    ("includes", "runtime/A.cpp", "#include <llvm/ADT/StringRef.h>\n", True),
    ("includes", "runtime/A.cpp", '#include "mlir-c/IR.h"\n', True),
    ("includes", "runtime/CMakeLists.txt", "rlx_library(runtime LINK fmt::fmt) # without LLVM\n", False),
    ("includes", "runtime/CMakeLists.txt", "rlx_use_mlir(rlx_runtime)\n", True),
    ("includes", "ir/A.cpp", '#include "ir/A.h"\n#include "mlir/IR/Builders.h"\n#include "ir/A.h.inc"\n', False),
    ("includes", "ir/A.cpp", '#include "runtime/A.h"\n', True),
    ("includes", "ir/A.cpp", '#include "A.h"\n', True),
    ("includes", "ir/A.td", 'include "passes/A.td"\n', True),
    ("includes", "passes/A.cpp", '#include "ir/A.h"\n', False),
    ("includes", "passes/A.cpp", '  #  include "codegen/A.h"\n', True),
    ("includes", "passes/A.cpp", '#include "runtime/A.h"\n', True),
    ("includes", "passes/cpu/A.cpp", '#include "passes/cpu/packed/A.h"\n#include "passes/PassDetail.h"\n', False),
    ("includes", "passes/decode/A.cpp", '#include "passes/cpu/packed/A.h"\n', True),
    ("includes", "passes/gpu/kernels/A.cpp", '#include "passes/gpu/layout/A.h"\n#include "passes/math/A.h"\n', False),
    ("includes", "passes/gpu/kernels/A.cpp", '#include "passes/cpu/kernels/A.h"\n', True),
    ("includes", "passes/other/A.cpp", '#include "passes/support/A.h"\n', True),
    ("includes", "passes/Pipelines.cpp", '#include "passes/cpu/lower/A.h"\n', False),
    ("includes", "codegen/cpu/A.cpp", '#include "passes/A.h"\n#include "runtime/A.h"\n', False),
    ("includes", "codegen/cpu/A.cpp", '#include "tools/A.h"\n', True),
    ("includes", "codegen/cpu/A.cpp", '#include "../A.h"\n', True),
    ("includes", "tools/rlx-opt.cpp", '#include "codegen/A.h"\n#include "runtime/A.h"\n', False),
    ("includes", "tools/rlx-opt.cpp", '#include "tests/A.h"\n', True),
    ("includes", "codegen/reference/A.cpp", '#include "passes/Passes.h"\n', True),
    ("includes", "codegen/reference/A.cpp", '#include "codegen/quantize/A.h"\n#include "ir/A.h"\n', False),
    ("includes", "codegen/quantize/A.cpp", '#include "passes/Passes.h"\n', True),
    ("includes", "tests/unit/A.cpp", '#include "runtime/A.h"\n#include "ir/A.h"\n', False),
    ("layout", "ir/A.cpp", "\n" * 800, False),
    ("layout", "ir/A.cpp", "\n" * 801, True),
    ("layout", "ir/A.cpp", "//===- A.cpp - What is in it " + "-" * 46 + "===//\n", False),
    ("layout", "ir/A.cpp", "//===- A.cpp - What is in it\n//---===//\n", True),
    ("layout", "ir/A.cpp", "int a;\n  //===--- A ---===//\n", False),
    ("layout", "ir/A.cpp", "int a;\n  //===--- A\n  //---===//\n", True),
    ("layout", "tests/lit/passes/" + "a" * 37 + ".mlir", "", False),
    ("layout", "tests/lit/passes/" + "a" * 38 + ".mlir", "", True),
    ("layout", "a/b/c/d/e.cpp", "", True),
    ("layout", "tests/golden/b/c/d/" + "e" * 60, "", False),
    ("layout", "build/a/b/c/d/e.cpp", "", False),
    ("layout", "ir/PackedTile.h passes/PackedTiles.h", "", True),
    ("layout", "ir/PackedTile.h passes/PackedTile.cpp passes/TileLoops.h", "", False),
    ("schemes", "passes/A.cpp", "// !rlx.quant<gguf_q4k>\nscheme.blockBytes();\n", False),
    ("schemes", "passes/A.cpp", 'if (name == "gguf_q4k")\n', True),
    ("schemes", "passes/A.cpp", "lowerGgufQ4K(op);\n", True),
    ("schemes", "passes/A.cpp", 'if (name == "int8/32")\n', True),
    ("schemes", "passes/A.cpp", 'if (name == "IQ2_XXS")\n', True),
    ("schemes", "passes/A.cpp", 'if (name == "f32" || name == "q4")\n', False),
    ("schemes", "codegen/cpu/A.cpp", 'if (name == "nvfp4")\n', True),
    ("schemes", "codegen/cpu/A.cpp", 'if (name == "q8_0")\n', True),
    ("schemes", "runtime/A.cpp", '{"Q4_K", 12},\n', True),
    ("schemes", "runtime/weights/GgmlTypes.cpp", '{"q4_K", 12},\n', False),
    ("schemes", "ir/A.cpp", '"gguf_q4k"\n', False),
    ("format", "ir/A.cpp", "int a;\n", False),
    ("format", "ir/A.cpp", "int  a;\n", True),
    ("licence", "ir/A.cpp", f"//===- A.cpp -===//\n// {LICENCE}\n", False),
    ("licence", "ir/A.cpp", "//===- A.cpp -===//\n// SPDX-License-Identifier: MIT\n", True),
    ("licence", "tools/dev", "#!/bin/sh\n" + "\n" * 11 + f"# {LICENCE}\n", True),
    ("licence", "tests/CMakeLists.txt", "find_package(Python3)\n", True),
    ("licence", "tests/lit/ir/a.mlir", "module {}\n", False),
    ("documents", "ir/A.md", "`ir/A.md`, `ir/A`, `ir/*.md`, `ir/`, [here](A.md), [this](#a-b)\n## `A` B\n", False),
    ("documents", "ir/A.md", "`ir/B.cpp`\n", True),
    ("documents", "ir/A.md", "[there](B.md)\n", True),
    ("documents", "ir/A.md", "[there](A.md#b)\n# A\n", True),
    ("documents", "ir/A.md", "```\n`ir/B.cpp`\n```\n[the web](https://example.org/B)\n", False),
    ("documents", "ir/A.h", '// See ir/A.h.\n#include "ir/B.h"\n', False),
    ("documents", "ir/A.h", "int a; // see ir/B.h\n", True),
    ("documents", "ir/A.td", "in (passes/B.h), made: ir/B.h.inc, theirs: ggml/docs/gguf.md\n", True),
    ("documents", "ir/A.td", "made: ir/B.h.inc, theirs: ggml/docs/gguf.md\n", False),
    ("documents", "passes/a/A.h docs/architecture.md", "// `passes/`\n", True),
    ("documents", "passes/a/A.h docs/architecture.md", "// `passes/a/`\n", False),
]

TABLE_OF_CASES = """    {"f32", "block = 1, code = f32 at byte 0", ""},
    {"int8/$b",
    {"nvfp4/16",
    {"gguf_nvfp4",
    {"gguf_q4k",
    {"gguf_q8_0",
    {"gguf_iq2_xxs",
"""


def self_test():
    wrong = 0
    for rule, path, text, bad in CASES:
        with tempfile.TemporaryDirectory() as root:
            written = {each: text for each in path.split()}
            if rule == "schemes":
                written[TABLE_OF_SCHEMES] = TABLE_OF_CASES
            for each, content in written.items():
                full = os.path.join(root, each)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(content)
            found = list(RULES[rule](root))
        if bool(found) != bad:
            wrong += 1
            expected = "a violation" if bad else "none"
            print(f"{rule}: expected {expected} in {path} holding {text[:60]!r}, but got {found}")
    print(f"{len(CASES)} cases, {wrong} wrong")
    return wrong == 0


def main(arguments):
    if arguments == ["--self-test"]:
        return 0 if self_test() else 1
    if len(arguments) != 2 or arguments[0] not in RULES:
        print(__doc__)
        return 2
    rule, root = arguments
    if not any(path.split("/")[0] in HOUSE for path in files(root)):
        print(f"expected a source tree, but got '{root}'")
        return 2
    violations = list(RULES[rule](root))
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
