//===- OpenClTypes.cpp - Types, literals and names of OpenCL C ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/opencl/OpenClTypes.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::opencl;

std::optional<ClType> ClType::of(Type type) {
  unsigned count = 1;
  if (auto vector = dyn_cast<VectorType>(type)) {
    int64_t elements = vector.getRank() > 1 || vector.isScalable()
                           ? 0
                           : vector.getNumElements();
    if (!llvm::is_contained({1, 2, 4, 8, 16}, elements))
      return std::nullopt;
    count = unsigned(elements);
    type = vector.getElementType();
  }
  if (type.isInteger(1))
    return ClType{boolean, 1, count};
  if (type.isIndex())
    return ClType{integer, 32, count};
  if (type.isSignlessInteger() &&
      llvm::is_contained({8, 16, 32, 64}, type.getIntOrFloatBitWidth()))
    return ClType{integer, type.getIntOrFloatBitWidth(), count};
  if (type.isF16() || type.isF32() || type.isF64())
    return ClType{floating, type.getIntOrFloatBitWidth(), count};
  return std::nullopt;
}

std::string ClType::name() const {
  std::string element;
  if (isBool())
    element = isVector() ? "int" : "bool";
  else if (isFloat())
    element = bits == 16 ? "half" : bits == 32 ? "float" : "double";
  else
    element = bits == 8    ? "char"
              : bits == 16 ? "short"
              : bits == 32 ? "int"
                           : "long";
  return isVector() ? element + std::to_string(count) : element;
}

std::string ClType::unsignedName() const {
  return "u" + (isBool() ? ClType{integer, 32, count} : *this).name();
}

std::string ClType::memoryName() const {
  return isBool() && !isVector() ? "uchar" : name();
}

std::string opencl::integerLiteral(ClType type, const llvm::APInt &value) {
  if (type.isBool())
    return value.isZero() ? "false" : "true";
  // A minus sign before a literal is an operator, and the literal too large.
  if (value.isMinSignedValue() && value.getBitWidth() >= 32)
    return type.bits == 64 ? "LONG_MIN" : "INT_MIN";
  return llvm::toString(value, 10, /*Signed=*/true) +
         (type.bits == 64 ? "L" : "");
}

std::string opencl::floatLiteral(const llvm::APFloat &value) {
  bool isHalf = &value.getSemantics() == &llvm::APFloat::IEEEhalf();
  bool isDouble = &value.getSemantics() == &llvm::APFloat::IEEEdouble();
  if (!value.isFinite()) {
    llvm::APInt bits = value.bitcastToAPInt();
    if (value.isInfinity() && !isHalf && !isDouble)
      return value.isNegative() ? "-INFINITY" : "INFINITY";
    std::string pattern = llvm::toString(bits, 16, /*Signed=*/false,
                                         /*formatAsCLiteral=*/true);
    return isHalf     ? "as_half((ushort)" + pattern + ")"
           : isDouble ? "as_double(" + pattern + "UL)"
                      : "as_float(" + pattern + ")";
  }
  // The shortest text that reads back as the same number.
  llvm::SmallString<32> text;
  constexpr unsigned mostDigits = 17;
  for (unsigned digits = 1; digits <= mostDigits; ++digits) {
    text.clear();
    value.toString(text, digits, /*FormatMaxPadding=*/6);
    llvm::APFloat read(value.getSemantics(), text);
    if (read.bitwiseIsEqual(value))
      break;
  }
  if (text.find_first_of(".eE") == llvm::StringRef::npos)
    text += ".0";
  return std::string(text) + (isHalf ? "h" : isDouble ? "" : "f");
}

