//===- Plan.cpp - Which weight gets which scheme --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Plan.h"

#include "codegen/weights/StoredTypes.h"
#include "runtime/Text.h"
#include "runtime/weights/GgmlTypes.h"

#include "llvm/Support/GlobPattern.h"

#include <utility>

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
static constexpr llvm::StringLiteral outputNames[] = {
    "token_embd.weight", "output.weight", "model.embed_tokens.weight",
    "lm_head.weight"};

static bool matchesAny(llvm::StringRef name,
                       llvm::ArrayRef<llvm::StringLiteral> patterns) {
  return llvm::any_of(patterns, [&](llvm::StringRef pattern) {
    return llvm::cantFail(llvm::GlobPattern::create(pattern)).match(name);
  });
}

/// The scheme, or the first of its fallbacks that takes rows of that length; at
/// last f16, which takes all. A rule of the user's may name the first.
static QuantScheme fitting(QuantScheme scheme, int64_t columns,
                           const std::optional<QuantRule> &rule) {
  std::string named = rule ? rule->fallback : "";
  while (columns % scheme.block() != 0) {
    std::string next = std::exchange(named, "");
    if (next.empty())
      next = QuantRule::of(scheme).fallback;
    std::optional<QuantScheme> other = QuantScheme::parse(
        scheme.attr().getContext(), next.empty() ? "f16" : next);
    // Fallbacks have smaller blocks, so that this ends.
    scheme = *other;
  }
  return scheme;
}

std::string Step::type() const {
  if (scheme)
    return storedTypeOf(output, *scheme);
  if (entry->container == output)
    return entry->type;
  if (!entry->element)
    return "";
  std::string type = storedTypeOf(output, *entry->element, "");
  bool isKnown =
      output != WeightContainer::gguf || findGgmlType(std::string_view(type));
  return isKnown ? type : "";
}

std::string Step::shownType() const {
  std::string name = type();
  return name.empty() && scheme ? scheme->displayName().str() : name;
}

llvm::Error quantize::checkStorable(QuantScheme scheme,
                                    WeightContainer output) {
  // Safetensors hold anything, as bytes.
  if (output != WeightContainer::gguf || !storedTypeOf(output, scheme).empty())
    return llvm::Error::success();
  std::string names;
  for (const std::string &name : builtinSchemeNames()) {
    auto builtin = QuantScheme::parse(scheme.attr().getContext(), name);
    if (builtin && !storedTypeOf(output, *builtin).empty())
      names += (names.empty() ? "" : ", ") + name;
  }
  return llvm::createStringError("GGUF has no type for scheme '" +
                                 scheme.displayName() + "', expected one of " +
                                 names + "; or '-o file.safetensors'");
}

/// The scheme of a weight that no override names.
static QuantScheme usualScheme(const Wishes &wishes, const WeightEntry &entry) {
  if (wishes.outputScheme && matchesAny(entry.name, outputNames) &&
      wishes.outputScheme->payloadBits().value() >
          wishes.scheme.payloadBits().value())
    return *wishes.outputScheme;
  return wishes.scheme;
}

