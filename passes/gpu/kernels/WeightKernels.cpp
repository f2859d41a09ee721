//===- WeightKernels.cpp - Kernels that read weights as stored ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/WeightKernels.h"

#include "passes/gpu/kernels/BlockReader.h"
#include "passes/gpu/kernels/DeviceBlockReader.h"

using namespace mlir;
using namespace rlx;

static constexpr int64_t workgroup = 64;

//===----------------------------------------------------------------------===//
// Interleaving
//===----------------------------------------------------------------------===//

namespace {
class InterleaveKernel {
public:
  InterleaveKernel(InterleaveWeightOp op, KernelModule &kernels);
  void emit();

private:
  Value item(FieldAttr source, const DeviceBlockPlane &plane, Value number);
  void storeWord(Value word, Value value);
  void writePlane(FieldAttr source, const DeviceBlockPlane &plane);
  void writeShared(int64_t word);

  InterleaveWeightOp op;
  DeviceWeight stored;
  SmallVector<int64_t> shape;
  DeviceBlockLayout layout;
  Interleaving how;
  KernelBuilder b;
  BlockReader reader;
  Value packed, base, row, sourceRow, expert, k0;
  /// Planes that share a word with others, by word.
  std::map<int64_t, SmallVector<std::pair<FieldAttr, DeviceBlockPlane>>> small;
};
} // namespace

InterleaveKernel::InterleaveKernel(InterleaveWeightOp op, KernelModule &kernels)
    : op(op), stored(DeviceWeight::of(op)), shape(stored.shape()),
      layout(QuantScheme(op.getDeviceBlock().getScheme()), shape.back()),
      how{int64_t(op.getRows()), int64_t(op.getWords())},
      b(op, kernels,
        "interleave_" + stored.scheme.displayName() + "_n" +
            Twine(shape[shape.size() - 2]) + "_k" + Twine(shape.back())),
      reader(b, stored, /*lookUp=*/{},
             op.getPart().value_or(ArrayRef<int64_t>())),
      packed(b.buffer(op.getInit(), b.getI32Type(), "packed")) {}

/// The bits of item `number` of a plane, moved to the lowest ones; 0 beyond K.
Value InterleaveKernel::item(FieldAttr source, const DeviceBlockPlane &plane,
                             Value number) {
  Value k = b.add(k0, b.mul(number, plane.group));
  bool isPadded = shape.back() % layout.length() != 0;
  Value inside = b.min(k, b.index(shape.back() - 1));
  Value code = reader.code(source, expert, sourceRow, isPadded ? inside : k);
  if (plane.shift)
    code = arith::ShRUIOp::create(b, code, b.i32(plane.shift));
  if (plane.width < wordBits)
    code =
        arith::AndIOp::create(b, code, b.i32((int64_t(1) << plane.width) - 1));
  if (isPadded)
    code = b.choose(b.less(k, b.index(shape.back())), code, b.i32(0));
  return code;
}

void InterleaveKernel::storeWord(Value word, Value value) {
  Value group = b.add(base, b.div(word, how.words));
  Value at = b.add(b.mul(b.add(b.mul(group, how.rows), row), how.words),
                   b.rem(word, how.words));
  b.storeAt(value, packed, at);
}

/// A plane of whole words.
void InterleaveKernel::writePlane(FieldAttr source,
                                  const DeviceBlockPlane &plane) {
  int64_t items = layout.length() / plane.group;
  int64_t perWord = wordBits / plane.width;
  b.loop(b.index(0), b.index(llvm::divideCeil(items, perWord)), 1,
         [&](Value word) {
           Value first = b.mul(word, perWord);
           SmallVector<Value> merged =
               b.loop(b.index(0), b.index(perWord), 1, b.i32(0),
                      [&](Value j, ValueRange carried) {
                        Value number = b.add(first, j);
                        Value code = item(source, plane, number);
                        if (items % perWord != 0)
                          code = b.choose(b.less(number, b.index(items)), code,
                                          b.i32(0));
                        Value bit = b.mul(j, plane.width);
                        if (plane.inBytes)
                          bit = b.add(b.mul(b.rem(j, 4), 8),
                                      b.mul(b.div(j, 4), plane.width));
                        Value shift = b.toI32(bit);
                        code = arith::ShLIOp::create(b, code, shift);
                        return SmallVector<Value>{
                            arith::OrIOp::create(b, carried[0], code)};
                      });
           storeWord(b.add(word, plane.start / wordBits), merged[0]);
         });
}

