#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cuts vocabularies down to what some strings need.

usage: cut_vocabularies.py OUT MODEL.gguf...     needs gguf and regex from PyPI

For each model with `MODEL.gguf.inp` and `.out` beside it (llama.cpp's, strings and their tokens), or without them the
strings of the last one that had them, writes OUT/<name>.gguf: the tokens that occur on the way to the result, in the
order of the file, and as metadata `golden.strings`, `golden.counts` (tokens of each string) and `golden.ids`. Merges
that are never applied change nothing, so the cut vocabulary gives the tokens of the whole one. Tokens of strings
without an `.out` are those of the plain tokenizer below.
"""

import os
import sys

import gguf
import regex

SEPARATOR = "\n__ggml_vocab_test__\n"
SMOLLM = (r"\p{N}", r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
MOST_BYTES = 200  # of a string: long ones need many tokens


def byte_characters():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}


BYTES = byte_characters()


def split(text, patterns):
    words = [text]
    for pattern in patterns:
        parts = []
        for word in words:
            end = 0
            for match in regex.finditer(pattern, word):
                parts += [word[end : match.start()], match.group()]
                end = match.end()
            parts.append(word[end:])
        words = [p for p in parts if p]
    return words


class Vocabulary:
    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.fields = {k: f.contents() for k, f in reader.fields.items() if k.startswith(("tokenizer.", "general.name"))}
        get = self.fields.get
        self.model, self.tokens = get("tokenizer.ggml.model"), get("tokenizer.ggml.tokens")
        self.ids = {}
        for i, token in enumerate(self.tokens):
            self.ids.setdefault(token, i)
        self.types = get("tokenizer.ggml.token_type", [1] * len(self.tokens))
        self.scores = get("tokenizer.ggml.scores")
        merges = get("tokenizer.ggml.merges", [])
        self.ranks = {}
        for rank, merge in enumerate(merges):
            middle = merge.index(" ", 1)
            self.ranks.setdefault((merge[:middle], merge[middle + 1 :]), rank)
        self.used, self.applied = set(), set()

    def best(self, parts):
        """The pair to merge next: (rank, index), or None."""
        found = []
        for i, pair in enumerate(zip(parts, parts[1:])):
            if self.model == "llama":
                token = self.ids.get(pair[0] + pair[1])
                if token is not None:
                    found.append((-self.scores[token], i))
            elif pair in self.ranks:
                found.append((self.ranks[pair], i))
        return min(found, default=None)

    def merge(self, text):
        parts = list(text)
        self.used.update(p for p in parts if p in self.ids)
        while best := self.best(parts):
            i = best[1]
            self.applied.add((parts[i], parts[i + 1]))
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
            self.used.update(parts[i] for _ in [0] if parts[i] in self.ids)
        return parts

    def visit(self, text, patterns):
        """Does what encoding does, to see what it needs; gives the tokens of byte pairs."""
        ids = []
        if self.model == "llama":
            for part in (text, " " + text):
                self.merge(part.replace(" ", "\u2581"))
        elif self.model == "gpt2":
            for word in split(text, patterns):
                word = "".join(BYTES[b] for b in word.encode())
                ids += [self.ids.get(p, -1) for p in self.merge(word)]
                if word in self.ids:
                    self.used.add(word)
        return ids


# What the splits of each model are made of does not matter for what is needed: the finest split of all of them.
PATTERNS = {
    "smollm": SMOLLM,
    "qwen2": (r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",),
    "llama-bpe": (r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",),
}
PATTERNS["qwen2"] = (PATTERNS["llama-bpe"][0].replace(r"\p{N}{1,3}", r"\p{N}"),)


def cut(vocabulary, strings, results, out):
    pre = vocabulary.fields.get("tokenizer.ggml.pre")
    for i, text in enumerate(strings):
        ids = vocabulary.visit(text, PATTERNS.get(pre, SMOLLM[1:]))
        results[i] = ids if results[i] is None else results[i]
        assert -1 not in results[i], text
    kept = {vocabulary.ids[t] for t in vocabulary.used} | {i for ids in results for i in ids}
    named = [k for k in vocabulary.fields if k.endswith("_token_id")]
    kept |= {vocabulary.fields[k] for k in named}
    kept |= {i for i, t in enumerate(vocabulary.tokens) if vocabulary.types[i] == 6 or len(t) == 1 and ord(t) < 0x144}
    kept = sorted(kept)
    number = {old: new for new, old in enumerate(kept)}

    writer = gguf.GGUFWriter(out, "golden")
    if "general.name" in vocabulary.fields:
        writer.add_name(vocabulary.fields["general.name"])
    for key, value in vocabulary.fields.items():
        if key in named:
            writer.add_uint32(key, number[value])
        elif isinstance(value, bool):
            writer.add_bool(key, value)
    writer.add_tokenizer_model(vocabulary.model)
    if pre:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list([vocabulary.tokens[i] for i in kept])
    writer.add_token_types([vocabulary.types[i] for i in kept])
    if vocabulary.model == "llama":
        writer.add_token_scores([vocabulary.scores[i] for i in kept])
    if vocabulary.ranks:
        order = sorted(vocabulary.applied, key=vocabulary.ranks.get)
        writer.add_token_merges([" ".join(pair) for pair in order])
    writer.add_array("golden.strings", strings)
    writer.add_array("golden.counts", [len(ids) for ids in results])
    writer.add_array("golden.ids", [number[i] for ids in results for i in ids])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    print(out, len(kept), "tokens", os.path.getsize(out), "bytes")


def main():
    out, strings = sys.argv[1], []
    for path in sys.argv[2:]:
        vocabulary = Vocabulary(path)
        results = [None] * len(strings)
        if os.path.exists(path + ".inp"):
            with open(path + ".inp", encoding="utf-8", newline="") as file:
                strings = file.read().split(SEPARATOR)
            with open(path + ".out") as file:
                results = [[int(x) for x in line.split()] for line in file.read().split("\n")[: len(strings)]]
            # A string that is only its end and one that is nothing cannot be told from each other in an array.
            pairs = [(s, r) for s, r in zip(strings, results) if 0 < len(s.encode()) <= MOST_BYTES]
            strings, results = [s for s, _ in pairs], [r for _, r in pairs]
        name = os.path.basename(path).removeprefix("ggml-vocab-").removesuffix(".gguf").split(".")[0].lower()
        cut(vocabulary, strings, results, os.path.join(out, name + ".gguf"))


if __name__ == "__main__":
    main()
