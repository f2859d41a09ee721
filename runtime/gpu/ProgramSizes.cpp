//===- ProgramSizes.cpp - The sizes of a program --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer arithmetic that says when a value does not fit.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/ProgramSizes.h"

#include <algorithm>
#include <cstring>

namespace rlx {
namespace {

int64_t floorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

bool divides(ProgramSize::Kind kind) {
  return kind == ProgramSize::Kind::divide ||
         kind == ProgramSize::Kind::ceilDivide ||
         kind == ProgramSize::Kind::remainder;
}

/// `message` with a value in the place of each `{}`.
std::string withValues(std::string_view message,
                       std::span<const SizeIndex> indices,
                       const SizeValues &values) {
  constexpr std::string_view place = "{}";
  std::string text;
  for (SizeIndex index : indices) {
    size_t at = message.find(place);
    if (at == std::string_view::npos)
      break;
    text += message.substr(0, at);
    text += values[index] ? std::to_string(*values[index]) : "?";
    message.remove_prefix(at + place.size());
  }
  return text.append(message);
}

Status checkSizes(const Program &program, const SizeValues &values) {
  for (const ProgramSizeCheck &check : program.sizeChecks)
    if (values[check.condition] == 0)
      return errorf("{}", withValues(check.message, check.values, values));
  return {};
}

} // namespace

bool isInteger(ElementType type) {
  return type == ElementType::i64 || type == ElementType::i32 ||
         type == ElementType::i16 || type == ElementType::i8 ||
         type == ElementType::u64 || type == ElementType::u32 ||
         type == ElementType::u16 || type == ElementType::u8;
}

int64_t integerOf(const TensorView &tensor) {
  auto read = [&]<typename T>(T number) {
    std::memcpy(&number, tensor.data, sizeof(T));
    return static_cast<int64_t>(number);
  };
  switch (tensor.type) {
  case ElementType::i32:
    return read(int32_t());
  case ElementType::i16:
    return read(int16_t());
  case ElementType::i8:
    return read(int8_t());
  case ElementType::u32:
    return read(uint32_t());
  case ElementType::u16:
    return read(uint16_t());
  case ElementType::u8:
    return read(uint8_t());
  default:
    return read(int64_t());
  }
}

std::vector<bool> findNumbers(const Program &program) {
  std::vector<bool> areNumbers(program.arguments.size());
  for (const ProgramSize &size : program.sizes)
    if (size.kind == ProgramSize::Kind::number)
      areNumbers[size.a] = true;
  return areNumbers;
}

std::optional<int64_t> applySize(ProgramSize::Kind kind, int64_t a, int64_t b) {
  using Kind = ProgramSize::Kind;
  if (divides(kind) && (b == 0 || (b == -1 && a == INT64_MIN)))
    return std::nullopt;
  int64_t value = 0;
  switch (kind) {
  case Kind::add:
    return __builtin_add_overflow(a, b, &value) ? std::nullopt
                                                : std::optional(value);
  case Kind::subtract:
    return __builtin_sub_overflow(a, b, &value) ? std::nullopt
                                                : std::optional(value);
  case Kind::multiply:
    return __builtin_mul_overflow(a, b, &value) ? std::nullopt
                                                : std::optional(value);
  case Kind::divide:
    return floorDivide(a, b);
  case Kind::ceilDivide:
    return floorDivide(a, b) + (a % b != 0);
  case Kind::remainder:
    return a - floorDivide(a, b) * b;
  case Kind::minimum:
    return std::min(a, b);
  case Kind::maximum:
    return std::max(a, b);
  case Kind::equal:
    return a == b;
  case Kind::less:
    return a < b;
  case Kind::constant:
  case Kind::dimension:
  case Kind::number:
    break;
  }
  return std::nullopt;
}

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
  Status failure;
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
    if (size.kind == ProgramSize::Kind::number) {
      bool isKnown = !inputs.empty() && !inputs[inputIndex[size.a]].empty();
      values.push_back(isKnown
                           ? std::optional(inputs[inputIndex[size.a]].front())
                           : std::nullopt);
      continue;
    }
    auto a = values[size.a], b = values[size.b];
    if (!a || !b) {
      values.push_back(std::nullopt);
      continue;
    }
    values.push_back(applySize(size.kind, *a, *b));
    if (values.back() || !failure)
      continue;
    // What a check says is more helpful than the failure that it guards from.
    failure =
        divides(size.kind) && *b == 0
            ? errorf("'{}': size {} divides {} by zero", program.name,
                     values.size() - 1, *a)
            : errorf("'{}': size {}, made of {} and {}, does not fit in 64 "
                     "bits",
                     program.name, values.size() - 1, *a, *b);
  }
  if (Status status = checkSizes(program, values); !status)
    return status;
  if (!failure)
    return failure;
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
