//===- SideTypes.cpp - Other element types of side tensors ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/SideTypes.h"

#include "llvm/ADT/SmallVectorExtras.h"

using namespace mlir;
using namespace rlx;

QuantScheme rlx::withSideType(QuantScheme scheme, Type type, StringRef name) {
  SchemeAttr attribute = scheme.attr();
  MLIRContext *context = attribute.getContext();
  auto convert = [&](FieldAttr field) {
    if (!field || !field.isSide() ||
        !isa<Float32Type, Float16Type, BFloat16Type>(field.getType()))
      return field;
    PlaneAttr plane = field.getPlanes().front();
    return FieldAttr::get(context,
                          {PlaneAttr::get(context, type, plane.getPosition())},
                          field.getOperand(), type, field.getCodebook(),
                          field.getBias(), field.getNanAsZero());
  };
  auto scales = llvm::map_to_vector(attribute.getScale(), convert);
  auto offsets = llvm::map_to_vector(attribute.getOffset(), convert);
  return QuantScheme(SchemeAttr::get(
      context, StringAttr::get(context, name), attribute.getGgml(),
      attribute.getBlock(), attribute.getBytes(), attribute.getUnused(),
      attribute.getCode(), convert(attribute.getZero()), scales, offsets,
      attribute.getOffsetNegative(), attribute.getRounded()));
}
