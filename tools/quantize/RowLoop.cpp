//===- RowLoop.cpp - Rows of a source, on all threads ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/RowLoop.h"

using namespace rlx;
using namespace rlx::quantize;

llvm::Error RowLoop::operator()(int64_t parts,
                                llvm::function_ref<llvm::Error(int64_t)> body) {
  struct Loop {
    llvm::function_ref<llvm::Error(int64_t)> body;
    std::vector<std::string> messages; ///< Of each part; mostly empty.
  } loop{body, std::vector<std::string>(size_t(parts))};
  pool.parallelFor(
      [](void *closure, int64_t from, int64_t to) {
        auto &loop = *static_cast<Loop *>(closure);
        for (int64_t part = from; part < to; ++part)
          if (llvm::Error error = loop.body(part))
            loop.messages[part] = llvm::toString(std::move(error));
      },
      &loop, parts);
  for (const std::string &message : loop.messages)
    if (!message.empty())
      return llvm::createStringError(message);
  return llvm::Error::success();
}

RowSource quantize::weightRowsOf(const Conversion &conversion,
                                 const Step &step) {
  QuantizeOptions options;
  options.name = step.entry->name;
  options.rule = step.rule;
  // Methods compare outputs, which such numbers leave nothing of.
  options.allowNonFinite =
      conversion.allowNonFinite && !isCalibrated(step.algorithm);
  if (auto found = conversion.imatrix.find(step.entry->name);
      found != conversion.imatrix.end())
    options.importance = found->second;
  const WeightSource &source = conversion.source;
  const WeightEntry &entry = *step.entry;
  return {*step.scheme, entry.shape,
          [&source, &entry](int64_t begin, int64_t end,
                            llvm::MutableArrayRef<float> values) {
            source.readRows(entry, begin, end, values);
          },
          std::move(options),
          [&source, &entry](int64_t begin, int64_t end) {
            source.release(entry, begin, end);
          }};
}

llvm::Expected<SquareSums>
quantize::streamNearest(const RowSource &weight, Quantizer &quantizer,
                        PartLoop loop, StoredRows &rows, StoreBlocks store) {
  if (llvm::Error error = chooseSharedOfLarge(quantizer, weight, rows))
    return error;
  RowWork work;
  work.rowsTogether = quantizer.rowsTogether();
  work.quantize = [&](llvm::MutableArrayRef<float> values, int64_t begin,
                      int64_t end, StoredRows &stored) {
    return quantizer.quantizeRows(values, begin, end, stored.bytes(begin, end));
  };
  work.measure = [](int64_t, llvm::ArrayRef<float> values,
                    llvm::ArrayRef<double> numbers) {
    SquareSums sums;
    for (auto [x, number] : llvm::zip_equal(values, numbers))
      sums.add(x, float(number));
    return sums;
  };
  return streamWeight(weight, work, loop, rows, store);
}
