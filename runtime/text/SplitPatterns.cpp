//===- SplitPatterns.cpp - How text is cut before it becomes tokens -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The expressions are those of the models' own tokenizer.json, where
// `(?i:'s|...)` is written out in ASCII.
//
//===----------------------------------------------------------------------===//

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "runtime/text/SplitPatterns.h"

#include "runtime/Text.h"
#include "runtime/text/Utf8.h"

#include <algorithm>

using namespace rlx;

// Parts that several rows share.
#define SHORT_FORMS "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]"
#define SPACES "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define GPT2                                                                   \
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"         \
  "\\s+(?!\\S)|\\s+"
#define LLAMA3(DIGITS)                                                         \
  SHORT_FORMS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" DIGITS                         \
              "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define CASED(FORMS, DIGITS)                                                   \
  "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" FORMS                           \
  "|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER "*" FORMS "|" DIGITS               \
  "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES

static constexpr SplitRule rules[] = {
    {"default", "[\\p{P}$+<=>^~|]+\n" GPT2 "\n\\p{N}+\n[0-9][0-9][0-9]"},
    {"gpt-2 mpt olmo jais phi-2 jina-es jina-de gigachat mellum trillion",
     GPT2},
    {"smollm starcoder refact command-r codeshell exaone minerva-7b",
     "\\p{N}\n" GPT2},
    {"falcon", "[\\p{P}$+<=>^~|`]+\n" GPT2 "\n[0-9][0-9][0-9]"},
    {"llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral lfm2",
     LLAMA3("\\p{N}{1,3}"), true, true},
    {"dbrx smaug-bpe chatglm-bpe glm4", LLAMA3("\\p{N}{1,3}")},
    {"qwen2 deepseek-r1-qwen stablelm2 hunyuan megrez", LLAMA3("\\p{N}")},
    {"qwen35", SHORT_FORMS "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}"
                           "| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" SPACES},
    {"gpt-4o llama4 minimax-m2", CASED("(?:" SHORT_FORMS ")?", "\\p{N}{1,3}")},
    {"tekken", CASED("", "\\p{N}"), true, true},
    {"deepseek-coder",
     "[\\r\\n]\n\\s?\\p{L}+\n\\s?\\p{P}+\n"
     "[\\x{4E00}-\\x{9FA5}\\x{0800}-\\x{4E00}\\x{AC00}-\\x{D7FF}]+\n\\p{N}"},
    {"deepseek-v3",
     "\\p{N}{1,3}\n[\\x{4E00}-\\x{9FA5}\\x{3040}-\\x{309F}\\x{30A0}-\\x{30FF}]+"
     "\n[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
     "|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
     "| ?[\\p{P}\\p{S}]+[\\r\\n]*|" SPACES},
    {"gemma4", "[^\\n]+|\\n+"},
};

Result<const SplitRule *> rlx::findSplitRule(std::string_view name) {
  std::string known;
  for (const SplitRule &rule : rules) {
    std::string_view names = rule.names;
    while (!names.empty()) {
      std::string_view each = names.substr(0, names.find(' '));
      if (each == (name.empty() ? "default" : name))
        return &rule;
      known += fmt::format("{}'{}'", known.empty() ? "" : ", ", each);
      names.remove_prefix(std::min(names.size(), each.size() + 1));
    }
  }
  return errorf("expected 'tokenizer.ggml.pre' to be one of {}, but got {}",
                known, quoted(name));
}

struct SplitPatterns::Code {
  pcre2_code *code = nullptr;
  ~Code() { pcre2_code_free(code); }
};

SplitPatterns::SplitPatterns() = default;
SplitPatterns::SplitPatterns(SplitPatterns &&) noexcept = default;
SplitPatterns &SplitPatterns::operator=(SplitPatterns &&) noexcept = default;
SplitPatterns::~SplitPatterns() = default;

