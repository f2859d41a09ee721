//===- LoopsTest.cpp - The inner loops on all processors ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whatever vectors a processor has, numbers and sums have the same bits, so
// that files do not depend on the machine that quantized them.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/CodeLoops.h"
#include "codegen/quantize/LineTrials.h"
#include "codegen/quantize/NearestCodes.h"
#include "codegen/quantize/Rules.h"
#include "codegen/quantize/VectorLoops.h"
#include "tests/unit/quantize/TestSupport.h"

#include <random>

using namespace rlx;
using namespace rlx::quantize;
using namespace rlx::test;

namespace loops_test {

bool sameSums(const Sums &a, const Sums &b) {
  return sameNumber(a.q, b.q) && sameNumber(a.qq, b.qq) &&
         sameNumber(a.xq, b.xq) && sameNumber(a.error, b.error);
}

TEST(Loops, GiveTheSameOnAllProcessors) {
  const double values[] = {-3, -1, 0.5, 2, 7},
               middles[] = {-2, -0.25, 1.25, 4.5};
  for (int64_t count : {1, 7, 8, 16, 31, 256}) {
    std::vector<float> drawn = Random(uint32_t(count)).floats(2 * count);
    std::vector<double> x(drawn.begin(), drawn.begin() + count), w;
    for (int64_t i = 0; i < count; ++i)
      w.push_back(std::fabs(drawn[count + i]));
    Samples samples{x.data(), w.data(), count};
    Line line{0.37, -0.1};
    const CodeLoops &first = CodeLoops::all().front();
    std::vector<double> integers(count), few(count), q(count);
    Sums integerSums = first.integers(samples, line, -8, 7, integers.data()),
         fewSums = first.few(samples, line, values, middles, 5, few.data());
    for (int64_t i = 0; i < count; ++i) {
      double t = (x[i] - line.base) / line.scale;
      EXPECT_LE(std::fabs(std::clamp(t, -8.0, 7.0) - integers[i]), 0.5 + 1e-9);
      for (double value : values)
        EXPECT_LE(std::fabs(t - few[i]), std::fabs(t - value) + 1e-9);
    }
    for (const CodeLoops &loops : CodeLoops::all()) {
      EXPECT_TRUE(sameSums(loops.integers(samples, line, -8, 7, q.data()),
                           integerSums));
      EXPECT_EQ(q, integers);
      EXPECT_TRUE(sameSums(loops.given(samples, line, q.data()), integerSums));
      EXPECT_TRUE(sameSums(
          loops.few(samples, line, values, middles, 5, q.data()), fewSums));
      EXPECT_EQ(q, few);
    }
  }
}

//===----------------------------------------------------------------------===//
// Sixteen lines at once
//===----------------------------------------------------------------------===//

/// What trials should find, one line at a time, in double precision.
struct Expected {
  double error = 0, qr = 0, qq = 0, r = 0, q = 0;
};

struct Trial {
  std::vector<float> x, w;
  std::vector<double> numbers;
  TriedNumbers tried;
  TriedLines lines;
  bool hasBase = false;

