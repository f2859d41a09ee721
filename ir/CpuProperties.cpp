//===- CpuProperties.cpp - The CPU that kernels are for -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/CpuProperties.h"

#include "ir/ActivationGroup.h"
#include "ir/NearNames.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace rlx;

namespace {
/// A field that is an integer.
struct Integer {
  llvm::StringLiteral name;
  int64_t CpuProperties::*field;
  int64_t least, most;
  bool powerOfTwo = false, ofMachine = false;
};
/// A field that is true or false.
struct Flag {
  llvm::StringLiteral name;
  bool CpuProperties::*field;
  bool ofMachine = false;
};
} // namespace

static constexpr llvm::StringLiteral featuresName = "features";
static constexpr int64_t mostBytes = 1 << 30;

// Kernels keep sums, weights and activations in registers at the same time:
// they need 16. The rest bounds what would be a mistake.
static constexpr Integer integers[] = {
    {"vector_bits", &CpuProperties::vectorBits, 128, 2048, true, true},
    {"vector_registers", &CpuProperties::vectorRegisters, 16, 1024, false,
     true},
    {"cache_line", &CpuProperties::cacheLine, 16, 1024, true},
    {"page", &CpuProperties::page, 1024, mostBytes, true},
    {"l1", &CpuProperties::l1, 4096, mostBytes},
    {"l2", &CpuProperties::l2, 65536, mostBytes},
    {"mr", &CpuProperties::mr, 0, mostTileRows},
    {"min_m_panel", &CpuProperties::minMPanel, 0, mostLoopSize},
    {"mr_panel", &CpuProperties::mrPanel, 0, mostTileRows},
    {"nr_panel", &CpuProperties::nrPanel, 0, mostTileColumns},
    {"mc", &CpuProperties::mc, 0, mostLoopSize},
    {"nc", &CpuProperties::nc, 0, mostLoopSize},
    {"kc", &CpuProperties::kc, 0, mostLoopSize},
    {"prefetch_bytes", &CpuProperties::prefetchBytes, 0, mostLoopSize},
    {"activation_group", &CpuProperties::activationGroup,
     shortestActivationGroup, longestActivationGroup, true}};

static constexpr Flag flags[] = {
    {"two_vector_ports", &CpuProperties::twoVectorPorts, true},
    {"deterministic", &CpuProperties::deterministic},
    {"i16_pairs", &CpuProperties::i16Pairs},
    {"magic_numbers", &CpuProperties::magicNumbers},
    {"prescaled_weights", &CpuProperties::prescaledWeights}};

bool CpuProperties::has(llvm::StringRef feature) const {
  return llvm::is_contained(features, feature);
}

static llvm::Error setInteger(CpuProperties &cpu, const Integer &integer,
                              llvm::StringRef text) {
  int64_t value;
  bool isWrong = text.getAsInteger(10, value) || value < integer.least ||
                 value > integer.most ||
                 (integer.powerOfTwo && !llvm::isPowerOf2_64(value));
  if (isWrong)
    return llvm::createStringError(
        "expected " + integer.name + " to be " +
        (integer.powerOfTwo ? "a power of two from " : "") +
        llvm::Twine(integer.least) + " to " + llvm::Twine(integer.most) +
        ", but got " + text);
  cpu.*integer.field = value;
  return llvm::Error::success();
}

static llvm::Error setFlag(CpuProperties &cpu, const Flag &flag,
                           llvm::StringRef text) {
  if (text != "true" && text != "false")
    return llvm::createStringError("expected " + flag.name +
                                   " to be true or false, but got " + text);
  cpu.*flag.field = text == "true";
  return llvm::Error::success();
}

static llvm::Error setFeatures(CpuProperties &cpu, llvm::StringRef text) {
  if (!text.consume_front("[") || !text.consume_back("]"))
    return llvm::createStringError(
        "expected features to be names in brackets, as in [avx2,ssse3], but "
        "got " +
        text);
  cpu.features.clear();
  llvm::SmallVector<llvm::StringRef> names;
  text.split(names, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef name : names)
    cpu.features.push_back(name.trim().str());
  return llvm::Error::success();
}

llvm::Error CpuProperties::set(llvm::StringRef name, llvm::StringRef value) {
  llvm::SmallVector<std::string> known = {featuresName.str()};
  if (name == featuresName)
    return setFeatures(*this, value);
  for (const Integer &integer : integers) {
    if (name == integer.name)
      return setInteger(*this, integer, value);
    known.push_back(integer.name.str());
  }
  for (const Flag &flag : flags) {
    if (name == flag.name)
      return setFlag(*this, flag, value);
    known.push_back(flag.name.str());
  }
  std::string near = didYouMean(name, known);
  return llvm::createStringError(
      "#rlx.cpu has no field '" + name + "'" +
      (near.empty() ? ", only " + llvm::join(known, ", ") : near));
}

llvm::Error CpuProperties::setAll(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef> words;
  llvm::SplitString(text, words);
  for (llvm::StringRef word : words) {
    auto [name, value] = word.split('=');
    if (auto error = set(name, value))
      return error;
  }
  return llvm::Error::success();
}

std::string CpuProperties::text(bool wholeMachine) const {
  const CpuProperties usual;
  llvm::SmallVector<std::string> words;
  auto add = [&](llvm::StringRef name, const std::string &value) {
    words.push_back((name + " = " + value).str());
  };
  for (const Integer &integer : integers)
    if (this->*integer.field != usual.*integer.field ||
        (wholeMachine && integer.ofMachine))
      add(integer.name, std::to_string(this->*integer.field));
  for (const Flag &flag : flags)
    if (this->*flag.field != usual.*flag.field ||
        (wholeMachine && flag.ofMachine))
      add(flag.name, this->*flag.field ? "true" : "false");
  if (!features.empty() || wholeMachine)
    add(featuresName, "[" + llvm::join(features, ", ") + "]");
  return llvm::join(words, ", ");
}
