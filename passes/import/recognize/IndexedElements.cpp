//===- IndexedElements.cpp - Elements that numbers of the program name ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A number that is read may name an entry of a table of constants, whose
// entries are what codes mean, or a row, an expert: an id.
//
//===----------------------------------------------------------------------===//

#include "passes/import/recognize/ElementEvaluator.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace rlx;

using Result = std::optional<ElementValue>;

DenseElementsAttr rlx::smallTable(Attribute constant) {
  constexpr int64_t mostElements = 4096, byteBits = 8;
  if (auto dense = dyn_cast<DenseElementsAttr>(constant))
    return dense;
  auto resource = dyn_cast<DenseResourceElementsAttr>(constant);
  auto type = resource ? dyn_cast<RankedTensorType>(resource.getType())
                       : RankedTensorType();
  AsmResourceBlob *blob = type ? resource.getRawHandle().getBlob() : nullptr;
  if (!blob || !type.getElementType().isIntOrFloat() ||
      type.getNumElements() > mostElements ||
      type.getElementTypeBitWidth() % byteBits != 0)
    return nullptr;
  ArrayRef<char> bytes = blob->getData();
  bool isSplat = false;
  if (!DenseElementsAttr::isValidRawBuffer(type, bytes, isSplat) || isSplat)
    return nullptr;
  return DenseElementsAttr::getFromRawBuffer(type, bytes);
}

/// The same of a value.
static DenseElementsAttr smallTable(Value value) {
  Attribute constant;
  return matchPattern(value, m_Constant(&constant)) ? rlx::smallTable(constant)
                                                    : DenseElementsAttr();
}

/// Slices of one dimension's size 1, of which each index names one.
Result ElementEvaluator::throughGather(tensor::GatherOp op,
                                       const Index &index) {
  auto source = cast<RankedTensorType>(op.getSource().getType());
  auto ids = cast<RankedTensorType>(op.getIndices().getType());
  auto result = cast<RankedTensorType>(op.getResult().getType());
  if (op.getGatherDims().size() != 1 || ids.getDimSize(ids.getRank() - 1) != 1)
    return std::nullopt;
  int64_t axis = op.getGatherDims()[0], lead = ids.getRank() - 1;
  bool isReduced = result.getRank() == lead + source.getRank() - 1;
  Index at(index.begin(), index.begin() + lead);
  at.push_back(algebra.constant(0));
  Result id = element(op.getIndices(), at);
  auto *bits = id ? std::get_if<Bits>(&*id) : nullptr;
  std::optional<AffineExpr> named =
      bits ? idOf(*bits, op.getSource(), axis) : std::nullopt;
  if (!named)
    return std::nullopt;
  Index inside;
  int64_t from = lead;
  for (int64_t i = 0; i < source.getRank(); ++i) {
    inside.push_back(i == axis ? *named : index[from]);
    from += i != axis || !isReduced;
  }
  return element(op.getSource(), inside);
}

std::optional<AffineExpr> ElementEvaluator::indexOf(const ElementValue &value) {
  if (auto *expr = std::get_if<AffineExpr>(&value))
    return *expr;
  auto *bits = std::get_if<Bits>(&value);
  if (!bits || bits->leftShift != 0 || bits->hasMore || bits->read.bias != 0 ||
      bits->read.bit != algebra.constant(0) ||
      bits->read.width !=
          getElementTypeOrSelf(bits->read.tensor).getIntOrFloatBitWidth())
    return std::nullopt;
  DenseElementsAttr table = ::smallTable(bits->read.tensor);
  if (!table)
    return std::nullopt;
  return fittedTable(table, bits->read.index, bits->wrap);
}

/// The dimension that stands for an id, where `bits` are that id.
std::optional<AffineExpr> ElementEvaluator::idOf(const Bits &bits, Value table,
                                                 int64_t axis) {
  constexpr unsigned leastBits = 32;
  const Read &read = bits.read;
  int64_t count = cast<RankedTensorType>(table.getType()).getDimSize(axis);
  if (!idDim || read.width < leastBits || read.bit != algebra.constant(0) ||
      read.width != getElementTypeOrSelf(read.tensor).getIntOrFloatBitWidth() ||
      bits.leftShift != 0 || bits.hasMore || read.bias != 0 ||
      ShapedType::isDynamic(count))
    return std::nullopt;
  if (!foundId)
    foundId = Id{read, count, bits.wrap};
  if (!foundId->read.isSame(read) || foundId->count != count ||
      foundId->wrap != bits.wrap)
    return std::nullopt;
  return algebra.simplify(algebra.dim(*idDim));
}

Result
ElementEvaluator::chosen(arith::SelectOp op,
                         llvm::function_ref<Result(Value operand)> operandOf) {
  Value x = op.getFalseValue();
  auto compare = op.getCondition().getDefiningOp<arith::CmpIOp>();
  auto sum = op.getTrueValue().getDefiningOp<arith::AddIOp>();
  if (compare && sum && compare.getPredicate() == arith::CmpIPredicate::slt &&
      compare.getLhs() == x && matchPattern(compare.getRhs(), m_Zero()) &&
      sum.getLhs() == x) {
    Result value = operandOf(x), size = operandOf(sum.getRhs());
    auto *bits = value ? std::get_if<Bits>(&*value) : nullptr;
    auto *expr = size ? std::get_if<AffineExpr>(&*size) : nullptr;
    auto number = dyn_cast_or_null<AffineConstantExpr>(expr ? *expr : nullptr);
    if (bits && number && bits->wrap == 0) {
      bits->wrap = number.getValue();
      return *bits;
    }
  }
  Result condition = operandOf(op.getCondition());
  auto *expr = condition ? std::get_if<AffineExpr>(&*condition) : nullptr;
  auto known = dyn_cast_or_null<AffineConstantExpr>(expr ? *expr : nullptr);
  if (!known)
    return fail(op, "a choice depends on more than the loops");
  return operandOf(known.getValue() ? op.getTrueValue() : op.getFalseValue());
}

/// The entry of a small table of constants that bits name.
Result ElementEvaluator::lookUp(Operation *op, Value table, const Bits &code) {
  DenseElementsAttr entries = ::smallTable(table);
  constexpr unsigned widest = 8;
  if (!entries || !isa<FloatType>(entries.getElementType()) ||
      code.read.width > widest || code.leftShift != 0 || code.hasMore ||
      code.wrap != 0 || code.isSignExtended ||
      entries.getNumElements() != int64_t(1) << code.read.width)
    return fail(op, "expected a table of constants with an entry for each "
                    "code of at most 8 bits");
  SmallVector<double> numbers;
  for (const APFloat &entry : entries.getValues<APFloat>())
    numbers.push_back(entry.convertToDouble());
  Read read = code.read;
  read.type =
      IntegerType::get(op->getContext(), read.width, IntegerType::Unsigned);
  read.codebook = DenseF64ArrayAttr::get(op->getContext(), numbers);
  return ElementForm::of(read);
}
