//===- ContractionLoops.cpp - Loops for contractions ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A parallel loop over units of work: some rows and columns of c. A unit goes
// through k in blocks, packs a panel of b for each, and multiplies rows of a
// with it in register tiles. Sums of a block are added to those before them: so
// the order of additions depends on k alone.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/kernels/ExpertRows.h"
#include "passes/cpu/linalg/ContractionPanel.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

namespace {
/// A part of a loop.
struct Part {
  Value begin, end;
};

class ContractionLoops {
public:
  ContractionLoops(LoopBuilder &b, const Contraction &shape,
                   const ContractionPlan &plan)
      : b(b), shape(shape), plan(plan), c(b, shape, plan) {}

  void emit();

private:
  void emitPanels();
  void emitRow();
  void eachUnit(int64_t mc, int64_t nc, int64_t leastProducts,
                llvm::function_ref<void(llvm::function_ref<void()>)> around,
                llvm::function_ref<void(Part, Part)> body);
  void emitUnit(ContractionPanel &panel, Part m, Part n);
  void emitRegisterTile(ContractionPanel &panel, ArrayRef<Value> rows,
                        Value mBegin, Value nBegin, Value column, Value kBegin,
                        Value kLength);
  void storeTile(ArrayRef<Value> tile, ArrayRef<Value> rows, Value mBegin,
                 Value nBegin, ArrayRef<Value> columns, ArrayRef<Value> masks);
  void copySums(Part m, Part n, bool isStart);
  void eachVector(Part m, Part n, bool inVectors,
                  llvm::function_ref<void(Value, Value, int64_t)> body);
  void applyEpilogue(Part m, Part n);
  Value loadSums(ArrayRef<Value> rows, int64_t row, Value mBegin, Value nBegin,
                 Value column, Value mask);
  void storeSums(Value value, ArrayRef<Value> rows, int64_t row, Value mBegin,
                 Value nBegin, Value column, Value mask);

  LoopBuilder &b;
  const Contraction &shape;
  const ContractionPlan &plan;
  ContractionBuilder c;
  /// Whether the epilogue is applied to sums in registers, when they are
  /// complete: else to those of a unit.
  bool isInRegisters() const {
    return shape.epilogue && shape.epilogue->ownsSums && !plan.hasOwnSums &&
           shape.outerK.empty();
  }
  /// Sums of a unit, `[rows, columns]`, where they have a buffer.
  Value sums;
};
} // namespace

//===----------------------------------------------------------------------===//
// Units of work
//===----------------------------------------------------------------------===//

/// `body` for each unit, `mc` times `nc` of c at most; so many in a call of the
/// host that they are at least `leastProducts`. `around` is what is done once a
/// call.
void ContractionLoops::eachUnit(
    int64_t mc, int64_t nc, int64_t leastProducts,
    llvm::function_ref<void(llvm::function_ref<void()>)> around,
    llvm::function_ref<void(Part, Part)> body) {
  auto multiply = [&](Value x, Value y) -> Value {
    return arith::MulIOp::create(b, x, y);
  };
  SmallVector<Value> basis;
  for (unsigned loop : shape.outer)
    basis.push_back(c.size(loop));
  basis.push_back(c.divideUp(c.size(shape.m), mc));
  basis.push_back(c.divideUp(c.size(shape.n), nc));
  Value units = basis.front();
  for (Value each : ArrayRef(basis).drop_front())
    units = multiply(units, each);

  auto unit = [&](Value index) {
    auto indices = affine::AffineDelinearizeIndexOp::create(
        b, index, basis, /*hasOuterBound=*/true);
    size_t rank = basis.size();
    for (auto [i, loop] : llvm::enumerate(shape.outer))
      c.set(loop, indices.getResult(i));
    auto part = [&](Value begin, std::optional<unsigned> loop, int64_t size) {
      Value end = b.add(begin, size);
      if (!c.isMultiple(loop, size))
        end = b.min(end, c.size(loop));
      return Part{begin, end};
    };
    body(part(b.mul(indices.getResult(rank - 2), mc), shape.m, mc),
         part(b.mul(indices.getResult(rank - 1), nc), shape.n, nc));
  };
  std::optional<int64_t> products = shape.products();
  if (products && *products <= leastProducts)
    return around([&] { b.loop(b.index(0), units, 1, unit); });

  // What the units of a call are.
  Value all = c.size(shape.k);
  for (unsigned loop : shape.outerK)
    all = multiply(all, c.size(loop));
  for (unsigned loop : shape.outer)
    all = multiply(all, c.size(loop));
  all = multiply(multiply(all, c.size(shape.m)), c.size(shape.n));
  auto atLeastOne = [&](Value value) -> Value {
    return arith::MaxUIOp::create(b, value, b.index(1));
  };
  Value each = atLeastOne(arith::DivUIOp::create(b, all, atLeastOne(units)));
  Value together = atLeastOne(
      b.min(arith::DivUIOp::create(b, b.index(leastProducts), each), units));
  Value calls = arith::CeilDivUIOp::create(b, units, together);
  b.parallelLoop(calls, [&](Value call) {
    Value begin = multiply(call, together);
    Value end =
        b.min(arith::AddIOp::create(b, begin, together).getResult(), units);
    around([&] { b.loop(begin, end, 1, unit); });
  });
}

