//===- QuantMethod.cpp - Methods of quantization by name ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/QuantMethod.h"

#include "ir/NearNames.h"
#include "ir/WeightMemory.h"

#include "llvm/Support/FormatVariadic.h"

using namespace rlx;

static constexpr llvm::StringLiteral algorithmNames[] = {
    "nearest", "smoothquant", "awq", "gptq"};
/// The bits of what weights are compared with.
static constexpr double halfBits = 16;
/// More digits are no name of a scheme.
static constexpr int64_t maxGroup = 999999;

llvm::StringRef rlx::nameOf(QuantAlgorithm algorithm) {
  return algorithmNames[size_t(algorithm)];
}

llvm::Expected<QuantAlgorithm> rlx::parseAlgorithm(llvm::StringRef word) {
  llvm::SmallVector<std::string> words;
  for (auto [i, name] : llvm::enumerate(algorithmNames)) {
    if (word == name)
      return QuantAlgorithm(i);
    words.push_back(name.str());
  }
  return llvm::createStringError("expected " + llvm::join(words, ", ") +
                                 ", but got '" + word + "'" +
                                 didYouMean(word, words));
}

//===----------------------------------------------------------------------===//
// Methods
//===----------------------------------------------------------------------===//

QuantMethod::QuantMethod(std::optional<QuantScheme> scheme,
                         QuantAlgorithm algorithm, double alpha)
    : own(scheme), how(algorithm), power(alpha) {}

QuantMethod::QuantMethod(llvm::StringRef id)
    : known(llvm::find_if(
          builtinMethods(),
          [&](const BuiltinMethod &method) { return method.id == id; })),
      how(known->algorithm) {}

QuantMethod QuantMethod::int8Symmetric() {
  QuantMethod method("int8");
  method.bits = 8;
  return method;
}

QuantMethod QuantMethod::int4Asymmetric(int64_t group) {
  QuantMethod method("int4");
  method.group = group;
  return method;
}

QuantMethod QuantMethod::fp8E4m3() {
  QuantMethod method("fp8");
  method.bits = 8;
  return method;
}

QuantMethod QuantMethod::awq(int64_t group) {
  QuantMethod method("awq");
  method.group = group;
  return method;
}

QuantMethod QuantMethod::smoothQuant(double alpha) {
  QuantMethod method("smoothquant");
  method.bits = 8;
  method.power = alpha;
  return method;
}

QuantMethod QuantMethod::gptq(int64_t group, int64_t bits) {
  QuantMethod method("gptq");
  method.group = group;
  method.bits = bits;
  return method;
}

/// `pattern` with numbers in place of its parameters.
static std::string filled(llvm::StringRef pattern, int64_t group, int64_t bits,
                          double alpha) {
  std::string text;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '$') {
      text += pattern[i];
      continue;
    }
    char parameter = pattern[++i];
    text += parameter == 'a' ? llvm::formatv("{0:f2}", alpha).str()
                             : std::to_string(parameter == 'g' ? group : bits);
  }
  return text;
}

std::string QuantMethod::displayName() const {
  if (known) {
    std::string name = filled(known->display, group, bits, power);
    // Where the name has no place for a group, only an unusual one is said.
    if (known->scheme.contains("$g") && !known->display.contains("$g") &&
        group != defaultGroup)
      name += "(group=" + std::to_string(group) + ")";
    return name;
  }
  if (!own)
    return "none";
  std::string name = own->displayName().str();
  if (how == QuantAlgorithm::nearest)
    return name;
  if (how == QuantAlgorithm::smoothQuant)
    return filled("smoothquant(α=$a, " + name + ")", group, bits, power);
  return (nameOf(how) + "(" + name + ")").str();
}

int64_t QuantMethod::bitsPerWeight() const {
  if (known)
    return bits;
  return own ? own->attr().getCode().width() : int64_t(halfBits);
}

double QuantMethod::compressionRatio() const {
  return halfBits / double(bitsPerWeight());
}

llvm::Error QuantMethod::validate() const {
  auto fail = [&](const llvm::Twine &text) {
    return llvm::createStringError("expected " + text);
  };
  bool hasGroup = known && known->scheme.contains("$g");
  // NaN lies in no range.
  if (how == QuantAlgorithm::smoothQuant && !(power >= 0 && power <= 1))
    return fail("alpha of SmoothQuant to be in [0, 1], but got " +
                llvm::formatv("{0}", power).str());
  if (known && (bits < 1 || bits > 8))
    return fail("1 to 8 bits, but got " + llvm::Twine(bits));
  if (hasGroup && (group < 1 || group > maxGroup))
    return fail("a group of 1 to " + llvm::Twine(maxGroup) +
                " weights, but got " + llvm::Twine(group));
  if (hasGroup && group * bits % 8 != 0)
    return fail("a group whose codes of " + llvm::Twine(bits) +
                " bits fill whole bytes, but got " + llvm::Twine(group));
  return llvm::Error::success();
}

llvm::Expected<std::optional<QuantScheme>>
QuantMethod::scheme(mlir::MLIRContext *context) const {
  if (llvm::Error error = validate())
    return error;
  if (!known)
    return own;
  std::string name = filled(known->scheme, group, bits, power);
  std::optional<QuantScheme> scheme = QuantScheme::parse(context, name);
  if (!scheme)
    return llvm::createStringError("no scheme stores " + displayName() + ": " +
                                   QuantScheme::unknownSchemeMessage(name));
  return scheme;
}

llvm::Expected<double>
QuantMethod::compressionRatio(mlir::MLIRContext *context,
                              llvm::ArrayRef<int64_t> shape) const {
  llvm::Expected<std::optional<QuantScheme>> stored = scheme(context);
  if (!stored)
    return stored.takeError();
  if (!*stored)
    return 1.0;
  llvm::Expected<WeightMemory> memory = WeightMemory::of(**stored, shape);
  if (!memory)
    return memory.takeError();
  return double(memory->f16Bytes()) / double(memory->bytes());
}
