//===- RlxInterfaces.td - What operations have in common ---*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_IR_RLXINTERFACES_TD
#define RLX_IR_RLXINTERFACES_TD

include "mlir/IR/OpBase.td"

def Rlx_QuantizedWeightOpInterface : OpInterface<"QuantizedWeightOpInterface"> {
  let cppNamespace = "::rlx";
  let description = [{
    An operation of a graph that takes a weight which may be quantized, and the
    side tensors that belong to it. Fusion, annotation, checks and the lowering of
    encodings know the weight of an operation through this.
  }];
  let methods = [
    InterfaceMethod<"The operand that is the weight.",
      "::mlir::OpOperand &", "getQuantizedWeightMutable", (ins), "",
      [{ return $_op.getWeightMutable(); }]>,
    InterfaceMethod<"The scales beside the weight, or null.", "::mlir::Value", "getScales">,
    InterfaceMethod<"The zero points beside it, or null.", "::mlir::Value", "getZeroPoints">,
    InterfaceMethod<"The scale of the whole weight, or null.", "::mlir::Value", "getGlobalScale">,
    InterfaceMethod<"", "::mlir::MutableOperandRange", "getScalesMutable">,
    InterfaceMethod<"", "::mlir::MutableOperandRange", "getZeroPointsMutable">,
    InterfaceMethod<"", "::mlir::MutableOperandRange", "getGlobalScaleMutable">
  ];
}

#endif // RLX_IR_RLXINTERFACES_TD
