//===- ActivationType.cpp - What matmuls compute activations in -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/ActivationType.h"

#include "ir/ActivationGroup.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace rlx;

template <typename TypeT> static Type floatType(MLIRContext *context) {
  return TypeT::get(context);
}
template <unsigned width> static Type integerType(MLIRContext *context) {
  return IntegerType::get(context, width);
}

// Three bytes are there to lose no more than f32 does. One number that is far
// larger than those it shares a scale with costs them as many bits as it costs
// one byte, so that groups are short, whatever the weight.
static constexpr ActivationType types[] = {
    {"f32", 4, false, floatType<Float32Type>},
    {"bf16", 2, false, floatType<BFloat16Type>},
    {"f16", 2, false, floatType<Float16Type>},
    {"i24", 3, true, integerType<24>, 127 * 65536, false,
     shortestActivationGroup},
    {"i16", 2, true, integerType<16>, 127 * 256, true, longestActivationGroup},
    {"i8", 1, true, integerType<8>, 127, true, longestActivationGroup, true}};

ArrayRef<ActivationType> rlx::activationTypes() { return types; }

const ActivationType *rlx::activationTypeNamed(StringRef name) {
  for (const ActivationType &type : types)
    if (type.name == name)
      return &type;
  return nullptr;
}

const ActivationType *rlx::activationTypeOf(Type type) {
  for (const ActivationType &one : types)
    if (type && type == one.get(type.getContext()))
      return &one;
  return nullptr;
}

bool rlx::hasIntegerActivations(Type type) {
  const ActivationType *one = activationTypeOf(type);
  return one && one->isInteger;
}

bool rlx::hasIntegerActivations(StringRef name) {
  const ActivationType *one = activationTypeNamed(name);
  return one && one->isInteger;
}

bool rlx::mayReencodeWeights(StringRef name) {
  const ActivationType *one = activationTypeNamed(name);
  return one && one->mayReencode;
}

static std::string
namesOf(llvm::function_ref<bool(const ActivationType &)> isMeant) {
  SmallVector<StringRef> names;
  for (const ActivationType &type : types)
    if (isMeant(type))
      names.push_back(type.name);
  return llvm::join(ArrayRef(names).drop_back(), ", ") + " or " +
         names.back().str();
}

std::string rlx::activationTypeNames() {
  return namesOf([](const ActivationType &) { return true; });
}

std::string rlx::integerActivationNames() {
  return namesOf([](const ActivationType &type) { return type.isInteger; });
}

std::string rlx::reencodingActivationNames() {
  return namesOf([](const ActivationType &type) { return type.mayReencode; });
}
