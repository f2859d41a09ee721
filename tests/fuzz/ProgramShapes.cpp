//===- ProgramShapes.cpp - Operations of tensor in random programs --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Slices, reshapes, and the other ways to put tensors together.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/ProgramGenerator.h"

#include <algorithm>

using namespace rlx;
using namespace rlx::fuzz;

static bool any(const Value &) { return true; }

void ProgramGenerator::makeSlice() {
  std::optional<Value> found = existing(
      [](const Value &value) { return value.rank() > 0 && value.count() > 0; });
  if (!found)
    return;
  Value x = *found;
  std::vector<std::string> offsets, sizes, strides;
  Shape shape;
  for (size_t i = 0; i < x.rank(); ++i) {
    int64_t size = x.shape[i].value;
    int64_t stride = dice.chance(25) ? dice.between(2, 3) : 1,
            offset = dice.chance(50) ? 0 : dice.below(size),
            most = (size - offset + stride - 1) / stride,
            count = dice.chance(40) ? most : dice.between(0, most);
    if (dice.chance(30)) {
      count = 1;
      stride = 1;
    }
    offsets.push_back(dice.chance(20) ? indexFromData(offset)
                                      : std::to_string(offset));
    bool dynamic = dice.chance(30), dropped = count == 1 && dice.chance(50);
    sizes.push_back(dynamic && !dropped ? sizeOf(count)
                                        : std::to_string(count));
    strides.push_back(std::to_string(stride));
    if (!dropped)
      shape.push_back({count, dynamic});
  }
  define("tensor.extract_slice " + x.name + "[" + joined(offsets) + "] [" +
             joined(sizes) + "] [" + joined(strides) + "] : " + typeText(x) +
             " to " + typeText(x.element, shape),
         x.element, shape, x.magnitude, x.error);
}

void ProgramGenerator::makeInsertSlice() {
  Value into = anyFloat(1, 3);
  if (into.count() == 0)
    return;
  Sizes counts;
  std::vector<std::string> offsets, strides, sizes;
  std::vector<int64_t> offsetValues, strideValues;
  for (size_t i = 0; i < into.rank(); ++i) {
    int64_t size = into.shape[i].value;
    int64_t stride = dice.chance(20) ? 2 : 1,
            offset = dice.chance(40) ? 0 : dice.below(size),
            most = (size - offset + stride - 1) / stride;
    counts.push_back(dice.chance(40) ? most : dice.between(0, most));
    offsetValues.push_back(offset);
    strideValues.push_back(stride);
  }
  Value part = operand(into.element, counts, 1e3);
  for (size_t i = 0; i < into.rank(); ++i) {
    offsets.push_back(dice.chance(25) ? indexFromData(offsetValues[i])
                                      : std::to_string(offsetValues[i]));
    strides.push_back(std::to_string(strideValues[i]));
    sizes.push_back(part.shape[i].dynamic ? sizeOf(counts[i])
                                          : std::to_string(counts[i]));
  }
  define("tensor.insert_slice " + part.name + " into " + into.name + "[" +
             joined(offsets) + "] [" + joined(sizes) + "] [" + joined(strides) +
             "] : " + typeText(part) + " into " + typeText(into),
         into.element, into.shape, std::max(into.magnitude, part.magnitude),
         std::max(into.error, part.error));
}

