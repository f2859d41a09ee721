//===- ProgramSizeBuilder.h - Sizes as operations on the inputs' ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_GPU_PROGRAMSIZEBUILDER_H
#define RLX_CODEGEN_GPU_PROGRAMSIZEBUILDER_H

#include "runtime/gpu/Program.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

#include <map>
#include <optional>

namespace rlx {

/// Turns the host's arithmetic on sizes into the sizes of a Program. Equal
/// sizes are kept once.
class ProgramSizeBuilder {
public:
  explicit ProgramSizeBuilder(Program &program) : program(program) {}

  SizeIndex constant(int64_t value) {
    return add(ProgramSize::Kind::constant, value, 0);
  }
  SizeIndex dimension(int64_t argument, int64_t dimension) {
    return add(ProgramSize::Kind::dimension, argument, dimension);
  }
  SizeIndex add(ProgramSize::Kind kind, int64_t a, int64_t b);

  /// The shape of `memref`, whose sizes may be asked for.
  void setShape(mlir::Value memref, llvm::ArrayRef<SizeIndex> shape) {
    shapes[memref].assign(shape.begin(), shape.end());
  }
  /// `memref` is the argument of that number, an integer input of rank 0.
  void setNumber(mlir::Value memref, int64_t argument) {
    numbers[memref] = add(ProgramSize::Kind::number, argument, 0);
  }
  /// Adds the results of `op`; false where it is no arithmetic on known sizes.
  bool tryAdd(mlir::Operation *op);
  std::optional<SizeIndex> find(mlir::Value value) const;

private:
  /// Size `dimension` of a buffer or a view of one.
  std::optional<SizeIndex> sizeOf(mlir::Value memref, int64_t dimension);
  bool isNonNegative(SizeIndex index) const;
  SizeIndex opposite(SizeIndex truth);
  SizeIndex choose(SizeIndex condition, SizeIndex a, SizeIndex b);
  SizeIndex compare(mlir::arith::CmpIPredicate predicate, SizeIndex a,
                    SizeIndex b);
  SizeIndex quotient(SizeIndex a, SizeIndex b);
  /// The result of an operation of arith on sizes and truths, which are 1 or 0.
  std::optional<SizeIndex> apply(mlir::Operation *op,
                                 llvm::ArrayRef<SizeIndex> operands);
  std::optional<SizeIndex> apply(mlir::AffineExpr expr,
                                 llvm::ArrayRef<SizeIndex> dims,
                                 llvm::ArrayRef<SizeIndex> symbols);

  Program &program;
  llvm::DenseMap<mlir::Value, SizeIndex> values, numbers;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<SizeIndex>> shapes;
  std::map<std::tuple<int, int64_t, int64_t>, SizeIndex> known;
};

} // namespace rlx

#endif // RLX_CODEGEN_GPU_PROGRAMSIZEBUILDER_H
