//===- Util.td - Globals of IREE's util dialect ------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What IREE's exporters keep parameters in, under its names and in its text, so
// that such programs are read as they are. Its other operations are not here.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_UTIL_TD
#define RLX_IR_UTIL_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/SymbolInterfaces.td"

def Util_Dialect : Dialect {
  let name = "util";
  let cppNamespace = "::rlx::util";
  let summary = "Globals as IREE writes them";
}

def Util_GlobalOp : Op<Util_Dialect, "global", [Symbol]> {
  let summary = "a value that a module has";
  let description = [{
    `util.global private @w = dense<1.0> : tensor<4xf32>`, or with a type alone,
    `util.global private mutable @w : tensor<4xf32>`, or with a parameter of a file,
    `#flow.parameter.named<"scope"::"name"> : tensor<4xf32>`.
  }];
  let arguments = (ins OptionalAttr<StrAttr>:$sym_visibility, SymbolNameAttr:$sym_name,
                       TypeAttr:$type, UnitAttr:$is_mutable,
                       OptionalAttr<AnyAttr>:$initial_value);
  let hasCustomAssemblyFormat = 1;
}

def Util_GlobalLoadOp : Op<Util_Dialect, "global.load"> {
  let summary = "the value of a global";
  let arguments = (ins FlatSymbolRefAttr:$global, UnitAttr:$is_immutable);
  let results = (outs AnyType:$result);
  let assemblyFormat = [{
    (`immutable` $is_immutable^)? $global attr-dict `:` type($result)
  }];
}

def Util_GlobalStoreOp : Op<Util_Dialect, "global.store"> {
  let summary = "a new value of a global";
  let arguments = (ins AnyType:$value, FlatSymbolRefAttr:$global);
  let assemblyFormat = "$value `,` $global attr-dict `:` type($value)";
}

#endif
