//===- SchemeFile.cpp - Schemes of one's own by name ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Such a scheme is printed with its whole description, as any that is not built
// in: what is made of a program does not depend on the file.
//
//===----------------------------------------------------------------------===//

#include "ir/SchemeFile.h"

#include "ir/InputText.h"
#include "ir/Nesting.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace rlx;

static constexpr uint64_t maxSchemeBytes = uint64_t(1) << 20;

/// Where the dialect keeps it: beside the built-in schemes, under what is no
/// name of one.
static std::string keyOf(StringRef name) { return ("file: " + name).str(); }

std::optional<QuantScheme> rlx::findScheme(MLIRContext *context,
                                           StringRef name) {
  if (std::optional<QuantScheme> builtin = QuantScheme::parse(context, name))
    return builtin;
  auto *dialect = context->getOrLoadDialect<RlxDialect>();
  if (SchemeAttr found = dialect->findScheme(keyOf(name)))
    return QuantScheme(found);
  return std::nullopt;
}

/// The attribute itself: without blanks and comments before it, and without
/// `#name =`, which a program would give it.
static StringRef attributeOf(StringRef text) {
  for (;;) {
    text = text.ltrim();
    if (!text.starts_with("//"))
      break;
    text = text.drop_until([](char c) { return c == '\n'; });
  }
  StringRef rest = text;
  if (!rest.consume_front("#"))
    return text;
  rest = rest.drop_while([](char c) { return llvm::isAlnum(c) || c == '_'; })
             .ltrim();
  return rest.consume_front("=") ? rest.ltrim() : text;
}

llvm::Expected<QuantScheme> rlx::readSchemeFile(MLIRContext *context,
                                                StringRef path) {
  auto buffer = readInputText(path, maxSchemeBytes);
  if (!buffer)
    return buffer.takeError();
  StringRef text = (*buffer)->getBuffer();
  if (llvm::Error error = checkNesting(text, path))
    return error;
  StringRef described = attributeOf(text).rtrim();
  size_t linesBefore =
      text.take_front(described.data() - text.data()).count('\n');
  auto *dialect = context->getOrLoadDialect<RlxDialect>();
  std::string message;
  Attribute attribute;
  {
    ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
      llvm::raw_string_ostream stream(message);
      if (message.empty()) {
        stream << path;
        if (auto place = dyn_cast<FileLineColLoc>(diagnostic.getLocation()))
          stream << ":" << place.getLine() + linesBefore << ":"
                 << place.getColumn();
        stream << ": " << diagnostic;
      }
      return success();
    });
    attribute = parseAttribute(described, context);
  }
  auto scheme = dyn_cast_or_null<SchemeAttr>(attribute);
  if (!scheme)
    return llvm::createStringError(
        !message.empty() ? message
                         : "'" + path.str() +
                               "' holds no scheme, expected '#rlx.scheme<...>' "
                               "as rlx-inspect --schemes --describe prints it");
  StringRef name = scheme.getName().getValue();
  if (std::optional<QuantScheme> known = findScheme(context, name)) {
    if (known->attr() != scheme)
      return llvm::createStringError(
          "'" + path + "' describes a scheme '" + name + "', which " +
          (known->isBuiltin() ? "is the name of a built-in one"
                              : "another file describes differently") +
          "; expected another name");
    return *known;
  }
  dialect->addScheme(keyOf(name), scheme);
  return QuantScheme(scheme);
}
