//===- ProgramSizes.cpp - The sizes of a program --------------------------===//
//
// Integer arithmetic that says when a value does not fit.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/ProgramSizes.h"

#include <algorithm>

namespace rlx {
namespace {

int64_t floorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/// False where the value does not fit. The divisor is neither zero nor, with
/// the least dividend, -1.
bool apply(ProgramSize::Kind kind, int64_t a, int64_t b, int64_t &value) {
  using Kind = ProgramSize::Kind;
  switch (kind) {
  case Kind::add:
    return !__builtin_add_overflow(a, b, &value);
  case Kind::subtract:
    return !__builtin_sub_overflow(a, b, &value);
  case Kind::multiply:
    return !__builtin_mul_overflow(a, b, &value);
  case Kind::divide:
    value = floorDivide(a, b);
    return true;
  case Kind::ceilDivide:
    value = floorDivide(a, b) + (a % b != 0);
    return true;
  case Kind::remainder:
    value = a - floorDivide(a, b) * b;
    return true;
  case Kind::minimum:
    value = std::min(a, b);
    return true;
  case Kind::maximum:
    value = std::max(a, b);
    return true;
  case Kind::constant:
  case Kind::dimension:
    break;
  }
  return false;
}

bool divides(ProgramSize::Kind kind) {
  return kind == ProgramSize::Kind::divide ||
         kind == ProgramSize::Kind::ceilDivide ||
         kind == ProgramSize::Kind::remainder;
}

} // namespace

Result<SizeValues> evaluateSizes(const Program &program,
                                 std::span<const std::vector<int64_t>> inputs) {
  // The position of each input among the inputs.
  std::vector<size_t> inputIndex;
  size_t numInputs = 0;
  for (const ProgramArgument &argument : program.arguments) {
    inputIndex.push_back(numInputs);
    numInputs += argument.kind == ProgramArgument::Kind::input;
  }
  SizeValues values;
  values.reserve(program.sizes.size());
  for (const ProgramSize &size : program.sizes) {
    if (size.kind == ProgramSize::Kind::constant) {
      values.push_back(size.a);
      continue;
    }
    if (size.kind == ProgramSize::Kind::dimension) {
      const ProgramArgument &argument = program.arguments[size.a];
      if (argument.kind != ProgramArgument::Kind::input)
        values.push_back(values[argument.shape[size.b]]);
      else if (inputs.empty())
        values.push_back(std::nullopt);
      else
        values.push_back(inputs[inputIndex[size.a]][size.b]);
      continue;
    }
    auto a = values[size.a], b = values[size.b];
    if (!a || !b) {
      values.push_back(std::nullopt);
      continue;
    }
    if (divides(size.kind) && *b == 0)
      return errorf("'{}': size {} divides {} by zero", program.name,
                    values.size(), *a);
    int64_t value = 0;
    if ((divides(size.kind) && *b == -1 && *a == INT64_MIN) ||
        !apply(size.kind, *a, *b, value))
      return errorf("'{}': size {}, made of {} and {}, does not fit in 64 bits",
                    program.name, values.size(), *a, *b);
    values.push_back(value);
  }
  return values;
}

Result<uint64_t> countOf(const SizeValues &values, SizeIndex index,
                         std::string_view what) {
  if (!values[index])
    return errorf("{}: expected a size that does not depend on inputs", what);
  if (*values[index] < 0)
    return errorf("{}: expected a size that is not negative, but got {}", what,
                  *values[index]);
  return static_cast<uint64_t>(*values[index]);
}

Result<std::vector<int64_t>> shapeOf(const SizeValues &values,
                                     const ProgramArgument &argument,
                                     std::string_view what) {
  std::vector<int64_t> shape;
  for (SizeIndex index : argument.shape) {
    auto size = countOf(values, index, what);
    if (!size)
      return size.status();
    shape.push_back(static_cast<int64_t>(*size));
  }
  return shape;
}

} // namespace rlx
