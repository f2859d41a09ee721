//===- CalibrationRecordTest.cpp - Histograms and records -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/CalibrationRecord.h"
#include "tests/unit/ir/TestSupport.h"

#include <cmath>
#include <random>

using namespace rlx;
using namespace rlx::test;

namespace {

std::vector<float> normalNumbers(size_t count, float scale, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> numbers(count);
  for (float &number : numbers)
    number = normal(random);
  return numbers;
}

Histogram histogramOf(llvm::ArrayRef<float> numbers) {
  Histogram histogram;
  histogram.add(numbers);
  return histogram;
}

//===----------------------------------------------------------------------===//
// Histograms
//===----------------------------------------------------------------------===//

TEST(HistogramTest, CountsBySignAndSize) {
  Histogram histogram = histogramOf({0.0f, -0.0f, 1.0f, -1.0f, 0.6f, -0.6f});
  EXPECT_EQ(histogram.limit(), 1.0);
  EXPECT_EQ(histogram.total(), 6u);
  int64_t side = Histogram::binsOfSide;
  EXPECT_EQ(histogram.counts()[side], 2u);
  EXPECT_EQ(histogram.counts()[2 * side - 1], 1u); // what is at the limit
  EXPECT_EQ(histogram.counts()[0], 1u);
  EXPECT_EQ(histogram.counts()[side + int64_t(0.6f * side)], 1u);
  EXPECT_EQ(histogram.counts()[side - 1 - int64_t(0.6f * side)], 1u);
}

/// What comes in which order, and whether bins had to be merged, changes
/// nothing.
TEST(HistogramTest, GrowsAsIfItHadKnown) {
  std::vector<float> small = normalNumbers(5000, 0.01f, 1),
                     large = normalNumbers(5000, 3.0f, 2);
  Histogram grown, known;
  grown.add({0.0f, 0.0f});
  grown.add(small);
  grown.add(large);
  known.add(large);
  known.add(small);
  known.add({0.0f, 0.0f});
  EXPECT_EQ(grown.limit(), known.limit());
  EXPECT_EQ(grown.counts(), known.counts());
  EXPECT_EQ(grown.total(), 10002u);
}

TEST(HistogramTest, ExtremeNumbers) {
  for (float most : {std::numeric_limits<float>::max(),
                     std::numeric_limits<float>::denorm_min()}) {
    Histogram histogram = histogramOf({most, -most / 2, 0.0f});
    EXPECT_GE(histogram.limit(), double(most));
    EXPECT_EQ(histogram.total(), 3u);
  }
  Histogram both;
  both.add({std::numeric_limits<float>::denorm_min()});
  both.add({std::numeric_limits<float>::max()});
  EXPECT_EQ(both.total(), 2u);
}

/// A percentile is that of the sorted numbers, within a bin.
TEST(HistogramTest, PercentilesOfSortedNumbers) {
  std::vector<float> numbers = normalNumbers(20000, 1.0f, 3);
  Histogram histogram = histogramOf(numbers);
  double width = histogram.limit() / double(Histogram::binsOfSide);
  std::vector<float> sorted = numbers, magnitudes = numbers;
  llvm::sort(sorted);
  for (float &number : magnitudes)
    number = std::fabs(number);
  llvm::sort(magnitudes);
  for (double percent : {50.0, 90.0, 99.0, 99.9}) {
    size_t within = size_t(percent / 100 * double(numbers.size()));
    EXPECT_NEAR(histogram.magnitude(percent), magnitudes[within - 1],
                2 * width);
    size_t beyond = size_t((100 - percent) / 200 * double(numbers.size()));
    auto [low, high] = histogram.range(percent);
    EXPECT_NEAR(low, sorted[beyond], 4 * width) << percent;
    EXPECT_NEAR(high, sorted[sorted.size() - 1 - beyond], 4 * width);
  }
  EXPECT_NEAR(histogram.magnitude(100), magnitudes.back(), width);
}

/// One number far off is cut off, and nothing is where all are alike.
TEST(HistogramTest, LeastDivergenceCutsOutliersOff) {
  std::vector<float> numbers = normalNumbers(100000, 1.0f, 4);
  double usual = histogramOf(numbers).leastDivergence(127);
  EXPECT_GT(usual, 2.5);
  numbers.push_back(60.0f);
  double limit = histogramOf(numbers).leastDivergence(127);
  EXPECT_LT(limit, 12.0);
  EXPECT_GT(limit, 2.5);
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float &number : numbers)
    number = uniform(random);
  EXPECT_GT(histogramOf(numbers).leastDivergence(127), 0.95);
  // Fewer bins than levels: all are kept.
  EXPECT_EQ(histogramOf({0.0f, 0.0f}).leastDivergence(127), 0.0);
}

