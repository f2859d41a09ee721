//===- FakeQuantize.cpp - What quantizing does to numbers -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/FakeQuantize.h"

#include <algorithm>

using namespace rlx;

static llvm::Error checkRoundTrip(QuantScheme scheme,
                                  llvm::ArrayRef<float> values,
                                  llvm::ArrayRef<float> result) {
  std::string what = "a round trip of '" + scheme.displayName().str() + "'";
  if (!scheme.sideOperands().empty())
    return llvm::createStringError(
        "expected " + what +
        " to need nothing beside its blocks, but it has a side tensor '" +
        scheme.sideOperands().front().name + "'");
  if (values.empty())
    return llvm::createStringError("expected " + what +
                                   " to have at least one element");
  if (values.size() % scheme.block() != 0)
    return llvm::createStringError("expected " + what +
                                   " to have a multiple of the block size " +
                                   llvm::Twine(scheme.block()) + ", but got " +
                                   llvm::Twine(values.size()) + " elements");
  if (result.size() != values.size())
    return llvm::createStringError(
        "expected the output element count of " + what + " to be " +
        llvm::Twine(values.size()) + ", but got " + llvm::Twine(result.size()));
  return llvm::Error::success();
}

llvm::Error rlx::fakeQuantize(QuantScheme scheme, llvm::ArrayRef<float> values,
                              llvm::MutableArrayRef<float> result,
                              std::optional<QuantRule> rule) {
  if (llvm::Error error = checkRoundTrip(scheme, values, result))
    return error;
  // Each block is a row: rows of a weight are independent.
  int64_t block = scheme.block(), rows = int64_t(values.size()) / block;
  QuantizeOptions options;
  options.rule = std::move(rule);
  auto quantizer = Quantizer::create(scheme, {rows, block}, std::move(options));
  if (!quantizer)
    return quantizer.takeError();
  // What stays in a cache between the two.
  constexpr int64_t elementsAtOnce = 4096;
  int64_t atOnce = std::max<int64_t>(1, elementsAtOnce / block);
  std::vector<uint8_t> bytes(std::min(atOnce, rows) * scheme.rowBytes(block));
  for (int64_t begin = 0; begin < rows; begin += atOnce) {
    int64_t end = std::min(rows, begin + atOnce);
    llvm::MutableArrayRef<uint8_t> blocks(
        bytes.data(), (end - begin) * scheme.rowBytes(block));
    if (llvm::Error error = quantizer->quantizeRows(
            values.slice(begin * block, (end - begin) * block), begin, end,
            {blocks, {}, {}, {}}))
      return error;
    quantizer->decodeRows(blocks,
                          result.slice(begin * block, (end - begin) * block));
  }
  return llvm::Error::success();
}
