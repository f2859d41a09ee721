//===- peers.cpp - Matmuls of ggml and of RLX, side by side ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   peers --type q4_K,q6_K --m 1,8,512 --activations i8,i16
//
// Quantizes random weights with ggml, gives the same bytes to both, and runs
// them in turn in one process: ggml on the weights as they are, ggml on the
// form it repacks them to where it has one, RLX with each kind of activations.
// Every kernel has copies of the weight that are together larger than the
// caches. Built only where CMake finds ggml.
//
//===----------------------------------------------------------------------===//

#include "codegen/Compiler.h"
#include "ir/Scheme.h"
#include "tests/bench/PeerMatmul.h"
#include "tools/CommandLine.h"
#include "tools/bench/Table.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <random>

using namespace rlx;
using namespace rlx::bench;
namespace cl = llvm::cl;

namespace {
struct Options {
  cl::list<std::string> types{"type", cl::CommaSeparated,
                              cl::value_desc("name,..."),
                              cl::desc("Types of ggml (those both know)")};
  cl::list<std::string> activations{"activations", cl::CommaSeparated,
                                    cl::value_desc("type,..."),
                                    cl::desc("Activations of RLX (i8)")};
  cl::list<int64_t> m{"m", cl::CommaSeparated, cl::value_desc("M,..."),
                      cl::desc("Rows of activations (1,8,64,512)")};
  cl::opt<int64_t> n{"n", cl::init(4096),
                     cl::desc("Rows of the weight (4096)")};
  cl::opt<int64_t> k{"k", cl::init(4096),
                     cl::desc("Columns of the weight (4096)")};
  cl::opt<unsigned> threads{"threads", cl::init(1), cl::desc("Threads (1)")};
  cl::opt<double> seconds{"seconds", cl::init(0.5),
                          cl::desc("Time for each kernel (0.5)")};
  cl::opt<int64_t> rotated{
      "rotate-mb", cl::init(256),
      cl::desc("Weights of each kernel to rotate through (256)")};
  cl::opt<bool> csv{"csv", cl::desc("Print comma-separated values")};
};

/// One way to compute the product; `run` takes the number of a copy.
struct Kernel {
  std::string name;
  bool isPeer = false;
  std::function<llvm::Error(int64_t)> run;
  std::function<std::vector<float>()> result;
  std::vector<double> times;