void ContractionLoops::emitPanels() {
  std::optional<ContractionPanel> panel;
  auto around = [&](llvm::function_ref<void()> units) {
    panel.emplace(c);
    if (plan.hasOwnSums)
      sums = memref::AllocOp::create(
          b, MemRefType::get({plan.mc, plan.nc}, plan.sum), ValueRange(),
          ValueRange(), b.getI64IntegerAttr(64));
    units();
    if (plan.hasOwnSums)
      memref::DeallocOp::create(b, sums);
    panel->release();
  };
  eachUnit(plan.mc, plan.nc, plan.leastProducts, around,
           [&](Part m, Part n) { emitUnit(*panel, m, n); });
}

void ContractionLoops::emitUnit(ContractionPanel &panel, Part m, Part n) {
  if (plan.hasOwnSums)
    copySums(m, n, /*isStart=*/true);
  Value columns = b.sub(n.end, n.begin);
  int64_t rows = shape.size(shape.m);
  std::optional<int64_t> count;
  if (rows <= plan.mc && !ShapedType::isDynamic(rows))
    count = rows;
  else if (c.isMultiple(shape.m, plan.mc))
    count = plan.mc;
  SmallVector<int64_t> sizes = {plan.rows};
  for (int64_t smaller : {int64_t(4), int64_t(1)})
    if (smaller < sizes.back())
      sizes.push_back(smaller);
  c.eachOuterK([&] {
    b.loop(b.index(0), c.size(shape.k), plan.kc, [&](Value kBegin) {
      Value kLength = b.index(plan.kc);
      if (!c.isMultiple(shape.k, plan.kc))
        kLength = b.min(kLength, b.sub(c.size(shape.k), kBegin));
      panel.fill(n.begin, columns, kBegin, kLength);
      ExpertRows::Range range{{}, m.begin, m.end, count, nullptr};
      range.eachTile(b, sizes, [&](ArrayRef<Value> tile) {
        panel.fillRows(tile.front(), int64_t(tile.size()),
                       b.sub(m.end, b.index(1)), kBegin, kLength);
        b.loop(b.index(0), columns, plan.columns(), [&](Value column) {
          emitRegisterTile(panel, tile, m.begin, n.begin, column, kBegin,
                           kLength);
        });
      });
    });
  });
  if (plan.hasOwnSums)
    copySums(m, n, /*isStart=*/false);
  if (!isInRegisters())
    applyEpilogue(m, n);
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// `body` for the rows of a unit and what lies side by side in them, and how
/// many numbers that are, with the loops of `c` there: where c is, vectors if
/// `inVectors`.
void ContractionLoops::eachVector(
    Part m, Part n, bool inVectors,
    llvm::function_ref<void(Value, Value, int64_t)> body) {
  Value columns = b.sub(n.end, n.begin);
  b.loop(m.begin, m.end, 1, [&](Value row) {
    c.set(shape.m, row);
    auto at = [&](Value column, int64_t lanes) {
      c.set(shape.n, b.add(n.begin, column));
      body(b.sub(row, m.begin), column, lanes);
    };
    Value whole = b.index(0);
    if (inVectors) {
      whole = b.mul(b.div(columns, plan.lanes), plan.lanes);
      b.loop(b.index(0), whole, plan.lanes,
             [&](Value column) { at(column, plan.lanes); });
    }
    if (!inVectors || !c.isMultiple(shape.n, plan.lanes))
      b.loop(whole, columns, 1, [&](Value column) { at(column, 1); });
  });
}

/// Copies c of a unit to the buffer of sums, or back.
void ContractionLoops::copySums(Part m, Part n, bool isStart) {
  eachVector(
      m, n, shape.c.isContiguousAlong(shape.n),
      [&](Value row, Value column, int64_t lanes) {
        SmallVector<Value> at = {row, column};
        if (isStart) {
          if (lanes == 1)
            memref::StoreOp::create(b, c.sumOf(c.load(shape.c)), sums, at);
          else
            b.storeVector(c.sumOf(c.loadVector(shape.c, lanes)), sums, at);
        } else if (lanes == 1) {
          Value element = c.elementOf(memref::LoadOp::create(b, sums, at));
          memref::StoreOp::create(b, element, shape.c.memref, c.at(shape.c));
        } else {
          b.storeVector(c.elementOf(b.loadVector(sums, at, lanes)),
                        shape.c.memref, c.at(shape.c));
        }
      });
}

/// Applies the epilogue, if there is one, to a unit whose sums are complete and
/// still in a cache.
void ContractionLoops::applyEpilogue(Part m, Part n) {
  if (!shape.epilogue)
    return;
  const ContractionOperand &result = shape.epilogue->result;
  eachVector(m, n, /*inVectors=*/true, [&](Value, Value, int64_t lanes) {
    if (lanes == 1)
      memref::StoreOp::create(b, c.applyEpilogue(c.load(shape.c)),
                              result.memref, c.at(result));
    else
      b.storeVector(c.applyEpilogue(c.loadVector(shape.c, lanes)),
                    result.memref, c.at(result));
  });
}

Value ContractionLoops::loadSums(ArrayRef<Value> rows, int64_t row,
                                 Value mBegin, Value nBegin, Value column,
                                 Value mask) {
  if (plan.hasOwnSums)
    return b.loadVector(sums, {b.sub(rows[row], mBegin), column}, plan.lanes);
  c.set(shape.m, rows[row]);
  c.set(shape.n, b.add(nBegin, column));
  if (!mask)
    return c.loadVector(shape.c, plan.lanes);
  auto type = VectorType::get(plan.lanes, plan.sum);
  return vector::MaskedLoadOp::create(b, type, shape.c.memref, c.at(shape.c),
                                      mask, c.zero(type));
}

void ContractionLoops::storeSums(Value value, ArrayRef<Value> rows, int64_t row,
                                 Value mBegin, Value nBegin, Value column,
                                 Value mask) {
  if (plan.hasOwnSums)
    return b.storeVector(value, sums, {b.sub(rows[row], mBegin), column});
  c.set(shape.m, rows[row]);
  c.set(shape.n, b.add(nBegin, column));
  if (mask)
    vector::MaskedStoreOp::create(b, shape.c.memref, c.at(shape.c), mask,
                                  value);
  else
    b.storeVector(value, shape.c.memref, c.at(shape.c));
}

/// Adds the products of `rows` with the columns from `column` of the unit on to
/// their sums.
void ContractionLoops::emitRegisterTile(ContractionPanel &panel,
                                        ArrayRef<Value> rows, Value mBegin,
                                        Value nBegin, Value column,
                                        Value kBegin, Value kLength) {
  int64_t vectors = plan.vectors, count = rows.size();
  SmallVector<Value> columns, masks;
  for (int64_t v = 0; v < vectors; ++v) {
    columns.push_back(b.add(column, v * plan.lanes));
    Value mask;
    if (!plan.hasOwnSums && !c.isMultiple(shape.n, plan.columns())) {
      Value n = c.size(shape.n), at = b.add(nBegin, columns.back());
      mask = vector::CreateMaskOp::create(
          b, VectorType::get(plan.lanes, b.getI1Type()),
          b.sub(n, b.min(at, n)));
    }
    masks.push_back(mask);
  }
  Value group = b.div(column, plan.lanes);
  SmallVector<Value> ofColumns, starts;
  for (int64_t v = 0; v < vectors; ++v)
    ofColumns.push_back(panel.loadStart(b.add(group, v)));
  for (int64_t row = 0; row < count; ++row)
    starts.append(ofColumns);
  SmallVector<Value> products = b.loop(
      b.index(0), c.words(kLength), 1, starts,
      [&](Value word, ValueRange carried) {
        SmallVector<Value> next(carried), weights;
        for (int64_t v = 0; v < vectors; ++v)
          weights.push_back(c.fromWords(panel.load(b.add(group, v), word)));
        for (int64_t row = 0; row < count; ++row) {
          Value spread = vector::BroadcastOp::create(
              b, VectorType::get(plan.lanes, plan.word),
              panel.loadRow(row, word));
          spread = c.fromWords(spread);
          for (int64_t v = 0; v < vectors; ++v) {
            Value &sum = next[row * vectors + v];
            sum = c.dot(spread, weights[v], sum);
          }
        }
        return next;
      });
  // All are read before one is stored: rows may repeat the last one.
  for (int64_t row = 0; row < count; ++row)
    for (int64_t v = 0; v < vectors; ++v) {
      Value &sum = products[row * vectors + v];
      sum =
          c.add(loadSums(rows, row, mBegin, nBegin, columns[v], masks[v]), sum);
    }
  auto storeSums = [&] {
    for (int64_t row = 0; row < count; ++row)
      for (int64_t v = 0; v < vectors; ++v)
        this->storeSums(products[row * vectors + v], rows, row, mBegin, nBegin,
                        columns[v], masks[v]);
  };
  if (!isInRegisters())
    return storeSums();
  auto storeResults = [&] {
    storeTile(products, rows, mBegin, nBegin, columns, masks);
  };
  int64_t k = shape.size(shape.k);
  if (!ShapedType::isDynamic(k) && k <= plan.kc)
    return storeResults();
  Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                       b.add(kBegin, kLength), c.size(shape.k));
  b.branch(isLast, storeResults, storeSums);
}

