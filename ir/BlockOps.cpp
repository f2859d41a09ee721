//===- BlockOps.cpp - Checks of operations on stored bytes ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/ActivationType.h"
#include "ir/BlockShapes.h"
#include "ir/QuantRule.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace rlx;

/// Weights that are read in place have one kernel, of mode decoded; packed ones
/// have others.
static LogicalResult verifyKernels(Operation *op, TilesAttr tiles,
                                   bool isPacked) {
  if (!tiles)
    return success();
  for (KernelAttr kernel : tiles.getKernels())
    if ((kernel.getMode() == KernelMode::decoded) == isPacked)
      return op->emitOpError()
             << "expected tiles with " << (isPacked ? "no kernel" : "a kernel")
             << " of mode decoded, "
             << "but got " << tiles;
  if (!isPacked && tiles.getKernels().size() != 1)
    return op->emitOpError()
           << "expected tiles with one kernel, but got " << tiles;
  return success();
}

//===----------------------------------------------------------------------===//
// Epilogues
//===----------------------------------------------------------------------===//

/// Whether loops can apply `op` to one sum, and to a vector of them.
static bool mapsNumbers(Operation &op) {
  auto isNumber = [](Type type) { return type.isIntOrFloat(); };
  bool isConstant =
      op.hasTrait<OpTrait::ConstantLike>() && op.getNumOperands() == 0;
  return op.getNumResults() == 1 && op.getNumRegions() == 0 &&
         (isConstant || OpTrait::hasElementwiseMappableTraits(&op)) &&
         llvm::all_of(op.getOperandTypes(), isNumber) &&
         isNumber(op.getResult(0).getType());
}

/// C6: input `index` has an element for each of the result's, as its map says.
template <typename OpT>
static LogicalResult verifyEpilogueInput(OpT op, const BlockShapes &shapes,
                                         size_t index) {
  auto type = cast<ShapedType>(op.getEpilogueInputs()[index].getType());
  auto init = cast<ShapedType>(op.getInit().getType());
  auto attribute = dyn_cast<AffineMapAttr>((*op.getEpilogueMaps())[index]);
  AffineMap map = attribute.getValue();
  // Dimensions of the result, in their order, or constants.
  int64_t last = -1;
  bool inOrder = map.getNumDims() == init.getRank() &&
                 map.getNumSymbols() == 0 &&
                 map.getNumResults() == type.getRank();
  for (AffineExpr expr : map.getResults()) {
    if (isa<AffineConstantExpr>(expr))
      continue;
    auto dim = dyn_cast<AffineDimExpr>(expr);
    inOrder = inOrder && dim && int64_t(dim.getPosition()) > last;
    last = dim ? int64_t(dim.getPosition()) : last;
  }
  if (!inOrder)
    return shapes.expected("C6")
           << "the map of input " << index
           << " of the epilogue to take dimensions of the result in their "
              "order, or constants, but got "
           << attribute;
  for (auto [size, expr] : llvm::zip_equal(type.getShape(), map.getResults())) {
    if (ShapedType::isDynamic(size))
      continue;
    auto constant = dyn_cast<AffineConstantExpr>(expr);
    bool fits;
    if (constant) {
      fits = constant.getValue() >= 0 && constant.getValue() < size;
    } else {
      int64_t other = init.getDimSize(cast<AffineDimExpr>(expr).getPosition());
      fits = ShapedType::isDynamic(other) || other == size;
    }
    if (!fits)
      return shapes.expected("C6")
             << "input " << index << " of the epilogue to have the sizes of "
             << init << " that " << attribute << " takes, but got " << type;
  }
  return success();
}

