//===- rlx-bench.cpp - Speeds beside what the machine can do --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   rlx-bench limits [--threads 1,2]
//   rlx-bench matmul --scheme int8/32,nf4/64 --activations f32,i8 --m 1,512
//   rlx-bench ops --op softmax,rmsnorm --sizes 512x4096 --numpy python3
//   rlx-bench matmul --device vulkan:0 --scheme nf4/64 --m 1,512
//
// Options and the order of measurements; the measurements themselves are in
// tools/bench.
//
//===----------------------------------------------------------------------===//

#include "ir/ActivationType.h"
#include "ir/SchemeFile.h"
#include "runtime/LostPages.h"
#include "runtime/OutputFile.h"
#include "tools/CommandLine.h"
#include "tools/bench/ActivationData.h"
#include "tools/bench/DeviceBench.h"
#include "tools/bench/DeviceLimits.h"
#include "tools/bench/Report.h"
#include "tools/bench/Table.h"

#include "llvm/Support/FileSystem.h"

using namespace rlx;
namespace cl = llvm::cl;

namespace {
struct Options {
  cl::SubCommand limits{"limits", "What the machine can do"};
  cl::SubCommand matmul{"matmul", "Speed and error of quantized matmuls"};
  cl::SubCommand ops{"ops", "Speed of operations of linalg on plain tensors"};

  cl::opt<std::string> device{
      "device", cl::value_desc("vulkan:N|opencl:N"),
      cl::desc("Measure a device in place of the processor"), cl::sub(limits),
      cl::sub(matmul)};
  cl::list<unsigned> threads{
      "threads",
      cl::CommaSeparated,
      cl::value_desc("N,..."),
      cl::desc("Threads (limits: 1 and all processors; others: 1)"),
      cl::sub(limits),
      cl::sub(matmul),
      cl::sub(ops)};
  cl::opt<bool> json{"json", cl::desc("Print JSON"), cl::sub(limits),
                     cl::sub(matmul), cl::sub(ops)};
  cl::opt<bool> csv{"csv", cl::desc("Print comma-separated values"),
                    cl::sub(limits), cl::sub(matmul), cl::sub(ops)};
  cl::opt<double> seconds{
      "seconds",           cl::init(0.5),
      cl::value_desc("S"), cl::desc("Time for each measurement (0.5)"),
      cl::sub(limits),     cl::sub(matmul),
      cl::sub(ops)};

  cl::list<std::string> outputs{
      "output",
      cl::value_desc("file"),
      cl::desc("Write there too: JSON, CSV or, by any other ending, a table; "
               "may repeat"),
      cl::sub(limits),
      cl::sub(matmul),
      cl::sub(ops)};

  cl::list<std::string> names{
      "op", cl::CommaSeparated, cl::value_desc("name,..."),
      cl::desc("Operations (all; a name that there is not lists them)"),
      cl::sub(ops)};
  cl::list<std::string> sizes{
      "sizes", cl::CommaSeparated, cl::value_desc("MxN,..."),
      cl::desc("Sizes for operations of so many of them (each its own)"),
      cl::sub(ops)};
  cl::opt<std::string> numpy{"numpy", cl::value_desc("python"),
                             cl::desc("Measure NumPy too, with this Python"),
                             cl::sub(ops)};

