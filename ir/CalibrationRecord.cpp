//===- CalibrationRecord.cpp - What values of a program were like ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/CalibrationRecord.h"

#include "ir/NearNames.h"
#include "ir/Nesting.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>

using namespace rlx;
namespace json = llvm::json;

/// Enough for all channels of a thousand values.
static constexpr uint64_t maxRecordBytes = uint64_t(1) << 30;
static constexpr llvm::StringLiteral formatName = "rlx-calibration";
static constexpr int64_t formatVersion = 1;

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

static constexpr std::pair<RangeRule, llvm::StringLiteral> rangeRules[] = {
    {RangeRule::minMax, "minmax"},
    {RangeRule::average, "average"},
    {RangeRule::percentile, "percentile"},
    {RangeRule::entropy, "entropy"}};

llvm::StringRef rlx::nameOf(RangeRule rule) {
  return llvm::find_if(rangeRules,
                       [&](const auto &row) { return row.first == rule; })
      ->second;
}

llvm::Expected<RangeRule> rlx::parseRangeRule(llvm::StringRef word) {
  llvm::SmallVector<std::string> words;
  for (const auto &[rule, name] : rangeRules) {
    if (name == word)
      return rule;
    words.push_back(name.str());
  }
  return llvm::createStringError("expected one of " + llvm::join(words, ", ") +
                                 ", but got '" + word + "'" +
                                 didYouMean(word, words));
}

llvm::Error RangeChoice::validate() const {
  if (percent > 0 && percent <= 100)
    return llvm::Error::success();
  return llvm::createStringError(
      "expected percent to be above 0 and at most 100, but got %g", percent);
}

NumberRange ValueStatistics::range(const RangeChoice &choice,
                                   int64_t levels) const {
  auto within = [&](double low, double high) {
    return NumberRange{std::clamp(low, least, most),
                       std::clamp(high, least, most)};
  };
  switch (choice.rule) {
  case RangeRule::minMax:
    return {least, most};
  case RangeRule::average:
    return {averageLeast, averageMost};
  case RangeRule::percentile: {
    auto [low, high] = histogram.range(choice.percent);
    return within(low, high);
  }
  case RangeRule::entropy: {
    double limit = histogram.leastDivergence(levels);
    return within(-limit, limit);
  }
  }
  llvm_unreachable("a rule that is not in the enumeration");
}

//===----------------------------------------------------------------------===//
// Values by name
//===----------------------------------------------------------------------===//

std::string rlx::rowsFileName(llvm::StringRef value) {
  std::string name = value.str();
  for (char &c : name)
    if (!llvm::isAlnum(c) && !llvm::StringRef("._-").contains(c))
      c = '_';
  return name + ".npy";
}

llvm::Expected<CalibrationRecord>
CalibrationRecord::create(int64_t batches,
                          std::vector<ValueStatistics> values) {
  if (batches < 1)
    return llvm::createStringError("expected at least one batch, but got " +
                                   llvm::Twine(batches));
  if (values.empty())
    return llvm::createStringError("expected at least one value");
  llvm::StringSet<> names, weights;
  for (const ValueStatistics &value : values) {
    if (!names.insert(value.name).second)
      return llvm::createStringError("expected each value once, but '" +
                                     value.name + "' is there twice");
    for (const std::string &weight : value.weights)
      if (!weights.insert(weight).second)
        return llvm::createStringError(
            "expected each weight to be multiplied with one value, but '" +
            weight + "' is there twice");
  }
  CalibrationRecord record;
  record.numBatches = batches;
  record.all = std::move(values);
  return record;
}

const ValueStatistics *CalibrationRecord::find(llvm::StringRef name) const {
  for (const ValueStatistics &value : all)
    if (value.name == name)
      return &value;
  return nullptr;
}