  double median() const {
    std::vector<double> sorted = times;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

/// The same with RLX: an executable for each copy, so that each is packed.
class OwnMatmul {
public:
  static llvm::Expected<std::unique_ptr<OwnMatmul>>
  create(const std::string &scheme, const std::string &activations, int64_t m,
         int64_t n, int64_t k, llvm::ArrayRef<uint8_t> weight,
         llvm::ArrayRef<float> x, ThreadPool *pool, int64_t copies,
         const CompileOptions &options) {
    std::unique_ptr<OwnMatmul> made(new OwnMatmul());
    made->how.pool = pool;
    std::string wType =
        fmt::format("tensor<{}x{}xf32, #rlx.quant<{}>>", n, k, scheme);
    std::string xType = fmt::format("tensor<{}x{}xf32>", m, k);
    std::string yType = fmt::format("tensor<{}x{}xf32>", m, n);
    std::string text = fmt::format(
        "func.func @main(%x: {0}) -> {1} {{\n"
        "  %w = rlx.weight \"w\" : {2}\n"
        "  %y = rlx.matmul %x, %w {{activations = {3}}} : ({0}, {2}) -> {1}\n"
        "  return %y : {1}\n}}\n",
        xType, yType, wType, activations);
    made->y.resize(size_t(m * n));
    made->input = {ElementType::f32, {m, k}, const_cast<float *>(x.data())};
    made->output = {ElementType::f32, {m, n}, made->y.data()};
    for (int64_t i = 0; i < copies; ++i) {
      auto executable = compileText(text, options);
      if (!executable)
        return executable.takeError();
      made->weights.emplace_back(weight.begin(), weight.end());
      TensorView view{ElementType::u8,
                      {n, int64_t(weight.size()) / n},
                      made->weights.back().data()};
      if (auto error = (*executable)->bindWeight("w", view))
        return error;
      if (auto error = (*executable)->prepare("main", made->how))
        return error;
      // Only the packed form is read from here on.
      if ((*executable)->packReport("main").packedBytes)
        std::vector<uint8_t>().swap(made->weights.back());
      made->executables.push_back(std::move(*executable));
    }
    return made;
  }
  llvm::Error run(int64_t copy) {
    return executables[copy]->run("main", {input}, {output}, how);
  }
  std::vector<float> result() const { return y; }

private:
  OwnMatmul() = default;
  RunOptions how;
  std::vector<std::vector<uint8_t>> weights;
  std::vector<std::unique_ptr<Executable>> executables;
  std::vector<float> y;
  TensorView input, output;
};

/// A weight of ggml's making, and a sample of what it stands for.
struct Weight {
  std::vector<uint8_t> bytes;
  std::vector<std::vector<float>> sampledRows;
  std::vector<int64_t> sampledNumbers;
};
} // namespace

static Weight makeWeight(ggml_type type, int64_t n, int64_t k) {
  // Quantizing takes long: some rows are made, and repeated.
  constexpr int64_t mostRows = 256, sampled = 16;
  int64_t made = std::min(n, mostRows);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(made * k);
  for (float &number : numbers)
    number = normal(random);
  size_t rowBytes = ggml_row_size(type, k);
  Weight weight;
  weight.bytes.resize(rowBytes * n);
  ggml_quantize_chunk(type, numbers.data(), weight.bytes.data(), 0, made, k,
                      nullptr);
  for (int64_t row = made; row < n; ++row)
    std::copy_n(weight.bytes.data() + row % made * rowBytes, rowBytes,
                weight.bytes.data() + row * rowBytes);
  for (int64_t i = 0; i < std::min(sampled, n); ++i) {
    int64_t row = int64_t(random() % uint32_t(n));
    weight.sampledNumbers.push_back(row);
    weight.sampledRows.emplace_back(k);
    ggml_get_type_traits(type)->to_float(weight.bytes.data() + row * rowBytes,
                                         weight.sampledRows.back().data(), k);
  }
  return weight;
}

/// Norm of the difference over norm of the reference, of sampled columns.
static double relativeError(const Weight &weight, llvm::ArrayRef<float> x,
                            llvm::ArrayRef<float> y, int64_t m, int64_t n,
                            int64_t k) {
  double difference = 0, norm = 0;
  for (auto [row, values] :
       llvm::zip(weight.sampledNumbers, weight.sampledRows))
    for (int64_t i = 0; i < std::min<int64_t>(m, 8); ++i) {
      double expected = 0;
      for (int64_t j = 0; j < k; ++j)
        expected += double(x[i * k + j]) * double(values[j]);
      double distance = y[i * n + row] - expected;
      difference += distance * distance;
      norm += expected * expected;
    }
  return std::sqrt(difference / norm);
}

/// Runs all kernels in turn, each on the next copy of its weight.
static llvm::Error measure(std::vector<Kernel> &kernels, int64_t copies,
                           double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr size_t leastRuns = 5;
  auto begin = Clock::now();
  double allSeconds = seconds * double(kernels.size());
  for (int64_t i = 0;; ++i) {
    bool isWarm = i > 0;
    for (Kernel &kernel : kernels) {
      auto start = Clock::now();
      if (auto error = kernel.run(i % copies))
        return error;
      std::chrono::duration<double, std::milli> elapsed = Clock::now() - start;
      if (isWarm)
        kernel.times.push_back(elapsed.count());
    }
    std::chrono::duration<double> total = Clock::now() - begin;
    if (total.count() > allSeconds && kernels[0].times.size() >= leastRuns)
      return llvm::Error::success();
  }
}

//===----------------------------------------------------------------------===//
// What is compared, and what is printed of it
//===----------------------------------------------------------------------===//

/// The type of ggml and the scheme of RLX of one name; fails where one of them
/// has none, or where ggml does not quantize to it without more data.
static llvm::Expected<std::pair<ggml_type, QuantScheme>>
findType(mlir::MLIRContext &context, const std::string &name, int64_t k) {
  std::optional<QuantScheme> scheme = QuantScheme::parse(&context, name);
  if (!scheme)
    return llvm::createStringError("RLX has no scheme '" + name + "'");
  for (int i = 0; i < GGML_TYPE_COUNT; ++i) {
    auto type = ggml_type(i);
    const char *known = ggml_type_name(type);
    if (!known || scheme->ggmlName() != known)
      continue;
    if (!ggml_get_type_traits(type)->to_float ||
        ggml_quantize_requires_imatrix(type) || k % ggml_blck_size(type) != 0)
      return llvm::createStringError("ggml does not quantize rows of " +
                                     std::to_string(k) + " to '" + name + "'");
    return std::pair(type, *scheme);
  }
  return llvm::createStringError("this ggml has no type '" + name + "'");
}

namespace {
/// Kernels for one weight and one number of rows, and what they own.
class Comparison {
public:
  Comparison(const Options &given, const Weight &weight, int64_t m)
      : given(given), weight(weight), m(m), x(m * given.k) {
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    for (float &value : x)
      value = normal(random);
    // Where memory is not the limit, a few copies do.
    constexpr int64_t mostCopies = 256, copiesOfMany = 4, many = 16;
    copies = std::clamp<int64_t>((given.rotated << 20) /
                                     int64_t(weight.bytes.size()),
                                 1, m > many ? copiesOfMany : mostCopies);
  }