  cl::list<std::string> schemes{
      "scheme", cl::CommaSeparated, cl::value_desc("name,..."),
      cl::desc("Schemes of the weights, 'gguf', 'all' or files with a scheme "
               "of your own (gguf; see rlx-inspect --schemes)"),
      cl::sub(matmul)};
  cl::list<std::string> activations{
      "activations", cl::CommaSeparated, cl::value_desc("type,..."),
      cl::desc("f32, bf16, f16, i24, i16 or i8 (f32)"), cl::sub(matmul)};
  cl::list<std::string> data{
      "data", cl::CommaSeparated, cl::value_desc("kind,..."),
      cl::desc(
          "What activations are drawn from: normal, t3 (Student's t with 3 "
          "degrees of freedom), outliers (normal, one channel of 256 is "
          "20 times larger) (normal)"),
      cl::sub(matmul)};
  cl::opt<bool> reencoded{
      "reencoded",
      cl::desc("Write weights = reencoded where activations are i16 or i8"),
      cl::sub(matmul)};
  cl::list<int64_t> m{"m", cl::CommaSeparated, cl::value_desc("M,..."),
                      cl::desc("Rows of activations (1,8,64,512)"),
                      cl::sub(matmul)};
  cl::opt<int64_t> n{"n", cl::init(4096), cl::desc("Rows of the weight (4096)"),
                     cl::sub(matmul)};
  cl::opt<int64_t> k{"k", cl::init(4096),
                     cl::desc("Columns of the weight (4096)"), cl::sub(matmul)};
  cl::opt<int64_t> rotated{
      "rotate-mb", cl::init(256), cl::value_desc("MB"),
      cl::desc(
          "Weights to rotate through, to be more than the caches hold (256; "
          "96 on a device that is the processor)"),
      cl::sub(matmul)};

  cl::opt<unsigned> passes{
      "passes", cl::init(1), cl::value_desc("N"),
      cl::desc("Measure everything so many times, far apart, and report each "
               "matmul as in the pass of the median fraction of its limit (1)"),
      cl::sub(matmul)};

  cl::opt<std::string> choices{
      "choices", cl::value_desc("name=value ..."),
      cl::desc("Override what is chosen, by fields of #rlx.cpu"),
      cl::sub(matmul), cl::sub(ops)};

  Format format() const {
    return json ? Format::json : csv ? Format::csv : Format::table;
  }
};

template <typename T>
std::vector<T> listOr(const cl::list<T> &given, std::vector<T> otherwise) {
  return given.empty() ? otherwise : std::vector<T>(given.begin(), given.end());
}
} // namespace

/// Writes what `report` gives to stdout and the files that were asked for.
static llvm::Error
writeReports(const Options &given,
             llvm::function_ref<void(llvm::raw_ostream &, Format)> report) {
  report(llvm::outs(), given.format());
  std::vector<OutputFile> files;
  for (const std::string &path : given.outputs) {
    llvm::StringRef name = path;
    std::string text;
    llvm::raw_string_ostream stream(text);
    report(stream, name.ends_with(".json")  ? Format::json
                   : name.ends_with(".csv") ? Format::csv
                                            : Format::table);
    Result<OutputFile> file = OutputFile::create(path);
    if (!file)
      return toError(file.status());
    files.push_back(file.take());
    if (Status status = files.back().write(text); !status)
      return toError(status);
  }
  return toError(OutputFile::commitAll(files));
}

/// Measures each number of threads once.
static llvm::Expected<std::vector<Limits>>
measureLimits(LimitsBench &bench, const std::vector<unsigned> &threads,
              Progress &progress) {
  std::vector<Limits> all;
  for (unsigned count : threads) {
    progress.say(fmt::format("limits of the machine, {} threads", count));
    auto limits = bench.measure(count);
    if (!limits)
      return limits.takeError();
    all.push_back(*limits);
  }
  return all;
}

/// `opencl:0, name of the device, driver`
static std::string describe(const DeviceInfo &info) {
  return fmt::format("{}, {}, {}", info.label(), info.name, info.driver);
}

static llvm::Error runDeviceLimits(const Options &given) {
  auto device = openDevice(given.device);
  if (!device)
    return device.takeError();
  MachineName machine = MachineName::read();
  machine.device = describe((*device)->info());
  auto bench = DeviceLimitsBench::create(**device, given.seconds);
  if (!bench)
    return bench.takeError();
  auto limits = (*bench)->measure();
  if (!limits)
    return limits.takeError();
  return writeReports(given, [&](llvm::raw_ostream &stream, Format format) {
    reportLimits(stream, format, machine, {*limits});
  });
}

