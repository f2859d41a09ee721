//===- LinalgLoops.cpp - Loops for operations of linalg -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops over single numbers, so that LLVM makes vectors of the innermost one:
// results of reductions are carried from iteration to iteration, and may be
// added up in any order but where the target is deterministic. Outer loops are
// one parallel loop where there is enough to do.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/linalg/LinalgLoops.h"

#include "passes/support/TransposeSquare.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// The body
//===----------------------------------------------------------------------===//

SmallVector<Value> LinalgLoops::indicesOf(OpOperand &operand) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  return llvm::map_to_vector(map.getResults(), [&](AffineExpr expr) {
    return applyToLoops(b, expr, ivs);
  });
}

/// The buffer of an operand, and where in it the element is.
std::pair<Value, SmallVector<Value>> LinalgLoops::place(OpOperand &operand) {
  SmallVector<Value> indices = indicesOf(operand);
  auto row = rowBuffers.find(operand.get());
  if (row == rowBuffers.end())
    return {operand.get(), indices};
  indices.erase(indices.begin(), indices.begin() + rowDepth);
  return {row->second, indices};
}

Value LinalgLoops::load(OpOperand &operand) {
  if (!isa<MemRefType>(operand.get().getType()))
    return operand.get();
  auto [buffer, indices] = place(operand);
  return memref::LoadOp::create(b, buffer, indices);
}

void LinalgLoops::storeResults(ValueRange values) {
  for (auto [operand, value] : llvm::zip(op.getDpsInitsMutable(), values)) {
    auto [buffer, indices] = place(operand);
    memref::StoreOp::create(b, value, buffer, indices);
  }
}

/// Says that sums and products may be made in another order. Those of shorter
/// floats are rounded at each step, which the order is a part of.
static void allowReordering(Operation *op) {
  if (!op->getResult(0).getType().isF32() &&
      !op->getResult(0).getType().isF64())
    return;
  auto set = [](auto inner) {
    inner.setFastmath(inner.getFastmath() | arith::FastMathFlags::reassoc);
  };
  if (auto add = dyn_cast<arith::AddFOp>(op))
    set(add);
  else if (auto multiply = dyn_cast<arith::MulFOp>(op))
    set(multiply);
}

/// The body for one iteration; `results` are what results are before it, loaded
/// where there are none.
SmallVector<Value> LinalgLoops::emitBody(ValueRange results) {
  Block &body = *op.getBlock();
  IRMapping values;
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    if (argument.use_empty())
      continue;
    if (op.isDpsInit(&operand) && !results.empty()) {
      size_t i = operand.getOperandNumber() - op.getNumDpsInputs();
      values.map(argument, results[i]);
      continue;
    }
    values.map(argument, load(operand));
  }
  Operation *yield = body.getTerminator();
  llvm::SmallPtrSet<Operation *, 2> combiners;
  if (mayReorder && nest.keepsResults)
    for (auto [i, value] : llvm::enumerate(yield->getOperands())) {
      BlockArgument before =
          op.getMatchingBlockArgument(&op.getDpsInitsMutable()[i]);
      Operation *combiner = value.getDefiningOp();
      if (combiner && before.hasOneUse() && value.hasOneUse() &&
          llvm::is_contained(combiner->getOperands(), before))
        combiners.insert(combiner);
    }
  for (Operation &inner : body.without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      values.map(index.getResult(), ivs[index.getDim()]);
      continue;
    }
    Operation *cloned = b.clone(inner, values);
    if (combiners.contains(&inner))
      allowReordering(cloned);
    SmallVector<linalg::IndexOp> nested;
    cloned->walk([&](linalg::IndexOp index) { nested.push_back(index); });
    for (linalg::IndexOp index : nested) {
      index.replaceAllUsesWith(ivs[index.getDim()]);
      index.erase();
    }
  }
  return llvm::map_to_vector(yield->getOperands(), [&](Value value) {
    return values.lookupOrDefault(value);
  });
}

//===----------------------------------------------------------------------===//
// The loops
//===----------------------------------------------------------------------===//

void LinalgLoops::emitReductions(size_t depth) {
  SmallVector<Value> before;
  for (OpOperand &operand : op.getDpsInitsMutable())
    before.push_back(load(operand));
  auto nestLoops = [&](auto &&self, size_t at,
                       ValueRange carried) -> SmallVector<Value> {
    if (at == nest.order.size())
      return emitBody(carried);
    unsigned loop = nest.order[at];
    return b.loop(begins[loop], ends[loop], 1, carried,
                  [&](Value iv, ValueRange inner) {
                    ivs[loop] = iv;
                    return self(self, at + 1, inner);
                  });
  };
  storeResults(nestLoops(nestLoops, depth, before));
}

