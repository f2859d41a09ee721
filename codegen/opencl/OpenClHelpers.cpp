//===- OpenClHelpers.cpp - Functions that a program brings along ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/opencl/OpenClHelpers.h"

#include "llvm/ADT/StringExtras.h"

using namespace rlx;
using namespace rlx::opencl;

/// What replaces the words NAME, TYPE, BITS (the integer of the same size) and
/// UNSIGNED in `text`.
struct Words {
  std::string name;
  ClType type;
};

static std::string replaceWords(llvm::StringRef text, const Words &words) {
  ClType bits = words.type.bitPattern();
  const std::pair<llvm::StringRef, std::string> replacements[] = {
      {"NAME", words.name},
      {"TYPE", words.type.name()},
      {"BITS", bits.name()},
      {"UNSIGNED", bits.unsignedName()}};
  std::string result;
  while (!text.empty()) {
    bool replaced = false;
    for (const auto &[word, replacement] : replacements)
      if (text.consume_front(word)) {
        result += replacement;
        replaced = true;
        break;
      }
    if (!replaced) {
      result += text.front();
      text = text.drop_front();
    }
  }
  return result;
}

/// A truth is 1 for scalars and -1, in every bit, for vectors.
static llvm::StringRef textOf(Helper helper, bool isVector) {
  switch (helper) {
  case Helper::floorDivide:
    return isVector ? R"(
TYPE NAME(TYPE a, TYPE b) {
  return a / b + ((a % b != (TYPE)(0)) & ((a < (TYPE)(0)) ^ (b < (TYPE)(0))));
}
)"
                    : R"(
TYPE NAME(TYPE a, TYPE b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
)";
  case Helper::ceilDivide:
    return isVector ? R"(
TYPE NAME(TYPE a, TYPE b) {
  return a / b - ((a % b != (TYPE)(0)) & ~((a < (TYPE)(0)) ^ (b < (TYPE)(0))));
}
)"
                    : R"(
TYPE NAME(TYPE a, TYPE b) {
  return a / b + (a % b != 0 && (a < 0) == (b < 0));
}
)";
  case Helper::ceilDivideUnsigned:
    return isVector ? R"(
UNSIGNED NAME(UNSIGNED a, UNSIGNED b) {
  return a / b - as_UNSIGNED(a % b != (UNSIGNED)(0));
}
)"
                    : R"(
UNSIGNED NAME(UNSIGNED a, UNSIGNED b) {
  return a / b + (a % b != 0);
}
)";
  case Helper::trailingZeros:
    return R"(
UNSIGNED NAME(UNSIGNED a) {
  return popcount((UNSIGNED)(~a & (a - (UNSIGNED)(1))));
}
)";
  case Helper::maximum:
    return R"(
// NaN if one is NaN; 0.0 is above -0.0.
TYPE NAME(TYPE a, TYPE b) {
  return a > b ? a : (b > a ? b : (a == b ? as_TYPE((BITS)(as_BITS(a) & as_BITS(b))) : a + b));
}
)";
  case Helper::minimum:
    return R"(
// NaN if one is NaN; -0.0 is below 0.0.
TYPE NAME(TYPE a, TYPE b) {
  return a < b ? a : (b < a ? b : (a == b ? as_TYPE((BITS)(as_BITS(a) | as_BITS(b))) : a + b));
}
)";
  case Helper::byteDot:
    return R"(
// The sum of the four products of signed bytes.
TYPE NAME(TYPE a, TYPE b) {
#ifdef __opencl_c_integer_dot_product_input_4x8bit_packed
  return dot_4x8packed_ss_int(as_UNSIGNED(a), as_UNSIGNED(b));
#else
  char4 x = as_char4(a), y = as_char4(b);
  return x.s0 * y.s0 + x.s1 * y.s1 + x.s2 * y.s2 + x.s3 * y.s3;
#endif
}
)";
  }
  llvm_unreachable("all helpers have a text");
}

static llvm::StringRef nameOf(Helper helper) {
  switch (helper) {
  case Helper::floorDivide:
    return "floor_divide";
  case Helper::ceilDivide:
  case Helper::ceilDivideUnsigned:
    return "ceil_divide";
  case Helper::trailingZeros:
    return "trailing_zeros";
  case Helper::maximum:
    return "maximum";
  case Helper::minimum:
    return "minimum";
  case Helper::byteDot:
    return "byte_dot";
  }
  llvm_unreachable("all helpers have a name");
}

std::string OpenClHelpers::use(Helper helper, ClType type) {
  bool isUnsigned =
      helper == Helper::ceilDivideUnsigned || helper == Helper::trailingZeros;
  std::string name = nameOf(helper).str() + "_" +
                     (isUnsigned ? type.unsignedName() : type.name());
  std::string &text = used[name];
  if (text.empty())
    text = replaceWords(textOf(helper, type.isVector()), {name, type});
  return name;
}

std::string OpenClHelpers::pragmas() const {
  std::string text = "#pragma OPENCL FP_CONTRACT OFF\n";
  if (usesHalf)
    text += "#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n";
  // Part of the language since OpenCL C 1.2, where a device has it.
  if (usesDouble)
    text += "#ifdef cl_khr_fp64\n"
            "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n"
            "#endif\n";
  // A feature of OpenCL C 3.0 is no extension there.
  if (usesSubgroups)
    text += "#ifdef cl_khr_subgroups\n"
            "#pragma OPENCL EXTENSION cl_khr_subgroups : enable\n"
            "#endif\n";
  if (usesShuffles)
    text += "#pragma OPENCL EXTENSION cl_khr_subgroup_shuffle : enable\n";
  return text;
}

std::string OpenClHelpers::definitions() const {
  std::string text;
  for (const auto &entry : used)
    text += entry.second;
  return text;
}
