//===- VectorLoops.cpp - The inner loops for shared codes -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The best vector is searched for by halves: a first half is looked at only if
// it can be part of a better vector with the best of all second halves.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/VectorLoops.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cstring>
#include <limits>

using namespace rlx::quantize;

#define RLX_INLINE inline __attribute__((always_inline))

VectorTable VectorTable::make(llvm::ArrayRef<int64_t> vectors, unsigned width,
                              unsigned count) {
  VectorTable table;
  uint64_t mask = (uint64_t(1) << width) - 1, most = 1;
  for (int64_t vector : vectors)
    for (unsigned i = 0; i < count; ++i)
      most = std::max(most, uint64_t(vector) >> (i * width) & mask);
  table.radix = unsigned(most + 1);
  table.components[0] = (count + 1) / 2;
  table.components[1] = count / 2;
  for (int half = 0; half < 2; ++half) {
    table.sizes[half] = 1;
    for (unsigned i = 0; i < table.components[half]; ++i)
      table.sizes[half] *= table.radix;
  }
  struct Halves {
    unsigned first, second, entry;
  };
  std::vector<Halves> all;
  for (auto [entry, vector] : llvm::enumerate(vectors)) {
    Halves halves{0, 0, unsigned(entry)};
    for (unsigned i = count; i-- > 0;) {
      unsigned &half = i < table.components[0] ? halves.first : halves.second;
      half = half * table.radix + unsigned(uint64_t(vector) >> (i * width) & mask);
    }
    all.push_back(halves);
  }
  llvm::stable_sort(all, [](const Halves &a, const Halves &b) {
    return a.first < b.first;
  });
  constexpr unsigned lanes = 8;
  table.absent.assign((table.sizes[1] + lanes - 1) / lanes * lanes, std::numeric_limits<float>::infinity());
  for (const Halves &halves : all) {
    while (table.firstOf.size() <= halves.first)
      table.firstOf.push_back(uint16_t(table.seconds.size()));
    table.seconds.push_back(uint16_t(halves.second));
    table.entries.push_back(uint16_t(halves.entry));
    table.absent[halves.second] = 0;
  }
  while (table.firstOf.size() <= table.sizes[0])
    table.firstOf.push_back(uint16_t(table.seconds.size()));
  return table;
}

namespace {
constexpr int64_t width = 8;
using Floats = float __attribute__((vector_size(4 * width)));
using Words = uint32_t __attribute__((vector_size(4 * width)));

template <typename Vector, typename Number>
RLX_INLINE Vector load(const Number *from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof(vector));
  return vector;
}
RLX_INLINE void store(float *to, const Floats &from) {
  std::memcpy(to, &from, sizeof(from));
}

RLX_INLINE void loopCosts(const float *t, const float *w, int64_t stride,
                          const float *numbers, int numNumbers, float *costs) {
  for (int64_t e = 0; e < stride; e += width) {
    Floats twice = 2 * load<Floats>(t + e), weight = load<Floats>(w + e);
    for (int code = 0; code < numNumbers; ++code) {
      Floats number = Floats{} + numbers[code];
      store(costs + code * stride + e, weight * number * (number - twice));
    }
  }
}

RLX_INLINE void loopParts(const float *costs, const uint32_t *known,
                          const uint32_t *mask, int64_t stride, int numCodes,
                          unsigned shift, int numParts, float *parts) {
  const Floats none = Floats{} + std::numeric_limits<float>::infinity();
  for (int64_t e = 0; e < stride; e += width) {
    for (int part = 0; part < numParts; ++part)
      store(parts + part * stride + e, none);
    Words bits = load<Words>(known + e), which = load<Words>(mask + e);
    for (int code = 0; code < numCodes; ++code) {
      float *to = parts + (code >> shift & (numParts - 1)) * stride + e;
      Floats cost = load<Floats>(costs + code * stride + e),
             least = load<Floats>(to);
      cost = (which & uint32_t(code)) == bits ? cost : none;
      store(to, cost < least ? cost : least);
    }
  }
}