/// Keywords of OpenCL C, and the functions and macros that the printer uses or
/// that a variable of the same name would hide from it.
static constexpr llvm::StringLiteral reservedWords =
    "auto break case char const continue default do double else enum extern "
    "float for goto if inline int long register restrict return short signed "
    "sizeof static struct switch typedef union unsigned void volatile while "
    "bool true false half uchar ushort uint ulong size_t ptrdiff_t intptr_t "
    "uintptr_t event_t sampler_t image2d_t image3d_t kernel global local "
    "constant private read_only write_only read_write generic pipe atom "
    "abs abs_diff acos acosh acospi add_sat all any asin asinh atan atan2 "
    "atanh barrier bitselect cbrt ceil clamp clz copysign cos cosh cospi cross "
    "degrees distance dot erf erfc exp exp10 exp2 expm1 fabs fast_length fdim "
    "floor fma fmax fmin fmod fract frexp hadd hypot ilogb isequal isfinite "
    "isgreater isinf isless islessgreater isnan isnormal isordered isunordered "
    "ldexp length lgamma log log10 log1p log2 logb mad mad24 mad_hi mad_sat "
    "main max mem_fence min mix modf mul24 mul_hi nan nextafter normalize "
    "popcount pow pown powr prefetch printf radians remainder remquo rhadd "
    "rint rootn rotate round rsqrt select shuffle shuffle2 sign signbit sin "
    "sincos sinh sinpi smoothstep sqrt step sub_sat tan tanh tanpi tgamma "
    "trunc upsample M_PI NAN INFINITY HUGE_VAL INT_MIN INT_MAX LONG_MIN "
    "LONG_MAX NULL get_global_id get_local_id get_group_id get_local_size "
    "get_num_groups get_global_size atomic_add atomic_and atomic_or atomic_xor "
    "atomic_min atomic_max atomic_xchg vload_half vstore_half_rte "
    "get_sub_group_id get_sub_group_local_id sub_group_shuffle_xor "
    "sub_group_reduce_add sub_group_reduce_max sub_group_reduce_min";

/// Whether a name belongs to a family of the language (float4, vload8, as_int,
/// convert_char4) or of the printer's functions.
static bool isOfFamily(llvm::StringRef name) {
  for (llvm::StringRef start :
       {"floor_divide_", "ceil_divide_", "trailing_zeros_", "maximum_",
        "minimum_", "as_", "convert_"})
    if (name.consume_front(start))
      break;
  static constexpr llvm::StringLiteral stems[] = {
      "char",   "uchar",      "short",       "ushort",         "int",
      "uint",   "long",       "ulong",       "half",           "float",
      "double", "bool",       "vload",       "vstore",         "quad",
      "image",  "vload_half", "vstore_half", "vstore_half_rte"};
  return llvm::is_contained(stems, name.rtrim("0123456789"));
}

ClNames::ClNames() {
  llvm::SmallVector<llvm::StringRef> words;
  reservedWords.split(words, ' ');
  used.insert(words.begin(), words.end());
}

bool ClNames::take(llvm::StringRef name) {
  bool isIdentifier =
      !name.empty() && llvm::isAlpha(name[0]) &&
      llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; });
  // Two underscores belong to the compiler.
  return isIdentifier && !name.contains("__") && !isOfFamily(name) &&
         used.insert(name).second;
}

std::string ClNames::fresh(llvm::StringRef hint) {
  std::string name;
  for (char c : hint)
    if (c = llvm::isAlnum(c) ? c : '_';
        c != '_' || !llvm::StringRef(name).ends_with("_"))
      name += c;
  if (name.empty() || !llvm::isAlpha(name[0]))
    name = "x" + name;
  // Names of the printer's own kind: v7, i0.
  llvm::StringRef stem = llvm::StringRef(name).rtrim("0123456789");
  if (isOfFamily(name) || (stem != name && (stem == "v" || stem == "i")))
    name += "_";
  std::string unique = name;
  for (unsigned i = 1; !take(unique); ++i)
    unique = llvm::formatv("{0}_{1}", llvm::StringRef(name).rtrim('_'), i);
  return unique;
}

std::string ClNames::freshValue() { return "v" + std::to_string(numValues++); }
