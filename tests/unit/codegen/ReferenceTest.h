//===- ReferenceTest.h - Programs that are evaluated, not compiled --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RLX_TESTS_UNIT_CODEGEN_REFERENCETEST_H
#define RLX_TESTS_UNIT_CODEGEN_REFERENCETEST_H

#include "tests/unit/codegen/TestSupport.h"

namespace rlx::test {

class ReferenceTest : public testing::Test {
protected:
  ReferenceTest() : context(createContext()) {}

  llvm::Expected<std::vector<ReferenceTensor>>
  evaluated(llvm::StringRef text, llvm::ArrayRef<TensorView> inputs) {
    auto parsed = parseText(*context, text);
    if (!parsed)
      return parsed.takeError();
    module = std::move(*parsed);
    return evaluate(
        *module, [](llvm::StringRef) { return TensorView(); }, "main", inputs);
  }
  /// The results, of which there must be some.
  std::vector<ReferenceTensor> results(llvm::StringRef text,
                                       llvm::ArrayRef<TensorView> inputs) {
    auto all = evaluated(text, inputs);
    if (all)
      return *all;
    ADD_FAILURE() << llvm::toString(all.takeError()) << "\n" << text.str();
    return {};
  }
  /// The only result, whether floats or integers.
  std::vector<double> numbers(llvm::StringRef text,
                              llvm::ArrayRef<TensorView> inputs) {
    std::vector<ReferenceTensor> all = results(text, inputs);
    return all.empty() ? std::vector<double>() : numbersOf(all[0]);
  }
  static std::vector<double> numbersOf(const ReferenceTensor &tensor) {
    if (tensor.numbers.isFloat())
      return tensor.numbers.values;
    std::vector<double> values;
    for (uint64_t bits : tensor.numbers.bits)
      values.push_back(double(signedBits(bits, widthOf(tensor.numbers.type))));
    return values;
  }
  std::string refusal(llvm::StringRef text, llvm::ArrayRef<TensorView> inputs) {
    return messageOf(evaluated(text, inputs));
  }

  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_CODEGEN_REFERENCETEST_H
