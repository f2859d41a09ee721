//===- Nesting.cpp - Texts that parsers can read --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads tokens as far as brackets need it: strings, comments, arrows. What is
// wrong otherwise the parsers say.
//
//===----------------------------------------------------------------------===//

#include "ir/Nesting.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace rlx;

namespace {
class NestingScanner {
public:
  NestingScanner(llvm::StringRef text, llvm::StringRef name)
      : text(text), name(name) {}
  llvm::Error scan();

private:
  /// An open bracket, and how many signs stood before it.
  struct Open {
    char bracket;
    unsigned chain;
  };

  void skipString();
  void skipComment();
  llvm::Error open(char bracket);
  void close(char bracket);
  llvm::Error sign();
  llvm::Error word(bool isArrayType);
  void finishAlias();
  /// Notes that something at this depth contains what is `inner` deep.
  llvm::Error reach(unsigned inner);
  llvm::Error tooDeep(const llvm::Twine &what, unsigned limit) const;
  llvm::Error unexpected(const llvm::Twine &expected) const;
  char at(size_t index) const { return index < text.size() ? text[index] : 0; }

  llvm::StringRef text, name;
  size_t position = 0;
  llvm::SmallVector<Open> stack;
  unsigned chain = 0;
  /// The depth of each alias that was defined, and the one being defined.
  llvm::StringMap<unsigned> aliases;
  std::string defined;
  unsigned definedDepth = 0;
  /// Whether a line has begun since the last token, and that token: 'A' is an
  /// arrow, 'w' a word.
  bool isNewLine = true;
  char last = 0;
  /// How many of the last tokens are those of `array<`.
  unsigned arrayTokens = 0;
  /// Aliases of the type `index`.
  llvm::StringSet<> indexAliases;
};
} // namespace

llvm::Error NestingScanner::unexpected(const llvm::Twine &expected) const {
  size_t line = text.take_front(position).count('\n') + 1;
  return llvm::createStringError("'" + name + "' line " + llvm::Twine(line) +
                                 ": expected " + expected);
}

llvm::Error NestingScanner::tooDeep(const llvm::Twine &what,
                                    unsigned limit) const {
  return unexpected("at most " + llvm::Twine(limit) + " " + what +
                    ", but got more");
}

llvm::Error NestingScanner::reach(unsigned inner) {
  unsigned depth = unsigned(stack.size()) + inner;
  if (depth > maxNesting)
    return tooDeep("brackets inside each other", maxNesting);
  definedDepth = std::max(definedDepth, depth);
  return llvm::Error::success();
}

void NestingScanner::skipString() {
  for (++position; position < text.size() && text[position] != '"';
       ++position) {
    // A string ends with its line; parsers say so.
    if (text[position] == '\n')
      return;
    position += text[position] == '\\';
  }
  ++position;
}

llvm::Error NestingScanner::open(char bracket) {
  stack.push_back({bracket, chain});
  chain = 0;
  return reach(0);
}

/// Closes the innermost bracket of this kind. Those inside it that are still
/// open were none: `<` is a sign too.
void NestingScanner::close(char bracket) {
  for (size_t i = stack.size(); i-- > 0;) {
    if (stack[i].bracket == bracket) {
      chain = stack[i].chain;
      stack.truncate(i);
      break;
    }
    if (bracket == '<')
      break;
  }
  if (bracket == '{')
    chain = 0;
}

llvm::Error NestingScanner::sign() {
  if (++chain > maxChain)
    return tooDeep("operators in an expression", maxChain);
  return llvm::Error::success();
}

void NestingScanner::finishAlias() {
  if (!defined.empty())
    aliases[defined] = definedDepth;
  defined.clear();
}

/// A name, a keyword or an alias, which begins here.
llvm::Error NestingScanner::word(bool isArrayType) {
  // Names behind a sign may hold '-', keywords and dimensions may not.
  bool isBare = llvm::isAlpha(text[position]) || text[position] == '_';
  auto isPart = [&](char c) {
    return llvm::isAlnum(c) || c == '_' || c == '$' || c == '.' ||
           (c == '-' && !isBare);
  };
  size_t begin = position++;
  while (isPart(at(position)))
    ++position;
  llvm::StringRef word = text.slice(begin, position);
  bool isAliased = std::exchange(last, 'w') == '=' && !defined.empty();
  if (word == "floordiv" || word == "ceildiv" || word == "mod")
    return sign();
  if (word == "index" || indexAliases.contains(word)) {
    if (isArrayType)
      return unexpected("a type of a fixed width in 'array<...>', as i64, but "
                        "got 'index'");
    if (isAliased)
      indexAliases.insert(defined);
  }
  arrayTokens = word == "array";
  if (word.front() != '#' && word.front() != '!')
    return llvm::Error::success();
  size_t next = text.find_first_not_of(" \t\r\n", position);
  if (stack.empty() && next != llvm::StringRef::npos && text[next] == '=' &&
      at(next + 1) != '=') {
    finishAlias();
    defined = word.str();
    definedDepth = 0;
    position = next + 1;
    last = '=';
    return llvm::Error::success();
  }
  auto alias = aliases.find(word);
  return alias == aliases.end() ? llvm::Error::success() : reach(alias->second);
}

llvm::Error NestingScanner::scan() {
  while (position < text.size()) {
    char c = text[position], next = at(position + 1);
    if (c == '\n' || c == ' ' || c == '\t' || c == '\r') {
      isNewLine |= c == '\n';
      ++position;
      continue;
    }
    if (c == '/' && next == '/') {
      position = std::min(text.find('\n', position), text.size());
      continue;
    }
    bool isWord = llvm::isAlpha(c) || c == '_' || c == '#' || c == '!' ||
                  c == '%' || c == '@' || c == '^';
    // What begins a line at the top ends the definition of an alias, unless
    // something is still to come.
    if (isNewLine && stack.empty() && (isWord || c == '"' || c == '{') &&
        !llvm::StringRef("=:,A").contains(last))
      finishAlias();
    isNewLine = false;
    unsigned beforeIt = std::exchange(arrayTokens, 0);
    char token = c;
    llvm::Error error = llvm::Error::success();
    if (c == '"') {
      skipString();
    } else if (isWord) {
      if (llvm::Error failure = word(/*isArrayType=*/beforeIt == 2))
        return failure;
      continue;
    } else if (c == '-' && next == '>') {
      position += 2;
      token = 'A';
      chain = 0;
    } else if ((c == '<' || c == '>' || c == '=') && next == '=') {
      position += 2;
      chain = 0;
    } else if (c == '(' || c == '[' || c == '{' || c == '<') {
      ++position;
      error = open(c);
      arrayTokens = beforeIt == 1 && c == '<' ? 2 : 0;
    } else if (c == ')' || c == ']' || c == '}' || c == '>') {
      ++position;
      close(c == ')' ? '(' : c == ']' ? '[' : c == '}' ? '{' : '<');
    } else if (c == '+' || c == '-' || c == '*') {
      ++position;
      error = sign();
    } else {
      ++position;
      if (c == ',' || c == ':' || c == '=')
        chain = 0;
    }
    last = token;
    if (error)
      return error;
  }
  return llvm::Error::success();
}

llvm::Error rlx::checkNesting(llvm::StringRef text, llvm::StringRef name) {
  return NestingScanner(text, name).scan();
}
