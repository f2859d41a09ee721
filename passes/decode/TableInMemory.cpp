//===- TableInMemory.cpp - Constants that code reads by index -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/decode/TableInMemory.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace rlx;

Value rlx::tableInMemory(OpBuilder &builder, Location loc,
                         DenseElementsAttr table) {
  constexpr StringRef marker = "rlx.table";
  constexpr int64_t alignment = 64;
  Operation *parent = builder.getInsertionBlock()->getParentOp();
  auto function = dyn_cast<FunctionOpInterface>(parent);
  if (!function)
    function = parent->getParentOfType<FunctionOpInterface>();
  Block &entry = function.getFunctionBody().front();
  for (auto known : entry.getOps<memref::AllocaOp>())
    if (known->getAttr(marker) == table)
      return known;
  OpBuilder first = OpBuilder::atBlockBegin(&entry);
  auto type = cast<VectorType>(table.getType());
  Type element = type.getElementType();
  // A vector is stored at once, of long tables several: back ends take long to
  // cut one.
  constexpr int64_t longestBits = 256 * 32, partBits = 16 * 32;
  int64_t count = type.getNumElements(), bits = element.getIntOrFloatBitWidth(),
          part = count * bits <= longestBits ? count : partBits / bits;
  if (part == count) {
    Value values = arith::ConstantOp::create(first, loc, table);
    auto buffer = memref::AllocaOp::create(
        first, loc, MemRefType::get(type.getShape(), element), ValueRange(),
        first.getI64IntegerAttr(alignment));
    buffer->setAttr(marker, table);
    Value begin = arith::ConstantIndexOp::create(first, loc, 0);
    vector::StoreOp::create(first, loc, values, buffer, begin);
    return buffer;
  }
  auto buffer = memref::AllocaOp::create(
      first, loc, MemRefType::get(type.getShape(), element), ValueRange(),
      first.getI64IntegerAttr(alignment));
  buffer->setAttr(marker, table);
  SmallVector<Attribute> values(table.getValues<Attribute>());
  for (int64_t i = 0; i < count; i += part) {
    int64_t length = std::min(part, count - i);
    auto some = DenseElementsAttr::get(VectorType::get(length, element),
                                       ArrayRef(values).slice(i, length));
    Value vector = arith::ConstantOp::create(first, loc, some);
    Value begin = arith::ConstantIndexOp::create(first, loc, i);
    vector::StoreOp::create(first, loc, vector, buffer, begin);
  }
  return buffer;
}