/// C6: the region gives f32 for a sum and an element of each input.
template <typename OpT>
static LogicalResult verifyEpilogue(OpT op, const BlockShapes &shapes) {
  size_t inputs = op.getEpilogueInputs().size();
  size_t maps = op.getEpilogueMaps() ? op.getEpilogueMaps()->size() : 0;
  if (inputs != maps)
    return shapes.expected("C6") << "a map for each of " << inputs
                                 << " inputs of the epilogue, but got " << maps;
  if (op.getEpilogue().empty()) {
    if (inputs)
      return shapes.expected("C6") << "a region with inputs of an epilogue";
    return success();
  }
  Block &block = op.getEpilogue().front();
  if (block.empty() || !isa<YieldOp>(block.back()))
    return shapes.expected("C6") << "the epilogue to end with rlx.yield";
  if (block.getNumArguments() != 1 + inputs)
    return shapes.expected("C6")
           << "the epilogue to have an argument for the sum and one for each "
              "of "
           << inputs << " inputs, but got " << block.getNumArguments();
  if (!block.getArgument(0).getType().isF32())
    return shapes.expected("C6")
           << "the epilogue's first argument to be f32, but got "
           << block.getArgument(0).getType();
  for (size_t i = 0; i < inputs; ++i) {
    Type element =
        cast<ShapedType>(op.getEpilogueInputs()[i].getType()).getElementType();
    if (block.getArgument(1 + i).getType() != element ||
        !element.isIntOrFloat())
      return shapes.expected("C6")
             << "argument " << 1 + i << " of the epilogue to be " << element
             << ", but got " << block.getArgument(1 + i).getType();
    if (failed(verifyEpilogueInput(op, shapes, i)))
      return failure();
  }
  for (Operation &inner : block.without_terminator())
    if (!mapsNumbers(inner))
      return shapes.expected("C6") << "the epilogue to hold constants and "
                                      "elementwise operations, but got "
                                   << inner.getName();
  return success();
}

//===----------------------------------------------------------------------===//
// Operations on stored bytes
//===----------------------------------------------------------------------===//

LogicalResult BlockMatmulOp::verify() {
  BlockShapes shapes(*this);
  QuantScheme scheme(getScheme().getScheme());
  if (failed(shapes.verifyKind()))
    return failure();
  auto weight = shapes.weightShape(getWeight(), scheme, bool(getIds()));
  if (failed(weight) ||
      failed(shapes.verifySides(*weight, scheme, getScales(), getZeroPoints(),
                                getGlobalScale())) ||
      failed(shapes.verifyMatmul(*weight, getX(), getIds(), getBias(),
                                 getInit())) ||
      failed(shapes.verifyActivations("C5", getActivations(), getReencoded(),
                                      getActivationGroup())))
    return failure();
  if (failed(verifyKernels(*this, getTilesAttr(), /*isPacked=*/false)))
    return failure();
  return verifyEpilogue(*this, shapes);
}

LogicalResult BlockDequantizeOp::verify() {
  BlockShapes shapes(*this);
  QuantScheme scheme(getScheme().getScheme());
  if (failed(shapes.verifyKind()))
    return failure();
  std::optional<bool> isStacked;
  if (getIds())
    isStacked = false;
  auto weight = shapes.rowsShape(getWeight(), scheme, isStacked);
  if (failed(weight) ||
      failed(shapes.verifySides(*weight, scheme, getScales(), getZeroPoints(),
                                getGlobalScale())))
    return failure();
  SmallVector<int64_t> shape = *weight;
  if (Value ids = getIds()) {
    auto type = cast<ShapedType>(ids.getType());
    if (type.getRank() == 0 || !type.getElementType().isSignlessInteger(32))
      return shapes.expected("C1")
             << "'ids' to be of i32 and of rank >= 1, but got " << type;
    shape = llvm::to_vector(type.getShape());
    shape.push_back(weight->back());
  }
  if (failed(shapes.verify("C1", "init", getInit(), shape,
                           Float32Type::get(getContext()))))
    return failure();
  return shapes.verifyStatic("C1", "K of 'init'", getInit(), shape.size() - 1);
}

bool BlockQuantizeOp::choosesScales() {
  QuantScheme scheme(getScheme().getScheme());
  return scheme.fields().size() > 1 && !getScales() && !getZeroPoints() &&
         !getGlobalScale();
}

/// C3: the side tensors as inits.
static LogicalResult verifySideInits(BlockQuantizeOp op,
                                     const BlockShapes &shapes,
                                     QuantScheme scheme,
                                     ArrayRef<int64_t> weight) {
  auto sides = scheme.sideOperands();
  if (op.getInits().size() != 1 + sides.size())
    return shapes.expected("C3")
           << "the side tensors of '" << scheme.displayName()
           << "' as operands, or " << 1 + sides.size() << " inits, but got "
           << op.getInits().size();
  for (auto [side, init] : llvm::zip_equal(sides, op.getInits().drop_front()))
    if (failed(shapes.verifyExactly("C3", side.name, init, side.shape(weight),
                                    side.elementType)))
      return failure();
  return success();
}