void ProgramGenerator::makeExpand() {
  std::optional<Value> found = existing(
      [](const Value &value) { return value.rank() > 0 && value.rank() < 4; });
  if (!found)
    return;
  Value x = *found;
  size_t at = size_t(dice.below(int64_t(x.rank())));
  int64_t size = x.shape[at].value, factor = 1;
  for (int64_t candidate : {2, 3, 4, 7, 16})
    if (size % candidate == 0 && dice.chance(50))
      factor = candidate;
  Shape shape;
  std::vector<std::string> groups, sizes;
  for (size_t i = 0; i < x.rank(); ++i) {
    std::string position = std::to_string(shape.size());
    if (i != at) {
      groups.push_back("[" + position + "]");
      shape.push_back(x.shape[i]);
      continue;
    }
    groups.push_back("[" + position + ", " + std::to_string(shape.size() + 1) +
                     "]");
    // Where the whole is dynamic, one part or both are.
    bool dynamic = x.shape[i].dynamic;
    int64_t which = dynamic ? dice.between(1, 3) : 0;
    Size outer{size / factor, (which & 1) != 0},
        inner{factor, (which & 2) != 0};
    if (dice.chance(50))
      std::swap(outer, inner);
    shape.push_back(outer);
    shape.push_back(inner);
  }
  for (const Size &size : shape)
    sizes.push_back(size.dynamic ? sizeOf(size.value)
                                 : std::to_string(size.value));
  define("tensor.expand_shape " + x.name + " [" + joined(groups) +
             "] output_shape [" + joined(sizes) + "] : " + typeText(x) +
             " into " + typeText(x.element, shape),
         x.element, shape, x.magnitude, x.error);
}

void ProgramGenerator::makeCollapse() {
  std::optional<Value> found =
      existing([](const Value &value) { return value.rank() > 1; });
  if (!found)
    return;
  Value x = *found;
  size_t first = size_t(dice.below(int64_t(x.rank()) - 1)),
         last = size_t(dice.between(int64_t(first) + 1, int64_t(x.rank()) - 1));
  Shape shape;
  std::vector<std::string> groups;
  for (size_t i = 0; i < x.rank(); ++i) {
    if (i < first || i > last) {
      groups.push_back("[" + std::to_string(i) + "]");
      shape.push_back(x.shape[i]);
      continue;
    }
    std::vector<std::string> group;
    Size size{1, false};
    for (; i <= last; ++i) {
      group.push_back(std::to_string(i));
      size.value *= x.shape[i].value;
      size.dynamic |= x.shape[i].dynamic;
    }
    --i;
    groups.push_back("[" + joined(group) + "]");
    shape.push_back(size);
  }
  define("tensor.collapse_shape " + x.name + " [" + joined(groups) +
             "] : " + typeText(x) + " into " + typeText(x.element, shape),
         x.element, shape, x.magnitude, x.error);
}

void ProgramGenerator::makePad() {
  Value x = anyFloat(1, 3);
  if (x.count() > 4000)
    return;
  std::vector<std::string> low, high, arguments;
  Shape shape;
  for (const Size &size : x.shape) {
    int64_t before = dice.below(3), after = dice.below(4);
    bool dynamic = dice.chance(15);
    low.push_back(dynamic ? indexFromData(before) : std::to_string(before));
    high.push_back(std::to_string(after));
    shape.push_back({size.value + before + after, size.dynamic || dynamic});
    arguments.push_back(fresh("i") + ": index");
  }
  std::string number = scalar(x.element, dice.pick({0.0, -1.5, 2.0})),
              name = fresh(), type = elementText(x.element);
  emit(name + " = tensor.pad " + x.name + " low[" + joined(low) + "] high[" +
       joined(high) + "] {");
  emit("^bb0(" + joined(arguments) + "):");
  emit("  tensor.yield " + number + " : " + type);
  emit("} : " + typeText(x) + " to " + typeText(x.element, shape));
  add({name, x.element, shape, std::max(2.0, x.magnitude), x.error});
}

