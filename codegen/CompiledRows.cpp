//===- CompiledRows.cpp - Quantizers as machine code ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/CompiledRows.h"

#include "codegen/Compiler.h"
#include "passes/rules/RulePlan.h"

using namespace mlir;
using namespace rlx;

llvm::Error CompiledRows::use(Quantizer &quantizer) {
  QuantScheme scheme = quantizer.scheme();
  int64_t columns = quantizer.columns(), bytes = scheme.rowBytes(columns);
  std::string reason;
  if (!quantizer.followsRuleOfScheme() || !scheme.sideOperands().empty() ||
      failed(RulePlan::of(scheme, QuantRule::of(scheme), columns, reason)))
    return llvm::Error::success();
  std::string program;
  llvm::raw_string_ostream stream(program);
  std::string row = "tensor<1x" + std::to_string(columns) + "xf32";
  stream << "func.func @main(%x: " << row << ">) -> " << row << ", "
         << QuantAttr::get(scheme.attr().getContext(), scheme.attr())
         << "> {\n  %q = rlx.quantize %x : (" << row << ">) -> " << row << ", "
         << QuantAttr::get(scheme.attr().getContext(), scheme.attr())
         << ">\n  return %q : " << row << ", "
         << QuantAttr::get(scheme.attr().getContext(), scheme.attr()) << ">\n}";
  std::shared_ptr<Executable> &code = known[program];
  if (!code) {
    auto compiled = compileText(program);
    if (!compiled)
      return compiled.takeError();
    code = std::move(*compiled);
  }
  quantizer.computeRowsBy([code, columns, bytes](const float *values,
                                                 uint8_t *blocks) {
    TensorView x{ElementType::f32, {1, columns}, const_cast<float *>(values)};
    return code->run("main", {x}, {{ElementType::u8, {1, bytes}, blocks}});
  });
  return llvm::Error::success();
}
