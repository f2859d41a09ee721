//===- MatvecKernel.cpp - Few rows of activations -------------------------===//
//
// A row of the weight belongs to one work-item or to one lane of its vector, so
// nothing is summed across them; where rows alone are too few work-items, K is
// split among several, whose sums meet in the workgroup's memory in a fixed
// order. They are in different subgroups, which have as many rows as lanes.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/IntegerRows.h"
#include "passes/gpu/MatmulKernels.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

MatmulShape::MatmulShape(InterleavedMatmulOp op)
    : layout(QuantScheme(op.getRecord().getScheme()),
             cast<MemRefType>(op.getX().getType()).getShape().back()),
      how{int64_t(op.getRows()), int64_t(op.getWords())},
      n(cast<MemRefType>(op.getInit().getType()).getShape().back()),
      k(layout.elements()) {
  auto packed = cast<MemRefType>(op.getWeight().getType());
  bool isStacked = packed.getRank() == 3;
  if (isStacked)
    experts = packed.getDimSize(0);
  if (std::optional<ArrayRef<int64_t>> part = op.getPart()) {
    (isStacked ? firstExpert : firstColumn) = (*part)[0];
    (isStacked ? experts : n) = (*part)[1];
  }
  tiles = layout.tiles(n, how);
}

int64_t MatmulShape::unit() const {
  constexpr int64_t shortest = 32, quadBits = 128;
  int64_t unit = shortest;
  if (how.words > 1)
    for (const RecordPlane &plane :
         layout.planes(layout.record().attr().getCode()))
      unit = std::max(unit, quadBits / plane.width);
  return std::gcd(unit, layout.length());
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

ActivationReader::ActivationReader(KernelBuilder &b, Value x, int64_t k,
                                   bool wantsQuads)
    : b(b), view(b.view(x, "x")), k(k) {
  constexpr int64_t lanes = 4;
  if (wantsQuads && view.isContiguous && k % lanes == 0)
    quads = b.buffer(x, VectorType::get(lanes, b.getF32Type()), "x_quads");
}

void ActivationReader::addRow(ValueRange indices) {
  SmallVector<Value> first(indices);
  first.push_back(b.index(0));
  Value row = b.at(view, first);
  rows.push_back(quads ? b.div(row, 4) : row);
}

void ActivationReader::setUnit(Value first, int64_t length) {
  begin = first;
  guarded = k % length != 0;
  loaded.clear();
}

Value ActivationReader::at(size_t row, int64_t element) {
  if (quads && !guarded) {
    Value &quad = loaded[{row, element / 4}];
    if (!quad)
      quad = b.loadAt(quads,
                      b.add(rows[row], b.add(b.div(begin, 4), element / 4)));
    return vector::ExtractOp::create(b, quad, element % 4);
  }
  Value &number = loaded[{row, element}];
  if (number)
    return number;
  Value position = b.add(begin, element), isInside;
  if (guarded) {
    isInside = b.less(position, b.index(k));
    position = b.min(position, b.index(k - 1));
  }
  Value first = rows[row];
  if (quads)
    first = b.mul(first, 4);
  number =
      b.loadAt(view.buffer, b.add(first, b.mul(position, view.strides.back())));
  if (guarded)
    number = b.choose(isInside, number, b.f32(0));
  return number;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

std::array<OpFoldResult, 3>
    RowRange::restrict(KernelBuilder &b, OpFoldResult m,
                       std::array<OpFoldResult, 3> groups) const {
  // A dispatch of no workgroups is not run.
  if (atLeast)
    groups[1] = b.hostUnless(groups[1], m, atLeast);
  if (below)
    groups[1] = b.hostWhere(groups[1], m, below);
  return groups;
}

Value rlx::loadBias(KernelBuilder &b, InterleavedMatmulOp op,
                    ValueRange indices, Value n, Type laneType) {
  if (!op.getBias())
    return Value();
  BufferView bias = b.view(op.getBias(), "bias");
  int64_t columns = cast<MemRefType>(op.getBias().getType()).getShape().back();
  auto at = [&](Value column) {
    SmallVector<Value> all(indices);
    all.push_back(b.min(column, b.index(columns - 1)));
    return b.load(bias, all);
  };
  auto vector = dyn_cast<VectorType>(laneType);
  if (!vector)
    return at(n);
  SmallVector<Value> lanes;
  for (int64_t lane = 0; lane < vector.getNumElements(); ++lane)
    lanes.push_back(at(b.add(n, lane)));
  return vector::FromElementsOp::create(b, vector, lanes);
}

void rlx::storeColumns(KernelBuilder &b, Value lanes, const BufferView &y,
                       ValueRange indices, Value n, const MatmulShape &shape) {
  const int64_t columns = shape.n;
  auto at = [&](Value column) {
    SmallVector<Value> all(indices);
    all.push_back(b.add(column, shape.firstColumn));
    return b.at(y, all);
  };
  auto where = [&](Value condition, llvm::function_ref<void()> body) {
    auto choice = scf::IfOp::create(b, condition, /*withElse=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    body();
  };
  auto vector = dyn_cast<VectorType>(lanes.getType());
  if (!vector) {
    where(b.less(n, b.index(columns)),
          [&] { b.storeAt(lanes, y.buffer, at(n)); });
    return;
  }
  int64_t width = vector.getNumElements();
  bool isDense = getConstantIntValue(y.strides.back()) == 1;
  auto storeEach = [&] {
    for (int64_t lane = 0; lane < width; ++lane)
      where(b.less(b.add(n, lane), b.index(columns)), [&] {
        b.storeAt(vector::ExtractOp::create(b, lanes, lane), y.buffer,
                  at(b.add(n, lane)));
      });
  };
  if (!isDense)
    return storeEach();
  auto storeAll = [&] { b.storeVector(lanes, y.buffer, at(n)); };
  if (columns % width == 0)
    return storeAll();
  b.branch(b.less(b.add(n, width - 1), b.index(columns)), storeAll, storeEach);
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

namespace {
class MatvecKernel {
public:
  MatvecKernel(InterleavedMatmulOp op, KernelModule &kernels, int64_t rows,
               const ByteOperands *bytes);
  void emit(RowRange range);

private:
  void selectRows();
  SmallVector<Value> emitUnit(Value record, Value unit, ValueRange sums);
  SmallVector<Value> emitRecords();
  void reduceSplits(ValueRange sums, llvm::function_ref<void(ValueRange)> use);
  Value zero();

  InterleavedMatmulOp op;
  MatmulShape shape;
  int64_t rows, splits;
  KernelBuilder b;
  bool hasVectors;
  int64_t workgroup;
  Codebooks books;
  RecordReader reader;
  /// Activations as f32, or as bytes.
  std::optional<ActivationReader> x;
  std::optional<IntegerRows> bytes;
  Value tile, row, split, expert;
  SmallVector<SmallVector<Value>> yIndices;
  SmallVector<Value> isRow;
  OpFoldResult m;
};
} // namespace

/// How many work-items share the K of a row.
static int64_t splitsOf(const MatmulShape &shape, GpuAttr target,
                        int64_t rows) {
  if (shape.how.words == 1)
    return 1;
  // More splits than this cost more than they hide.
  constexpr int64_t most = 16;
  int64_t fit = target.getWorkgroupSize() / shape.how.rows;
  int64_t memory =
      target.getWorkgroupMemory() / 2 / (4 * shape.how.rows * rows);
  return std::max<int64_t>(
      1, std::min({most, shape.layout.records(), fit, memory}));
}

MatvecKernel::MatvecKernel(InterleavedMatmulOp op, KernelModule &kernels,
                           int64_t rows, const ByteOperands *given)
    : op(op), shape(op), rows(rows),
      splits(splitsOf(shape, kernels.target, rows)),
      b(op, kernels,
        Twine(op.getIds() ? "gather_matvec_"
              : given     ? "matvec_i8_"
                          : "matvec_") +
            shape.layout.record().displayName().split(".record").first + "_m" +
            Twine(rows) + "_n" + Twine(shape.n) + "_k" + Twine(shape.k)),
      hasVectors(shape.how.words == 1),
      workgroup(hasVectors ? 1 : shape.how.rows * splits),
      books(b, shape.layout.record(), hasVectors, workgroup),
      reader(b, shape.layout, shape.how, op.getWeight(), books) {
  if (given)
    bytes.emplace(b, given->form, given->x,
                  b.scalar(b.hostSize(op.getX(), 0), "m"), workgroup);
  else
    x.emplace(b, op.getX(), shape.k, !hasVectors);
}

Value MatvecKernel::zero() {
  return arith::ConstantOp::create(
      b, b.getZeroAttr(reader.laneType(b.getF32Type())));
}

/// Which rows of activations, and which rows of the weight, are this
/// work-item's.
void MatvecKernel::selectRows() {
  Value thread = b.threadId(gpu::Dimension::x);
  row = hasVectors ? Value() : b.rem(thread, shape.how.rows);
  split = splits == 1 ? b.index(0) : b.div(thread, shape.how.rows);
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

/// The sums after one more unit of K.
SmallVector<Value> MatvecKernel::emitUnit(Value record, Value unit,
                                          ValueRange carried) {
  int64_t length = shape.unit();
  reader.setUnit(unit, length);
  Value k = b.mul(record, shape.layout.length());
  if (unit)
    k = b.add(k, b.mul(unit, length));
  if (bytes)
    return bytes->multiply(reader, k, length, carried);
  x->setUnit(k, length);
  SmallVector<Value> sums(carried);
  auto fma = [&](Value weight, size_t r, int64_t element, Value sum) -> Value {
    Value activation = b.broadcastLike(x->at(r, element), weight);
    return b.multiplyAdd(weight, activation, sum);
  };
  // With offsets each element is decoded wholly; without, a run's scale
  // multiplies the sum of its products.
  int64_t run = reader.run(length);
  bool sumsRuns = !reader.hasOffset() && run >= 4;
  for (int64_t first = 0; first < length; first += run) {
    if (!sumsRuns) {
      for (int64_t i = first; i < first + run; ++i) {
        Value value = reader.value(i);
        for (int64_t r = 0; r < rows; ++r)
          sums[r] = fma(value, r, i, sums[r]);
      }
      continue;
    }
    SmallVector<Value> partial(rows, zero());
    for (int64_t i = first; i < first + run; ++i) {
      Value code = reader.code(i);
      for (int64_t r = 0; r < rows; ++r)
        partial[r] = fma(code, r, i, partial[r]);
    }
    Value scale = reader.scale(first);
    for (int64_t r = 0; r < rows; ++r)
      sums[r] = scale ? b.multiplyAdd(partial[r], scale, sums[r])
                      : Value(arith::AddFOp::create(b, partial[r], sums[r]));
  }
  return sums;
}

SmallVector<Value> MatvecKernel::emitRecords() {
  const RecordLayout &layout = shape.layout;
  int64_t units = layout.length() / shape.unit();
  SmallVector<Value> initial(rows, zero());
  return b.loop(split, b.index(layout.records()), splits, initial,
                [&](Value record, ValueRange carried) {
                  reader.setRecord(tile, record, row);
                  if (units == 1)
                    return emitUnit(record, Value(), carried);
                  Value end = b.index(units);
                  if (shape.k % layout.length() != 0) {
                    // The last record may hold fewer units.
                    Value left =
                        b.sub(b.index(llvm::divideCeil(shape.k, shape.unit())),
                              b.mul(record, units));
                    end = b.min(end, left);
                  }
                  return b.loop(b.index(0), end, 1, carried,
                                [&](Value unit, ValueRange sums) {
                                  return emitUnit(record, unit, sums);
                                });
                });
}

/// Gives the sums of all splits to `use`, on the work-items of the first one.
void MatvecKernel::reduceSplits(ValueRange sums,
                                llvm::function_ref<void(ValueRange)> use) {
  int64_t width = shape.how.rows;
  Value shared = b.sharedMemory({splits * rows * width}, b.getF32Type());
  auto at = [&](Value split, int64_t r) {
    return b.add(b.mul(split, rows * width), b.add(row, r * width));
  };
  for (auto [r, sum] : llvm::enumerate(sums))
    b.storeAt(sum, shared, at(split, r));
  b.barrier();
  Value isFirst = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, split,
                                                b.index(0));
  auto choice = scf::IfOp::create(b, isFirst, /*withElse=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  SmallVector<Value> totals;
  for (int64_t r = 0; r < rows; ++r) {
    Value total = b.loadAt(shared, at(b.index(0), r));
    for (int64_t s = 1; s < splits; ++s)
      total =
          arith::AddFOp::create(b, total, b.loadAt(shared, at(b.index(s), r)));
    totals.push_back(total);
  }
  use(totals);
}

void MatvecKernel::emit(RowRange range) {
  selectRows();
  SmallVector<Value> sums = emitRecords();
  BufferView y = b.view(op.getInit(), "y");
  Value n = b.mul(b.groupId(gpu::Dimension::x), shape.how.rows);
  if (row)
    n = b.add(n, row);
  SmallVector<Value> biasIndices;
  if (expert)
    biasIndices.push_back(expert);
  auto finish = [&](ValueRange totals) {
    Value bias = loadBias(b, op, biasIndices, b.add(n, shape.firstColumn),
                          reader.laneType(b.getF32Type()));
    for (int64_t r = 0; r < rows; ++r) {
      Value total = totals[r];
      if (bias)
        total = arith::AddFOp::create(b, total, bias);
      auto storeRow = [&] { storeColumns(b, total, y, yIndices[r], n, shape); };
      if (!isRow[r]) {
        storeRow();
        continue;
      }
      auto choice = scf::IfOp::create(b, isRow[r], /*withElse=*/false);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(choice.thenBlock());
      storeRow();
    }
  };
  if (splits == 1)
    finish(sums);
  else
    reduceSplits(sums, finish);
  OpFoldResult tiles = b.getIndexAttr(shape.tiles);
  OpFoldResult groups = op.getIds() ? m : b.hostCeilDiv(m, rows);
  b.finish(range.restrict(b, m, {tiles, groups, b.getIndexAttr(1)}), workgroup);
}

void rlx::emitMatvecKernel(InterleavedMatmulOp op, KernelModule &kernels,
                           int64_t rowsTogether, RowRange range,
                           const ByteOperands *bytes) {
  MatvecKernel(op, kernels, rowsTogether, bytes).emit(range);
}
