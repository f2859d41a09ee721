//===- AttentionFormula.h - Attention in double precision -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RLX_TESTS_UNIT_CODEGEN_ATTENTIONFORMULA_H
#define RLX_TESTS_UNIT_CODEGEN_ATTENTIONFORMULA_H

#include "tests/unit/codegen/TestSupport.h"

#include <cmath>

namespace rlx::test {

/// An index as programs take it.
struct Index : Buffer<int64_t> {
  explicit Index(int64_t value) : Buffer(ElementType::i64, {}, {value}) {}
};

struct AttentionCase {
  int64_t groups, members, depth, columns;
  int64_t window = 0;
  double softcap = 0, scale = 0;
  bool hasSinks = false;
};

inline std::vector<double> attention(const AttentionCase &c, const Floats &q,
                                     const Floats &k, const Floats &v,
                                     int64_t length, const Floats &sinks,
                                     bool isCausal = true) {
  int64_t rows = q.shape[0], heads = c.groups * c.members;
  double scale = c.scale ? c.scale : 1 / std::sqrt(double(c.depth));
  std::vector<double> result;
  for (int64_t t = 0; t < rows; ++t)
    for (int64_t h = 0; h < heads; ++h) {
      int64_t group = h / c.members;
      int64_t end = isCausal ? length - rows + t + 1 : length;
      int64_t begin = c.window ? std::max<int64_t>(0, end - c.window) : 0;
      std::vector<double> p;
      double sum = c.hasSinks ? std::exp(double(sinks.values[h])) : 0;
      for (int64_t s = begin; s < end; ++s) {
        double score = 0;
        for (int64_t d = 0; d < c.depth; ++d)
          score += double(q.values[(t * heads + h) * c.depth + d]) *
                   k.values[(s * c.groups + group) * c.depth + d];
        score *= scale;
        if (c.softcap)
          score = c.softcap * std::tanh(score / c.softcap);
        p.push_back(std::exp(score));
        sum += p.back();
      }
      for (int64_t e = 0; e < c.columns; ++e) {
        double total = 0;
        for (int64_t s = begin; s < end; ++s)
          total +=
              p[s - begin] * v.values[(s * c.groups + group) * c.columns + e];
        result.push_back(end > begin ? total / sum : 0);
      }
    }
  return result;
}

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_CODEGEN_ATTENTIONFORMULA_H
