//===- Diagnostics.cpp - Diagnostics as text ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Diagnostics.h"

using namespace mlir;
using namespace rlx;

DiagnosticCollector::DiagnosticCollector(
    MLIRContext *context, std::function<void(llvm::StringRef)> remark,
    llvm::SourceMgr *sources)
    : stream(text), printer(sources ? *sources : noSources, context, stream),
      onRemark(std::move(remark)),
      handler(context, [this](Diagnostic &diagnostic) {
        bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
        // The printer, which was registered before, writes errors to the text.
        if (isError)
          return failure();
        if (onRemark) {
          std::string message;
          llvm::raw_string_ostream messageStream(message);
          messageStream << diagnostic.getLocation() << ": "
                        << (diagnostic.getSeverity() ==
                                    DiagnosticSeverity::Warning
                                ? "warning: "
                                : "remark: ")
                        << diagnostic;
          onRemark(message);
        }
        return success();
      }) {}

llvm::Error DiagnosticCollector::takeError(llvm::StringRef otherwise) {
  llvm::StringRef message = llvm::StringRef(text).rtrim();
  message.consume_front("error: ");
  return llvm::createStringError(message.empty() ? otherwise : message);
}
