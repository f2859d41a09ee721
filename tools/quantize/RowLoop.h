//===- RowLoop.h - Rows of a source, on all threads -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_QUANTIZE_ROWLOOP_H
#define RLX_TOOLS_QUANTIZE_ROWLOOP_H

#include "codegen/quantize/methods/StreamWeight.h"
#include "runtime/cpu/ThreadPool.h"
#include "tools/quantize/Converter.h"

namespace rlx::quantize {

/// Runs parts on the threads of a pool. The first part's error counts.
class RowLoop {
public:
  explicit RowLoop(ThreadPool &pool) : pool(pool) {}
  llvm::Error operator()(int64_t parts,
                         llvm::function_ref<llvm::Error(int64_t)> body);
  PartLoop function() { return *this; }

private:
  ThreadPool &pool;
};

/// The rows of a step's weight; what was read may be forgotten by the system.
RowSource weightRowsOf(const Conversion &conversion, const Step &step);

/// The nearest numbers, by a rule or a search, of any scheme; gives the squared
/// error of the weight, and its size.
llvm::Expected<SquareSums> streamNearest(const RowSource &weight,
                                         Quantizer &quantizer, PartLoop loop,
                                         StoredRows &rows, StoreBlocks store);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_ROWLOOP_H