/// Applies the epilogue to the sums of a register tile and stores what it
/// gives.
void ContractionLoops::storeTile(ArrayRef<Value> tile, ArrayRef<Value> rows,
                                 Value mBegin, Value nBegin,
                                 ArrayRef<Value> columns,
                                 ArrayRef<Value> masks) {
  auto each = [&](llvm::function_ref<void(size_t, Value)> body) {
    for (auto [row, at] : llvm::enumerate(rows))
      for (auto [v, column] : llvm::enumerate(columns)) {
        c.set(shape.m, at);
        c.set(shape.n, b.add(nBegin, column));
        body(row * columns.size() + v, masks[v]);
      }
  };
  // Likewise: an input may be where results go.
  SmallVector<Value> results(tile);
  each([&](size_t i, Value mask) {
    results[i] = c.applyEpilogue(c.elementOf(results[i]), mask);
  });
  const ContractionOperand &to = shape.epilogue->result;
  each([&](size_t i, Value mask) {
    if (mask)
      vector::MaskedStoreOp::create(b, to.memref, c.at(to), mask, results[i]);
    else
      b.storeVector(results[i], to.memref, c.at(to));
  });
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

void ContractionLoops::emitRow() {
  c.set(shape.m, b.index(0));
  // Whoever has loops of a row adds to c itself.
  auto around = [&](llvm::function_ref<void()> units) { units(); };
  eachUnit(1, plan.rowColumns, plan.leastRowProducts, around,
           [&](Part, Part n) {
             c.set(shape.m, b.index(0));
             emitContractionRow(c, n.begin, n.end);
             applyEpilogue({b.index(0), b.index(1)}, n);
           });
}

void ContractionLoops::emit() {
  int64_t rows = shape.size(shape.m);
  if (!plan.hasRowLoops || (!ShapedType::isDynamic(rows) && rows != 1))
    return emitPanels();
  if (rows == 1)
    return emitRow();
  Value isOne = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                      c.size(shape.m), b.index(1));
  b.branch(
      isOne, [&] { emitRow(); }, [&] { emitPanels(); });
}

