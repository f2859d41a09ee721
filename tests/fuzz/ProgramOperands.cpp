//===- ProgramOperands.cpp - Where operands of programs come from ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same elements can reach an operation in many ways: as an argument, a
// weight, a constant, or a view of a larger tensor whose other elements must
// not matter.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/ProgramGenerator.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace rlx;
using namespace rlx::fuzz;

//===----------------------------------------------------------------------===//
// Sizes and elements
//===----------------------------------------------------------------------===//

int64_t ProgramGenerator::randomSize() {
  switch (dice.below(20)) {
  case 0:
    return dice.chance(40) ? 0 : 1;
  case 1:
  case 2:
    return 1;
  case 3:
    return dice.pick<int64_t>({15, 16, 17, 31, 32, 33, 63, 64, 65, 100});
  case 4:
    return dice.pick<int64_t>({8, 12, 13, 19, 24, 37});
  default:
    return dice.between(2, 9);
  }
}

Sizes ProgramGenerator::randomSizes(size_t rank) {
  Sizes sizes;
  for (size_t i = 0; i < rank; ++i)
    sizes.push_back(randomSize());
  // A tensor stays small, whatever its rank.
  while (*countElements(sizes) > 20000)
    *std::max_element(sizes.begin(), sizes.end()) /= 3;
  return sizes;
}

Shape ProgramGenerator::typed(const Sizes &sizes, int dynamicPercent) {
  Shape shape;
  bool all = dice.chance(15), none = dice.chance(40);
  for (int64_t size : sizes)
    shape.push_back({size, all || (!none && dice.chance(dynamicPercent))});
  return shape;
}

Data ProgramGenerator::randomData(ElementType element, const Sizes &sizes,
                                  double magnitude) {
  Data data(element, sizes);
  bool integers = dice.chance(10);
  for (int64_t i = 0, e = data.count(); i < e; ++i) {
    double number = magnitude * dice.number();
    if (element == ElementType::boolean)
      number = number > 0;
    else if (integers || rounding(element) == 0)
      number = std::round(number);
    else if (dice.chance(1))
      number = 0;
    data.set(i, number);
  }
  return data;
}

//===----------------------------------------------------------------------===//
// Ways to give a tensor
//===----------------------------------------------------------------------===//

Value ProgramGenerator::argument(const Data &data, const Shape &shape) {
  Value value{fresh("a"), data.type, shape, data.largest(), 0};
  function.arguments.push_back(value);
  function.data.push_back(data);
  return add(value);
}

