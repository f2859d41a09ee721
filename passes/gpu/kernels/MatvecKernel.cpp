//===- MatvecKernel.cpp - Few rows of activations -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A work-item has two rows of the weight, or as many as its vector has lanes;
// what it loads of the activations is for all of them. Work-items side by side
// have neighbouring rows, and where rows alone are too few work-items, others
// have other parts of K. What these sum meets within a subgroup where its
// work-items can read each other's numbers, and in the workgroup's memory where
// not, in a fixed order.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/kernels/IntegerRows.h"
#include "passes/gpu/kernels/MatmulKernels.h"
#include "passes/gpu/layout/Target.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

namespace {
/// How the work-items of a workgroup share a tile of the weight.
struct MatvecItems {
  MatvecItems(const MatmulShape &shape, GpuAttr target, int64_t rows);
  /// Rows of the weight that a work-item has, `lanes` apart; vectors of rows
  /// count as one.
  int64_t rows = 1;
  int64_t lanes = 1;  ///< Work-items side by side, with the same part of K.
  int64_t splits = 1; ///< Parts of K,
  int64_t parts = 1;  ///< of which a subgroup sums so many by itself.
  int64_t workgroup() const { return lanes * splits; }
};

class MatvecKernel {
public:
  MatvecKernel(InterleavedMatmulOp op, KernelModule &kernels, int64_t rows,
               const ByteOperands *bytes);
  void emit(RowRange range);

private:
  void selectRows();
  bool sumsRuns() const;
  SmallVector<Value> emitUnit(Value block, Value unit, int64_t length,
                              bool byRun, ValueRange sums);
  SmallVector<Value> multiplyBytes(Value k, int64_t length, ValueRange sums);
  SmallVector<Value> emitBlocks(int64_t unit, bool byRun);
  SmallVector<Value> emitSums();
  Value isAnyLost(ValueRange sums);
  void reduceSplits(ValueRange sums, llvm::function_ref<void(ValueRange)> use);
  void storeResults(ValueRange totals);
  Value zero();
  /// Calls `body` for each row of activations and row of the weight, with the
  /// position of their sum.
  void forSums(llvm::function_ref<void(size_t, int64_t, int64_t)> body) {
    for (size_t sum = 0; sum < size_t(rows * items.rows); ++sum)
      body(sum, int64_t(sum) / items.rows, int64_t(sum) % items.rows);
  }

  InterleavedMatmulOp op;
  MatmulShape shape;
  int64_t rows; ///< Of activations.
  MatvecItems items;
  KernelBuilder b;
  bool hasVectors;
  Codebooks books;
  std::vector<DeviceBlockReader> readers; ///< Of each row of the weight.
  /// Activations as f32, or as bytes.
  std::optional<ActivationReader> x;
  std::optional<IntegerRows> bytes;
  Value tile, row, split, expert;
  SmallVector<SmallVector<Value>> yIndices;
  SmallVector<Value> isRow;
  OpFoldResult m;
};
} // namespace

MatvecItems::MatvecItems(const MatmulShape &shape, GpuAttr target,
                         int64_t activationRows) {
  if (shape.how.words == 1)
    return;
  rows = shape.how.rows % rowsOfItem == 0 ? rowsOfItem : 1;
  lanes = shape.how.rows / rows;
  // More splits than this cost more than they hide.
  constexpr int64_t most = 16;
  int64_t fit = target.getWorkgroupSize() / lanes;
  int64_t memory = target.getWorkgroupMemory() / 2 /
                   int64_t(sizeof(float) * shape.how.rows * activationRows);
  splits = std::max<int64_t>(
      1, std::min({most, shape.layout.blocks(), fit, memory}));
  int64_t subgroup = target.getSubgroupSize();
  if (!target.getSubgroupShuffle() || subgroup > target.getWorkgroupSize() ||
      subgroup <= lanes || subgroup % lanes != 0)
    return;
  // Subgroups are whole.
  parts = subgroup / lanes;
  splits = std::max<int64_t>(1, splits / parts) * parts;
}

