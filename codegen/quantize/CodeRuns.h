//===- CodeRuns.h - The codes of a block, stored in runs --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// FieldBits.h writes one code; this writes all codes of a block, byte after
// byte: bytes at equal distances that take the same bits of codes are a run.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_CODERUNS_H
#define RLX_CODEGEN_QUANTIZE_CODERUNS_H

#include "ir/Scheme.h"

#include <optional>
#include <vector>

namespace rlx::quantize {

class CodeRuns {
public:
  /// None where bits of a code cross bytes, or codes have more than a byte.
  static std::optional<CodeRuns> create(QuantScheme scheme);

  /// Writes a code of each element into a block whose bytes are zeros.
  void store(const uint8_t *codes, uint8_t *block) const;

private:
  struct Run {
    int64_t firstByte, count, firstElement, stride;
    unsigned srcShift, mask, dstShift;
  };
  std::vector<Run> runs;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_CODERUNS_H
