//===- ModelBench.cpp - How fast a model reads and writes -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tests and columns of llama-bench: prompts of so many tokens (pp) and
// tokens one by one (tg), behind so many that are there (d). Tokens are random:
// what they say changes nothing.
//
//===----------------------------------------------------------------------===//

#include "tools/bench/Record.h"
#include "tools/bench/Table.h"
#include "tools/llm/LlmSession.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

using namespace rlx;

namespace {
struct SpeedRow {
  unsigned threads = 0;
  int64_t prompt = 0, generated = 0, depth = 0;
  std::vector<double> speeds; ///< Tokens a second.

  std::string test() const {
    std::string name =
        prompt ? fmt::format("pp{}", prompt) : fmt::format("tg{}", generated);
    return depth ? fmt::format("{} @ d{}", name, depth) : name;
  }
  double mean() const {
    double sum = 0;
    for (double speed : speeds)
      sum += speed;
    return sum / double(speeds.size());
  }
  /// The standard deviation of a sample.
  double deviation() const {
    double sum = 0, middle = mean();
    for (double speed : speeds)
      sum += (speed - middle) * (speed - middle);
    return speeds.size() < 2 ? 0 : std::sqrt(sum / double(speeds.size() - 1));
  }
};

std::vector<int64_t> listOr(const cl::list<int64_t> &given, int64_t otherwise) {
  return given.empty() ? std::vector<int64_t>{otherwise}
                       : std::vector<int64_t>(given.begin(), given.end());
}
} // namespace

static std::vector<int32_t> randomTokens(int64_t count, int64_t vocabulary) {
  std::mt19937 engine(1);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i)
    tokens.push_back(int32_t(engine() % uint64_t(vocabulary)));
  return tokens;
}

/// One run of a test, behind the tokens that are there.
static llvm::Error runOnce(Context &context, const SpeedRow &row,
                           llvm::ArrayRef<int32_t> tokens) {
  for (int64_t i = 0; i < row.generated; ++i)
    if (auto result = context.evaluate(tokens[size_t(i)]); !result)
      return result.takeError();
  if (row.prompt)
    if (auto result = context.evaluate(tokens); !result)
      return result.takeError();
  return context.truncate(row.depth);
}

static llvm::Error measureRow(Model &model, SpeedRow &row,
                              unsigned repetitions) {
  int64_t count = row.prompt + row.generated;
  auto context = model.createContext(row.depth + count);
  if (!context)
    return context.takeError();
  int64_t vocabulary = model.config().vocabulary;
  if (row.depth)
    if (auto result = context->evaluate(randomTokens(row.depth, vocabulary));
        !result)
      return result.takeError();
  std::vector<int32_t> tokens = randomTokens(count, vocabulary);
  // What is done first is not counted.
  if (auto error = runOnce(*context, row, tokens))
    return error;
  for (unsigned i = 0; i < repetitions; ++i) {
    auto begin = std::chrono::steady_clock::now();
    if (auto error = runOnce(*context, row, tokens))
      return error;
    std::chrono::duration<double> taken =
        std::chrono::steady_clock::now() - begin;
    row.speeds.push_back(double(count) / taken.count());
  }
  return llvm::Error::success();
}

/// `1.10 B`, `134.52 M`
static std::string largeNumber(double number) {
  return number >= 1e9 ? fmt::format("{:.2f} B", number / 1e9)
                       : fmt::format("{:.2f} M", number / 1e6);
}

static void report(const LlmCommandLine &given, const Model &model,
                   llvm::ArrayRef<SpeedRow> rows) {
  double bytes = 0, parameters = 0;
  for (const WeightEntry &entry : model.file().entries()) {
    bytes += double(entry.bytes.size());
    parameters += double(countElements(entry.shape).value_or(0));
  }
  const GgufValue *named = model.file().findMetadata("general.name");
  const std::string *given_name = named ? named->asString() : nullptr;
  std::string name =
      given_name ? *given_name : model.config().architecture->name.str();
  std::string backend = given.device == "cpu" ? "CPU" : given.device.getValue();
  constexpr double mebibyte = 1 << 20;
  if (given.benchFormat == BenchFormat::markdown) {
    llvm::outs() << "| model | size | params | backend | threads | test | t/s "
                    "|\n| --- | ---: | ---: | --- | ---: | ---: | ---: |\n";
    for (const SpeedRow &row : rows)
      llvm::outs() << fmt::format(
          "| {} | {:.2f} MiB | {} | {} {} | {} | {} | {:.2f} ± {:.2f} |\n",
          name, bytes / mebibyte, largeNumber(parameters), backend,
          given.activations.getValue(), row.threads, row.test(), row.mean(),
          row.deviation());
    return;
  }
  std::vector<Record> records;
  for (const SpeedRow &row : rows) {
    Record record;
    record.addText("model", name);
    record.add("model_size", int64_t(bytes));
    record.add("model_n_params", int64_t(parameters));
    record.addText("backend", backend);
    record.addText("activations", given.activations);
    record.addText("cache_type", given.cacheType);
    record.add("n_threads", int64_t(row.threads));
    record.add("n_prompt", row.prompt);
    record.add("n_gen", row.generated);
    record.add("n_depth", row.depth);
    record.addText("test", row.test());
    record.add("avg_ts", std::optional<double>(row.mean()));
    record.add("stddev_ts", std::optional<double>(row.deviation()));
    record.add("best_ts", std::optional<double>(*std::max_element(
                              row.speeds.begin(), row.speeds.end())));
    records.push_back(std::move(record));
  }
  writeRecords(llvm::outs(), given.benchFormat == BenchFormat::csv, records);
}

llvm::Error rlx::runModelBench(const LlmCommandLine &given) {
  std::vector<int64_t> prompts = listOr(given.prompts, 512),
                       generated = listOr(given.generated, 128),
                       depths = listOr(given.depths, 0);
  for (auto [option, numbers] :
       {std::pair("-p", &prompts), std::pair("-n", &generated),
        std::pair("-d", &depths)})
    for (int64_t number : *numbers)
      if (number < 0)
        return llvm::createStringError(fmt::format(
            "expected {} to be 0 or more, but got {}", option, number));
  if (given.repetitions == 0)
    return llvm::createStringError("expected -r to be 1 or more, but got 0");
  auto file = openModelFile(given);
  if (!file)
    return file.takeError();
  auto options = loadOptions(given, 0);
  if (!options)
    return options.takeError();
  auto model = loadModel(*file, *options);
  if (!model)
    return model.takeError();
  std::vector<SpeedRow> rows;
  for (unsigned threads :
       given.benchThreads.empty()
           ? std::vector<unsigned>{(*model)->threads()}
           : std::vector<unsigned>(given.benchThreads.begin(),
                                   given.benchThreads.end()))
    for (int64_t depth : depths) {
      for (int64_t prompt : prompts)
        if (prompt)
          rows.push_back({threads, prompt, 0, depth, {}});
      for (int64_t tokens : generated)
        if (tokens)
          rows.push_back({threads, 0, tokens, depth, {}});
    }
  Progress progress;
  for (auto [i, row] : llvm::enumerate(rows)) {
    progress.say(fmt::format("{}/{} {}", i + 1, rows.size(), row.test()));
    (*model)->setThreads(row.threads);
    if (auto error = measureRow(**model, row, given.repetitions))
      return error;
  }
  progress.say("");
  if (!rows.empty())
    report(given, **model, rows);
  return llvm::Error::success();
}
