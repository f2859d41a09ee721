//===- FieldBits.cpp - The bits of a field in a block ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/FieldBits.h"

#include <algorithm>

using namespace rlx;
using namespace rlx::quantize;

void quantize::writeBits(uint8_t *bytes, int64_t first, unsigned width,
                         uint32_t bits) {
  uint8_t *byte = bytes + first / 8;
  unsigned shift = unsigned(first % 8);
  uint64_t rest = uint64_t(bits) << shift, mask = ((uint64_t(1) << width) - 1)
                                                  << shift;
  for (; mask != 0; mask >>= 8, rest >>= 8, ++byte)
    *byte = uint8_t((*byte & ~mask) | rest);
}

uint32_t quantize::readBits(const uint8_t *bytes, int64_t first,
                            unsigned width) {
  const uint8_t *byte = bytes + first / 8;
  unsigned shift = unsigned(first % 8);
  uint64_t bits = 0;
  for (unsigned at = 0; at < shift + width; at += 8)
    bits |= uint64_t(*byte++) << at;
  return uint32_t(bits >> shift & ((uint64_t(1) << width) - 1));
}

FieldBits::FieldBits(QuantScheme scheme, FieldAttr field) {
  if (field.hasLookups())
    terms = termsOf(field);
  for (PlaneAttr plane : field.getPlanes()) {
    Plane &bits = planes.emplace_back(Plane{plane.width(), true, {}});
    for (int64_t i = 0; i < scheme.block(); ++i) {
      bits.firstBits.push_back(firstBit(plane, i));
      bits.isNarrow &= bits.firstBits.back() % 8 + bits.width <= 8;
    }
  }
}

void FieldBits::write(uint8_t *block, int64_t element, uint32_t code) const {
  for (const Plane &plane : planes) {
    uint32_t mask = uint32_t((uint64_t(1) << plane.width) - 1);
    auto first = uint64_t(plane.firstBits[element]);
    if (plane.isNarrow) {
      uint8_t &byte = block[first / 8];
      byte =
          uint8_t((byte & ~(mask << first % 8)) | ((code & mask) << first % 8));
    } else {
      writeBits(block, int64_t(first), plane.width, code & mask);
    }
    code = uint32_t(uint64_t(code) >> plane.width);
  }
}

uint32_t FieldBits::read(const uint8_t *block, int64_t element) const {
  uint32_t code = 0;
  unsigned shift = 0;
  const Plane *next = planes.begin();
  for (const FieldTerm &term : terms) {
    uint64_t stored = 0;
    unsigned width = 0;
    for (size_t i = 0; i < term.planes.size(); ++i, ++next) {
      stored |= uint64_t(readBits(block, next->firstBits[element], next->width))
                << width;
      width += next->width;
    }
    code |= uint32_t(term.part(stored, element)) << shift;
    shift += term.width();
  }
  if (!terms.empty())
    return code;
  for (const Plane &plane : planes) {
    auto first = uint64_t(plane.firstBits[element]);
    uint32_t bits =
        plane.isNarrow
            ? block[first / 8] >> first % 8 & ((1u << plane.width) - 1)
            : readBits(block, int64_t(first), plane.width);
    code |= bits << shift;
    shift += plane.width;
  }
  return code;
}
