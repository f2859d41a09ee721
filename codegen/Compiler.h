//===- Compiler.h - From a program to an executable -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler API. Nothing is printed and nothing is thrown: errors come back
// with their full text, remarks and warnings through a callback.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_COMPILER_H
#define RLX_CODEGEN_COMPILER_H

#include "codegen/Executable.h"
#include "codegen/StatusError.h"
#include "codegen/cpu/ObjectCode.h"

#include <functional>

namespace rlx {

struct CompileOptions {
  CpuTarget target = CpuTarget::host();
  /// Where compiled objects and packed weights are kept; empty: nowhere. It has
  /// to be the user's own: files in it are trusted (CacheDirectory.h).
  std::string cacheDirectory;
  /// Of all files there; those that were not used for longest are removed.
  uint64_t cacheLimitBytes = CacheOptions::defaultLimitBytes;
  /// Whether packed weights are kept there too; they are as large as weights.
  bool cachePackedWeights = true;
  /// Results do not depend, bit for bit, on the number of threads, nor those of
  /// a row on the number of rows.
  bool deterministic = false;
  /// Choices to be made otherwise than the target suggests, as fields of
  /// #rlx.cpu: "vector_bits=256 vector_registers=16 mr=4".
  std::string choices;
  /// Remark which kernels were chosen, and why.
  bool printChoices = false;
  /// Whether a file or text may be MLIR bytecode, whose reader trusts what it
  /// reads: for programs of one's own.
  bool acceptBytecode = false;
  /// Whether the program may work on memory by address (operations of memref,
  /// vector, llvm), which nothing checks: for programs of one's own.
  bool trustProgram = false;
  /// Whether constants stay in the code, which can then be linked as it is.
  /// Otherwise large ones are weights that the executable holds.
  bool constantsInCode = false;
  /// Takes the text of each remark and warning.
  std::function<void(llvm::StringRef)> onRemark;
};

/// What a compilation did, for those who ask.
struct CompileReport {
  double milliseconds = 0;
  bool fromCache = false;
};

/// Compiles a module, the text of one, or a file that holds one.
/// `name` stands for the text in messages.
llvm::Expected<std::unique_ptr<Executable>>
compileModule(mlir::ModuleOp module, const CompileOptions &options = {},
              CompileReport *report = nullptr);
llvm::Expected<std::unique_ptr<Executable>>
compileText(llvm::StringRef text, const CompileOptions &options = {},
            CompileReport *report = nullptr, llvm::StringRef name = "program");
llvm::Expected<std::unique_ptr<Executable>>
compileFile(llvm::StringRef path, const CompileOptions &options = {},
            CompileReport *report = nullptr);

/// What the passes are told for these options, as options of the pipelines of
/// rlx-opt: `target={#rlx.cpu<vector_bits = 512, ...>}`.
llvm::Expected<std::string> describePipeline(const CompileOptions &options);

/// Code in the form of a file, with the signatures of its functions.
struct EmittedCode {
  llvm::SmallVector<char, 0> code;
  std::vector<FunctionSignature> signatures;
};
llvm::Expected<EmittedCode> emitModule(mlir::ModuleOp module, CodeForm form,
                                       const CompileOptions &options = {});

/// Gives `options.onRemark` what of `module` is recognised and fused for a CPU,
/// what is not, and why. Fails where the module cannot be compiled so far.
llvm::Error reportFusion(mlir::ModuleOp module,
                         const CompileOptions &options = {});

/// The import pipeline on a copy of `module`: fused, inlined, weights as
/// arguments.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
importModule(mlir::ModuleOp module, const CompileOptions &options = {});

/// A context that has all dialects of RLX, and a module parsed into it.
std::unique_ptr<mlir::MLIRContext> createContext();
/// Text may be a stranger's; bytecode may not, and has to be asked for.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
parseText(mlir::MLIRContext &context, llvm::StringRef text,
          llvm::StringRef name = "program", bool acceptBytecode = false);
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
parseFile(mlir::MLIRContext &context, llvm::StringRef path,
          bool acceptBytecode = false);

} // namespace rlx

#endif // RLX_CODEGEN_COMPILER_H
