//===- VectorLoops.cpp - The inner loops for shared codes -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The best vector is searched for by halves: a first half is looked at only if
// it can be part of a better vector with the best of all second halves.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/VectorLoops.h"
#include "codegen/quantize/Processors.h"

#include "llvm/ADT/STLExtras.h"

#include <cstring>
#include <limits>

using namespace rlx::quantize;

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
      half =
          half * table.radix + unsigned(uint64_t(vector) >> (i * width) & mask);
    }
    all.push_back(halves);
  }
  llvm::stable_sort(
      all, [](const Halves &a, const Halves &b) { return a.first < b.first; });
  constexpr unsigned lanes = 8;
  for (int half = 0; half < 2; ++half)
    table.absent[half].assign((table.sizes[half] + lanes - 1) / lanes * lanes +
                                  lanes,
                              std::numeric_limits<float>::infinity());
  for (const Halves &halves : all) {
    while (table.firstOf.size() <= halves.first)
      table.firstOf.push_back(uint16_t(table.seconds.size()));
    table.seconds.push_back(uint16_t(halves.second));
    table.entries.push_back(uint16_t(halves.entry));
    table.absent[0][halves.first] = 0;
    table.absent[1][halves.second] = 0;
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
    Words bits = load<Words>(known + e), which = load<Words>(mask + e);
    int below = 1 << shift;
    for (int part = 0; part < numParts; ++part) {
      Floats least = none;
      for (int above = part * below; above < numCodes;
           above += numParts * below)
        for (int code = above; code < above + below; ++code) {
          Floats cost = load<Floats>(costs + code * stride + e);
          cost = (which & uint32_t(code)) == bits ? cost : none;
          least = cost < least ? cost : least;
        }
      store(parts + part * stride + e, least);
    }
  }
}

/// The sum for each number of so many digits. Writes up to seven more behind
/// them; `room` is for as many.
RLX_INLINE void addUp(const float *costs, unsigned radix, unsigned components,
                      float *sums, float *room) {
  sums[0] = 0;
  unsigned filled = 1;
  for (unsigned i = 0; i < components; ++i, filled *= radix) {
    for (unsigned j = 0; j < filled; j += width)
      store(room + j, load<Floats>(sums + j));
    // What is written too far is written again by the next part.
    for (unsigned part = 0; part < radix; ++part) {
      Floats cost = Floats{} + costs[i * radix + part];
      for (unsigned j = 0; j < filled; j += width)
        store(sums + part * filled + j, load<Floats>(room + j) + cost);
    }
  }
}

RLX_INLINE bool isAny(Words words) {
  uint64_t parts[sizeof(words) / sizeof(uint64_t)], any = 0;
  std::memcpy(parts, &words, sizeof(words));
  for (uint64_t part : parts)
    any |= part;
  return any != 0;
}

RLX_INLINE uint32_t loopBest(const VectorTable &table, const float *costs,
                             float *room) {
  unsigned count = table.sizes[0];
  float *first = room, *second = first + table.absent[0].size(),
        *rest = second + table.absent[1].size();
  addUp(costs, table.radix, table.components[0], first, rest);
  addUp(costs + table.components[0] * table.radix, table.radix,
        table.components[1], second, rest);
  const float infinity = std::numeric_limits<float>::infinity();
  float best = infinity, least = best, lowest = best;
  Floats leasts = Floats{} + least, lowests = leasts;
  for (unsigned i = 0; i < table.sizes[1]; i += width) {
    Floats cost = load<Floats>(second + i) + load<Floats>(&table.absent[1][i]);
    leasts = cost < leasts ? cost : leasts;
  }
  Words at = {}, lowestAt = {};
  for (unsigned i = 0; i < count; i += width) {
    Floats cost = load<Floats>(first + i) + load<Floats>(&table.absent[0][i]);
    lowestAt = cost < lowests ? at : lowestAt;
    lowests = cost < lowests ? cost : lowests;
    store(first + i, cost);
    at += unsigned(width);
  }
  // A good one to begin with, so that few others are looked at.
  unsigned start = 0, entry = 0;
  for (int64_t i = 0; i < width; ++i) {
    least = leasts[i] < least ? leasts[i] : least;
    start = lowests[i] < lowest ? unsigned(lowestAt[i] + i) : start;
    lowest = lowests[i] < lowest ? lowests[i] : lowest;
  }
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
  look(start);
  for (unsigned from = 0; from < count; from += width) {
    Floats bound = load<Floats>(first + from) + least;
    if (!isAny(Words(bound < best)))
      continue;
    for (unsigned half = from; half < from + width; ++half)
      if (first[half] + least < best)
        look(half);
  }
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

RLX_FOR_PROCESSORS(RLX_VECTOR_LOOPS, vectors)

llvm::ArrayRef<VectorLoops> VectorLoops::all() {
  static const auto supported =
      supportedLoops<VectorLoops>(RLX_LOOPS_OF(vectors));
  return supported;
}