static llvm::Expected<Step> stepOf(const WeightSource &source,
                                   const Wishes &wishes,
                                   const WeightEntry &entry) {
  Step step{&entry, std::nullopt, std::nullopt};
  step.output = wishes.output;
  if (entry.shape.size() > 3 && wishes.config.overrideFor(entry.name))
    step.note = "kept: no matrix";
  if (entry.shape.size() < 2 || entry.shape.size() > 3)
    return step;
  if (llvm::is_contained(entry.shape, 0)) {
    step.note = "kept: no elements";
    return step;
  }
  // Scales that were rounded would spoil the weight.
  if (const LogicalWeight *whole = source.partOf(entry)) {
    step.note = "kept: part of '" + whole->name +
                "', which is quantized already (" + whole->kind + ")";
    return step;
  }
  const QuantMethod *named = wishes.config.overrideFor(entry.name);
  if (!named && matchesAny(entry.name, keptNames)) {
    step.isKeptByName = true;
    return step;
  }
  std::optional<QuantScheme> wanted = usualScheme(wishes, entry);
  if (named) {
    auto scheme = named->scheme(wishes.scheme.attr().getContext());
    if (!scheme)
      return scheme.takeError();
    wanted = *scheme;
  }
  if (!wanted) // stays as it is
    return step;
  if (llvm::Error error = checkStorable(*wanted, wishes.output))
    return error;
  if (!source.isReadable(entry)) {
    step.note =
        "kept: " + (entry.problem.empty() ? "no numbers that RLX can read"
                                          : entry.problem);
    return step;
  }
  if (!source.isPlain(entry)) {
    if (schemeOf(entry, *wishes.scheme.attr().getContext()) == *wanted)
      return step;
    if (!wishes.requantize) {
      step.note = "kept: quantized already (--requantize)";
      return step;
    }
  }
  if (llvm::Error error = checkQuantizable(*wanted))
    return error;
  step.scheme = fitting(*wanted, entry.shape.back(),
                        *wanted == wishes.scheme ? wishes.rule : std::nullopt);
  const QuantMethod &method = named ? *named : wishes.method;
  step.algorithm = method.algorithm();
  step.alpha = method.alpha();
  if (*step.scheme == wishes.scheme)
    step.rule = wishes.rule;
  if (!(*step.scheme == *wanted))
    step.note =
        (llvm::Twine(entry.shape.back()) +
         " columns are no multiple "
         "of the " +
         llvm::Twine(wanted->block()) + " of '" + wanted->displayName() + "'")
            .str();
  return step;
}

/// Why no weight is quantized, from what most likely was not meant to what is
/// no matrix.
static std::string whyNothing(const WeightSource &source,
                              llvm::ArrayRef<Step> steps) {
  auto find = [&](auto function) {
    const Step *found = llvm::find_if(steps, function);
    return found == steps.end() ? nullptr : found->entry;
  };
  if (const WeightEntry *kept =
          find([](const Step &step) { return step.isKeptByName; })) {
    std::string name = quoted(kept->name, kept->name.size());
    return name +
           " is kept, as the name is that of a norm, bias or router: "
           "--tensor '" +
           kept->name + "=SCHEME' quantizes it";
  }
  if (find([&](const Step &step) { return source.partOf(*step.entry); }))
    return "its weights are quantized already";
  auto isQuantized = [&](const Step &step) {
    return step.entry->shape.size() >= 2 && !source.isPlain(*step.entry) &&
           source.isReadable(*step.entry);
  };
  if (find([&](const Step &step) {
        return isQuantized(step) && !step.note.empty();
      }))
    return "its weights are quantized already; --requantize quantizes them "
           "anew";
  if (const WeightEntry *same = find(isQuantized))
    return "its weights are of '" + same->type + "' already";
  if (steps.empty())
    return "it has no tensors";
  const WeightEntry &first = *steps.front().entry;
  std::string what =
      quoted(first.name, first.name.size()) + " is " + first.type + " " +
      describeShape(first.shape) +
      (steps.front().note.empty() ? "" : ", " + steps.front().note);
  return steps.size() == 1
             ? what
             : (llvm::Twine("none of its ") + llvm::Twine(steps.size()) +
                " tensors is one, the first, " + what)
                   .str();
}

llvm::Expected<std::vector<Step>> quantize::makePlan(const WeightSource &source,
                                                     const Wishes &wishes) {
  if (auto error = checkStorable(wishes.scheme, wishes.output))
    return error;
  if (wishes.outputScheme)
    if (auto error = checkStorable(*wishes.outputScheme, wishes.output))
      return error;
  std::vector<Step> steps;
  for (const WeightEntry &entry : source.entries()) {
    llvm::Expected<Step> step = stepOf(source, wishes, entry);
    if (!step)
      return step.takeError();
    steps.push_back(std::move(*step));
  }
  if (llvm::none_of(steps, [](const Step &step) { return step.scheme; }))
    return llvm::createStringError(
        "'" + source.path() +
        "' has nothing to quantize, expected a matrix of floats, but " +
        whyNothing(source, steps));
  return steps;
}