Value ProgramGenerator::constant(const Data &data) {
  Shape shape;
  for (int64_t size : data.shape)
    shape.push_back({size, false});
  std::string type = typeText(data.type, shape), hex;
  constexpr char digits[] = "0123456789ABCDEF";
  for (uint8_t byte : data.bytes) {
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  std::string text;
  if (data.count() == 0)
    text = "dense<>";
  else if (data.type == ElementType::boolean) {
    // One bit an element in a string of bytes: a splat is enough here.
    text = std::string("dense<") + (data.get(0) ? "true" : "false") + ">";
    for (int64_t i = 1; i < data.count(); ++i)
      if (data.get(i) != data.get(0))
        return argument(data, shape);
  } else if (dice.chance(35)) {
    std::string name = "blob" + std::to_string(counter++);
    char alignment[12];
    snprintf(alignment, sizeof(alignment), "%02X000000",
             elementBytes(data.type));
    resources += (resources.empty() ? "" : ",\n") + ("      " + name) +
                 ": \"0x" + alignment + hex + "\"";
    text = "dense_resource<" + name + ">";
  } else {
    text = "dense<\"0x" + hex + "\">";
  }
  return define("arith.constant " + text + " : " + type, data.type, shape,
                data.largest(), 0);
}

/// A part of a larger tensor: with offsets, strides, and sizes of 1 that the
/// result leaves out.
Value ProgramGenerator::sliced(const Data &data) {
  size_t rank = data.shape.size();
  // Sizes of the larger tensor, and which of them the result has.
  Sizes whole, offsets, strides, counts;
  std::vector<bool> kept;
  for (size_t i = 0; i <= rank; ++i) {
    if (dice.chance(i == rank ? 35 : 8)) {
      int64_t size = dice.between(1, 4);
      whole.push_back(size);
      offsets.push_back(dice.below(size));
      strides.push_back(1);
      counts.push_back(1);
      kept.push_back(false);
    }
    if (i == rank)
      break;
    bool last = i + 1 == rank;
    int64_t count = data.shape[i],
            stride = dice.chance(last ? 45 : 20) ? dice.between(2, 3) : 1,
            offset = dice.chance(40) ? dice.between(1, 5) : 0,
            span = count ? (count - 1) * stride + 1 : 0;
    whole.push_back(offset + span + (dice.chance(50) ? dice.below(4) : 0));
    offsets.push_back(offset);
    strides.push_back(stride);
    counts.push_back(count);
    kept.push_back(true);
  }
  Data larger = randomData(data.type, whole, 100);
  for (int64_t i = 0, e = data.count(); i < e; ++i) {
    int64_t rest = i, at = 0;
    Sizes position(rank);
    for (size_t d = rank; d-- > 0;) {
      position[d] = rest % data.shape[d];
      rest /= data.shape[d];
    }
    for (size_t d = 0, next = 0; d < whole.size(); ++d)
      at = at * whole[d] + offsets[d] +
           (kept[d] ? position[next++] * strides[d] : 0);
    larger.copy(at, data, i);
  }
  // Nobody else may use the elements around the slice.
  Value source = argument(larger, typed(whole));
  pool.pop_back();
  std::vector<std::string> offsetTexts, sizeTexts, strideTexts;
  Shape shape;
  for (size_t d = 0; d < whole.size(); ++d) {
    offsetTexts.push_back(dice.chance(15)   ? indexFromData(offsets[d])
                          : dice.chance(10) ? index(offsets[d])
                                            : std::to_string(offsets[d]));
    bool dynamic = kept[d] && dice.chance(30);
    sizeTexts.push_back(dynamic ? sizeOf(counts[d])
                                : std::to_string(counts[d]));
    strideTexts.push_back(dice.chance(5) ? index(strides[d])
                                         : std::to_string(strides[d]));
    if (kept[d])
      shape.push_back({counts[d], dynamic});
  }
  return define("tensor.extract_slice " + source.name + "[" +
                    joined(offsetTexts) + "] [" + joined(sizeTexts) + "] [" +
                    joined(strideTexts) + "] : " + typeText(source) + " to " +
                    typeText(data.type, shape),
                data.type, shape, data.largest(), 0);
}

Value ProgramGenerator::transposed(const Data &data) {
  size_t rank = data.shape.size();
  // Dimension d of the result is dimension permutation[d] of the source.
  Sizes permutation(rank);
  std::iota(permutation.begin(), permutation.end(), 0);
  for (size_t i = rank; i > 1; --i)
    std::swap(permutation[i - 1], permutation[size_t(dice.below(int64_t(i)))]);
  Sizes sizes(rank);
  for (size_t d = 0; d < rank; ++d)
    sizes[size_t(permutation[d])] = data.shape[d];
  Data source(data.type, sizes);
  for (int64_t i = 0, e = data.count(); i < e; ++i) {
    int64_t rest = i, at = 0;
    Sizes position(rank);
    for (size_t d = rank; d-- > 0;) {
      position[size_t(permutation[d])] = rest % data.shape[d];
      rest /= data.shape[d];
    }
    for (size_t d = 0; d < rank; ++d)
      at = at * sizes[d] + position[d];
    source.copy(at, data, i);
  }
  Value from = provide(source);
  Shape shape;
  std::vector<std::string> order;
  for (int64_t position : permutation) {
    shape.push_back(from.shape[size_t(position)]);
    order.push_back(std::to_string(position));
  }
  std::string target = empty(data.type, shape);
  return define("linalg.transpose ins(" + from.name + " : " + typeText(from) +
                    ") outs(" + target + " : " + typeText(data.type, shape) +
                    ") permutation = [" + joined(order) + "]",
                data.type, shape, from.magnitude, 0);
}

/// The same elements with one dimension cut in two, or two joined.
Value ProgramGenerator::reshaped(const Data &data) {
  size_t rank = data.shape.size();
  if (rank == 0)
    return provide(data);
  size_t at = size_t(dice.below(int64_t(rank)));
  Data other = data;
  std::vector<std::string> groups;
  if (dice.chance(50) || rank == 1) {
    // One size of the result is a product in the source.
    int64_t size = data.shape[at], factor = 1;
    for (int64_t candidate : {2, 3, 4, 5, 8})
      if (size % candidate == 0 && dice.chance(50))
        factor = candidate;
    other.shape[at] = size / factor;
    other.shape.insert(other.shape.begin() + at + 1, factor);
    Value from = argument(other, typed(other.shape));
    Shape shape;
    for (size_t d = 0, next = 0; d < rank; ++d, ++next) {
      if (d != at) {
        shape.push_back(from.shape[next]);
        groups.push_back("[" + std::to_string(next) + "]");
        continue;
      }
      shape.push_back(
          {size, from.shape[next].dynamic || from.shape[next + 1].dynamic});
      groups.push_back("[" + std::to_string(next) + ", " +
                       std::to_string(next + 1) + "]");
      ++next;
    }
    return define("tensor.collapse_shape " + from.name + " [" + joined(groups) +
                      "] : " + typeText(from) + " into " +
                      typeText(data.type, shape),
                  data.type, shape, from.magnitude, 0);
  }
  if (at + 1 == rank)
    --at;
  other.shape[at] *= other.shape[at + 1];
  other.shape.erase(other.shape.begin() + at + 1);
  Shape shape = typed(data.shape), from;
  std::vector<std::string> sizes;
  for (size_t d = 0, next = 0; d < rank; ++d, ++next) {
    sizes.push_back("");
    if (d != at) {
      from.push_back(shape[d]);
      groups.push_back("[" + std::to_string(d) + "]");
      continue;
    }
    from.push_back(
        {other.shape[next], shape[d].dynamic || shape[d + 1].dynamic});
    groups.push_back("[" + std::to_string(d) + ", " + std::to_string(d + 1) +
                     "]");
    sizes.push_back("");
    ++d;
  }
  Value source = argument(other, from);
  for (size_t d = 0; d < rank; ++d)
    sizes[d] = shape[d].dynamic ? sizeOf(shape[d].value)
                                : std::to_string(shape[d].value);
  return define("tensor.expand_shape " + source.name + " [" + joined(groups) +
                    "] output_shape [" + joined(sizes) + "] : " +
                    typeText(source) + " into " + typeText(data.type, shape),
                data.type, shape, source.magnitude, 0);
}

Value ProgramGenerator::provide(const Data &data) {
  int64_t way = dice.below(100);
  bool small = data.count() <= 600;
  // A slice has to begin inside, which one of an empty dimension cannot.
  if (way < 12 && data.count() > 0)
    return sliced(data);
  if (way < 20 && data.shape.size() > 1)
    return transposed(data);
  if (way < 26)
    return reshaped(data);
  if (way < 34 && small)
    return constant(data);
  if (way < 42 && data.type != ElementType::boolean) {
    Shape shape;
    for (int64_t size : data.shape)
      shape.push_back({size, false});
    std::string name = "w" + std::to_string(counter++);
    weights.push_back({name, data});
    return define("rlx.weight \"" + name + "\" : " + typeText(data.type, shape),
                  data.type, shape, data.largest(), 0);
  }
  return argument(data, typed(data.shape));
}

Value ProgramGenerator::cast(const Value &value, const Shape &shape) {
  Value result = value;
  if (typeText(value) == typeText(value.element, shape))
    return result;
  result.name = fresh();
  result.shape = shape;
  emit(result.name + " = tensor.cast " + value.name + " : " + typeText(value) +
       " to " + typeText(result));
  return result;
}

//===----------------------------------------------------------------------===//
// Choosing operands
//===----------------------------------------------------------------------===//

std::optional<Value>
ProgramGenerator::existing(const std::function<bool(const Value &)> &fits) {
  std::vector<size_t> found;
  for (size_t i = 0; i < pool.size(); ++i)
    if (fits(pool[i]))
      found.push_back(i);
  if (found.empty())
    return std::nullopt;
  if (dice.chance(50))
    return pool[found.back()];
  return pool[dice.pick(found)];
}

Value ProgramGenerator::operand(ElementType element, const Sizes &sizes,
                                double magnitude, bool exact) {
  if (dice.chance(40))
    if (std::optional<Value> value = existing([&](const Value &candidate) {
          return candidate.element == element && candidate.sizes() == sizes &&
                 candidate.magnitude <= magnitude &&
                 (!exact || candidate.isExact()) &&
                 candidate.error <= 0.02 * candidate.magnitude;
        }))
      return *value;
  double limit = std::min(magnitude, dice.pick({1.0, 2.0, 4.0}));
  if (dice.chance(15) && !sizes.empty()) {
    // Some dimensions repeat the same elements.
    Sizes few;
    Shape shape = typed(sizes);
    std::vector<std::string> added;
    std::vector<size_t> kept;
    for (size_t i = 0; i < sizes.size(); ++i)
      if (dice.chance(50))
        added.push_back(std::to_string(i));
      else {
        few.push_back(sizes[i]);
        kept.push_back(i);
      }
    Value from = provide(randomData(element, few, limit));
    for (size_t i = 0; i < kept.size(); ++i)
      shape[kept[i]] = from.shape[i];
    std::string target = empty(element, shape);
    return define("linalg.broadcast ins(" + from.name + " : " + typeText(from) +
                      ") outs(" + target + " : " + typeText(element, shape) +
                      ") dimensions = [" + joined(added) + "]",
                  element, shape, from.magnitude, 0);
  }
  return provide(randomData(element, sizes, limit));
}

Value ProgramGenerator::anyFloat(size_t lowestRank, size_t highestRank,
                                 double magnitude) {
  if (dice.chance(75))
    if (std::optional<Value> value = existing([&](const Value &candidate) {
          return candidate.isFloat() && candidate.rank() >= lowestRank &&
                 candidate.rank() <= highestRank &&
                 candidate.magnitude <= magnitude;
        }))
      return *value;
  ElementType element =
      dice.chance(85)
          ? ElementType::f32
          : dice.pick({ElementType::f16, ElementType::bf16, ElementType::f64});
  size_t rank = size_t(dice.between(int64_t(lowestRank), int64_t(highestRank)));
  return operand(element, randomSizes(rank), std::min(magnitude, 4.0));
}