/// Whether the epilogue, if there is one, reads and writes vectors where c has
/// some.
static bool hasVectors(const Contraction &shape) {
  if (!shape.epilogue)
    return true;
  auto isAlong = [&](const ContractionOperand &operand) {
    return operand.isContiguousAlong(shape.n);
  };
  return isAlong(shape.c) && isAlong(shape.epilogue->result) &&
         llvm::all_of(
             shape.epilogue->inputs, [&](const ContractionOperand &input) {
               return !input.memref || !input.has(*shape.n) || isAlong(input);
             });
}

bool rlx::emitContraction(linalg::LinalgOp op, const CpuProperties &cpu,
                          llvm::function_ref<void(const std::string &)> report,
                          std::optional<ContractionEpilogue> epilogue) {
  constexpr int64_t f32Bits = 32;
  std::optional<Contraction> shape =
      Contraction::of(op, cpu.vectorBits / f32Bits, std::move(epilogue));
  if (!shape || !contractionSumType(shape->type) || !hasVectors(*shape))
    return false;
  // Packing few numbers takes longer than multiplying them. Plain loops add in
  // another order.
  constexpr int64_t fewProducts = 512;
  if (std::optional<int64_t> products = shape->products();
      products && *products < fewProducts && !cpu.deterministic)
    return false;
  ContractionPlan plan = ContractionPlan::of(*shape, cpu);
  report(plan.describe(*shape));
  LoopBuilder b(op.getLoc(), op);
  ContractionLoops(b, *shape, plan).emit();
  return true;
}