/// The sum for each number of so many digits.
RLX_INLINE void addUp(const float *costs, unsigned radix, unsigned components,
                      float *sums) {
  sums[0] = 0;
  unsigned filled = 1;
  for (unsigned i = 0; i < components; ++i, filled *= radix)
    for (unsigned part = radix; part-- > 0;) {
      float cost = costs[i * radix + part];
      float *to = sums + part * filled;
#pragma omp simd
      for (unsigned j = 0; j < filled; ++j)
        to[j] = sums[j] + cost;
    }
}

RLX_INLINE uint32_t loopBest(const VectorTable &table, const float *costs,
                             float *room) {
  float *first = room, *second = room + table.sizes[0];
  addUp(costs, table.radix, table.components[0], first);
  addUp(costs + table.components[0] * table.radix, table.radix,
        table.components[1], second);
  float best = std::numeric_limits<float>::infinity(), least = best;
  Floats leasts = Floats{} + least;
  for (unsigned i = 0; i < table.sizes[1]; i += width) {
    Floats cost = load<Floats>(second + i) + load<Floats>(&table.absent[i]);
    leasts = cost < leasts ? cost : leasts;
  }
  for (int64_t i = 0; i < width; ++i)
    least = leasts[i] < least ? leasts[i] : least;
  unsigned entry = 0;
  const uint16_t *firstOf = table.firstOf.data();
  auto look = [&](unsigned half) __attribute__((always_inline)) {
    float own = first[half];
    for (unsigned i = firstOf[half]; i < firstOf[half + 1]; ++i) {
      float cost = own + second[table.seconds[i]];
      if (cost < best) {
        best = cost;
        entry = table.entries[i];
      }
    }
  };
  // A good one to begin with, so that few others are looked at.
  unsigned start = 0;
  float lowest = std::numeric_limits<float>::infinity();
  for (unsigned half = 0; half < table.sizes[0]; ++half)
    if (first[half] < lowest && firstOf[half] < firstOf[half + 1]) {
      lowest = first[half];
      start = half;
    }
  look(start);
  for (unsigned half = 0; half < table.sizes[0]; ++half)
    if (first[half] + least < best)
      look(half);
  return entry;
}
} // namespace

// The same functions for each processor.
#define RLX_VECTOR_LOOPS(NAME, TARGET)                                         \
  namespace NAME {                                                             \
  TARGET static void costs(const float *t, const float *w, int64_t stride,     \
                           const float *numbers, int numNumbers, float *to) {  \
    loopCosts(t, w, stride, numbers, numNumbers, to);                          \
  }                                                                            \
  TARGET static void parts(const float *from, const uint32_t *known,           \
                           const uint32_t *mask, int64_t stride, int numCodes, \
                           unsigned shift, int numParts, float *to) {          \
    loopParts(from, known, mask, stride, numCodes, shift, numParts, to);       \
  }                                                                            \
  TARGET static uint32_t best(const VectorTable &table, const float *from,     \
                              float *room) {                                   \
    return loopBest(table, from, room);                                        \
  }                                                                            \
  static constexpr VectorLoops loops = {costs, parts, best};                   \
  }

RLX_VECTOR_LOOPS(vectors_generic, )
#if defined(__x86_64__)
RLX_VECTOR_LOOPS(vectors_avx2, __attribute__((target("avx2"))))
RLX_VECTOR_LOOPS(vectors_avx512,
                 __attribute__((target("avx512f,avx512dq,avx512vl"))))
#endif

llvm::ArrayRef<VectorLoops> VectorLoops::all() {
  static const llvm::SmallVector<VectorLoops> supported = [] {
    llvm::SmallVector<VectorLoops> loops;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
      loops.push_back(vectors_avx512::loops);
    if (__builtin_cpu_supports("avx2"))
      loops.push_back(vectors_avx2::loops);
#endif
    loops.push_back(vectors_generic::loops);
    return loops;
  }();
  return supported;
}
