//===- InspectMemory.cpp - What weights take in memory --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// By weight and in all: codes, scales, zero points, padding, and what as many
// plain floats would take.
//
//===----------------------------------------------------------------------===//

#include "tools/Inspect.h"

#include "codegen/Compiler.h"
#include "codegen/ProgramMemory.h"
#include "codegen/weights/StoredTypes.h"
#include "codegen/weights/WeightLoader.h"
#include "runtime/Tensor.h"
#include "runtime/Text.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

using namespace rlx;
namespace json = llvm::json;

/// The weights of a file, as those of a program.
static std::vector<ProgramWeight> weightsOfFile(const WeightFile &file,
                                                mlir::MLIRContext &context) {
  std::vector<ProgramWeight> weights;
  llvm::DenseSet<const WeightEntry *> counted;
  for (const LogicalWeight &logical : file.logicalWeights()) {
    ProgramWeight weight;
    weight.name = logical.name;
    weight.shape = logical.shape;
    for (const WeightPart &part : logical.parts)
      // Biases are weights of their own.
      if (part.role != "bias")
        counted.insert(part.entry);
    auto scheme = schemeOf(logical, context);
    if (scheme)
      weight.format = scheme->displayName().str();
    auto memory = scheme ? WeightMemory::of(*scheme, logical.shape)
                         : llvm::Expected<WeightMemory>(scheme.takeError());
    if (memory)
      weight.memory = *memory;
    else
      weight.problem = llvm::toString(memory.takeError());
    weights.push_back(std::move(weight));
  }
  for (const WeightEntry &entry : file.entries()) {
    if (counted.contains(&entry))
      continue;
    ProgramWeight weight;
    weight.name = entry.name;
    weight.shape = entry.shape;
    weight.format = entry.type;
    weight.problem = entry.problem;
    std::optional<QuantScheme> scheme = schemeOf(entry, context);
    if (scheme)
      weight.format = scheme->displayName().str();
    std::optional<int64_t> count = countElements(entry.shape);
    if (weight.problem.empty() && count && *count > 0) {
      // Of a type without a scheme only the whole is known.
      auto memory = scheme ? WeightMemory::of(*scheme, entry.shape)
                           : WeightMemory::plain(0, entry.shape);
      if (!memory)
        weight.problem = llvm::toString(memory.takeError());
      else
        weight.memory = *memory;
      if (!scheme)
        weight.memory.codeBits = 8 * int64_t(entry.bytes.size());
    }
    weights.push_back(std::move(weight));
  }
  return weights;
}

static std::string percentOf(int64_t bits, const WeightMemory &memory) {
  return fmt::format("{:.1f}%", memory.bits() ? 100.0 * double(bits) /
                                                    double(memory.bits())
                                              : 0.0);
}

/// The columns behind the name.
static std::array<std::string, 10> cells(const std::string &shape,
                                         const std::string &format,
                                         const WeightMemory &memory) {
  return {
      shape,
      format,
      std::to_string(memory.bytes()),
      fmt::format("{:.4f}", memory.elements ? memory.bitsPerElement() : 0.0),
      percentOf(memory.scaleBits, memory),
      percentOf(memory.zeroBits, memory),
      percentOf(memory.paddingBits, memory),
      std::to_string(memory.f16Bytes()),
      std::to_string(memory.f32Bytes()),
      fmt::format("{:.2f}", memory.bytes() ? double(memory.f16Bytes()) /
                                                 double(memory.bytes())
                                           : 0.0)};
}

static void printText(const std::vector<ProgramWeight> &weights,
                      const WeightMemory &sum, llvm::raw_ostream &stream) {
  std::vector<std::pair<std::string, std::array<std::string, 10>>> rows = {
      {"weight",
       {"shape", "scheme", "bytes", "bits", "scales", "zeros", "padding",
        "as f16", "as f32", "of f16"}}};
  for (const ProgramWeight &weight : weights)
    if (weight.problem.empty())
      rows.push_back(
          {quoted(weight.name),
           cells(describeShape(weight.shape), weight.format, weight.memory)});
    else
      rows.push_back({quoted(weight.name),
                      {describeShape(weight.shape), weight.format, "?"}});
  rows.push_back({"all", cells("", "", sum)});
  auto columnsOf = [](llvm::StringRef text) {
    int columns = llvm::sys::unicode::columnWidthUTF8(text);
    return columns < 0 ? text.size() : size_t(columns);
  };
  std::array<size_t, 11> widths{};
  for (const auto &[name, texts] : rows) {
    widths[0] = std::max(widths[0], columnsOf(name));
    for (size_t i = 0; i < texts.size(); ++i)
      widths[i + 1] = std::max(widths[i + 1], columnsOf(texts[i]));
  }
  for (const auto &[name, texts] : rows) {
    std::string line = name + std::string(widths[0] - columnsOf(name), ' ');
    for (size_t i = 0; i < texts.size(); ++i) {
      std::string space(widths[i + 1] - columnsOf(texts[i]), ' ');
      // Words on the left, numbers on the right.
      line += "  " + (i < 2 ? texts[i] + space : space + texts[i]);
    }
    stream << llvm::StringRef(line).rtrim() << "\n";
  }
  for (const ProgramWeight &weight : weights)
    if (!weight.problem.empty())
      stream << quoted(weight.name) << " is not counted: " << weight.problem
             << "\n";
}

static void writeMemory(json::OStream &out, const WeightMemory &memory) {
  out.attribute("elements", memory.elements);
  out.attribute("bytes", memory.bytes());
  out.attribute("code_bits", memory.codeBits);
  out.attribute("scale_bits", memory.scaleBits);
  out.attribute("zero_point_bits", memory.zeroBits);
  out.attribute("padding_bits", memory.paddingBits);
  out.attribute("f16_bytes", memory.f16Bytes());
  out.attribute("f32_bytes", memory.f32Bytes());
}

static void printJson(const std::vector<ProgramWeight> &weights,
                      const WeightMemory &sum, llvm::raw_ostream &stream) {
  json::OStream out(stream, 2);
  out.object([&] {
    out.attributeArray("weights", [&] {
      for (const ProgramWeight &weight : weights)
        out.object([&] {
          out.attribute("name", json::fixUTF8(weight.name));
          out.attribute("shape", json::Array(weight.shape));
          out.attribute("scheme", json::fixUTF8(weight.format));
          if (weight.problem.empty())
            writeMemory(out, weight.memory);
          else
            out.attribute("problem", json::fixUTF8(weight.problem));
        });
    });
    out.attributeObject("all", [&] { writeMemory(out, sum); });
  });
  stream << "\n";
}

static void print(const std::vector<ProgramWeight> &weights, bool json,
                  llvm::raw_ostream &stream) {
  WeightMemory sum;
  for (const ProgramWeight &weight : weights)
    sum += weight.memory;
  if (json)
    printJson(weights, sum, stream);
  else
    printText(weights, sum, stream);
}

void inspect::listMemory(const WeightFile &file, mlir::MLIRContext &context,
                         bool json, llvm::raw_ostream &stream) {
  print(weightsOfFile(file, context), json, stream);
}

llvm::Error inspect::listProgramMemory(const std::string &path, bool json,
                                       llvm::raw_ostream &stream) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseFile(*context, path);
  if (!module)
    return module.takeError();
  print(rlx::weightsOf(**module), json, stream);
  return llvm::Error::success();
}