  double nearest(double t) const {
    double best = numbers.front();
    for (double number : numbers)
      if (std::fabs(number - t) < std::fabs(best - t))
        best = number;
    return best;
  }
  /// Elements `first`, `first + step` and so on, by a lane's line.
  Expected expected(int lane, size_t first, size_t step) const {
    Expected result;
    double s = lines.scale[lane], b = hasBase ? lines.base[lane] : 0;
    for (size_t i = first; i < x.size(); i += step) {
      double t = (x[i] - b) / s, q = nearest(t), each = w.empty() ? 1 : w[i];
      result.error += each * s * s * (q - t) * (q - t);
      result.qr += each * q * (q - t);
      result.qq += each * q * q;
      result.r += each * (q - t);
      result.q += each * q;
    }
    return result;
  }
};

/// Of numbers of f32 that were added up.
void expectNear(double got, double expected, double size) {
  EXPECT_LE(std::fabs(got - expected), 2e-5 * size + 1e-6) << expected;
}

void checkTrial(const Trial &trial, LaneUse use) {
  size_t streams = use == LaneUse::one ? 1 : 2;
  FloatSamples samples;
  samples.x = trial.x.data();
  samples.w = trial.w.empty() ? nullptr : trial.w.data();
  samples.count = int64_t(trial.x.size() / streams);
  samples.use = use;
  double size = 0;
  for (size_t i = 0; i < trial.x.size(); ++i) {
    float each = trial.w.empty() ? 1 : trial.w[i];
    for (size_t g = 0; g < 2; ++g)
      if (use != LaneUse::two || i % 2 == g) {
        samples.weight[g] += each;
        samples.square[g] += each * trial.x[i] * trial.x[i];
      }
    size += double(each) * trial.x[i] * trial.x[i];
  }
  LineResults first;
  TriedLines improved = trial.lines;
  LineResults firstImproved;
  const LineTrials &fastest = LineTrials::all().front();
  fastest.evaluate(samples, trial.tried, trial.lines, trial.hasBase, first);
  fastest.improve(samples, trial.tried, trial.hasBase, 0, 0, 2, improved,
                  firstImproved);
  double least[2] = {1e30, 1e30};
  for (int lane = 0; lane < LineLanes::count; ++lane) {
    bool isTwo = use == LaneUse::two;
    Expected right = trial.expected(lane, isTwo ? lane % 2 : 0, isTwo ? 2 : 1);
    double s = trial.lines.scale[lane];
    // Of squares of values, where trials are coarse.
    expectNear(first.errors[lane], right.error,
               trial.tried.isCoarse && !trial.hasBase ? size : right.error);
    expectNear(first.sums.qq[lane], right.qq, right.qq);
    expectNear(first.sums.qr[lane], right.qr, right.qq + size / (s * s));
    if (trial.hasBase) {
      expectNear(first.sums.q[lane], right.q, right.qq);
      expectNear(first.sums.r[lane], right.r, right.qq);
    }
    least[lane % 2] = std::min(least[lane % 2], right.error);
    // Twice better is not worse, unless no line is allowed.
    if (std::isfinite(firstImproved.errors[lane]) &&
        firstImproved.errors[lane] < 1e20f) {
      EXPECT_LE(firstImproved.errors[lane],
                first.errors[lane] + 2e-5 * size + 1e-6);
    }
  }
  if (use != LaneUse::two)
    least[0] = least[1] = std::min(least[0], least[1]);
  for (int g = 0; g < 2; ++g)
    EXPECT_LE(first.errors[first.best.lane[g]], least[g] + 2e-5 * size + 1e-6);

  for (const LineTrials &trials : LineTrials::all()) {
    LineResults again, againImproved;
    TriedLines lines = trial.lines;
    trials.evaluate(samples, trial.tried, lines, trial.hasBase, again);
    trials.improve(samples, trial.tried, trial.hasBase, 0, 0, 2, lines,
                   againImproved);
    for (int lane = 0; lane < LineLanes::count; ++lane) {
      EXPECT_TRUE(sameNumber(again.errors[lane], first.errors[lane]));
      EXPECT_TRUE(sameNumber(lines.scale[lane], improved.scale[lane]));
      EXPECT_TRUE(
          sameNumber(againImproved.errors[lane], firstImproved.errors[lane]));
    }
    EXPECT_EQ(again.best.lane[0], first.best.lane[0]);
    EXPECT_EQ(again.best.lane[1], first.best.lane[1]);
    SampleRange range = trials.measure(trial.x.data(), samples.w,
                                       int64_t(trial.x.size())),
                known = fastest.measure(trial.x.data(), samples.w,
                                        int64_t(trial.x.size()));
    EXPECT_EQ(range.least, *llvm::min_element(trial.x));
    EXPECT_EQ(range.most, *llvm::max_element(trial.x));
    EXPECT_TRUE(sameNumber(range.square, known.square));
    EXPECT_TRUE(sameNumber(range.weight, known.weight));
    expectNear(range.square, size, size);
  }
}

TEST(LineTrialsTest, ChangeAllNumbersAlike) {
  for (size_t count : {1, 15, 16, 17, 70}) {
    std::vector<float> x = Random(uint32_t(count)).floats(count), to(count);
    x[count / 2] = -9;
    for (const LineTrials &trials : LineTrials::all()) {
      EXPECT_EQ(trials.largest(x.data(), int64_t(count)), 9);
      trials.multiply(x.data(), 0.125f, to.data(), int64_t(count));
      for (size_t i = 0; i < count; ++i)
        EXPECT_EQ(to[i], x[i] * 0.125f);
      trials.divide(x.data(), 3, to.data(), int64_t(count));
      for (size_t i = 0; i < count; ++i)
        EXPECT_EQ(to[i], x[i] / 3);
    }
  }
}

TEST(LineTrialsTest, FindWhatOneLineAfterTheOtherDoes) {
  const float values[] = {-3, -1, 0.5f, 2, 7},
              middles[] = {-2, -0.25f, 1.25f, 4.5f};
  const float magnitudes[] = {0, 0.5f, 1, 3},
              magnitudeMiddles[] = {0.25f, 0.75f, 2};
  for (size_t count : {2, 16, 30, 256})
    for (LaneUse use : {LaneUse::one, LaneUse::two, LaneUse::split})
      for (bool isWeighted : {false, true})
        for (int kind = 0; kind < 6; ++kind) {
          SCOPED_TRACE(testing::Message() << count << " kind " << kind);
          Trial trial;
          Random random(uint32_t(count + 7 * kind));
          trial.x = random.floats(count);
          if (isWeighted)
            for (float number : random.floats(count))
              trial.w.push_back(std::fabs(number));
          TriedNumbers &tried = trial.tried;
          trial.hasBase = kind == 2 || kind == 4;
          if (kind < 3) {
            tried.low = -8;
            tried.high = 7;
            for (int number = -8; number <= 7; ++number)
              trial.numbers.push_back(number);
          } else if (kind < 5) {
            tried.isInteger = false;
            tried.values = values;
            tried.middles = middles;
            tried.count = 5;
            trial.numbers.assign(std::begin(values), std::end(values));
          } else {
            tried.isInteger = false;
            tried.isMagnitude = true;
            tried.values = magnitudes;
            tried.middles = magnitudeMiddles;
            tried.count = 4;
            trial.numbers = {-3, -1, -0.5, 0, 0.5, 1, 3};
          }
          tried.isCoarse = kind == 1 || kind == 5;
          for (int lane = 0; lane < LineLanes::count; ++lane) {
            // Neighbours that are split halves are the same line.
            int line = use == LaneUse::split ? lane / 2 : lane;
            trial.lines.scale[lane] = 0.05f + 0.03f * float(line);
            trial.lines.base[lane] = 0.1f - 0.02f * float(line);
          }
          checkTrial(trial, use);
        }
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

class NearestCodesTest : public SchemeTest {};

/// In vectors as one by one, for middles, bounds and zeros of both signs.
TEST_F(NearestCodesTest, AreExact) {
  for (const char *name : {"q4_0", "q2_K", "q3_K", "q4_K", "q6_K", "q8_0",
                           "iq4_nl", "nvfp4", "mxfp4", "tq2_0", "nf4/64"}) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    for (QuantRule::Ties ties :
         {QuantRule::Ties::byType, QuantRule::Ties::first}) {
      FieldNumbers code(scheme->attr().getCode(), ties);
      NearestCodes nearest(code);
      for (Solver::Parts parts :
           {Solver::Parts{0.25, 0, 0}, Solver::Parts{-0.37, 0, 0},
            Solver::Parts{0.013, 0, -0.4}, Solver::Parts{1e-39, 0, 0},
            Solver::Parts{0, 0, 0}, Solver::Parts{0.01, 0, 1e4}}) {
        std::vector<float> x = {0, -0.0f, 1e-30f, -1e-30f, 1e30f, -1e30f};
        for (int i = -70; i <= 70; ++i) {
          auto middle = float(parts.scale * (i / 4.0) + parts.offset);
          for (float value : {middle, std::nextafter(middle, 1e30f),
                              std::nextafter(middle, -1e30f)})
            x.push_back(value);
        }
        for (float value : Random(5).floats(999))
          x.push_back(value);
        std::vector<uint8_t> codes(x.size());
        nearest.choose(parts, x, 1e30f, codes.data());
        for (size_t i = 0; i < x.size(); ++i)
          ASSERT_EQ(codes[i], exactCode(code, parts, x[i]))
              << x[i] << " for scale " << parts.scale;
        // With a small bound, in vectors.
        std::vector<float> most(x.begin() + 6, x.end());
        float largest = 0;
        for (float value : most)
          largest = std::max(largest, std::fabs(value));
        nearest.choose(parts, most, largest, codes.data());
        for (size_t i = 0; i < most.size(); ++i)
          ASSERT_EQ(codes[i], exactCode(code, parts, most[i]))
              << most[i] << " for scale " << parts.scale;
      }
    }
  }
}

TEST(CodeVectorsTest, GiveTheSameOnAllProcessors) {
  std::vector<float> x = Random(3).floats(77);
  const float middles[] = {-2, -0.25f, 0, 1.25f};
  for (int64_t count : {1, 15, 16, 77}) {
    std::vector<uint8_t> codes(count), doubts(count);
    const CodeVectors &first = CodeVectors::all().front();
    bool doubtful = first.integers(x.data(), count, 0.1f, 3, -2, 1, 2, 3, 0.1f,
                                   codes.data(), doubts.data());
    EXPECT_EQ(doubtful,
              llvm::any_of(doubts, [](uint8_t doubt) { return doubt != 0; }));
    std::vector<uint8_t> ranks(count), rankDoubts(count);
    first.ranks(x.data(), count, 0.1f, 3, middles, 4, 0.1f, ranks.data(),
                rankDoubts.data());
    for (const CodeVectors &vectors : CodeVectors::all()) {
      std::vector<uint8_t> again(count), doubtsAgain(count);
      vectors.integers(x.data(), count, 0.1f, 3, -2, 1, 2, 3, 0.1f,
                       again.data(), doubtsAgain.data());
      EXPECT_EQ(again, codes);
      EXPECT_EQ(doubtsAgain, doubts);
      vectors.ranks(x.data(), count, 0.1f, 3, middles, 4, 0.1f, again.data(),
                    doubtsAgain.data());
      EXPECT_EQ(again, ranks);
      EXPECT_EQ(doubtsAgain, rankDoubts);
    }
  }
}

/// The vector of least cost is the one that trying all of them finds, for
/// halves of few and of many components, on all processors.
TEST(VectorLoops, FindTheBestOfAllVectors) {
  std::mt19937 random(3);
  for (unsigned width : {1u, 2u, 3u})
    for (unsigned components : {1u, 2u, 3u, 5u, 8u}) {
      if (width * components > 24)
        continue;
      uint32_t radix = width == 2 ? 3 : 1u << width;
      std::vector<int64_t> entries(64);
      for (int64_t &entry : entries) {
        entry = 0;
        for (unsigned i = 0; i < components; ++i)
          entry |= int64_t(random() % radix) << (i * width);
      }
      VectorTable table = VectorTable::make(entries, width, components);
      std::vector<float> costs(size_t(components) * table.radix), room;
      std::uniform_int_distribution<int> cost(-50, 50); // sums are exact
      for (int trial = 0; trial < 50; ++trial) {
        for (float &each : costs)
          each = float(cost(random));
        auto costOf = [&](int64_t entry) {
          float sum = 0;
          for (unsigned i = 0; i < components; ++i)
            sum += costs[i * table.radix +
                         (entry >> (i * width) & ((1 << width) - 1))];
          return sum;
        };
        float least = costOf(entries[0]);
        for (int64_t entry : entries)
          least = std::min(least, costOf(entry));
        room.assign(table.room(), 0);
        uint32_t first =
            VectorLoops::get().best(table, costs.data(), room.data());
        EXPECT_EQ(costOf(entries[first]), least);
        for (const VectorLoops &loops : VectorLoops::all())
          EXPECT_EQ(loops.best(table, costs.data(), room.data()), first);
      }
    }
}

} // namespace loops_test
