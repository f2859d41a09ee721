//===- Dialect.cpp - Registration of the rlx dialect ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Dialect.h"
#include "ir/Inlining.h"
#include "ir/QMatmul.h"
#include "ir/Scheme.h"
#include "ir/ViewOps.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rlx;

#include "ir/RlxDialect.cpp.inc"

#include "ir/RlxEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "ir/RlxAttributes.cpp.inc"

namespace {
/// Gives a user's scheme an alias with its name, so that types stay short.
struct SchemeAliases : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attribute, raw_ostream &os) const override {
    auto scheme = dyn_cast<SchemeAttr>(attribute);
    if (!scheme || QuantScheme(scheme).isBuiltin())
      return AliasResult::NoAlias;
    for (char c : scheme.getName().getValue())
      os << (llvm::isAlnum(c) ? c : '_');
    return AliasResult::FinalAlias;
  }
};

} // namespace

void RlxDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ir/RlxAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/RlxOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/QMatmul.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/ViewOps.cpp.inc"
      >();
  addInterfaces<SchemeAliases, InlineAll>();
}

SchemeAttr RlxDialect::findScheme(StringRef name) {
  std::lock_guard<std::mutex> lock(schemesMutex);
  return dyn_cast_or_null<SchemeAttr>(schemes.lookup(name));
}

void RlxDialect::addScheme(StringRef name, SchemeAttr scheme) {
  std::lock_guard<std::mutex> lock(schemesMutex);
  schemes[name] = scheme;
}
