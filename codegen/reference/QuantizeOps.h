//===- QuantizeOps.h - The codes of numbers ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_REFERENCE_QUANTIZEOPS_H
#define RLX_CODEGEN_REFERENCE_QUANTIZEOPS_H

#include "codegen/reference/Interpreter.h"
#include "ir/Dialect.h"
#include "ir/Scheme.h"

namespace rlx {

mlir::LogicalResult runQuantize(Interpreter &interpreter, QuantizeOp op);
/// Where scales, zeros or offsets are chosen.
mlir::LogicalResult runChosenQuantize(Interpreter &interpreter, QuantizeOp op);
mlir::LogicalResult runFakeQuantize(Interpreter &interpreter,
                                    FakeQuantizeOp op);

/// Rows of a scheme that has nothing beside its blocks. `others` differ where
/// rounding of the numbers may have led to other bytes.
struct EncodedRows {
  std::vector<uint8_t> bytes, others;
};
/// What rlx.quantize makes of `x`, `[..., K]`; errors are diagnostics of `op`.
mlir::FailureOr<EncodedRows> encodeRows(mlir::Operation *op, const Datum &x,
                                        QuantScheme scheme,
                                        mlir::StringAttr rule);
/// The same with `rule`, of schemes that have scales, zeros or offsets.
mlir::FailureOr<EncodedRows> encodeChosenRows(mlir::Operation *op,
                                              const Datum &x,
                                              QuantScheme scheme,
                                              mlir::StringAttr rule);

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_QUANTIZEOPS_H