static std::string describeError(int number) {
  PCRE2_UCHAR text[128] = {};
  pcre2_get_error_message(number, text, sizeof(text));
  return reinterpret_cast<const char *>(text);
}

Result<SplitPatterns> SplitPatterns::compile(std::string_view patterns) {
  SplitPatterns compiled;
  while (!patterns.empty()) {
    std::string_view pattern = patterns.substr(0, patterns.find('\n'));
    patterns.remove_prefix(std::min(patterns.size(), pattern.size() + 1));
    int number = 0;
    PCRE2_SIZE offset = 0;
    auto each = std::make_unique<Code>();
    each->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()),
                               pattern.size(), PCRE2_UTF | PCRE2_UCP, &number,
                               &offset, nullptr);
    if (!each->code)
      return errorf("the expression {} is not well formed at byte {}: {}",
                    quoted(pattern), offset, describeError(number));
    // Only faster: without it, expressions are interpreted.
    pcre2_jit_compile(each->code, PCRE2_JIT_COMPLETE);
    compiled.codes.push_back(std::move(each));
  }
  return compiled;
}

/// Appends the parts that `code` cuts `text` into, which is UTF-8.
static Status splitBy(const pcre2_code *code, pcre2_match_data *match,
                      std::string_view text, SplitPatterns::Parts which,
                      std::vector<std::string_view> &parts) {
  auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  size_t taken = 0;
  for (size_t at = 0; at < text.size();) {
    // A check in each call would go through all of the text.
    int found = pcre2_match(code, subject, text.size(), at, PCRE2_NO_UTF_CHECK,
                            match, nullptr);
    // The stack of compiled expressions is small; interpreted ones use memory.
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
      found = pcre2_match(code, subject, text.size(), at,
                          PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, match, nullptr);
    if (found == PCRE2_ERROR_NOMATCH)
      break;
    if (found < 0)
      return errorf("text cannot be split at byte {}: {}", at,
                    describeError(found));
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(match);
    size_t begin = ends[0], end = ends[1];
    if (end <= begin || begin < taken) {
      at = std::max(end, at) + 1;
      continue;
    }
    if (begin > taken)
      parts.push_back(text.substr(taken, begin - taken));
    if (which == SplitPatterns::Parts::all)
      parts.push_back(text.substr(begin, end - begin));
    taken = at = end;
  }
  if (taken < text.size())
    parts.push_back(text.substr(taken));
  return Status();
}

/// How many bytes at the beginning are UTF-8, or are none of it.
static size_t runLength(std::string_view text, bool valid) {
  size_t length = 0;
  while (length < text.size()) {
    Utf8Character next = readUtf8(text.substr(length));
    if (next.valid != valid)
      break;
    length += next.bytes;
  }
  return length;
}

Status SplitPatterns::split(std::string_view text,
                            std::vector<std::string_view> &parts,
                            Parts which) const {
  // Bytes that are no UTF-8 match nothing, and are parts of their own.
  for (bool valid = true; !text.empty(); valid = !valid) {
    std::string_view run = text.substr(0, runLength(text, valid));
    text.remove_prefix(run.size());
    if (!valid)
      parts.push_back(run);
    else if (!run.empty())
      if (Status status = splitValid(run, which, parts); !status)
        return status;
  }
  return Status();
}

Status SplitPatterns::splitValid(std::string_view text, Parts which,
                                 std::vector<std::string_view> &parts) const {
  std::vector<std::string_view> current{text}, next;
  for (const std::unique_ptr<Code> &each : codes) {
    std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data *)> match(
        pcre2_match_data_create_from_pattern(each->code, nullptr),
        pcre2_match_data_free);
    if (!match)
      return Status::error("not enough memory to split text");
    next.clear();
    for (std::string_view part : current)
      if (Status status = splitBy(each->code, match.get(), part, which, next);
          !status)
        return status;
    current.swap(next);
  }
  parts.insert(parts.end(), current.begin(), current.end());
  return Status();
}