MatvecKernel::MatvecKernel(InterleavedMatmulOp op, KernelModule &kernels,
                           int64_t rows, const ByteOperands *given)
    : op(op), shape(op), rows(rows), items(shape, kernels.target, rows),
      b(op, kernels,
        Twine(op.getIds() ? "gather_matvec_"
              : given     ? "matvec_i8_"
                          : "matvec_") +
            shape.layout.blockScheme().displayName().split(".device").first +
            "_m" + Twine(rows) + "_n" + Twine(shape.n) + "_k" + Twine(shape.k)),
      hasVectors(shape.how.words == 1),
      books(b, shape.layout.blockScheme(), hasVectors, items.workgroup()) {
  DeviceBlockReader reader(b, shape.layout, shape.how, op.getWeight(), books);
  readers = std::vector<DeviceBlockReader>(items.rows, reader);
  if (given)
    bytes.emplace(b, given->form, given->x,
                  b.scalar(b.hostSize(op.getX(), 0), "m"), items.workgroup());
  else
    x.emplace(b, op.getX(), shape.k, !hasVectors);
}

Value MatvecKernel::zero() {
  return arith::ConstantOp::create(
      b, b.getZeroAttr(readers.front().laneType(b.getF32Type())));
}

/// Which rows of activations, and which rows of the weight, are this
/// work-item's.
void MatvecKernel::selectRows() {
  // Which work-items make up a subgroup is the device's choice.
  Value thread = items.parts > 1
                     ? Value(gpu::LaneIdOp::create(b, b.getIndexType(),
                                                   /*upper_bound=*/nullptr))
                     : b.threadId(gpu::Dimension::x);
  row = hasVectors ? Value() : b.rem(thread, items.lanes);
  split = items.splits == 1 ? b.index(0) : b.div(thread, items.lanes);
  if (items.parts > 1 && items.splits > items.parts) {
    Value subgroup = gpu::SubgroupIdOp::create(b, b.getIndexType(),
                                               /*upper_bound=*/nullptr);
    split = b.add(b.mul(subgroup, items.parts), split);
  }
  tile = b.groupId(gpu::Dimension::x);
  Value group = b.groupId(gpu::Dimension::y);
  if (!op.getIds()) {
    m = b.hostSize(op.getX(), 0);
    Value count = b.scalar(m, "m"), first = b.mul(group, rows);
    for (int64_t r = 0; r < rows; ++r) {
      Value position = b.add(first, r);
      bool isAlways =
          getConstantIntValue(m) && *getConstantIntValue(m) % rows == 0;
      isRow.push_back(isAlways ? Value() : b.less(position, count));
      Value read = position;
      if (!isAlways)
        read = b.min(position, b.sub(count, b.index(1)));
      if (bytes)
        bytes->addRow(read);
      else
        x->addRow(read);
      yIndices.push_back({position});
    }
    return;
  }
  // One token and slot.
  OpFoldResult slots = b.hostSize(op.getIds(), 1);
  m = b.hostMul(b.hostSize(op.getIds(), 0), slots);
  Value slotCount = b.scalar(slots, "slots");
  Value token = b.createOrFold<arith::DivUIOp>(group, slotCount);
  Value slot = b.createOrFold<arith::RemUIOp>(group, slotCount);
  yIndices.push_back({token, slot});
  isRow.push_back(Value());
  bool isShared = cast<MemRefType>(op.getX().getType()).getRank() == 2;
  if (isShared)
    x->addRow(token);
  else
    x->addRow({token, slot});
  Value id = b.load(b.view(op.getIds(), "ids"), {token, slot});
  // An id that is none is reported; an expert of another part is computed by
  // another dispatch.
  Value isHere = b.isWithin(id, shape.firstExpert, shape.experts);
  Value local = b.idOrZero(id, shape.firstExpert, isHere);
  if (op.getPart())
    isRow.back() = isHere;
  expert = b.add(local, shape.firstExpert);
  tile = b.add(b.mul(local, shape.tiles), tile);
}

/// Whether a run's scale multiplies the sum of its products. With offsets, and
/// where values are rounded, each element is decoded wholly.
bool MatvecKernel::sumsRuns() const {
  constexpr int64_t shortest = 4;
  const DeviceBlockReader &reader = readers.front();
  return !bytes && !reader.hasOffset() && !reader.roundsValues() &&
         reader.run(shape.unit()) >= shortest;
}

