//===- ContractionBuilder.h - Numbers of a contraction ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads elements of the operands at a point of the loops and converts them to
// what is packed, multiplied and stored: single numbers and vectors alike.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_LINALG_CONTRACTIONBUILDER_H
#define RLX_PASSES_CPU_LINALG_CONTRACTIONBUILDER_H

#include "passes/cpu/linalg/ContractionPlan.h"
#include "passes/support/LoopBuilder.h"

#include "mlir/IR/IRMapping.h"

namespace rlx {

class ContractionBuilder {
public:
  using Value = mlir::Value;
  using Loop = std::optional<unsigned>;

  /// Creates the sizes of the loops where `b` is.
  ContractionBuilder(LoopBuilder &b, const Contraction &contraction,
                     const ContractionPlan &plan);

  LoopBuilder &b;
  const Contraction &contraction;
  const ContractionPlan &plan;

  /// Where the loops are: what is loaded and stored next. A loop that there is
  /// not stays where it is.
  void set(Loop loop, Value at) {
    if (loop)
      point[*loop] = at;
  }
  /// How long a loop is; 1 where there is none.
  Value size(Loop loop) const { return loop ? sizes[*loop] : one; }
  /// Whether `count` divides the length of a loop for certain.
  bool isMultiple(Loop loop, int64_t count) const;

  llvm::SmallVector<Value> at(const ContractionOperand &operand) const;
  Value load(const ContractionOperand &operand);
  /// `count` neighbours along the last dimension.
  Value loadVector(const ContractionOperand &operand, int64_t count);

  /// Elements of a factor as numbers that sums are made of.
  Value toSum(const ContractionFactor &factor, Value elements);
  /// The same as what is packed.
  Value toPacked(const ContractionFactor &factor, Value elements);
  /// Vectors of what is packed as words, and back.
  Value toWords(Value packed);
  Value fromWords(Value words);
  /// The word of a factor that begins with `k`: zeros behind the last one.
  Value loadWord(const ContractionFactor &factor, Value k);

  /// What the epilogue stores for these elements of c, at the point where the
  /// loops are. `mask` says which of them there are; null where there are all.
  Value applyEpilogue(Value elements, Value mask = {});

  /// Elements of c as sums, and back.
  Value sumOf(Value elements);
  Value elementOf(Value sums);

  Value zero(mlir::Type type);
  Value add(Value a, Value b);
  /// sum + the products of words of a row and of a vector of columns, as
  /// `fromWords` gives them.
  Value dot(Value row, Value columns, Value sum);
  /// sum + x * y, of numbers that sums are made of.
  Value multiplyAdd(Value x, Value y, Value sum);

  /// `body` for each point of the loops of k that are not in panels.
  void eachOuterK(llvm::function_ref<void()> body);
  /// Words that `length` of k takes.
  Value words(Value length);
  /// ceil(value / count).
  Value divideUp(Value value, int64_t count);

private:
  Value convert(const ContractionFactor &factor, Value elements);
  Value applyBody(llvm::ArrayRef<mlir::Operation *> body,
                  mlir::IRMapping &values, Value like, Value result);

  llvm::SmallVector<Value> point, sizes;
  Value one;
};

/// Emits loops for `op` before it, if it is a contraction; whoever asked for
/// them erases it. `report` is told what was chosen. What `epilogue` does is
/// in them, too; where it cannot be, there are none.
bool emitContraction(mlir::linalg::LinalgOp op, const CpuProperties &cpu,
                     llvm::function_ref<void(const std::string &)> report,
                     std::optional<ContractionEpilogue> epilogue = {});

/// Loops for a single row of a.
void emitContractionRow(ContractionBuilder &c, mlir::Value nBegin,
                        mlir::Value nEnd);

} // namespace rlx

#endif // RLX_PASSES_CPU_LINALG_CONTRACTIONBUILDER_H