  void addPeer(const Peer &peer, const char *label, ggml_type type,
               ggml_backend_buffer_type_t kind) {
    auto matmul = std::make_unique<PeerMatmul>(peer, type, m, given.n, given.k,
                                               weight.bytes, x, kind, copies);
    if (matmul->isUsable())
      peers.push_back(addKernel(label, true, std::move(matmul)));
  }
  llvm::Error addOwn(QuantScheme scheme, const std::string &activations,
                     ThreadPool *pool, const CompileOptions &options) {
    auto matmul =
        OwnMatmul::create(scheme.displayName().str(), activations, m, given.n,
                          given.k, weight.bytes, x, pool, copies, options);
    if (!matmul)
      return matmul.takeError();
    own.push_back(addKernel("rlx, " + activations, false, std::move(*matmul)));
    return llvm::Error::success();
  }
  llvm::Error run() { return measure(kernels, copies, given.seconds); }
  void report(const std::string &type, Table &table, std::string &csv) const;

private:
  template <typename T>
  std::unique_ptr<T> addKernel(std::string label, bool isPeer,
                               std::unique_ptr<T> matmul) {
    T *pointer = matmul.get();
    kernels.push_back({std::move(label),
                       isPeer,
                       [pointer](int64_t i) { return pointer->run(i); },
                       [pointer] { return pointer->result(); },
                       {}});
    return matmul;
  }