/// The sums after one more unit of K, of `length` elements.
SmallVector<Value> MatvecKernel::emitUnit(Value block, Value unit,
                                          int64_t length, bool byRun,
                                          ValueRange carried) {
  for (DeviceBlockReader &reader : readers)
    reader.setUnit(unit, length);
  Value k = b.mul(block, shape.layout.length());
  if (unit)
    k = b.add(k, b.mul(unit, length));
  if (bytes)
    return multiplyBytes(k, length, carried);
  x->setUnit(k, length);
  int64_t run = readers.front().run(length);
  SmallVector<Value> sums(carried);
  for (int64_t first = 0; first < length; first += run) {
    SmallVector<Value> partial(sums);
    if (byRun)
      partial.assign(sums.size(), zero());
    for (int64_t i = first; i < first + run; ++i) {
      SmallVector<Value> weights;
      for (DeviceBlockReader &reader : readers)
        weights.push_back(byRun ? reader.code(i) : reader.value(i));
      forSums([&](size_t sum, int64_t r, int64_t item) {
        Value weight = weights[item];
        Value activation = b.broadcastLike(x->at(r, i), weight);
        partial[sum] = b.multiplyAdd(weight, activation, partial[sum]);
      });
    }
    if (!byRun) {
      sums = partial;
      continue;
    }
    SmallVector<Value> scales;
    for (DeviceBlockReader &reader : readers)
      scales.push_back(reader.scale(first));
    forSums([&](size_t sum, int64_t, int64_t item) {
      sums[sum] =
          scales[item]
              ? b.multiplyAdd(partial[sum], scales[item], sums[sum])
              : Value(arith::AddFOp::create(b, partial[sum], sums[sum]));
    });
  }
  return sums;
}

/// The same with products of bytes.
SmallVector<Value> MatvecKernel::multiplyBytes(Value k, int64_t length,
                                               ValueRange carried) {
  SmallVector<Value> sums(carried);
  for (auto [item, reader] : llvm::enumerate(readers)) {
    SmallVector<Value> ofItem;
    for (int64_t r = 0; r < rows; ++r)
      ofItem.push_back(carried[r * items.rows + item]);
    ofItem = bytes->multiply(reader, k, length, ofItem);
    for (int64_t r = 0; r < rows; ++r)
      sums[r * items.rows + item] = ofItem[r];
  }
  return sums;
}

/// The sums of this work-item's device blocks, unit by unit of so many
/// elements.
SmallVector<Value> MatvecKernel::emitBlocks(int64_t unit, bool byRun) {
  const DeviceBlockLayout &layout = shape.layout;
  int64_t units = layout.length() / unit;
  SmallVector<Value> initial(rows * items.rows, zero());
  auto emitBlock = [&](Value block, ValueRange carried) {
    for (auto [item, reader] : llvm::enumerate(readers))
      reader.setBlock(tile, block,
                      row ? b.add(row, int64_t(item) * items.lanes) : row);
    if (units == 1)
      return emitUnit(block, Value(), unit, byRun, carried);
    Value end = b.index(units);
    if (shape.k % layout.length() != 0) {
      // The last device block may hold fewer units.
      Value left =
          b.sub(b.index(llvm::divideCeil(shape.k, unit)), b.mul(block, units));
      end = b.min(end, left);
    }
    return b.loop(b.index(0), end, 1, carried,
                  [&](Value number, ValueRange sums) {
                    return emitUnit(block, number, unit, byRun, sums);
                  });
  };
  return b.loop(split, b.index(layout.blocks()), items.splits, initial,
                emitBlock);
}

/// Whether any of `sums` is an infinity or a NaN.
Value MatvecKernel::isAnyLost(ValueRange sums) {
  constexpr int64_t magnitude = 0x7fffffff, infinity = 0x7f800000;
  Type integers = readers.front().laneType(b.getI32Type());
  auto like = [&](int64_t value) {
    Value constant = b.i32(value);
    return isa<VectorType>(integers)
               ? Value(vector::BroadcastOp::create(b, integers, constant))
               : constant;
  };
  Value most;
  for (Value sum : sums) {
    Value bits = arith::BitcastOp::create(b, integers, sum);
    bits = arith::AndIOp::create(b, bits, like(magnitude));
    most = most ? Value(arith::MaxSIOp::create(b, most, bits)) : bits;
  }
  if (isa<VectorType>(integers))
    most = vector::ReductionOp::create(b, vector::CombiningKind::MAXSI, most);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::sge, most,
                               b.i32(infinity));
}

