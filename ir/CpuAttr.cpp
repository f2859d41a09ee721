//===- CpuAttr.cpp - The attribute of a CPU -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/CpuProperties.h"
#include "ir/Dialect.h"

#include "mlir/IR/DialectImplementation.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace rlx;

CpuAttr CpuAttr::get(MLIRContext *context, const CpuProperties &properties) {
  return get(context, properties.text());
}

CpuProperties CpuAttr::properties() const {
  CpuProperties properties;
  llvm::SmallVector<StringRef> fields;
  StringRef rest = getText();
  // Commas between fields, not those in brackets.
  while (!rest.empty()) {
    size_t end = 0;
    for (int depth = 0; end < rest.size(); ++end) {
      depth += rest[end] == '[' ? 1 : rest[end] == ']' ? -1 : 0;
      if (rest[end] == ',' && depth == 0)
        break;
    }
    auto [name, value] = rest.take_front(end).split('=');
    // The text was printed from properties.
    llvm::cantFail(properties.set(name.trim(), value.trim()));
    rest = rest.drop_front(std::min(end + 1, rest.size()));
  }
  return properties;
}

CpuProperties CpuAttr::of(Operation *op) {
  for (; op; op = op->getParentOp())
    if (auto cpu = op->getAttrOfType<CpuAttr>(targetAttributeName))
      return cpu.properties();
  return {};
}

static ParseResult parseWord(AsmParser &parser, std::string &word) {
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  word = keyword.str();
  return success();
}

/// The value of a field as text.
static ParseResult parseValue(AsmParser &parser, std::string &value) {
  StringRef keyword;
  if (succeeded(parser.parseOptionalKeyword(&keyword))) {
    value = keyword.str();
    return success();
  }
  if (failed(parser.parseOptionalLSquare())) {
    int64_t integer = 0;
    if (parser.parseInteger(integer))
      return failure();
    value = std::to_string(integer);
    return success();
  }
  llvm::SmallVector<std::string> names;
  auto parseName = [&] { return parseWord(parser, names.emplace_back()); };
  if (failed(parser.parseOptionalRSquare()) &&
      (parser.parseCommaSeparatedList(parseName) || parser.parseRSquare()))
    return failure();
  value = "[" + llvm::join(names, ",") + "]";
  return success();
}

Attribute CpuAttr::parse(AsmParser &parser, Type) {
  CpuProperties properties;
  auto parseField = [&]() -> ParseResult {
    std::string name, value;
    llvm::SMLoc loc = parser.getCurrentLocation();
    if (parseWord(parser, name) || parser.parseEqual() ||
        parseValue(parser, value))
      return failure();
    if (llvm::Error error = properties.set(name, value))
      return parser.emitError(loc, llvm::toString(std::move(error)));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::OptionalLessGreater,
                                     parseField))
    return {};
  return get(parser.getContext(), properties);
}

void CpuAttr::print(AsmPrinter &printer) const {
  if (!getText().empty())
    printer << "<" << getText() << ">";
}
