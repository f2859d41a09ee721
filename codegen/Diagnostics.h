//===- Diagnostics.h - Diagnostics as text ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_DIAGNOSTICS_H
#define RLX_CODEGEN_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/SourceMgr.h"

#include <functional>

namespace rlx {

/// Collects the diagnostics of a context while it lives: errors as text with
/// the source line, remarks and warnings through a callback.
class DiagnosticCollector {
public:
  DiagnosticCollector(mlir::MLIRContext *context,
                      std::function<void(llvm::StringRef)> onRemark,
                      llvm::SourceMgr *sources = nullptr);

  /// An error with all that was collected, or with `otherwise` where nothing
  /// was.
  llvm::Error takeError(llvm::StringRef otherwise);

private:
  std::string text;
  llvm::raw_string_ostream stream;
  llvm::SourceMgr noSources;
  mlir::SourceMgrDiagnosticHandler printer;
  std::function<void(llvm::StringRef)> onRemark;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace rlx

#endif // RLX_CODEGEN_DIAGNOSTICS_H
