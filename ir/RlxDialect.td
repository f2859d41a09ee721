//===- RlxDialect.td - The rlx dialect ---------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect itself. Attributes are in RlxAttributes.td, operations in RlxOps.td.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_RLXDIALECT_TD
#define RLX_IR_RLXDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"

def RlxDialect : Dialect {
  let name = "rlx";
  let cppNamespace = "::rlx";
  let summary = "Tensor programs whose weights are quantized";
  let description = [{
    A quantized tensor is an ordinary ranked tensor of its logical element type
    with the encoding `#rlx.quant<scheme>`. A scheme is data: `#rlx.scheme`
    describes where in a block the bits of each code lie and how a code becomes
    a number. Everything else (decoders, kernels, sizes) is derived from it.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
  let extraClassDeclaration = [{
    /// Built-in schemes that have been parsed, by the name they were asked for.
    SchemeAttr findScheme(::llvm::StringRef name);
    void addScheme(::llvm::StringRef name, SchemeAttr scheme);

  private:
    ::std::mutex schemesMutex;
    ::llvm::StringMap<::mlir::Attribute> schemes;

  public:
  }];
}

#endif