/// A word that several planes share.
void InterleaveKernel::writeShared(int64_t word) {
  Value merged = b.i32(0);
  for (auto &[source, plane] : small[word])
    merged = b.loop(
        b.index(0), b.index(layout.length() / plane.group), 1, merged,
        [&](Value i, ValueRange carried) {
          Value code = item(source, plane, i);
          Value shift =
              b.toI32(b.add(b.mul(i, plane.width), plane.start % wordBits));
          code = arith::ShLIOp::create(b, code, shift);
          return SmallVector<Value>{arith::OrIOp::create(b, carried[0], code)};
        })[0];
  storeWord(b.index(word), merged);
}

void InterleaveKernel::emit() {
  bool isStacked = shape.size() == 3;
  int64_t n = shape[shape.size() - 2], experts = isStacked ? shape.front() : 1;
  int64_t firstRow = 0, firstExpert = 0;
  if (std::optional<ArrayRef<int64_t>> part = op.getPart()) {
    (isStacked ? firstExpert : firstRow) = (*part)[0];
    (isStacked ? experts : n) = (*part)[1];
  }
  int64_t tiles = layout.tiles(n, how);
  int64_t count = experts * tiles * layout.blocks() * how.rows;
  auto body = [&](Value index) {
    row = b.rem(index, how.rows);
    Value blockOfAll = b.div(index, how.rows);
    Value block = b.rem(blockOfAll, layout.blocks());
    Value tile = b.div(blockOfAll, layout.blocks());
    base = b.mul(blockOfAll, layout.words() / how.words);
    k0 = b.mul(block, layout.length());
    if (isStacked) {
      expert = b.add(b.div(tile, tiles), firstExpert);
      tile = b.rem(tile, tiles);
    }
    // Rows beyond the last one repeat it.
    sourceRow = b.min(b.add(b.mul(tile, how.rows), row), b.index(n - 1));
    sourceRow = b.add(sourceRow, firstRow);
    int64_t written = 0;
    SmallVector<FieldAttr> sources = stored.scheme.fields();
    SmallVector<FieldAttr> fields = layout.blockScheme().fields();
    for (auto [source, field] : llvm::zip_equal(sources, fields))
      for (const DeviceBlockPlane &plane : layout.planes(field)) {
        int64_t bits = layout.length() / plane.group * plane.width;
        if (plane.start % wordBits == 0 && bits >= wordBits) {
          writePlane(source, plane);
          written += llvm::divideCeil(bits, wordBits);
        } else {
          small[plane.start / wordBits].push_back({source, plane});
        }
      }
    for (auto &[word, planes] : small) {
      writeShared(word);
      ++written;
    }
    // What only fills up the last group of words.
    for (int64_t word = written; word < layout.words(); ++word)
      storeWord(b.index(word), b.i32(0));
  };
  b.forEach(b.getIndexAttr(count), workgroup, body, op.getOnce());
}

