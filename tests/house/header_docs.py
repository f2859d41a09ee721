# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""docs/headers.md: what each public header declares, read from the header.

The public headers are those that cmake/RlxInstall.cmake lists. Of each: the paragraphs at its head, and a table of what
it declares at the level of a namespace, with the first sentence of the comment before it.
"""

import os
import re

HEAD = """# Public headers

What an installation has under `include/rlx/`, by folder: `#include <rlx/codegen/Compiler.h>`. Comments in the headers say
more: shapes, units and errors.
"""


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def public_headers(root):
    text = read(root, "cmake/RlxInstall.cmake")
    lists = re.findall(r"public_headers\n(.*?)\)", text, re.S)
    return sorted({path for each in lists for path in each.split() if path.endswith(".h")})


def head(text):
    """The title and the paragraphs of a header's first comment."""
    title = re.match(r"//===-+ \S+ - (.*?)\s*-", text).group(1)
    lines = []
    # Behind the title and the licence, to the line that ends the comment or the comment itself.
    for line in text.split("\n")[2:]:
        if not line.startswith("//") or line.startswith("//==="):
            break
        lines.append(line[2:].strip())
    return title, "\n".join(lines).strip()


def first_sentence(comment):
    sentence = re.split(r"(?<=[.:;])\s", comment.strip(), maxsplit=1)[0]
    return sentence.rstrip(".:;")


def declared(line, rest):
    """What a declaration that begins at `line` declares, or None."""
    kind = re.match(r"(?:template <.*> )?(class|struct|enum class|enum) (?:\[\[nodiscard\]\] )?(\w+)", line)
    if kind:
        return f"{kind.group(1).split()[0]} {kind.group(2)}"
    if line.startswith(("namespace", "using", "#", "}", "static", "friend")):
        return None
    call = re.match(r"[^;{=]*?([\w:]+)\(", line + " " + rest)
    if call:
        return call.group(1) + "()"
    constant = re.match(r"(?:inline )?constexpr .*?(\w+) =", line)
    return constant.group(1) if constant else None


def declarations(text):
    """(name, first sentence) of what begins a line and has a comment, and of types that have none."""
    found, comment = {}, []
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if line.startswith("/// "):
            comment.append(line[4:])
            continue
        is_type = re.match(r"(class|struct) \w+[^;]*$", line)
        if (comment or is_type) and line and not line[0].isspace():
            name = declared(line, lines[at + 1].strip() if at + 1 < len(lines) else "")
            if name and name not in found:
                found[name] = first_sentence(" ".join(comment))  # Empty for a type that its header is about.
        comment = []
    return found


def headers_document(root, note):
    parts = [note, "", HEAD]
    for path in public_headers(root):
        text = read(root, path)
        title, about = head(text)
        parts += [f"## {path}", "", title + ".", ""]
        if about:
            parts += [about, ""]
        rows = declarations(text)
        if rows:
            parts += ["| declares | |", "| --- | --- |"]
            parts += [f"| `{name}` | {what.replace('|', chr(92) + '|')} |" for name, what in rows.items()]
            parts.append("")
    return "\n".join(parts)