static llvm::Error runLimits(const Options &given) {
  if (!given.device.empty())
    return runDeviceLimits(given);
  MachineName machine = MachineName::read();
  std::vector<unsigned> threads = listOr<unsigned>(
      given.threads, machine.processors > 1
                         ? std::vector<unsigned>{1, machine.processors}
                         : std::vector<unsigned>{1});
  Progress progress;
  auto bench = LimitsBench::create(given.seconds);
  if (!bench)
    return bench.takeError();
  auto limits = measureLimits(*bench, threads, progress);
  if (!limits)
    return limits.takeError();
  progress.say("");
  return writeReports(given, [&](llvm::raw_ostream &stream, Format format) {
    reportLimits(stream, format, machine, *limits);
  });
}

/// The names that `given` stands for, each checked.
static llvm::Expected<std::vector<std::string>>
schemeNames(mlir::MLIRContext &context, std::vector<std::string> given) {
  std::vector<std::string> names;
  for (const std::string &word : given) {
    if (word != "all" && word != "gguf") {
      std::optional<QuantScheme> scheme = QuantScheme::parse(&context, word);
      if (!scheme && llvm::sys::fs::exists(word)) {
        auto read = readSchemeFile(&context, word);
        if (!read)
          return read.takeError();
        scheme = *read;
      }
      if (!scheme)
        return llvm::createStringError(QuantScheme::unknownSchemeMessage(word) +
                                       " in a file");
      names.push_back(scheme->displayName().str());
      continue;
    }
    for (const std::string &name : builtinSchemeNames())
      if (word == "all" || QuantScheme::parse(&context, name)->isGguf())
        names.push_back(name);
  }
  return names;
}

static llvm::Error checkOptions(const Options &given) {
  if (given.json && given.csv)
    return llvm::createStringError("expected --json or --csv, but got both");
  for (unsigned threads : given.threads)
    if (threads == 0 || threads > LimitsBench::mostThreads)
      return llvm::createStringError(
          fmt::format("expected --threads to be 1 to {}, but got {}",
                      LimitsBench::mostThreads, threads));
  for (int64_t m : given.m)
    if (m < 1)
      return llvm::createStringError(
          fmt::format("expected --m to be 1 or more, but got {}", m));
  for (const std::string &type : given.activations)
    if (!activationTypeNamed(type))
      return llvm::createStringError("expected --activations of " +
                                     activationTypeNames() + ", but got '" +
                                     type + "'");
  for (const std::string &data : given.data)
    if (!llvm::is_contained(activationDataNames(), llvm::StringRef(data)))
      return llvm::createStringError(
          "expected --data of normal, t3 or outliers, but got '" + data + "'");
  if (!given.device.empty() && !given.threads.empty())
    return llvm::createStringError(
        "expected no --threads with --device, which says itself how it shares "
        "its work");
  for (const std::string &type : given.activations)
    if (!given.device.empty() &&
        !llvm::is_contained({"f32", "f16", "i8"}, type))
      return llvm::createStringError("expected --activations of f32, f16 or i8 "
                                     "with --device, which computes others in "
                                     "f32, but got '" +
                                     type + "'");
  if (!given.device.empty() && !given.choices.empty())
    return llvm::createStringError(
        "expected no --choices with --device, whose kernels follow the device");
  if (!given.device.empty() && given.reencoded)
    return llvm::createStringError(
        "expected no --reencoded with --device, which multiplies weights as "
        "they are");
  if (given.passes == 0)
    return llvm::createStringError(
        "expected --passes to be 1 or more, but got 0");
  if (given.n < 1 || given.k < 1)
    return llvm::createStringError("expected --n and --k to be 1 or more");
  return llvm::Error::success();
}

namespace {
/// Where matmuls are measured.
struct MatmulPlace {
  MachineName machine;
  llvm::function_ref<llvm::Expected<std::vector<Limits>>(Progress &)> limits;
  llvm::function_ref<llvm::Expected<MatmulFigures>(const MatmulCase &)> run;
};
} // namespace

