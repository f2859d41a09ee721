//===- LoopBuilder.h - Small words for building loops -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_SUPPORT_LOOPBUILDER_H
#define RLX_PASSES_SUPPORT_LOOPBUILDER_H

#include "passes/PassDetail.h"

namespace rlx {

/// Small words for building loops.
class LoopBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using mlir::ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  using mlir::OpBuilder::create;

  mlir::Value index(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b);
  mlir::Value div(mlir::Value a, int64_t b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  /// Where the part that begins at `begin` ends, of `total` cut into parts of
  /// `part` from 0 on.
  mlir::Value partEnd(mlir::Value begin, int64_t part, int64_t total);
  /// The least multiple of `multiple` that is not less than `value`.
  mlir::Value roundUp(mlir::Value value, int64_t multiple);
  mlir::Value zeros(int64_t lanes);
  /// The size of a memref's dimension.
  mlir::Value size(mlir::Value memref, int64_t dimension);
  mlir::Value loadVector(mlir::Value memref, mlir::ValueRange indices,
                         int64_t lanes);
  /// The same of data that is read once, from the first byte to the last. Such
  /// loads stay in the order that they are built in (--rlx-order-streams).
  mlir::Value streamVector(mlir::Value memref, mlir::ValueRange indices,
                           int64_t lanes);
  void storeVector(mlir::Value vector, mlir::Value memref,
                   mlir::ValueRange indices);
  /// A loop without results.
  void loop(mlir::Value begin, mlir::Value end, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  /// A loop that carries values: `body` gives the next ones.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value begin, mlir::Value end, int64_t step,
       mlir::ValueRange initial,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value,
                                                         mlir::ValueRange)>
           body);
  /// A loop whose iterations may run on several threads.
  void parallelLoop(mlir::Value count,
                    llvm::function_ref<void(mlir::Value)> body);
  /// `body` where `condition` holds, else `otherwise`.
  void branch(mlir::Value condition, llvm::function_ref<void()> body,
              llvm::function_ref<void()> otherwise);
};

} // namespace rlx

#endif // RLX_PASSES_SUPPORT_LOOPBUILDER_H
