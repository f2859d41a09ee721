//===- SidedWeight.cpp - Weights with tensors beside them -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/SidedWeight.h"

#include "llvm/Support/MathExtras.h"

using namespace rlx;
using namespace rlx::quantize;

namespace {
/// Quantizes and measures parts of rows, on all threads.
class PartsQuantizer {
public:
  PartsQuantizer(const WeightSource &source, const WeightEntry &entry,
                 const Quantizer &quantizer, QuantizedWeight &weight)
      : source(source), entry(entry), quantizer(quantizer), weight(weight),
        rowsPerExpert(*(entry.shape.end() - 2)),
        together(std::min(quantizer.rowsTogether(), rowsPerExpert)),
        partsPerExpert(llvm::divideCeil(rowsPerExpert, together)) {
    int64_t parts = weight.rows() / rowsPerExpert * partsPerExpert;
    messages.resize(parts);
    outcomes.resize(parts);
  }

  int64_t parts() const { return int64_t(messages.size()); }
  void quantize(int64_t part);
  void measure(const ReferenceDecoder &decoder, int64_t part);

  std::vector<std::string> messages; ///< Of each part; mostly empty.
  std::vector<Outcome> outcomes;

private:
  std::pair<int64_t, int64_t> rowsOf(int64_t part) const {
    int64_t begin = part % partsPerExpert * together;
    int64_t first = part / partsPerExpert * rowsPerExpert;
    return {first + begin, first + std::min(begin + together, rowsPerExpert)};
  }

  const WeightSource &source;
  const WeightEntry &entry;
  const Quantizer &quantizer;
  QuantizedWeight &weight;
  int64_t rowsPerExpert, together, partsPerExpert;
};
} // namespace

void PartsQuantizer::quantize(int64_t part) {
  auto [begin, end] = rowsOf(part);
  std::vector<float> values((end - begin) * weight.columns());
  source.readRows(entry, begin, end, values);
  if (llvm::Error error = quantizer.quantizeRows(values, begin, end,
                                                 weight.rowBytes(begin, end)))
    messages[part] = llvm::toString(std::move(error));
}

void PartsQuantizer::measure(const ReferenceDecoder &decoder, int64_t part) {
  auto [begin, end] = rowsOf(part);
  std::vector<float> values(weight.columns());
  std::vector<double> decoded(weight.columns());
  for (int64_t row = begin; row < end; ++row) {
    source.readRows(entry, row, row + 1, values);
    decoder.decodeRow(row, decoded.data());
    for (size_t i = 0; i < values.size(); ++i) {
      double value = values[i], difference = value - float(decoded[i]);
      outcomes[part].squaredSize += value * value;
      outcomes[part].squaredError += difference * difference;
    }
  }
}

/// `body` for each part, on the threads of `pool`.
template <typename Body>
static void forParts(ThreadPool &pool, int64_t parts, Body body) {
  pool.parallelFor(
      [](void *closure, int64_t from, int64_t to) {
        for (int64_t part = from; part < to; ++part)
          (*static_cast<Body *>(closure))(part);
      },
      &body, parts);
}

llvm::Expected<QuantizedWeight>
quantize::quantizeSided(const WeightSource &source, const WeightEntry &entry,
                        const Quantizer &quantizer, ThreadPool &pool,
                        Outcome &outcome) {
  QuantizedWeight weight(quantizer, entry.shape);
  PartsQuantizer parts(source, entry, quantizer, weight);
  forParts(pool, parts.parts(), [&](int64_t part) { parts.quantize(part); });
  for (const std::string &message : parts.messages)
    if (!message.empty())
      return llvm::createStringError(message);
  auto decoder = ReferenceDecoder::create(quantizer.scheme(), entry.shape,
                                          weight.stored());
  if (!decoder)
    return decoder.takeError();
  forParts(pool, parts.parts(),
           [&](int64_t part) { parts.measure(*decoder, part); });
  // In their order, whichever thread was first.
  for (const Outcome &part : parts.outcomes) {
    outcome.squaredError += part.squaredError;
    outcome.squaredSize += part.squaredSize;
  }
  source.release(entry, 0, weight.rows());
  return weight;
}
