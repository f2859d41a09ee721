//===- Plan.cpp - Which weight gets which scheme --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Plan.h"

#include "runtime/weights/GgmlTypes.h"

using namespace rlx;
using namespace rlx::quantize;

/// Tensors of two and more dimensions that are small, or read as numbers by
/// other operations than matmuls.
static constexpr llvm::StringLiteral keptNames[] = {"*norm*",
                                                    "*.bias",
                                                    "*ffn_gate_inp*",
                                                    "position_embd*",
                                                    "token_types*",
                                                    "*ssm_conv1d*",
                                                    "*shortconv*",
                                                    "*time_mix_*",
                                                    "*attn_rel_b*",
                                                    "*.ssm_a",
                                                    "*.ssm_d",
                                                    "*altup*",
                                                    "*per_layer_model_proj*",
                                                    "*laurel*"};
static constexpr llvm::StringLiteral outputNames[] = {"token_embd.weight",
                                                      "output.weight"};

static bool matchesAny(llvm::StringRef name,
                       llvm::ArrayRef<llvm::StringLiteral> patterns) {
  return llvm::any_of(patterns, [&](llvm::StringRef pattern) {
    return llvm::cantFail(llvm::GlobPattern::create(pattern)).match(name);
  });
}

/// The scheme, or the first of its fallbacks that takes rows of that length; at
/// last f16, which takes all.
static QuantScheme fitting(QuantScheme scheme, int64_t columns) {
  while (columns % scheme.block() != 0) {
    std::string next = QuantRule::of(scheme).fallback;
    std::optional<QuantScheme> other = QuantScheme::parse(
        scheme.attr().getContext(), next.empty() ? "f16" : next);
    // Fallbacks have smaller blocks, so that this ends.
    scheme = *other;
  }
  return scheme;
}

std::string quantize::ggufFormat(QuantScheme scheme) {
  // Plain floats have no name there but their own.
  std::string name = scheme.displayName().str();
  if (!scheme.isGguf() && scheme.isBuiltin() &&
      findGgmlType(std::string_view(name)))
    return name;
  return scheme.ggmlName().str();
}

static llvm::Error checkStorable(QuantScheme scheme) {
  if (!ggufFormat(scheme).empty())
    return llvm::Error::success();
  std::string names;
  for (const std::string &name : builtinSchemeNames()) {
    auto builtin = QuantScheme::parse(scheme.attr().getContext(), name);
    if (builtin && !ggufFormat(*builtin).empty())
      names += (names.empty() ? "" : ", ") + name;
  }
  return llvm::createStringError("GGUF has no type for scheme '" +
                                 scheme.displayName() + "', expected one of " +
                                 names);
}

static QuantScheme wantedScheme(const Wishes &wishes, const WeightEntry &entry,
                                bool &isNamed) {
  for (const auto &[pattern, scheme] : llvm::reverse(wishes.overrides))
    if (pattern.match(entry.name)) {
      isNamed = true;
      return scheme;
    }
  if (wishes.outputScheme && matchesAny(entry.name, outputNames) &&
      wishes.outputScheme->payloadBits().value() >
          wishes.scheme.payloadBits().value())
    return *wishes.outputScheme;
  return wishes.scheme;
}

static Step stepOf(const WeightSource &source, const Wishes &wishes,
                   const WeightEntry &entry) {
  Step step{&entry, std::nullopt, std::nullopt, ""};
  bool isNamed = false;
  QuantScheme scheme = wantedScheme(wishes, entry, isNamed);
  if (entry.shape.size() < 2 || entry.shape.size() > 3)
    return step;
  if (!isNamed && matchesAny(entry.name, keptNames))
    return step;
  if (!source.isReadable(entry)) {
    step.note =
        "kept: " + (entry.problem.empty() ? "no numbers that RLX can read"
                                          : entry.problem);
    return step;
  }
  if (!source.isPlain(entry)) {
    if (entry.format == ggufFormat(scheme))
      return step;
    if (!wishes.requantize) {
      step.note = "kept: quantized already (--requantize)";
      return step;
    }
  }
  step.scheme = fitting(scheme, entry.shape.back());
  if (*step.scheme == wishes.scheme)
    step.rule = wishes.rule;
  if (!(*step.scheme == scheme))
    step.note =
        (llvm::Twine(entry.shape.back()) +
         " columns are no multiple "
         "of the " +
         llvm::Twine(scheme.block()) + " of '" + scheme.displayName() + "'")
            .str();
  return step;
}

llvm::Expected<std::vector<Step>> quantize::makePlan(const WeightSource &source,
                                                     const Wishes &wishes) {
  if (auto error = checkStorable(wishes.scheme))
    return error;
  if (wishes.outputScheme)
    if (auto error = checkStorable(*wishes.outputScheme))
      return error;
  for (const auto &[pattern, scheme] : wishes.overrides)
    if (auto error = checkStorable(scheme))
      return error;
  std::vector<Step> steps;
  for (const WeightEntry &entry : source.entries())
    steps.push_back(stepOf(source, wishes, entry));
  if (llvm::none_of(steps, [](const Step &step) { return step.scheme; }))
    return llvm::createStringError(
        "'" + source.path() +
        "' has nothing to quantize, expected a matrix of floats");
  return steps;
}
