//===- CalibrateRun.cpp - rlx-run --calibrate -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/run/CalibrateRun.h"

#include "codegen/Calibration.h"
#include "runtime/Npy.h"
#include "runtime/OutputFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <fmt/format.h>

#include <filesystem>

using namespace rlx;

/// Options that mean something else than statistics.
static llvm::Error checkOptions(const RunCommandLine &given) {
  auto refuse = [](llvm::StringRef option) {
    return llvm::createStringError("expected no " + option +
                                   " with --calibrate, which writes a record");
  };
  if (given.device != "cpu")
    return llvm::createStringError("expected --calibrate to run on the cpu, "
                                   "but got '--device " +
                                   given.device + "'");
  if (given.verify)
    return refuse("--verify");
  if (given.benchmark)
    return refuse("--benchmark");
  if (given.json)
    return refuse("--json");
  if (!given.outputs.empty())
    return refuse("--output");
  auto real = [](const std::string &path) {
    std::error_code failed;
    return std::filesystem::weakly_canonical(
        (std::filesystem::absolute(path) / ".").parent_path(), failed);
  };
  if (!given.calibrateRows.empty() &&
      real(given.calibrate) == real(given.calibrateRows))
    return llvm::createStringError(
        "expected --calibrate-rows to name a folder, but '" +
        given.calibrateRows + "' is the record");
  return llvm::Error::success();
}

/// One after the other, the inputs of each batch.
static llvm::Error runBatches(Calibration &calibration,
                              const RunCommandLine &given) {
  const FunctionSignature &function = calibration.function();
  size_t count = function.inputs.size();
  size_t batches = count == 0 ? 1 : given.inputs.size() / count;
  if (batches == 0 || given.inputs.size() != batches * count)
    return llvm::createStringError(fmt::format(
        "expected {} inputs for each batch, as '{}' takes, but got {} --input",
        count, function.name, given.inputs.size()));
  ThreadPool pool(given.threads);
  for (size_t batch = 0; batch < batches; ++batch) {
    std::vector<Tensor> tensors;
    std::vector<TensorView> views;
    for (size_t i = 0; i < count; ++i) {
      const std::string &path = given.inputs[batch * count + i];
      auto tensor = toExpected(readNpy(path, function.inputs[i].element));
      if (!tensor)
        return tensor.takeError();
      if (llvm::Error error = function.inputs[i].check(
              tensor->view(), fmt::format("input {} ('{}')", i, path)))
        return error;
      tensors.push_back(std::move(*tensor));
    }
    for (const Tensor &tensor : tensors)
      views.push_back(tensor.view());
    if (llvm::Error error = calibration.run(views, RunOptions{&pool, {}}))
      return error;
  }
  return llvm::Error::success();
}

/// What became of each value, with the limits that the record leads to.
static void print(const CalibrationRecord &record, llvm::raw_ostream &stream) {
  size_t width = 5;
  for (const ValueStatistics &value : record.values())
    width = std::max(width, value.name.size());
  constexpr int64_t levels = 127; // of i8, on each side of 0
  stream << fmt::format("{:{}}  {:>8} {:>8} {:>11} {:>11} {:>11} {:>11}\n",
                        "value", width, "channels", "rows", "min", "max",
                        "99.99 %", "entropy");
  for (const ValueStatistics &value : record.values())
    stream << fmt::format(
        "{:{}}  {:>8} {:>8} {:>11.5g} {:>11.5g} {:>11.5g} {:>11.5g}\n",
        value.name, width, value.channels(), value.rows, value.least,
        value.most, value.range({RangeRule::percentile}, levels).magnitude(),
        value.range({RangeRule::entropy}, levels).magnitude());
}

namespace {
/// A folder that is removed again, with those above it that were made for it,
/// unless it is kept.
class NewFolder {
public:
  explicit NewFolder(std::string path) : path(std::move(path)) {}
  ~NewFolder() {
    // Only empty folders can be removed so.
    for (const std::string &each : llvm::reverse(made))
      llvm::sys::fs::remove(each);
  }

  std::error_code create() {
    if (path.empty())
      return {};
    for (llvm::StringRef each = path;
         !each.empty() && !llvm::sys::fs::exists(each);
         each = llvm::sys::path::parent_path(each))
      made.insert(made.begin(), each.str());
    return llvm::sys::fs::create_directories(path);
  }
  void keep() { made.clear(); }

private:
  std::string path;
  std::vector<std::string> made; ///< The outermost first.
};
} // namespace

/// The record, and rows where they are wanted: all files or none.
static llvm::Error write(const CalibrationRecord &record,
                         llvm::ArrayRef<ValueRows> rows,
                         const RunCommandLine &given) {
  // Before the files, which have to be gone when it is removed.
  NewFolder folder(given.calibrateRows);
  std::vector<OutputFile> files;
  auto file = toExpected(OutputFile::create(given.calibrate));
  if (!file)
    return file.takeError();
  if (Status status = file->write(std::string_view(record.json() + "\n"));
      !status)
    return toError(status);
  files.push_back(std::move(*file));
  if (std::error_code failed = folder.create())
    return llvm::createStringError("'" + given.calibrateRows +
                                   "' cannot be created: " + failed.message());
  for (const ValueRows &value : rows) {
    TensorView view{
        ElementType::f32,
        {int64_t(value.values.size()) / value.channels, value.channels},
        const_cast<float *>(value.values.data())};
    auto npy = toExpected(
        beginNpy(given.calibrateRows + "/" + rowsFileName(value.name), view));
    if (!npy)
      return npy.takeError();
    files.push_back(std::move(*npy));
  }
  Status status = OutputFile::commitAll(files);
  if (status)
    folder.keep();
  return toError(status);
}

llvm::Error rlx::calibrate(mlir::ModuleOp module, const RunCommandLine &given) {
  if (llvm::Error error = checkOptions(given))
    return error;
  auto options = given.compileOptions(/*triple=*/"");
  if (!options)
    return options.takeError();
  options->cacheDirectory = given.cacheDirectory;
  options->cacheLimitBytes = uint64_t(given.cacheLimit) << 20;
  auto calibration = Calibration::create(module,
                                         {given.entry, given.calibrateValues,
                                          given.calibrateAveraging,
                                          !given.calibrateRows.empty()},
                                         *options);
  if (!calibration)
    return calibration.takeError();
  for (const std::string &path : given.weights) {
    auto file = toExpected(openWeightFile(path));
    if (!file)
      return file.takeError();
    if (llvm::Error error =
            calibration->executable().bindWeights(std::move(*file)))
      return error;
  }
  if (llvm::Error error = runBatches(*calibration, given))
    return error;
  auto record = calibration->record();
  if (!record)
    return record.takeError();
  if (llvm::Error error = write(*record, calibration->rows(), given))
    return error;
  print(*record, llvm::outs());
  return llvm::Error::success();
}