const ValueStatistics *
CalibrationRecord::findForWeight(llvm::StringRef weight) const {
  for (const ValueStatistics &value : all)
    if (llvm::is_contained(value.weights, weight))
      return &value;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static llvm::Error mistake(const llvm::Twine &where, const llvm::Twine &text) {
  return llvm::createStringError("'" + where + "': " + text);
}

/// An object that has these keys and no others.
static llvm::Expected<const json::Object *>
objectWith(const json::Value &value, const llvm::Twine &where,
           llvm::ArrayRef<llvm::StringRef> keys) {
  const json::Object *object = value.getAsObject();
  if (!object)
    return mistake(where, "expected an object");
  for (llvm::StringRef key : keys)
    if (!object->get(key))
      return mistake(where, "expected the key '" + key + "'");
  llvm::SmallVector<llvm::StringRef> given;
  for (const auto &[key, unused] : *object)
    given.push_back(key);
  llvm::sort(given);
  for (llvm::StringRef key : given)
    if (!llvm::is_contained(keys, key)) {
      llvm::SmallVector<std::string> known;
      for (llvm::StringRef name : keys)
        known.push_back(name.str());
      return mistake(where, "unknown key '" + key + "', expected " +
                                llvm::join(known, ", "));
    }
  return object;
}

static llvm::Expected<double> numberOf(const json::Value &value,
                                       const llvm::Twine &where) {
  std::optional<double> number = value.getAsNumber();
  if (!number || !std::isfinite(*number))
    return mistake(where, "expected a finite number");
  return *number;
}

static llvm::Expected<int64_t> countOf(const json::Value &value,
                                       const llvm::Twine &where) {
  std::optional<int64_t> number = value.getAsInteger();
  if (!number || *number < 0)
    return mistake(where, "expected an integer that is not negative");
  return *number;
}

static llvm::Expected<const json::Array *> listOf(const json::Value &value,
                                                  const llvm::Twine &where) {
  if (const json::Array *list = value.getAsArray())
    return list;
  return mistake(where, "expected a list");
}

static llvm::Expected<std::string> textOf(const json::Value &value,
                                          const llvm::Twine &where) {
  std::optional<llvm::StringRef> text = value.getAsString();
  if (!text || text->empty())
    return mistake(where, "expected a string that is not empty");
  return text->str();
}

/// Numbers of channels, which are sizes.
static llvm::Expected<std::vector<double>> sizesOf(const json::Value &value,
                                                   const llvm::Twine &where) {
  auto list = listOf(value, where);
  if (!list)
    return list.takeError();
  std::vector<double> numbers;
  for (auto [i, element] : llvm::enumerate(**list)) {
    auto number = numberOf(element, where + "[" + llvm::Twine(i) + "]");
    if (!number)
      return number.takeError();
    if (*number < 0)
      return mistake(where + "[" + llvm::Twine(i) + "]",
                     "expected a number that is not negative");
    numbers.push_back(*number);
  }
  return numbers;
}

static llvm::Expected<Histogram> histogramOf(const json::Value &value,
                                             const llvm::Twine &where) {
  auto object = objectWith(value, where, {"limit", "counts"});
  if (!object)
    return object.takeError();
  auto limit = numberOf(*(*object)->get("limit"), where + ".limit");
  if (!limit)
    return limit.takeError();
  auto list = listOf(*(*object)->get("counts"), where + ".counts");
  if (!list)
    return list.takeError();
  std::vector<uint64_t> counts;
  for (auto [i, element] : llvm::enumerate(**list)) {
    auto count = countOf(element, where + ".counts[" + llvm::Twine(i) + "]");
    if (!count)
      return count.takeError();
    counts.push_back(uint64_t(*count));
  }
  auto histogram = Histogram::create(*limit, std::move(counts));
  if (!histogram)
    return mistake(where, llvm::toString(histogram.takeError()));
  return histogram;
}

static llvm::Error readExtremes(const json::Object &object,
                                const llvm::Twine &where, llvm::StringRef low,
                                llvm::StringRef high, double &least,
                                double &most) {
  for (auto [key, target] : {std::pair(low, &least), std::pair(high, &most)}) {
    auto number = numberOf(*object.get(key), where + "." + key);
    if (!number)
      return number.takeError();
    *target = *number;
  }
  if (least > most) {
    std::string got;
    llvm::raw_string_ostream(got) << llvm::format("%g and %g", least, most);
    return mistake(where, "expected '" + low + "' to be at most '" + high +
                              "', but got " + got);
  }
  return llvm::Error::success();
}

/// What the statistics of one value have to do with each other.
static llvm::Error checkConsistent(const ValueStatistics &value,
                                   const llvm::Twine &where) {
  size_t channels = value.maxima.size();
  if (channels == 0)
    return mistake(where + ".channel_maxima", "expected at least one channel");
  for (auto [key, numbers] :
       {std::pair("channel_means", &value.meanMagnitudes),
        std::pair("channel_mean_squares", &value.meanSquares)})
    if (numbers->size() != channels)
      return mistake(where + "." + key,
                     "expected a number for each of " + llvm::Twine(channels) +
                         " channels, but got " + llvm::Twine(numbers->size()));
  if (value.rows < 1)
    return mistake(where + ".rows", "expected at least 1");
  uint64_t expected = 0;
  if (__builtin_mul_overflow(uint64_t(value.rows), uint64_t(channels),
                             &expected))
    return mistake(where + ".rows", "expected fewer than " +
                                        llvm::Twine(value.rows) + " rows of " +
                                        llvm::Twine(channels) + " channels");
  if (value.histogram.total() != expected)
    return mistake(where + ".histogram",
                   "expected counts of " + llvm::Twine(value.rows) +
                       " rows of " + llvm::Twine(channels) +
                       " channels to have the sum " + llvm::Twine(expected) +
                       ", but got " + llvm::Twine(value.histogram.total()));
  return llvm::Error::success();
}

static llvm::Expected<ValueStatistics> valueOf(const json::Value &value,
                                               const llvm::Twine &where) {
  auto object = objectWith(
      value, where,
      {"name", "weights", "rows", "min", "max", "average_min", "average_max",
       "histogram", "channel_maxima", "channel_means", "channel_mean_squares"});
  if (!object)
    return object.takeError();
  const json::Object &entry = **object;
  ValueStatistics result;
  auto name = textOf(*entry.get("name"), where + ".name");
  if (!name)
    return name.takeError();
  result.name = std::move(*name);
  auto weights = listOf(*entry.get("weights"), where + ".weights");
  if (!weights)
    return weights.takeError();
  for (auto [i, element] : llvm::enumerate(**weights)) {
    auto weight = textOf(element, where + ".weights[" + llvm::Twine(i) + "]");
    if (!weight)
      return weight.takeError();
    result.weights.push_back(std::move(*weight));
  }
  auto rows = countOf(*entry.get("rows"), where + ".rows");
  if (!rows)
    return rows.takeError();
  result.rows = *rows;
  if (llvm::Error error =
          readExtremes(entry, where, "min", "max", result.least, result.most))
    return error;
  if (llvm::Error error =
          readExtremes(entry, where, "average_min", "average_max",
                       result.averageLeast, result.averageMost))
    return error;
  auto histogram = histogramOf(*entry.get("histogram"), where + ".histogram");
  if (!histogram)
    return histogram.takeError();
  result.histogram = std::move(*histogram);
  for (auto [key, numbers] :
       {std::pair("channel_maxima", &result.maxima),
        std::pair("channel_means", &result.meanMagnitudes),
        std::pair("channel_mean_squares", &result.meanSquares)}) {
    auto sizes = sizesOf(*entry.get(key), where + "." + key);
    if (!sizes)
      return sizes.takeError();
    *numbers = std::move(*sizes);
  }
  if (llvm::Error error = checkConsistent(result, where))
    return error;
  return result;
}

llvm::Expected<CalibrationRecord>
CalibrationRecord::parse(llvm::StringRef text) {
  if (llvm::Error error = checkNesting(text, "record"))
    return error;
  llvm::Expected<json::Value> root = json::parse(text);
  if (!root)
    return root.takeError();
  auto object =
      objectWith(*root, "record", {"format", "version", "batches", "values"});
  if (!object)
    return object.takeError();
  const json::Object &record = **object;
  if (record.getString("format") != llvm::StringRef(formatName))
    return mistake("format", "expected '" + formatName + "'");
  if (record.getInteger("version") != formatVersion)
    return mistake("version", "expected " + llvm::Twine(formatVersion) +
                                  ", which this version of RLX reads");
  auto batches = countOf(*record.get("batches"), "batches");
  if (!batches)
    return batches.takeError();
  auto list = listOf(*record.get("values"), "values");
  if (!list)
    return list.takeError();
  std::vector<ValueStatistics> values;
  for (auto [i, element] : llvm::enumerate(**list)) {
    auto value = valueOf(element, "values[" + llvm::Twine(i) + "]");
    if (!value)
      return value.takeError();
    values.push_back(std::move(*value));
  }
  return create(*batches, std::move(values));
}

llvm::Expected<CalibrationRecord>
CalibrationRecord::read(llvm::StringRef path) {
  auto fail = [&](const llvm::Twine &text) {
    return llvm::createStringError("cannot use the calibration record '" +
                                   path + "': " + text);
  };
  // A pipe would be waited for, and a device read for ever.
  llvm::sys::fs::file_status status;
  if (std::error_code failed = llvm::sys::fs::status(path, status))
    return fail(failed.message());
  if (!llvm::sys::fs::is_regular_file(status))
    return fail("expected a regular file");
  if (status.getSize() > maxRecordBytes)
    return fail("expected at most " + llvm::Twine(maxRecordBytes) +
                " bytes, but got " + llvm::Twine(status.getSize()));
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return fail(buffer.getError().message());
  auto record = parse((*buffer)->getBuffer());
  if (!record)
    return fail(llvm::toString(record.takeError()));
  return record;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// All numbers on one line: there are thousands, and nobody reads them.
template <typename NumberT>
static std::string listText(llvm::ArrayRef<NumberT> numbers) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  json::OStream out(stream);
  out.array([&] {
    for (NumberT number : numbers)
      if constexpr (std::is_same_v<NumberT, uint64_t>)
        out.value(int64_t(number));
      else
        out.value(number);
  });
  return text;
}

std::string CalibrationRecord::json() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  json::OStream out(stream, 2);
  auto list = [&](llvm::StringRef key, std::string numbers) {
    out.attributeBegin(key);
    out.rawValue(numbers);
    out.attributeEnd();
  };
  out.object([&] {
    out.attribute("format", formatName);
    out.attribute("version", formatVersion);
    out.attribute("batches", numBatches);
    out.attributeArray("values", [&] {
      for (const ValueStatistics &value : all)
        out.object([&] {
          out.attribute("name", value.name);
          out.attributeArray("weights", [&] {
            for (const std::string &weight : value.weights)
              out.value(weight);
          });
          out.attribute("rows", value.rows);
          out.attribute("min", value.least);
          out.attribute("max", value.most);
          out.attribute("average_min", value.averageLeast);
          out.attribute("average_max", value.averageMost);
          out.attributeObject("histogram", [&] {
            out.attribute("limit", value.histogram.limit());
            list("counts", listText(value.histogram.counts()));
          });
          list("channel_maxima", listText<double>(value.maxima));
          list("channel_means", listText<double>(value.meanMagnitudes));
          list("channel_mean_squares", listText<double>(value.meanSquares));
        });
    });
  });
  return text;
}