void LinalgLoops::emitFrom(size_t depth) {
  if (depth == nest.order.size())
    return storeResults(emitBody({}));
  unsigned loop = nest.order[depth];
  if (nest.keepsResults && !nest.isParallel(loop))
    return emitReductions(depth);
  if (nest.crossing && depth + 2 == nest.order.size())
    return emitSquares();
  b.loop(begins[loop], ends[loop], 1, [&](Value iv) {
    ivs[loop] = iv;
    emitFrom(depth + 1);
  });
}

int64_t LinalgLoops::squareSide() {
  Type type = cast<MemRefType>(op.getDpsInits()[0].getType()).getElementType();
  return type.isIntOrFloat() && type.getIntOrFloatBitWidth() == 64 ? 8 : 16;
}

/// Calls `body` with parts of the two loops, `side` of each at most.
static void
eachSquare(LoopBuilder &b, Value rowBegin, Value rowEnd, Value columnBegin,
           Value columnEnd, int64_t side,
           llvm::function_ref<void(Value, Value, Value, Value)> body) {
  b.loop(rowBegin, rowEnd, side, [&](Value row) {
    Value rowStop = b.min(b.add(row, side), rowEnd);
    b.loop(columnBegin, columnEnd, side, [&](Value column) {
      body(row, rowStop, column, b.min(b.add(column, side), columnEnd));
    });
  });
}

/// A square of the two inner loops after the other, so that lines of the cache
/// are used while they are there; and larger squares of these, so that pages
/// are.
void LinalgLoops::emitSquares() {
  constexpr int64_t rowsTogether = 16, columnsTogether = 4;
  unsigned outer = *nest.crossing, inner = nest.order.back();
  int64_t side = squareSide();
  auto square = [&](Value row, Value rowEnd, Value column, Value columnEnd) {
    if (emitTransposed(row, rowEnd, column, columnEnd))
      return;
    b.loop(row, rowEnd, 1, [&](Value i) {
      b.loop(column, columnEnd, 1, [&](Value j) {
        ivs[outer] = i;
        ivs[inner] = j;
        storeResults(emitBody({}));
      });
    });
  };
  // Along the input, which is then read in order.
  b.loop(begins[outer], ends[outer], rowsTogether * side, [&](Value row) {
    Value rowEnd = b.min(b.add(row, rowsTogether * side), ends[outer]);
    b.loop(begins[inner], ends[inner], columnsTogether * side,
           [&](Value column) {
             Value columnEnd =
                 b.min(b.add(column, columnsTogether * side), ends[inner]);
             eachSquare(b, column, columnEnd, row, rowEnd, side,
                        [&](Value j, Value jEnd, Value i, Value iEnd) {
                          square(i, iEnd, j, jEnd);
                        });
           });
  });
}

/// A square that is moved as it is, in vectors; what is left at the ends number
/// by number. False where more is done than that.
bool LinalgLoops::emitTransposed(Value rowBegin, Value rowEnd,
                                 Value columnBegin, Value columnEnd) {
  Block &body = *op.getBlock();
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
      body.getTerminator()->getOperand(0) != body.getArgument(0))
    return false;
  OpOperand &input = *op.getDpsInputOperands()[0],
            &output = op.getDpsInitsMutable()[0];
  Type type = cast<MemRefType>(input.get().getType()).getElementType();
  if (!type.isIntOrFloat() || type.getIntOrFloatBitWidth() % 8 != 0)
    return false;
  unsigned outer = *nest.crossing, inner = nest.order.back();
  int64_t side = squareSide();
  auto at = [&](OpOperand &operand, Value i, Value j) {
    ivs[outer] = i;
    ivs[inner] = j;
    return indicesOf(operand);
  };
  auto whole = [&] {
    SmallVector<Value> square;
    for (int64_t i = 0; i < side; ++i)
      square.push_back(b.loadVector(
          input.get(), at(input, rowBegin, b.add(columnBegin, i)), side));
    for (auto [i, vector] : llvm::enumerate(transposeSquare(b, square)))
      b.storeVector(vector, output.get(),
                    at(output, b.add(rowBegin, i), columnBegin));
  };
  auto each = [&] {
    b.loop(rowBegin, rowEnd, 1, [&](Value i) {
      b.loop(columnBegin, columnEnd, 1, [&](Value j) {
        ivs[outer] = i;
        ivs[inner] = j;
        storeResults(emitBody({}));
      });
    });
  };
  auto isMultiple = [&](unsigned loop) {
    return !ShapedType::isDynamic(nest.sizes[loop]) &&
           nest.sizes[loop] % side == 0;
  };
  if (isMultiple(outer) && isMultiple(inner)) {
    whole();
    return true;
  }
  auto isSide = [&](Value begin, Value end) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.sub(end, begin),
                                 b.index(side));
  };
  Value isWhole = arith::AndIOp::create(b, isSide(rowBegin, rowEnd),
                                        isSide(columnBegin, columnEnd));
  b.branch(isWhole, whole, each);
  return true;
}