/// Measures limits once more where rows were not measured beside them.
static llvm::Error raiseLimits(std::vector<MatmulRow> &rows,
                               const MatmulPlace &place, Progress &progress) {
  auto hasLimit = [](const MatmulRow &row) {
    return !row.figures || row.figures->limit;
  };
  if (llvm::all_of(rows, hasLimit))
    return llvm::Error::success();
  auto limits = place.limits(progress);
  if (!limits)
    return limits.takeError();
  for (MatmulRow &row : rows)
    for (const Limits &after : *limits)
      if (after.threads == row.limits.threads)
        row.limits.raiseTo(after);
  return llvm::Error::success();
}

/// What was measured when the fraction of the limit was the median of all; the
/// lower one of two.
static MatmulFigures medianOf(std::vector<MatmulFigures> figures) {
  auto byFraction = [](const MatmulFigures &a, const MatmulFigures &b) {
    return a.medianMs * a.limit.value_or(1) > b.medianMs * b.limit.value_or(1);
  };
  auto middle = figures.begin() + (figures.size() - 1) / 2;
  std::nth_element(figures.begin(), middle, figures.end(), byFraction);
  return *middle;
}

static llvm::Error measureMatmuls(const Options &given,
                                  const std::vector<std::string> &schemes,
                                  const MatmulPlace &place) {
  Progress progress;
  auto limits = place.limits(progress);
  if (!limits)
    return limits.takeError();

  std::vector<MatmulRow> rows;
  for (const std::string &scheme : schemes)
    for (const std::string &activations :
         listOr<std::string>(given.activations, {"f32"}))
      for (const std::string &data :
           listOr<std::string>(given.data, {MatmulCase().data}))
        for (int64_t m : listOr<int64_t>(given.m, {1, 8, 64, 512}))
          for (const Limits &limit : *limits)
            rows.push_back(
                {{scheme, activations, m, given.n, given.k, limit.threads,
                  given.reencoded && mayReencodeWeights(activations), data},
                 std::nullopt,
                 "",
                 limit});
  std::vector<std::vector<MatmulFigures>> found(rows.size());
  size_t done = 0, failed = 0;
  for (unsigned pass = 0; pass < given.passes; ++pass)
    for (auto [row, figures] : llvm::zip_equal(rows, found)) {
      progress.say(fmt::format("{}/{} {}", ++done, rows.size() * given.passes,
                               row.wanted.describe()));
      if (!row.error.empty())
        continue;
      auto measured = place.run(row.wanted);
      if (measured) {
        figures.push_back(*measured);
        continue;
      }
      // The first line says what; the lines behind it show the program.
      row.error = llvm::StringRef(llvm::toString(measured.takeError()))
                      .split('\n')
                      .first.str();
      ++failed;
    }
  for (auto [row, figures] : llvm::zip_equal(rows, found))
    if (row.error.empty())
      row.figures = medianOf(std::move(figures));
  if (auto error = raiseLimits(rows, place, progress))
    return error;
  progress.say("");
  if (auto error =
          writeReports(given, [&](llvm::raw_ostream &stream, Format format) {
            reportMatmuls(stream, format, place.machine, rows);
          }))
    return error;
  if (failed == rows.size())
    return llvm::createStringError("nothing could be measured: " +
                                   rows.front().error);
  return llvm::Error::success();
}

