//===- quantizers.cpp - Quantizers of RLX and ggml, side by side ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   bench-quantizers --ggml libggml-base.so
//   bench-quantizers --ggml libggml-base.so --importance --type q4_1,q8_0
//
// Both quantize the same normal numbers in turn, on one thread, and the least
// time of each counts: CPU time, which other programs disturb least. Importance
// is log-normal, and errors are weighted with it. ggml is loaded when it is
// asked for, so that this builds without it.
//
//===----------------------------------------------------------------------===//

#include "codegen/CompiledRows.h"
#include "codegen/Compiler.h"
#include "codegen/weights/StoredTypes.h"
#include "runtime/weights/GgmlTypes.h"
#include "tools/CommandLine.h"
#include "tools/bench/Table.h"

#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/InitLLVM.h"

#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <random>

using namespace rlx;
namespace cl = llvm::cl;

namespace {
struct Options {
  cl::opt<std::string> ggml{
      "ggml", cl::value_desc("libggml-base.so"),
      cl::desc("A library of ggml; without it RLX alone is measured")};
  cl::list<std::string> types{"type", cl::CommaSeparated,
                              cl::value_desc("name,..."),
                              cl::desc("Types of ggml (those of weights)")};
  cl::opt<bool> importance{"importance",
                           cl::desc("Give importance of columns to both")};
  cl::opt<int64_t> rows{"rows", cl::init(64), cl::desc("Rows (64)")};
  cl::opt<int64_t> columns{"columns", cl::init(4096),
                           cl::desc("Columns (4096)")};
  cl::opt<double> seconds{"seconds", cl::init(1),
                          cl::desc("Time for each type, about (1)")};
};

/// The functions of ggml that are measured; null where they were not found.
struct Peer {
  size_t (*quantize)(int type, const float *values, void *blocks, int64_t start,
                     int64_t rows, int64_t columns,
                     const float *importance) = nullptr;
  bool (*needsImportance)(int type) = nullptr;

  static llvm::Expected<Peer> load(const std::string &path) {
    Peer peer;
    if (path.empty())
      return peer;
    std::string reason;
    auto library =
        llvm::sys::DynamicLibrary::getPermanentLibrary(path.c_str(), &reason);
    if (!library.isValid())
      return llvm::createStringError("--ggml: " + reason);
    auto find = [&](auto &function, const char *name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(
          library.getAddressOfSymbol(name));
      return function != nullptr;
    };
    if (!find(peer.quantize, "ggml_quantize_chunk") ||
        !find(peer.needsImportance, "ggml_quantize_requires_imatrix"))
      return llvm::createStringError("'" + path +
                                     "' has no ggml_quantize_chunk, expected "
                                     "ggml's library of quantizers");
    return peer;
  }
};

/// What both are given.
struct Weight {
  int64_t rows, columns;
  std::vector<float> values, importance; ///< Importance may be empty.

  explicit Weight(const Options &given)
      : rows(given.rows), columns(given.columns), values(rows * columns) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (float &value : values)
      value = normal(random);
    if (given.importance)
      for (int64_t k = 0; k < columns; ++k)
        importance.push_back(std::exp(normal(random)));
  }
};

/// Blocks, and the least time that they took.
struct Made {
  std::vector<uint8_t> blocks;
  double seconds = INFINITY;
};
} // namespace

/// Calls `work`, which quantizes all rows.
static void timeOnce(Made &made, llvm::function_ref<void()> work) {
  std::clock_t begin = std::clock();
  work();
  made.seconds =
      std::min(made.seconds, double(std::clock() - begin) / CLOCKS_PER_SEC);
}

static double relativeError(const Quantizer &quantizer, const Weight &weight,
                            llvm::ArrayRef<uint8_t> blocks) {
  std::vector<float> numbers(weight.values.size());
  quantizer.decodeRows(blocks, numbers);
  double error = 0, size = 0;
  for (size_t i = 0; i < numbers.size(); ++i) {
    double w = weight.importance.empty()
                   ? 1
                   : weight.importance[i % weight.importance.size()];
    double value = weight.values[i], difference = value - numbers[i];
    size += w * value * value;
    error += w * difference * difference;
  }
  return std::sqrt(error / size);
}