/// Outer loops as one parallel loop.
void LinalgLoops::emitParallel() {
  // So many leading loops that there is something to share out, but not the
  // innermost ones: an index is taken apart for each iteration.
  constexpr int64_t enough = 64;
  size_t kept = nest.crossing ? 2 : 1, leading = 0;
  int64_t known = 1;
  bool isKnown = true;
  while (leading + kept < nest.order.size() &&
         nest.isParallel(nest.order[leading]) && known < enough) {
    int64_t size = nest.sizes[nest.order[leading++]];
    isKnown &= !ShapedType::isDynamic(size);
    known = isKnown ? known * size : 1;
  }
  // Or parts of the innermost loop, if there is little else that is parallel.
  unsigned innermost = nest.order.back();
  constexpr int64_t few = 8, stepOfNumbers = 64;
  bool isLong = ShapedType::isDynamic(nest.sizes[innermost]) ||
                nest.sizes[innermost] >= few * stepOfNumbers;
  bool cutsInnermost = nest.isParallel(innermost) && !nest.crossing &&
                       (leading == 0 || (isKnown && known < few && isLong));
  bool cutsSquares = leading == 0 && nest.crossing;
  if (leading == 0 && !cutsInnermost && !cutsSquares)
    return emitFrom(0);

  auto multiply = [&](Value x, Value y) -> Value {
    return arith::MulIOp::create(b, x, y);
  };
  auto atLeastOne = [&](Value value) -> Value {
    return arith::MaxUIOp::create(b, value, b.index(1));
  };
  Value all = b.index(nest.cost);
  for (unsigned loop : nest.order)
    all = multiply(all, size(loop));
  // The loop that is cut, or all leading ones, in steps.
  SmallVector<Value> basis;
  Value count;
  int64_t step = 1;
  std::optional<unsigned> cut;
  if (cutsInnermost || cutsSquares) {
    cut = cutsSquares ? *nest.crossing : innermost;
    // Lines of several pages are longer if each is read in parts.
    constexpr int64_t stepOfRows = 4096;
    bool addsRows = op.getNumParallelLoops() != op.getNumLoops();
    step = cutsSquares ? 16 * squareSide()
           : addsRows  ? stepOfRows
                       : stepOfNumbers;
    count = b.div(b.add(size(*cut), step - 1), step);
  } else {
    for (size_t i = 0; i < leading; ++i)
      basis.push_back(size(nest.order[i]));
    for (Value each : basis)
      count = count ? multiply(count, each) : each;
  }
  Value each = atLeastOne(arith::DivUIOp::create(b, all, atLeastOne(count)));
  Value together = atLeastOne(
      b.min(arith::DivUIOp::create(b, b.index(leastWork), each), count));
  Value calls = arith::CeilDivUIOp::create(b, count, together);
  b.parallelLoop(calls, [&](Value call) {
    Value begin = multiply(call, together);
    Value end =
        b.min(arith::AddIOp::create(b, begin, together).getResult(), count);
    if (cut) {
      begins[*cut] = b.mul(begin, step);
      ends[*cut] = b.min(b.mul(end, step), size(*cut));
      return emitFrom(0);
    }
    b.loop(begin, end, 1, [&](Value index) {
      auto indices = affine::AffineDelinearizeIndexOp::create(
          b, index, basis, /*hasOuterBound=*/true);
      for (size_t i = 0; i < leading; ++i)
        ivs[nest.order[i]] = indices.getResult(i);
      emitFrom(leading);
    });
  });
}

void LinalgLoops::prepare(LoopBuilder &at) {
  for (Range range : op.createLoopRanges(at, op.getLoc())) {
    begins.push_back(at.index(0));
    sizes.push_back(
        getValueOrCreateConstantIndexOp(at, op.getLoc(), range.size));
  }
  ends = sizes;
}

void LinalgLoops::emit() {
  prepare(b);
  std::optional<int64_t> work = nest.work();
  if (work && *work <= leastWork)
    return emitFrom(0);
  emitParallel();
}

bool rlx::emitLinalgLoops(
    linalg::LinalgOp op, const CpuProperties &cpu,
    llvm::function_ref<void(const std::string &)> report) {
  if (!op.hasPureBufferSemantics())
    return false;
  LoopNest nest(op);
  std::string what = nest.describe();
  std::optional<int64_t> work = nest.work();
  if (!work)
    what += "; on several threads where there is enough to do";
  else if (*work > leastWork)
    what += "; on several threads";
  report(what);
  LinalgLoops(nest, cpu).emit();
  return true;
}

Value LinalgLoops::costInside(LoopBuilder &at, unsigned depth) {
  Value cost = at.index(nest.cost);
  for (Value size : llvm::drop_begin(sizes, depth))
    cost = arith::MulIOp::create(at, cost, size);
  return cost;
}

void LinalgLoops::emitInside(LoopBuilder &at, ArrayRef<Value> outer,
                             const llvm::DenseMap<Value, Value> &rows) {
  b.restoreInsertionPoint(at.saveInsertionPoint());
  rowBuffers = rows;
  rowDepth = outer.size();
  llvm::copy(outer, ivs.begin());
  emitFrom(outer.size());
}