TEST(HistogramTest, RefusesWhatItNeverGave) {
  auto message = [](double limit, std::vector<uint64_t> counts) {
    return llvm::toString(
        Histogram::create(limit, std::move(counts)).takeError());
  };
  EXPECT_EQ(message(1, {1, 2}), "expected 4096 counts, but got 2");
  std::vector<uint64_t> counts(4096);
  counts[0] = 1;
  EXPECT_EQ(message(0.3, counts),
            "expected a limit that is 0 or a power of two");
  EXPECT_EQ(message(NAN, counts),
            "expected a limit that is 0 or a power of two");
  EXPECT_EQ(message(0, counts),
            "expected nothing but zeros to be counted with a limit of 0");
}

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

ValueStatistics valueOf(std::string name, std::vector<std::string> weights) {
  ValueStatistics value;
  value.name = std::move(name);
  value.weights = std::move(weights);
  value.rows = 2;
  value.least = -0.1f;
  value.most = 1.0 / 3;
  value.averageLeast = -0.05;
  value.averageMost = 0.3;
  value.histogram.add({-0.1f, 0.25f, 0.1f, 0.0f});
  value.maxima = {0.1, 1.0 / 3};
  value.meanMagnitudes = {0.05, 1e-30};
  value.meanSquares = {0, 1e300};
  return value;
}

std::string goodText() {
  auto record = CalibrationRecord::create(
      3, {valueOf("a", {"w \"q\"", "v"}), valueOf("\xc3\xa4", {})});
  return llvm::cantFail(std::move(record)).json();
}

TEST(CalibrationRecordTest, ReadsWhatItWrites) {
  auto record = CalibrationRecord::parse(goodText());
  if (!record)
    FAIL() << llvm::toString(record.takeError());
  EXPECT_EQ(record->batches(), 3);
  ASSERT_EQ(record->values().size(), 2u);
  const ValueStatistics &value = record->values()[0], other = valueOf("a", {});
  EXPECT_EQ(value.name, "a");
  EXPECT_EQ(value.weights, (std::vector<std::string>{"w \"q\"", "v"}));
  EXPECT_EQ(value.rows, other.rows);
  EXPECT_EQ(value.least, other.least);
  EXPECT_EQ(value.most, other.most);
  EXPECT_EQ(value.averageLeast, other.averageLeast);
  EXPECT_EQ(value.averageMost, other.averageMost);
  EXPECT_EQ(value.histogram.limit(), other.histogram.limit());
  EXPECT_EQ(value.histogram.counts(), other.histogram.counts());
  EXPECT_EQ(value.maxima, other.maxima);
  EXPECT_EQ(value.meanMagnitudes, other.meanMagnitudes);
  EXPECT_EQ(value.meanSquares, other.meanSquares);
  EXPECT_EQ(record->json(), goodText());
  EXPECT_EQ(record->find("\xc3\xa4"), &record->values()[1]);
  EXPECT_EQ(record->findForWeight("v"), &record->values()[0]);
  EXPECT_EQ(record->find("v"), nullptr);
  EXPECT_EQ(record->findForWeight("a"), nullptr);
}

