//===- SchemeFuzz.cpp - Any text as the description of a scheme -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A description is refused, or prints as a text that reads as the same one.
//
//===----------------------------------------------------------------------===//
#include "ir/Dialect.h"
#include "ir/Nesting.h"
#include "ir/Scheme.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

#include <cstdlib>
#include <memory>

using namespace rlx;

static mlir::Attribute parse(const std::string &text,
                             mlir::MLIRContext &context) {
  if (llvm::Error error = checkNesting(text, "scheme")) {
    llvm::consumeError(std::move(error));
    return {};
  }
  return mlir::parseAttribute(text, &context);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // Attributes stay in a context as long as it lives.
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<RlxDialect>();
  context.getDiagEngine().registerHandler([](mlir::Diagnostic &) {});
  std::string given(reinterpret_cast<const char *>(data), size);
  auto scheme = llvm::dyn_cast_or_null<SchemeAttr>(parse(given, context));
  if (!scheme)
    return 0;
  std::string text;
  llvm::raw_string_ostream(text) << scheme;
  if (parse(text, context) != scheme)
    std::abort();
  return 0;
}