void ProgramGenerator::makeConcat() {
  Value x = anyFloat(1, 3);
  if (x.count() > 4000)
    return;
  size_t at = size_t(dice.below(int64_t(x.rank())));
  std::vector<Value> parts = {x};
  for (int64_t i = dice.between(1, 2); i > 0; --i) {
    Sizes sizes = x.sizes();
    sizes[at] = dice.below(6);
    parts.push_back(operand(x.element, sizes, 1e3));
  }
  if (dice.chance(50))
    std::reverse(parts.begin(), parts.end());
  Shape shape = parts[0].shape;
  std::vector<std::string> names, types;
  double magnitude = 0, error = 0;
  shape[at] = {0, false};
  for (const Value &part : parts) {
    names.push_back(part.name);
    types.push_back(typeText(part));
    shape[at].value += part.shape[at].value;
    for (size_t i = 0; i < shape.size(); ++i) {
      // A size that one part says is known of all.
      if (i == at)
        shape[i].dynamic |= part.shape[i].dynamic;
      else
        shape[i].dynamic &= part.shape[i].dynamic;
    }
    magnitude = std::max(magnitude, part.magnitude);
    error = std::max(error, part.error);
  }
  define("tensor.concat dim(" + std::to_string(at) + ") " + joined(names) +
             " : (" + joined(types) + ") -> " + typeText(x.element, shape),
         x.element, shape, magnitude, error);
}

/// An index into a tensor that is not empty.
static std::vector<int64_t> anyIndex(const Value &x, Dice &dice) {
  std::vector<int64_t> position;
  for (const Size &size : x.shape)
    position.push_back(dice.below(size.value));
  return position;
}

void ProgramGenerator::makeFromElements() {
  std::optional<Value> found = existing(
      [](const Value &value) { return value.count() > 0 && value.isFloat(); });
  if (!found)
    return;
  Value x = *found;
  int64_t count = dice.between(1, 4);
  std::vector<std::string> elements;
  for (int64_t i = 0; i < count; ++i) {
    std::vector<std::string> position;
    for (int64_t at : anyIndex(x, dice))
      position.push_back(dice.chance(30) ? indexFromData(at) : index(at));
    std::string name = fresh("x");
    emit(name + " = tensor.extract " + x.name + "[" + joined(position) +
         "] : " + typeText(x));
    elements.push_back(name);
  }
  Shape shape = {{count, false}};
  if (count == 1 && dice.chance(40))
    shape.clear();
  if (count == 4 && dice.chance(50))
    shape = {{2, false}, {2, false}};
  define("tensor.from_elements " + joined(elements) + " : " +
             typeText(x.element, shape),
         x.element, shape, x.magnitude, x.error);
}

void ProgramGenerator::makeInsert() {
  std::optional<Value> found = existing(
      [](const Value &value) { return value.count() > 0 && value.isFloat(); });
  if (!found)
    return;
  Value x = *found;
  std::vector<std::string> position;
  for (int64_t at : anyIndex(x, dice))
    position.push_back(dice.chance(50) ? indexFromData(at) : index(at));
  std::string number = scalar(x.element, 1.25);
  define("tensor.insert " + number + " into " + x.name + "[" +
             joined(position) + "] : " + typeText(x),
         x.element, x.shape, std::max(1.25, x.magnitude), x.error);
}

void ProgramGenerator::makeGenerate() {
  Sizes sizes = randomSizes(size_t(dice.between(1, 2)));
  Shape shape = typed(sizes);
  std::string dynamic = dynamicSizes(shape), name = fresh(), wide = fresh("i"),
              number = fresh("x");
  std::vector<std::string> indices, arguments;
  for (size_t i = 0; i < sizes.size(); ++i) {
    indices.push_back(fresh("i"));
    arguments.push_back(indices.back() + ": index");
  }
  emit(name + " = tensor.generate " + dynamic + " {");
  emit("^bb0(" + joined(arguments) + "):");
  emit("  " + wide + " = arith.index_cast " + indices.back() +
       " : index to i32");
  emit("  " + number + " = arith.sitofp " + wide + " : i32 to f32");
  emit("  tensor.yield " + number + " : f32");
  emit("} : " + typeText(ElementType::f32, shape));
  add({name, ElementType::f32, shape, 20000, 0});
}

void ProgramGenerator::makeCastOfShape() {
  std::optional<Value> found = existing(any);
  if (found && found->rank() > 0)
    add(cast(*found, typed(found->sizes(), 60)));
}