/// Each mistake has one message that says where.
TEST(CalibrationRecordTest, SaysWhatIsWrong) {
  auto messageAfter = [](llvm::StringRef from, llvm::StringRef to) {
    std::string text = goodText();
    size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from.str();
    text.replace(at, from.size(), to);
    return llvm::toString(CalibrationRecord::parse(text).takeError());
  };
  EXPECT_EQ(messageAfter("rlx-calibration", "x"),
            "'format': expected 'rlx-calibration'");
  EXPECT_EQ(messageAfter("\"version\": 1", "\"version\": 2"),
            "'version': expected 1, which this version of RLX reads");
  EXPECT_EQ(messageAfter("\"batches\": 3", "\"batches\": 0"),
            "expected at least one batch, but got 0");
  EXPECT_EQ(messageAfter("\"batches\": 3", "\"batches\": 3.5"),
            "'batches': expected an integer that is not negative");
  EXPECT_EQ(messageAfter("\"rows\": 2", "\"row\": 2"),
            "'values[0]': expected the key 'rows'");
  EXPECT_EQ(messageAfter("\"rows\": 2", "\"rows\": 2, \"more\": 1"),
            "'values[0]': unknown key 'more', expected name, weights, rows, "
            "min, max, average_min, average_max, histogram, channel_maxima, "
            "channel_means, channel_mean_squares");
  EXPECT_EQ(messageAfter("\"rows\": 2", "\"rows\": 3"),
            "'values[0].histogram': expected counts of 3 rows of 2 channels to "
            "have the sum 6, but got 4");
  EXPECT_EQ(messageAfter("\"average_min\": -0.050000000000000003",
                         "\"average_min\": 2"),
            "'values[0]': expected 'average_min' to be at most 'average_max', "
            "but got 2 and 0.3");
  EXPECT_EQ(messageAfter("\"channel_means\": [0.050000000000000003",
                         "\"channel_means\": [-1"),
            "'values[0].channel_means[0]': expected a number that is not "
            "negative");
  EXPECT_EQ(messageAfter("\"channel_means\": [", "\"channel_means\": [1,"),
            "'values[0].channel_means': expected a number for each of 2 "
            "channels, but got 3");
  EXPECT_EQ(messageAfter("\"limit\": 0.25", "\"limit\": 0.3"),
            "'values[0].histogram': expected a limit that is 0 or a power of "
            "two");
  EXPECT_EQ(messageAfter("\"name\": \"a\"", "\"name\": \"\xc3\xa4\""),
            "expected each value once, but '\xc3\xa4' is there twice");
  EXPECT_EQ(messageAfter("\"v\"", "\"w \\\"q\\\"\""),
            "expected each weight to be multiplied with one value, but 'w "
            "\"q\"' is there twice");
  EXPECT_EQ(messageAfter("\"name\": \"a\"", "\"name\": \"\""),
            "'values[0].name': expected a string that is not empty");
  EXPECT_EQ(
      llvm::toString(
          CalibrationRecord::read("/nonexistent/r.json").takeError()),
      "cannot use the calibration record '/nonexistent/r.json': No such file "
      "or directory");
}

/// Whatever a record holds, it is read or refused.
TEST(CalibrationRecordTest, DamagedRecords) {
  const std::string good = goodText();
  std::mt19937_64 random(11);
  for (int round = 0; round < 300; ++round) {
    std::string text = good;
    size_t where = random() % text.size();
    switch (random() % 3) {
    case 0:
      text[where] = char(random());
      break;
    case 1:
      text.resize(where);
      break;
    default:
      text.erase(where, 1 + random() % 40);
    }
    auto record = CalibrationRecord::parse(text);
    if (!record) {
      EXPECT_NE(llvm::toString(record.takeError()), "");
    }
  }
}

TEST(CalibrationRecordTest, RangesByRule) {
  ValueStatistics value = valueOf("a", {});
  NumberRange all = value.range({RangeRule::minMax}, 127);
  EXPECT_EQ(all.least, value.least);
  EXPECT_EQ(all.most, value.most);
  EXPECT_EQ(all.magnitude(), value.most);
  EXPECT_EQ(value.range({RangeRule::average}, 127).most, 0.3);
  // Never beyond what was seen.
  EXPECT_GE(value.range({RangeRule::percentile, 100}, 127).least, value.least);
  EXPECT_LE(value.range({RangeRule::entropy}, 127).most, value.most);
  EXPECT_EQ(llvm::cantFail(parseRangeRule("entropy")), RangeRule::entropy);
  EXPECT_EQ(llvm::toString(parseRangeRule("percentil").takeError()),
            "expected one of minmax, average, percentile, entropy, but got "
            "'percentil'; did you mean 'percentile'?");
  for (double percent : {0.0, 100.1, double(NAN)})
    EXPECT_NE(
        llvm::toString(RangeChoice{RangeRule::percentile, percent}.validate()),
        "");
}

} // namespace