static llvm::Error compare(const Options &given, const Peer &peer,
                           const Weight &weight, QuantScheme scheme,
                           const GgmlType &type, Table &table) {
  QuantizeOptions options;
  options.importance = weight.importance;
  auto quantizer =
      Quantizer::create(scheme, {weight.rows, weight.columns}, options);
  if (!quantizer)
    return quantizer.takeError();
  CompiledRows compiled;
  if (llvm::Error error = compiled.use(*quantizer))
    return error;
  bool hasPeer = peer.quantize && (!weight.importance.empty() ||
                                   !peer.needsImportance(int(type.id)));
  Made own, other;
  own.blocks.resize(scheme.storageBytes({weight.rows, weight.columns}));
  other.blocks.resize(own.blocks.size());
  constexpr int leastRuns = 2;
  double spent = 0;
  for (int i = 0; i < leastRuns || spent < given.seconds; ++i) {
    std::clock_t begin = std::clock();
    llvm::Error error = llvm::Error::success();
    timeOnce(own, [&] {
      error = quantizer->quantizeRows(weight.values, 0, weight.rows,
                                      {own.blocks, {}, {}, {}});
    });
    if (error)
      return error;
    if (hasPeer)
      timeOnce(other, [&] {
        peer.quantize(int(type.id), weight.values.data(), other.blocks.data(),
                      0, weight.rows, weight.columns,
                      weight.importance.empty() ? nullptr
                                                : weight.importance.data());
      });
    spent += double(std::clock() - begin) / CLOCKS_PER_SEC;
  }
  auto nanoseconds = [&](const Made &made) {
    return fmt::format("{:.2f}",
                       1e9 * made.seconds / double(weight.values.size()));
  };
  auto error = [&](const Made &made) {
    return fmt::format("{:.5f}",
                       relativeError(*quantizer, weight, made.blocks));
  };
  std::vector<std::string> cells{std::string(type.name), nanoseconds(own), "",
                                 "", error(own)};
  if (hasPeer) {
    cells[2] = nanoseconds(other);
    cells[3] = fmt::format("{:.2f}", other.seconds / own.seconds);
    cells.push_back(error(other));
    cells.push_back(own.blocks == other.blocks ? "yes" : "");
  }
  table.addRow(std::move(cells));
  return llvm::Error::success();
}

static llvm::Error run(const Options &given) {
  auto peer = Peer::load(given.ggml);
  if (!peer)
    return peer.takeError();
  if (given.rows < 1 || given.columns < 1)
    return llvm::createStringError("expected --rows and --columns above 0");
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  Weight weight(given);
  Table table({{"type", Table::Align::left},
               {"ns/weight"},
               {"ggml"},
               {"speed"},
               {"rel. error"},
               {"ggml"},
               {"same bytes", Table::Align::left}});
  llvm::SmallVector<std::string> missing(given.types.begin(),
                                         given.types.end());
  for (const std::string &name : builtinSchemeNames()) {
    QuantScheme scheme = *QuantScheme::parse(context.get(), name);
    const GgmlType *type = findGgmlType(
        std::string_view(storedTypeOf(WeightContainer::gguf, scheme)));
    if (!type || !isOfLlamaCpp(*type) || type->blockElements == 1)
      continue;
    auto *asked = llvm::find(missing, std::string(type->name));
    if (!given.types.empty() && asked == missing.end())
      continue;
    if (asked != missing.end())
      missing.erase(asked);
    if (weight.columns % type->blockElements != 0)
      return llvm::createStringError(
          "expected --columns to be a multiple of the block of '" + name +
          "', " + std::to_string(type->blockElements));
    if (llvm::Error error = compare(given, *peer, weight, scheme, *type, table))
      return error;
  }
  if (!missing.empty())
    return llvm::createStringError("'" + missing.front() +
                                   "' is no type of weights of llama.cpp");
  table.print(llvm::outs());
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  beginTool("bench-quantizers",
            "  bench-quantizers --ggml libggml-base.so --type q4_1,q4_K\n");
  llvm::InitLLVM init(argc, argv);
  removeForeignOptions();
  Options options;
  cl::ParseCommandLineOptions(argc, argv,
                              "Times quantizers of RLX, and of ggml beside "
                              "them.\n");
  return finishTool("bench-quantizers", run(options));
}
