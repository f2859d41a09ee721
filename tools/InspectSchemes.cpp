//===- InspectSchemes.cpp - The built-in schemes --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names, sizes and needs of all built-in schemes, and the description of one.
//
//===----------------------------------------------------------------------===//

#include "tools/Inspect.h"

#include "ir/Scheme.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

#include <fmt/format.h>

using namespace rlx;
namespace json = llvm::json;

template <typename T> static std::string textOf(T value) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << value;
  return text;
}

/// `(n, k) -> (n, k floordiv 32)`: the dimensions of side tensors' maps by
/// name.
static std::string indexText(mlir::AffineMap map) {
  std::string text = textOf(map);
  for (auto [dimension, name] : {std::pair("d0", "n"), std::pair("d1", "k")})
    for (size_t at; (at = text.find(dimension)) != std::string::npos;)
      text.replace(at, 2, name);
  return text;
}

/// Exactly: `4.5`, or `8/3` where the decimals do not end.
static std::string ratioText(Ratio ratio) {
  int64_t rest = ratio.denominator;
  for (int64_t factor : {2, 5})
    while (rest % factor == 0)
      rest /= factor;
  if (rest != 1)
    return fmt::format("{}/{}", ratio.numerator, ratio.denominator);
  return fmt::format("{}", ratio.value());
}

void inspect::listSchemes(mlir::MLIRContext &context, bool asJson,
                          llvm::raw_ostream &stream) {
  static constexpr char row[] = "{:<16}  {:>5}  {:>5}  {:>7}  {:<7}  {}";
  auto writeRow = [&](const auto &...cells) {
    std::string line = fmt::format(row, cells...);
    stream << llvm::StringRef(line).rtrim() << "\n";
  };
  json::OStream out(stream, 2);
  if (asJson)
    out.arrayBegin();
  else
    writeRow("name", "block", "bytes", "bits", "ggml", "beside the blocks");
  for (const std::string &name : builtinSchemeNames()) {
    QuantScheme scheme = *QuantScheme::parse(&context, name);
    Ratio bits = scheme.payloadBits();
    if (!asJson) {
      std::string sides;
      for (const SideOperand &side : scheme.sideOperands())
        sides += fmt::format("{}{}: {} at {}", sides.empty() ? "" : "; ",
                             std::string_view(side.name),
                             textOf(side.elementType), indexText(side.index));
      writeRow(name, scheme.block(), scheme.blockBytes(), ratioText(bits),
               std::string_view(scheme.ggmlName()), sides);
      continue;
    }
    out.object([&] {
      out.attribute("name", name);
      out.attribute("block", scheme.block());
      out.attribute("bytes", scheme.blockBytes());
      out.attribute("bits", bits.value());
      out.attribute("bits_ratio",
                    json::Array({bits.numerator, bits.denominator}));
      out.attribute("ggml", scheme.isGguf() ? json::Value(scheme.ggmlName())
                                            : json::Value(nullptr));
      out.attributeArray("sides", [&] {
        for (const SideOperand &side : scheme.sideOperands())
          out.object([&] {
            out.attribute("name", side.name);
            out.attribute("type", textOf(side.elementType));
            out.attribute("index", indexText(side.index));
          });
      });
    });
  }
  if (asJson) {
    out.arrayEnd();
    stream << "\n";
  }
}

Status inspect::describeScheme(const std::string &name,
                               mlir::MLIRContext &context,
                               llvm::raw_ostream &stream) {
  std::optional<QuantScheme> scheme = QuantScheme::parse(&context, name);
  if (!scheme)
    return Status::error(QuantScheme::unknownSchemeMessage(name));
  // One entry a line; no name of a built-in scheme reads like an entry.
  std::string text = textOf<mlir::Attribute>(scheme->attr());
  for (const char *entry : {"code", "zero", "scale", "offset"}) {
    std::string start = fmt::format(", {} = ", entry);
    if (size_t at = text.find(start); at != std::string::npos)
      text.replace(at + 1, 1, "\n  ");
  }
  stream << text << "\n";
  return {};
}