/// The sums of this work-item's device blocks. A run's sum of codes times
/// activations may be too large for f32 where its scale makes it small again:
/// what is not finite is summed once more, from whole values.
SmallVector<Value> MatvecKernel::emitSums() {
  if (!sumsRuns() || !readers.front().hasScale())
    return emitBlocks(shape.unit(), sumsRuns());
  SmallVector<Value> sums = emitBlocks(shape.unit(), /*byRun=*/true);
  // As little code as there can be, which hardly ever runs.
  constexpr int64_t fewest = 4;
  auto choice = scf::IfOp::create(b, ValueRange(sums).getTypes(),
                                  isAnyLost(sums), /*withElse=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  scf::YieldOp::create(b, emitBlocks(fewest, /*byRun=*/false));
  b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(b, sums);
  return SmallVector<Value>(choice.getResults());
}

/// Gives the sums of all parts of K to `use`, on the work-items of the first.
void MatvecKernel::reduceSplits(ValueRange sums,
                                llvm::function_ref<void(ValueRange)> use) {
  SmallVector<Value> totals(sums);
  if (items.parts > 1)
    for (Value &total : totals)
      total = gpu::SubgroupReduceOp::create(
          b, total, gpu::AllReduceOperation::ADD, /*uniform=*/false,
          /*cluster_size=*/items.parts, /*cluster_stride=*/items.lanes);
  auto where = [&](Value value, llvm::function_ref<void()> body) {
    Value isFirst = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq,
                                                  value, b.index(0));
    auto choice = scf::IfOp::create(b, isFirst, /*withElse=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    body();
  };
  int64_t left = items.splits / items.parts;
  if (left > 1) {
    Value shared = b.sharedMemory({left * int64_t(totals.size()) * items.lanes},
                                  b.getF32Type());
    auto at = [&](Value split, size_t sum) {
      Value line = b.add(b.mul(split, totals.size()), sum);
      return b.add(b.mul(line, items.lanes), row);
    };
    where(b.rem(split, items.parts), [&] {
      Value slot = b.div(split, items.parts);
      for (auto [sum, total] : llvm::enumerate(totals))
        b.storeAt(total, shared, at(slot, sum));
    });
    b.barrier();
    return where(split, [&] {
      for (auto [sum, total] : llvm::enumerate(totals)) {
        total = b.loadAt(shared, at(b.index(0), sum));
        for (int64_t s = 1; s < left; ++s)
          total = arith::AddFOp::create(b, total,
                                        b.loadAt(shared, at(b.index(s), sum)));
      }
      use(totals);
    });
  }
  where(split, [&] { use(totals); });
}

void MatvecKernel::storeResults(ValueRange totals) {
  BufferView y = b.view(op.getInit(), "y");
  Value n = b.mul(b.groupId(gpu::Dimension::x), shape.how.rows);
  if (row)
    n = b.add(n, row);
  SmallVector<Value> biasIndices;
  if (expert)
    biasIndices.push_back(expert);
  SmallVector<Value> columns, biases;
  for (int64_t item = 0; item < items.rows; ++item) {
    columns.push_back(b.add(n, item * items.lanes));
    biases.push_back(loadBias(b, op, biasIndices,
                              b.add(columns.back(), shape.firstColumn),
                              readers.front().laneType(b.getF32Type())));
  }
  forSums([&](size_t sum, int64_t r, int64_t item) {
    Value total = totals[sum];
    if (biases[item])
      total = arith::AddFOp::create(b, total, biases[item]);
    OpBuilder::InsertionGuard guard(b);
    if (isRow[r])
      b.setInsertionPointToStart(
          scf::IfOp::create(b, isRow[r], /*withElse=*/false).thenBlock());
    storeColumns(b, total, y, yIndices[r], columns[item], shape);
  });
}

void MatvecKernel::emit(RowRange range) {
  selectRows();
  SmallVector<Value> sums = emitSums();
  if (items.splits == 1)
    storeResults(sums);
  else
    reduceSplits(sums, [&](ValueRange totals) { storeResults(totals); });
  OpFoldResult tiles = b.getIndexAttr(shape.tiles);
  OpFoldResult groups = op.getIds() ? m : b.hostCeilDiv(m, rows);
  b.finish(range.restrict(b, m, {tiles, groups, b.getIndexAttr(1)}),
           items.workgroup());
}

void rlx::emitMatvecKernel(InterleavedMatmulOp op, KernelModule &kernels,
                           int64_t rowsTogether, RowRange range,
                           const ByteOperands *bytes) {
  MatvecKernel(op, kernels, rowsTogether, bytes).emit(range);
}
