//===- BlockOps.cpp - Checks of operations on stored bytes ----------------===//

#include "ir/Dialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace rlx;

LogicalResult
TilesAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                  int64_t rows, int64_t panelFrom, int64_t panelRows,
                  int64_t height, int64_t columns, int64_t depth, bool,
                  int64_t panelTiles, bool, int64_t scaledFrom, int64_t ahead) {
  constexpr int64_t mostRows = 32, mostTiles = 4, most = 1 << 24;
  auto check = [&](StringRef name, int64_t value, int64_t from,
                   int64_t to) -> LogicalResult {
    if (value >= from && value <= to)
      return success();
    return emitError() << "expected " << name << " to be " << from << " to "
                       << to << ", but got " << value;
  };
  if (failed(check("rows", rows, 1, mostRows)) ||
      failed(check("panel_from", panelFrom, 1, most)) ||
      failed(check("panel_rows", panelRows, 1, mostRows)) ||
      failed(check("panel_tiles", panelTiles, 1, mostTiles)) ||
      failed(check("height", height, 0, most)) ||
      failed(check("scaled_from", scaledFrom, 0, most)) ||
      failed(check("ahead", ahead, 0, most)) ||
      failed(check("columns", columns, 1, most)) ||
      failed(check("depth", depth, 1, most)))
    return failure();
  if (height % panelRows != 0)
    return emitError() << "expected height to be a multiple of panel_rows, "
                       << panelRows << ", but got " << height;
  return success();
}

/// Checks the epilogue of a matmul.
template <typename OpT> static LogicalResult verifyEpilogue(OpT op) {
  size_t inputs = op.getEpilogueInputs().size();
  size_t maps = op.getEpilogueMaps() ? op.getEpilogueMaps()->size() : 0;
  if (inputs != maps)
    return op.emitOpError() << "expected a map for each of " << inputs
                            << " inputs of the epilogue, but got " << maps;
  if (op.getEpilogue().empty()) {
    if (inputs)
      return op.emitOpError("expected a region with inputs of an epilogue");
    return success();
  }
  Block &block = op.getEpilogue().front();
  if (block.empty() || !isa<YieldOp>(block.back()))
    return op.emitOpError("expected the epilogue to end with rlx.yield");
  if (block.getNumArguments() != 1 + inputs)
    return op.emitOpError()
           << "expected the epilogue to have an argument for the sum and one "
              "for each of "
           << inputs << " inputs, but got " << block.getNumArguments();
  Type f32 = Float32Type::get(op.getContext());
  if (block.getArgument(0).getType() != f32)
    return op.emitOpError() << "expected the epilogue's first argument to be "
                               "f32, but got "
                            << block.getArgument(0).getType();
  int64_t rank = cast<ShapedType>(op.getInit().getType()).getRank();
  for (size_t i = 0; i < inputs; ++i) {
    auto type = cast<ShapedType>(op.getEpilogueInputs()[i].getType());
    AffineMap map = cast<AffineMapAttr>((*op.getEpilogueMaps())[i]).getValue();
    if (block.getArgument(1 + i).getType() != type.getElementType())
      return op.emitOpError()
             << "expected argument " << 1 + i << " of the epilogue to be "
             << type.getElementType() << ", but got "
             << block.getArgument(1 + i).getType();
    // Dimensions of the result, in their order, or constants.
    int64_t last = -1;
    bool inOrder = map.getNumDims() == rank && map.getNumSymbols() == 0 &&
                   map.getNumResults() == type.getRank();
    for (AffineExpr expr : map.getResults()) {
      if (isa<AffineConstantExpr>(expr))
        continue;
      auto dim = dyn_cast<AffineDimExpr>(expr);
      inOrder = inOrder && dim && int64_t(dim.getPosition()) > last;
      last = dim ? int64_t(dim.getPosition()) : last;
    }
    if (!inOrder)
      return op.emitOpError()
             << "expected the map of input " << i
             << " of the epilogue to take dimensions of the result in their "
                "order, or constants, but got "
             << AffineMapAttr::get(map);
  }
  return success();
}

LogicalResult BlockMatmulOp::verify() { return verifyEpilogue(*this); }
LogicalResult PackedMatmulOp::verify() { return verifyEpilogue(*this); }
LogicalResult BlockDequantizeOp::verify() { return success(); }
LogicalResult BlockQuantizeOp::verify() { return success(); }
LogicalResult PackWeightOp::verify() { return success(); }
LogicalResult DotOp::verify() { return success(); }
LogicalResult LookupOp::verify() { return success(); }

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
LogicalResult CheckOp::canonicalize(CheckOp op, PatternRewriter &rewriter) {
  APInt value;
  if (!matchPattern(op.getCondition(), m_ConstantInt(&value)) || value.isZero())
    return failure();
  rewriter.eraseOp(op);
  return success();
}
