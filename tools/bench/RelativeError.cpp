//===- RelativeError.cpp - Of a matmul, against double precision ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/RelativeError.h"

#include <cmath>
#include <random>

using namespace rlx;

llvm::Expected<double> rlx::relativeError(const RandomWeight &weight,
                                          const Tensor &x, const Tensor &y) {
  constexpr int64_t sampledColumns = 64, sampledRows = 8;
  int64_t rows = x.shape()[0], length = x.shape()[1], columns = y.shape()[1];
  auto decoder = ReferenceDecoder::create(*QuantScheme::of(weight.type),
                                          {columns, length}, weight.stored());
  if (!decoder)
    return decoder.takeError();
  std::mt19937_64 random(3);
  std::vector<double> values(length);
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < std::min(sampledColumns, columns); ++i) {
    int64_t n = columns <= sampledColumns ? i : int64_t(random() % columns);
    decoder->decodeRow(n, values.data());
    for (int64_t j = 0; j < std::min(sampledRows, rows); ++j) {
      int64_t m = rows <= sampledRows ? j : int64_t(random() % rows);
      double expected = 0;
      for (int64_t k = 0; k < length; ++k) {
        double product = double(x.data<float>()[m * length + k]) * values[k];
        expected += product;
        norm += product * product;
      }
      double got = y.data<float>()[m * columns + n];
      difference += (got - expected) * (got - expected);
    }
  }
  return std::sqrt(difference / norm);
}
