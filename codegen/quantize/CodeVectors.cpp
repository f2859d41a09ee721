//===- CodeVectors.cpp - The loops of NearestCodes ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/NearestCodes.h"
#include "codegen/quantize/Processors.h"

#include <cstring>

using namespace rlx::quantize;

namespace {
constexpr int64_t width = 16;
using Floats = float __attribute__((vector_size(4 * width)));
using Ints = int32_t __attribute__((vector_size(4 * width)));
using Bytes = uint8_t __attribute__((vector_size(width)));

/// `choose` gives codes for quotients, and -1 where there is doubt.
template <typename Choose>
RLX_INLINE bool chooseCodes(const float *x, int64_t count, float base,
                            float inverse, uint8_t *codes, uint8_t *doubts,
                            Choose choose) {
  Ints any = {};
  for (int64_t i = 0; i < count; i += width) {
    Floats values = {};
    auto bytes = size_t(std::min(width, count - i));
    if (bytes == width)
      std::memcpy(&values, x + i, sizeof(values));
    else
      std::memcpy(&values, x + i, bytes * sizeof(float));
    Ints doubt = {};
    Ints chosen = choose((values - base) * inverse, doubt);
    any |= doubt;
    Bytes code = __builtin_convertvector(chosen, Bytes),
          flag = __builtin_convertvector(doubt, Bytes);
    if (bytes == width) {
      std::memcpy(codes + i, &code, sizeof(code));
      std::memcpy(doubts + i, &flag, sizeof(flag));
    } else {
      std::memcpy(codes + i, &code, bytes);
      std::memcpy(doubts + i, &flag, bytes);
      flag = Bytes{};
    }
  }
  // Words of bytes are fewer.
  Bytes flags = __builtin_convertvector(any, Bytes);
  uint64_t words[2];
  std::memcpy(words, &flags, sizeof(words));
  return (words[0] | words[1]) != 0;
}

RLX_INLINE bool chooseIntegers(const float *x, int64_t count, float base,
                               float inverse, float low, float high, int bias,
                               int mask, float margin, uint8_t *codes,
                               uint8_t *doubts) {
  return chooseCodes(
      x, count, base, inverse, codes,
      doubts, [&](Floats t, Ints & doubt) __attribute__((always_inline)) {
        // Adding it leaves no bits behind the point.
        constexpr float magic = 0x1.8p23f;
        Floats least = Floats{} + low, most = Floats{} + high;
        t = t < least ? least : t;
        t = t > most ? most : t;
        Floats number = (t + magic) - magic, off = t - number;
        off = off < 0 ? -off : off;
        doubt = off > 0.5f - margin;
        return (__builtin_convertvector(number, Ints) + bias) & mask;
      });
}

RLX_INLINE bool chooseRanks(const float *x, int64_t count, float base,
                            float inverse, const float *middles, int numMiddles,
                            float margin, uint8_t *codes, uint8_t *doubts) {
  return chooseCodes(
      x, count, base, inverse, codes,
      doubts, [&](Floats t, Ints & doubt) __attribute__((always_inline)) {
        Ints below = {}, above = {};
        Floats less = t - margin, more = t + margin;
        for (int j = 0; j < numMiddles; ++j) {
          Floats middle = Floats{} + middles[j];
          // A comparison that holds is -1.
          below -= less > middle;
          above -= more >= middle;
        }
        doubt = below != above;
        return below;
      });
}
} // namespace

// The same functions for each processor.
#define RLX_CODE_VECTORS(NAME, TARGET)                                         \
  namespace NAME {                                                             \
  TARGET static bool integers(const float *x, int64_t count, float base,       \
                              float inverse, float low, float high, int bias,  \
                              int mask, float margin, uint8_t *codes,          \
                              uint8_t *doubts) {                               \
    return chooseIntegers(x, count, base, inverse, low, high, bias, mask,      \
                          margin, codes, doubts);                              \
  }                                                                            \
  TARGET static bool ranks(const float *x, int64_t count, float base,          \
                           float inverse, const float *middles,                \
                           int numMiddles, float margin, uint8_t *codes,       \
                           uint8_t *doubts) {                                  \
    return chooseRanks(x, count, base, inverse, middles, numMiddles, margin,   \
                       codes, doubts);                                         \
  }                                                                            \
  static constexpr CodeVectors loops = {integers, ranks};                      \
  }

RLX_FOR_PROCESSORS(RLX_CODE_VECTORS, nearest)

llvm::ArrayRef<CodeVectors> CodeVectors::all() {
  static const auto supported =
      supportedLoops<CodeVectors>(RLX_LOOPS_OF(nearest));
  return supported;
}