  const Options &given;
  const Weight &weight;
  int64_t m, copies = 1;
  std::vector<float> x;
  std::vector<std::unique_ptr<PeerMatmul>> peers;
  std::vector<std::unique_ptr<OwnMatmul>> own;
  std::vector<Kernel> kernels;
};
} // namespace

void Comparison::report(const std::string &type, Table &table,
                        std::string &csv) const {
  double best = INFINITY;
  for (const Kernel &kernel : kernels)
    if (kernel.isPeer)
      best = std::min(best, kernel.median());
  for (const Kernel &kernel : kernels) {
    double ms = kernel.median();
    double gflops = 2e-6 * double(m) * double(given.n) * double(given.k) / ms;
    double gbps = 1e-6 * double(weight.bytes.size()) / ms;
    double error =
        relativeError(weight, x, kernel.result(), m, given.n, given.k);
    std::string ratio = kernel.isPeer ? "" : fmt::format("{:.2f}", best / ms);
    table.addRow({type, std::to_string(m), kernel.name,
                  fmt::format("{:.3f}", ms), shortNumber(gflops),
                  shortNumber(gbps), fmt::format("{:.1e}", error), ratio});
    csv += fmt::format("{},{},{},{},{},\"{}\",{:.5g},{:.5g},{:.5g},{:.3g},{}\n",
                       type, m, int64_t(given.n), int64_t(given.k),
                       unsigned(given.threads), kernel.name, ms, gflops, gbps,
                       error, ratio);
  }
}

template <typename T>
static std::vector<T> listOr(const cl::list<T> &given,
                             std::vector<T> otherwise) {
  return given.empty() ? otherwise : std::vector<T>(given.begin(), given.end());
}

static llvm::Error run(const Options &given) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  std::vector<std::string> known;
  for (const std::string &name : builtinSchemeNames())
    if (auto scheme = QuantScheme::parse(context.get(), name); scheme->isGguf())
      known.push_back(scheme->ggmlName().str());
  // Each copy is packed, but they share one object. Without a folder for it
  // each is compiled: slower, not wrong.
  CompileOptions options;
  options.cachePackedWeights = false;
  llvm::SmallString<128> folder;
  if (!llvm::sys::fs::createUniqueDirectory("rlx-peers", folder) &&
      !llvm::sys::fs::setPermissions(folder, llvm::sys::fs::owner_all))
    options.cacheDirectory = folder.str();
  llvm::scope_exit removeFolder([&] {
    if (!options.cacheDirectory.empty())
      llvm::sys::fs::remove_directories(options.cacheDirectory);
  });
  // It tells of every weight that it repacks.
  ggml_log_set(
      [](ggml_log_level level, const char *text, void *) {
        if (level >= GGML_LOG_LEVEL_WARN && level <= GGML_LOG_LEVEL_ERROR)
          llvm::errs() << text;
      },
      nullptr);
  Peer peer(given.threads);
  if (!peer.backend)
    return llvm::createStringError("ggml has no CPU backend here");
  ThreadPool threads(given.threads);
  ThreadPool *pool = given.threads > 1 ? &threads : nullptr;
  Progress progress;
  using enum Table::Align;
  Table table({{"type", left},
               {"M"},
               {"kernel", left},
               {"ms"},
               {"GFLOP/s"},
               {"file GB/s"},
               {"rel. error"},
               {"times ggml"}});
  std::string csv =
      "type,m,n,k,threads,kernel,median_ms,gflops,file_gbps,rel_err,ratio\n";
  for (const std::string &name : listOr<std::string>(given.types, known)) {
    auto type = findType(*context, name, given.k);
    if (!type) {
      if (!given.types.empty())
        return type.takeError();
      llvm::errs() << "skipped: " << llvm::toString(type.takeError()) << "\n";
      continue;
    }
    Weight weight = makeWeight(type->first, given.n, given.k);
    for (int64_t m : listOr<int64_t>(given.m, {1, 8, 64, 512})) {
      progress.say(fmt::format("{}, M = {}", name, m));
      Comparison comparison(given, weight, m);
      comparison.addPeer(peer, "ggml", type->first, peer.plain);
      for (ggml_backend_buffer_type_t kind : peer.repacking)
        comparison.addPeer(peer, "ggml, repacked", type->first, kind);
      for (const std::string &activations :
           listOr<std::string>(given.activations, {"i8"}))
        if (auto error =
                comparison.addOwn(type->second, activations, pool, options))
          return error;
      if (auto error = comparison.run())
        return error;
      comparison.report(name, table, csv);
    }
  }
  progress.say("");
  if (given.csv)
    llvm::outs() << csv;
  else
    table.print(llvm::outs());
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  removeForeignOptions();
  Options options;
  cl::ParseCommandLineOptions(argc, argv,
                              "Times matmuls of ggml and of RLX in turn\n");
  if (auto error = run(options))
    return reportError("peers", std::move(error));
  return 0;
}