LogicalResult BlockQuantizeOp::verify() {
  BlockShapes shapes(*this);
  QuantScheme scheme(getScheme().getScheme());
  if (getInits().empty())
    return shapes.expected("C2") << "an init for the blocks";
  if (failed(shapes.verifyKind()))
    return failure();
  // What is written is a weight like those that are read.
  auto weight = shapes.rowsShape(getInit(), scheme, std::nullopt);
  if (failed(weight))
    return failure();
  bool isChosen = choosesScales();
  if (failed(isChosen
                 ? verifySideInits(*this, shapes, scheme, *weight)
                 : shapes.verifySides(*weight, scheme, getScales(),
                                      getZeroPoints(), getGlobalScale())) ||
      failed(shapes.verifyBytes("C2", "init", getInit())) ||
      failed(shapes.verify("C1", "x", getX(), *weight,
                           Float32Type::get(getContext()))) ||
      failed(shapes.verifyStatic("C1", "K of 'x'", getX(), weight->size() - 1)))
    return failure();
  if (!isChosen) {
    if (getInits().size() != 1)
      return shapes.expected("C3")
             << "one init where scales are given, but got "
             << getInits().size();
    if (getRule() || getImportance())
      return shapes.expected("C4")
             << "no rule and no importance where nothing is chosen";
    for (FieldAttr field : scheme.fields())
      if (field != scheme.attr().getCode() && !field.isSide())
        return shapes.expected("C3")
               << "all scales to be chosen, as '" << scheme.displayName()
               << "' keeps some in its blocks";
    return success();
  }
  if (Value importance = getImportance()) {
    auto type = cast<ShapedType>(importance.getType());
    int64_t k = weight->back(), size = k;
    if (weight->size() == 3 && type.getRank() == 1 && type.getDimSize(0) != k)
      size = k * weight->front();
    if (failed(shapes.verifyExactly("C4", "importance", importance, {size},
                                    Float32Type::get(getContext()))))
      return failure();
  }
  return verifyRule(*this, "C4", scheme, getRuleAttr());
}

LogicalResult BlockFakeQuantizeOp::verify() {
  BlockShapes shapes(*this);
  auto x = cast<ShapedType>(getX().getType());
  if (failed(shapes.verifyKind()) ||
      failed(shapes.verify("C1", "init", getInit(), x.getShape(),
                           Float32Type::get(getContext()))))
    return failure();
  return verifyRoundTrip(*this, x, QuantScheme(getScheme().getScheme()),
                         getRuleAttr());
}

LogicalResult PackWeightOp::verify() {
  BlockShapes shapes(*this);
  QuantScheme scheme(getScheme().getScheme());
  if (failed(shapes.verifyKind()))
    return failure();
  auto weight = shapes.weightShape(getWeight(), scheme, std::nullopt);
  if (failed(weight) ||
      failed(shapes.verifyBytes("C2", "weight", getWeight())) ||
      failed(shapes.verifySides(*weight, scheme, getScales(), getZeroPoints(),
                                getGlobalScale())) ||
      failed(shapes.verifyPacked("C5", "init", getInit(),
                                 ArrayRef(*weight).drop_back(2))))
    return failure();
  return shapes.verifyLayout("C5", "init", getInit(), getLayout(),
                             (*weight)[weight->size() - 2], weight->back());
}