void rlx::emitInterleaveKernel(InterleaveWeightOp op, KernelModule &kernels) {
  InterleaveKernel(op, kernels).emit();
  auto alloc = op.getInit().getDefiningOp<memref::AllocOp>();
  if (!alloc)
    return;
  // For those who write these words by other means.
  NamedAttrList how;
  how.set("device_block", op.getDeviceBlock());
  how.set("rows", op.getRowsAttr());
  how.set("words", op.getWordsAttr());
  if (DenseI64ArrayAttr part = op.getPartAttr())
    how.set("part", part);
  alloc->setAttr("rlx.interleaved", how.getDictionary(op.getContext()));
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// Decodes the rows, or experts, of `part`, `[first, count]`.
static void emitDequantizePart(BlockDequantizeOp op, KernelModule &kernels,
                               ArrayRef<int64_t> part) {
  DeviceWeight stored = DeviceWeight::of(op);
  SmallVector<int64_t> shape = stored.shape();
  KernelBuilder b(op, kernels,
                  Twine(op.getIds() ? "embedding_" : "dequantize_") +
                      stored.scheme.displayName() + "_k" + Twine(shape.back()));
  Codebooks books(b, stored.scheme, /*hasVectors=*/false, workgroup);
  BlockReader reader(b, stored, books.lookUp(), part);
  BufferView y = b.view(op.getInit(), "y");
  auto type = cast<MemRefType>(op.getInit().getType());
  bool isWhole = part[1] == shape[0];
  bool isCut = !op.getIds() && !ShapedType::isDynamic(part[1]);
  OpFoldResult count = b.getIndexAttr(1);
  for (int64_t i = 0; i < type.getRank(); ++i)
    count = b.hostMul(count, i == 0 && isCut ? b.getIndexAttr(part[1])
                                             : b.hostSize(op.getInit(), i));
  b.forEach(count, workgroup, [&](Value index) {
    // The indices of the result, the last one being k.
    SmallVector<Value> indices = b.delinearize(index, op.getInit());
    if (!op.getIds())
      indices[0] = b.add(indices[0], part[0]);
    Value k = indices.back(), expert, row;
    if (!op.getIds()) {
      if (shape.size() == 3)
        expert = indices[0];
      row = indices[indices.size() - 2];
      b.store(reader.value(expert, row, k), y, indices);
      return;
    }
    Value id =
        b.load(b.view(op.getIds(), "ids"), ValueRange(indices).drop_back());
    Value isHere = b.isWithin(id, part[0], part[1]);
    row = b.add(b.idOrZero(id, part[0], isHere), part[0]);
    if (isWhole) {
      b.store(reader.value(expert, row, k), y, indices);
      return;
    }
    // Another part's kernel writes the rows that are not here.
    auto choice = scf::IfOp::create(b, isHere, /*withElse=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    b.store(reader.value(expert, row, k), y, indices);
  });
}

void rlx::emitDequantizeKernel(BlockDequantizeOp op, KernelModule &kernels) {
  auto type = cast<MemRefType>(op.getWeight().getType());
  int64_t total = type.getDimSize(0);
  // Rows of a cache, of which the device holds as many as a buffer has.
  if (!type.hasStaticShape())
    return emitDequantizePart(op, kernels, {0, total});
  int64_t bytes = llvm::divideCeil(
      type.getNumElements() / total * type.getElementTypeBitWidth(), 8);
  int64_t length = std::min(
      total, std::max<int64_t>(1, kernels.target.getBufferBytes() / bytes));
  for (int64_t first = 0; first < total; first += length)
    emitDequantizePart(op, kernels, {first, std::min(length, total - first)});
}

//===----------------------------------------------------------------------===//
// Checks of ids
//===----------------------------------------------------------------------===//

void IndexChecks::emit(Operation *op, KernelModule &kernels, Value ids,
                       int64_t bound, StringRef what) {
  OpBuilder builder = OpBuilder::atBlockBegin(&function.front());
  if (!status) {
    auto type = MemRefType::get({4}, builder.getI32Type());
    status = memref::AllocOp::create(builder, function.getLoc(), type);
  }
  auto checks = status->getAttrOfType<ArrayAttr>("rlx.checks");
  SmallVector<Attribute> all;
  if (checks)
    llvm::append_range(all, checks);
  all.push_back(builder.getDictionaryAttr(
      {builder.getNamedAttr("what", builder.getStringAttr(what)),
       builder.getNamedAttr("bound", builder.getI64IntegerAttr(bound))}));
  status->setAttr("rlx.checks", builder.getArrayAttr(all));

  KernelBuilder b(op, kernels, "check_ids");
  BufferView view = b.view(ids, "ids");
  Value report = b.buffer(status, b.getI32Type(), "status");
  Value count = b.scalar(b.hostElements(ids), "count");
  b.loop(b.index(0), count, 1, [&](Value position) {
    SmallVector<Value> indices = b.delinearize(position, ids);
    Value id = b.load(view, indices);
    Value isWrong =
        arith::CmpIOp::create(b, arith::CmpIPredicate::uge, id, b.i32(bound));
    Value isFirst = arith::CmpIOp::create(
        b, arith::CmpIPredicate::eq, b.loadAt(report, b.index(0)), b.i32(0));
    auto choice =
        scf::IfOp::create(b, b.both(isWrong, isFirst), /*withElse=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    b.storeAt(b.i32(all.size()), report, b.index(0));
    b.storeAt(b.toI32(position), report, b.index(1));
    b.storeAt(id, report, b.index(2));
  });
  b.finish({b.getIndexAttr(1), b.getIndexAttr(1), b.getIndexAttr(1)},
           /*workgroup=*/1);
}
