//===- Utf8.cpp - Characters of UTF-8 text --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/text/Utf8.h"

using namespace rlx;

/// How many bytes a character has that begins with this byte; 0: none does.
static size_t bytesByLead(unsigned char lead) {
  if (lead < 0x80)
    return 1;
  if (lead >= 0xC2 && lead < 0xE0)
    return 2;
  if (lead >= 0xE0 && lead < 0xF0)
    return 3;
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

static bool isContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

/// Whether `second` may follow `lead`: no overlong forms, no surrogates,
/// nothing above U+10FFFF.
static bool mayFollow(unsigned char lead, unsigned char second) {
  if (!isContinuation(second))
    return false;
  switch (lead) {
  case 0xE0:
    return second >= 0xA0;
  case 0xED:
    return second < 0xA0;
  case 0xF0:
    return second >= 0x90;
  case 0xF4:
    return second < 0x90;
  default:
    return true;
  }
}

Utf8Character rlx::readUtf8(std::string_view text) {
  if (text.empty())
    return {};
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  Utf8Character bad{lead, 1, false};
  size_t bytes = bytesByLead(lead);
  if (bytes == 1)
    return {lead, 1, true};
  if (bytes == 0 || text.size() < bytes || !mayFollow(lead, byte(1)))
    return bad;
  char32_t code = lead & (0x7F >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if (!isContinuation(byte(i)))
      return bad;
    code = code << 6 | (byte(i) & 0x3F);
  }
  return {code, bytes, true};
}

void rlx::appendUtf8(std::string &text, char32_t code) {
  auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

size_t rlx::unfinishedUtf8(std::string_view text) {
  for (size_t back = 1; back < 4 && back <= text.size(); ++back) {
    auto lead = static_cast<unsigned char>(text[text.size() - back]);
    if (isContinuation(lead))
      continue;
    if (bytesByLead(lead) <= back)
      return 0;
    if (back > 1 && !mayFollow(lead, static_cast<unsigned char>(
                                         text[text.size() - back + 1])))
      return 0;
    return back;
  }
  return 0;
}

std::string rlx::toValidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    Utf8Character next = readUtf8(text);
    valid += next.valid ? text.substr(0, next.bytes) : replacementCharacter;
    text.remove_prefix(next.bytes);
  }
  return valid;
}