LogicalResult PackedMatmulOp::verify() {
  BlockShapes shapes(*this);
  QuantScheme scheme(getScheme().getScheme());
  if (failed(shapes.verifyKind()))
    return failure();
  auto last = [](Value value) {
    auto type = cast<ShapedType>(value.getType());
    return type.getRank() ? type.getShape().back() : ShapedType::kDynamic;
  };
  auto packed = cast<ShapedType>(getWeight().getType());
  SmallVector<int64_t> weight = {last(getInit()), last(getX())};
  if (getIds())
    weight.insert(weight.begin(),
                  packed.getRank() ? packed.getDimSize(0) : int64_t(1));
  if (failed(shapes.verifyMatmul(weight, getX(), getIds(), getBias(),
                                 getInit())) ||
      failed(shapes.verifyPacked("C2", "weight", getWeight(),
                                 ArrayRef(weight).drop_back(2))) ||
      failed(shapes.verifyActivations("C5", getActivations(), getReencoded(),
                                      std::nullopt)))
    return failure();
  if (llvm::any_of(weight, [](int64_t size) { return size < 1; }) ||
      weight.back() % scheme.block() != 0)
    return shapes.expected("C1")
           << "K of 'x' to be a multiple of the block size " << scheme.block()
           << " of '" << scheme.displayName()
           << "', and no size of the weight to be 0, but got "
           << getX().getType() << " and " << getInit().getType();
  if (!hasIntegerActivations(getActivations()))
    return shapes.expected("C5")
           << "activations to be " << integerActivationNames() << ", but got "
           << getActivations();
  if (failed(shapes.verifyLayout("C2", "weight", getWeight(), getLayout(),
                                 weight[weight.size() - 2], weight.back())))
    return failure();
  if (failed(verifyKernels(*this, getTilesAttr(), /*isPacked=*/true)))
    return failure();
  return verifyEpilogue(*this, shapes);
}

//===----------------------------------------------------------------------===//
// Inside loops
//===----------------------------------------------------------------------===//

LogicalResult DotOp::verify() {
  constexpr int64_t codesOfLane = 4, most = 256, mostLanes = 1024;
  VectorType codes = cast<VectorType>(getCodes().getType());
  VectorType sums = cast<VectorType>(getType());
  if (codes.isScalable() || sums.isScalable() ||
      sums.getNumElements() > mostLanes ||
      codes.getNumElements() != codesOfLane * sums.getNumElements())
    return emitOpError() << "(C1) expected four codes a lane of " << sums
                         << ", at most " << mostLanes << " lanes, but got "
                         << codes;
  if (getBelow() < 1 || getBelow() > most)
    return emitOpError() << "(C2) expected codes to be below 1 to " << most
                         << ", but got " << getBelow();
  return success();
}

/// Products with zeros are zeros.
OpFoldResult DotOp::fold(FoldAdaptor operands) {
  for (Attribute operand : {operands.getCodes(), operands.getActivations()})
    if (auto bytes = dyn_cast_or_null<DenseElementsAttr>(operand);
        bytes && bytes.isSplat() && bytes.getSplatValue<APInt>().isZero())
      return getAccumulator();
  return {};
}

LogicalResult LookupOp::verify() {
  constexpr size_t entries = 16;
  if (getTable().size() != entries)
    return emitOpError() << "(C1) expected a table of " << entries
                         << " entries, but got " << getTable().size();
  constexpr int64_t mostCodes = 4096;
  auto type = cast<VectorType>(getType());
  if (type.isScalable() || type.getNumElements() > mostCodes)
    return emitOpError() << "(C2) expected a vector of at most " << mostCodes
                         << " codes, but got " << type;
  return success();
}

LogicalResult ExtractBitsOp::verify() {
  constexpr int64_t bits = 8, mostBytes = 4096;
  int64_t width = getWidth(), from = getFrom(), to = getTo();
  bool lie = width >= 1 && width <= bits && from >= 0 && to >= 0 &&
             from <= bits - width && to <= bits - width;
  if (!lie)
    return emitOpError() << "(C1) expected bits in a byte, but got " << width
                         << " from bit " << from << " to bit " << to;
  auto type = cast<VectorType>(getType());
  if (type.isScalable() || type.getNumElements() > mostBytes ||
      type.getNumElements() % 2 != 0)
    return emitOpError()
           << "(C2) expected a vector of an even number of bytes, "
              "at most "
           << mostBytes << ", but got " << type;
  return success();
}

/// All bits, where they are.
OpFoldResult ExtractBitsOp::fold(FoldAdaptor) {
  return getWidth() == 8 ? getBytes() : Value();
}