static llvm::Error runDeviceMatmul(const Options &given) {
  auto device = openDevice(given.device);
  if (!device)
    return device.takeError();
  const DeviceInfo &info = (*device)->info();
  MachineName machine = MachineName::read();
  machine.device = describe(info);
  // Weights are rearranged on the device, which takes a processor long.
  constexpr int64_t rotatedOnCpu = 96;
  bool isGiven = given.rotated.getNumOccurrences() > 0;
  int64_t rotated = info.isCpu && !isGiven ? rotatedOnCpu : given.rotated;
  DeviceBench bench(**device, {given.seconds, rotated << 20});
  auto schemes = schemeNames(bench.context(),
                             listOr<std::string>(given.schemes, {"gguf"}));
  if (!schemes)
    return schemes.takeError();
  auto limitsBench = DeviceLimitsBench::create(**device, given.seconds);
  if (!limitsBench)
    return limitsBench.takeError();
  auto limits = [&](Progress &progress) -> llvm::Expected<std::vector<Limits>> {
    progress.say("limits of " + info.label());
    auto measured = (*limitsBench)->measure();
    if (!measured)
      return measured.takeError();
    return std::vector<Limits>{*measured};
  };
  auto run = [&](const MatmulCase &wanted) { return bench.run(wanted); };
  return measureMatmuls(given, *schemes, {machine, limits, run});
}

static llvm::Error runMatmul(const Options &given) {
  if (!given.device.empty())
    return runDeviceMatmul(given);
  MachineName machine = MachineName::read();
  MatmulBench bench({given.seconds, given.rotated << 20, given.choices});
  auto schemes = schemeNames(bench.context(),
                             listOr<std::string>(given.schemes, {"gguf"}));
  if (!schemes)
    return schemes.takeError();
  std::vector<unsigned> threads = listOr<unsigned>(given.threads, {1});
  auto limitsBench = LimitsBench::create(given.seconds);
  if (!limitsBench)
    return limitsBench.takeError();
  auto limits = [&](Progress &progress) {
    return measureLimits(*limitsBench, threads, progress);
  };
  auto run = [&](const MatmulCase &wanted) {
    return bench.run(wanted, [&] {
      return wanted.isBoundByMemory()
                 ? limitsBench->sampleMemory(wanted.threads)
                 : limitsBench->samplePeak(wanted.activations, wanted.threads);
    });
  };
  return measureMatmuls(given, *schemes, {machine, limits, run});
}

static llvm::Error runOps(const Options &given) {
  auto rows = OpsBench::rowsOf(listOr<std::string>(given.names, {}),
                               listOr<std::string>(given.sizes, {}),
                               listOr<unsigned>(given.threads, {1}));
  if (!rows)
    return rows.takeError();
  auto bench = OpsBench::create(given.seconds, given.choices);
  if (!bench)
    return bench.takeError();
  Progress progress;
  for (auto [i, row] : llvm::enumerate(*rows)) {
    progress.say(fmt::format("{}/{} {}", i + 1, rows->size(), row.describe()));
    if (auto figures = bench->run(row))
      row.figures = *figures;
    else
      row.error = llvm::toString(figures.takeError());
  }
  if (!given.numpy.empty()) {
    progress.say("NumPy");
    if (auto error = bench->addNumpy(*rows, given.numpy))
      return error;
  }
  progress.say("");
  return writeReports(given, [&](llvm::raw_ostream &stream, Format format) {
    reportOps(stream, format, MachineName::read(), *rows);
  });
}

int main(int argc, char **argv) {
  beginTool(
      "rlx-bench",
      "  rlx-bench limits --threads 1\n"
      "  rlx-bench matmul --scheme gguf_q4k --activations f32,i8 --m 1,64 "
      "--n 1024 --k 1024\n"
      "  rlx-bench ops --op softmax,rmsnorm --sizes 64x512\n");
  removeTemporariesOnSignals(); // LLVM has handlers, too
  ToolProcess process(argc, argv);
  rlx::exitOnLostPages("rlx-bench");
  removeForeignOptions();
  Options options;
  cl::ParseCommandLineOptions(
      argc, argv, "Measures speeds beside what the machine can do\n");
  llvm::Error error = checkOptions(options);
  if (!error && !options.limits && !options.matmul && !options.ops)
    error = llvm::createStringError(
        "expected a command, 'limits', 'matmul' or 'ops'; see --help");
  if (!error)
    error = options.limits ? runLimits(options)
            : options.ops  ? runOps(options)
                           : runMatmul(options);
  return finishTool("rlx-bench", std::move(error));
}