LogicalResult DecodeOp::verify() {
  BlockShapes shapes(*this);
  auto weight = cast<MemRefType>(getWeight().getType());
  Type element = weight.getElementType();
  QuantScheme scheme(getScheme().getScheme());
  bool bytesOrFloats = element.isInteger(8) || element.isF32() ||
                       element.isF16() || element.isBF16();
  if (!bytesOrFloats || int64_t(getIndices().size()) != weight.getRank() ||
      (weight.getRank() != 2 && weight.getRank() != 3))
    return shapes.expected("C1")
           << "a memref of i8, or of floats stored plainly, [N, bytes] or [E, "
              "N, bytes], and as many indices as it has dimensions, but got "
           << getIndices().size() << " indices for " << weight;
  constexpr int64_t mostLanes = 1 << 12;
  auto vector = cast<VectorType>(getType());
  if (vector.getRank() != 1 || vector.isScalable() ||
      !vector.getElementType().isF32() || vector.getNumElements() > mostLanes)
    return shapes.expected("C2") << "the result to be a vector of at most "
                                 << mostLanes << " f32, but got " << vector;
  // Of a block that runs on into the next ones, as far as the row goes.
  int64_t k = weight.getShape().back(), first = getFirst();
  if (element.isInteger(8) && !weight.isDynamicDim(weight.getRank() - 1))
    k = k / scheme.blockBytes() * scheme.block();
  bool isKnown = !weight.isDynamicDim(weight.getRank() - 1);
  int64_t most = isKnown ? k : int64_t(SchemeAttr::largestBlock) + mostLanes;
  if (first < 0 || first > most - vector.getNumElements())
    return shapes.expected("C3") << "elements " << first << " to "
                                 << first + vector.getNumElements() - 1
                                 << " to lie in a row, which has " << most;
  std::pair<StringRef, Value> given[] = {{"scales", getScales()},
                                         {"zero_points", getZeroPoints()},
                                         {"global_scale", getGlobalScale()}};
  for (auto [name, value] : given) {
    std::optional<SideOperand> side = scheme.findSide(name);
    if (side.has_value() != bool(value))
      return emitOpError() << "(C4) scheme '" << scheme.displayName() << "' "
                           << (side ? "needs" : "does not take") << " '" << name
                           << "'";
    if (!side)
      continue;
    auto type = cast<MemRefType>(value.getType());
    int64_t rank = weight.getRank() - 2 + side->index.getNumResults();
    if (type.getRank() != rank || type.getElementType() != side->elementType)
      return shapes.expected("C4")
             << "'" << name << "' to be of " << side->elementType
             << " and of rank " << rank << ", but got " << type;
  }
  return success();
}

LogicalResult ParallelForOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto body = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(
      *this, getBodyAttr());
  if (!body)
    return emitOpError() << "(C1) expected '" << getBody()
                         << "' to be a function";
  SmallVector<Type> types(2, IndexType::get(getContext()));
  llvm::append_range(types, getCaptures().getTypes());
  if (body.getArgumentTypes() != ArrayRef<Type>(types) ||
      !body.getResultTypes().empty())
    return emitOpError() << "(C2) expected '" << getBody()
                         << "' to take two indices and the captures, and to "
                            "give nothing, but it is "
                         << body.getFunctionType();
  return success();
}

//===----------------------------------------------------------------------===//
// rlx.check
//===----------------------------------------------------------------------===//

LogicalResult CheckOp::verify() {
  size_t places = getMessage().count("{}");
  if (places < getValues().size())
    return emitOpError() << "(C1) expected a '{}' in the message for each of "
                         << getValues().size() << " values, but got " << places;
  return success();
}

/// What always holds needs no check.
/// A loop without iterations is nothing.
LogicalResult ParallelForOp::canonicalize(ParallelForOp op,
                                          PatternRewriter &rewriter) {
  if (!matchPattern(op.getCount(), m_Zero()))
    return failure();
  rewriter.eraseOp(op);
  return success();
}

LogicalResult CheckOp::canonicalize(CheckOp op, PatternRewriter &rewriter) {
  APInt value;
  if (!matchPattern(op.getCondition(), m_ConstantInt(&value)) || value.isZero())
    return failure();
  rewriter.eraseOp(op);
  return success();
}
