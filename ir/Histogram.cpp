//===- Histogram.cpp - How often numbers of which size occur --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace rlx;

/// The least power of two that is not below `magnitude`, which is above 0.
static double powerOfTwoFrom(double magnitude) {
  int exponent;
  double fraction = std::frexp(magnitude, &exponent);
  return std::ldexp(1.0, fraction == 0.5 ? exponent - 1 : exponent);
}

llvm::Expected<Histogram> Histogram::create(double limit,
                                            std::vector<uint64_t> counts) {
  if (counts.size() != 2 * binsOfSide)
    return llvm::createStringError("expected " + llvm::Twine(2 * binsOfSide) +
                                   " counts, but got " +
                                   llvm::Twine(counts.size()));
  if (!std::isfinite(limit) || limit < 0 ||
      (limit > 0 && powerOfTwoFrom(limit) != limit))
    return llvm::createStringError(
        "expected a limit that is 0 or a power of two");
  Histogram histogram;
  histogram.end = limit;
  histogram.bins = std::move(counts);
  if (limit == 0 && histogram.total() != histogram.bins[binsOfSide])
    return llvm::createStringError(
        "expected nothing but zeros to be counted with a limit of 0");
  return histogram;
}

uint64_t Histogram::total() const {
  return std::accumulate(bins.begin(), bins.end(), uint64_t(0));
}

void Histogram::growTo(double magnitude) {
  if (magnitude <= end)
    return;
  if (end == 0) {
    end = powerOfTwoFrom(magnitude); // Zeros stay where they are.
    return;
  }
  while (end < magnitude) {
    std::vector<uint64_t> merged(bins.size());
    for (int64_t i = 0; i < binsOfSide; ++i) {
      merged[binsOfSide + i / 2] += bins[binsOfSide + i];
      merged[binsOfSide - 1 - i / 2] += bins[binsOfSide - 1 - i];
    }
    bins = std::move(merged);
    end *= 2;
  }
}

void Histogram::add(llvm::ArrayRef<float> values) {
  float most = 0;
  for (float value : values)
    most = std::max(most, std::fabs(value));
  growTo(most);
  double perUnit = end == 0 ? 0 : double(binsOfSide) / end;
  for (float value : values) {
    int64_t bin = std::min<int64_t>(int64_t(std::fabs(double(value)) * perUnit),
                                    binsOfSide - 1);
    ++bins[value < 0 ? binsOfSide - 1 - bin : binsOfSide + bin];
  }
}

/// Counts of both sides by magnitude.
std::vector<double> Histogram::magnitudes() const {
  std::vector<double> counts(binsOfSide);
  for (int64_t i = 0; i < binsOfSide; ++i)
    counts[i] = double(bins[binsOfSide + i] + bins[binsOfSide - 1 - i]);
  return counts;
}

/// Where, in bins, the first `wanted` of what is counted end. Within a bin they
/// lie evenly.
template <typename CountT>
static double positionOf(llvm::ArrayRef<CountT> counts, double wanted) {
  double before = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    double count = double(counts[i]);
    if (count > 0 && before + count >= wanted)
      return double(i) + std::clamp((wanted - before) / count, 0.0, 1.0);
    before += count;
  }
  return double(counts.size());
}

double Histogram::magnitude(double percent) const {
  std::vector<double> counts = magnitudes();
  double wanted = percent / 100 * double(total());
  return width() * positionOf<double>(counts, wanted);
}

std::pair<double, double> Histogram::range(double percent) const {
  double all = double(total()), beyond = (100 - percent) / 200 * all;
  auto at = [&](double wanted) {
    return width() * (positionOf<uint64_t>(bins, wanted) - double(binsOfSide));
  };
  return {at(beyond), at(all - beyond)};
}

/// KL(p || q) of two distributions that are given up to a factor. What q lacks
/// is taken to be as rare as a millionth of a count.
static double divergence(llvm::ArrayRef<double> p, llvm::ArrayRef<double> q) {
  constexpr double rare = 1e-6;
  double sumP = 0, sumQ = 0;
  for (auto [a, b] : llvm::zip_equal(p, q)) {
    sumP += a;
    sumQ += a > 0 ? std::max(b, rare) : 0;
  }
  double sum = 0;
  for (auto [a, b] : llvm::zip_equal(p, q))
    if (a > 0)
      sum += a / sumP * std::log((a / sumP) / (std::max(b, rare) / sumQ));
  return sum;
}

double Histogram::leastDivergence(int64_t levels) const {
  std::vector<double> counts = magnitudes();
  // The last bin that has something in it.
  int64_t used = binsOfSide;
  while (used > 0 && counts[used - 1] == 0)
    --used;
  levels = std::max<int64_t>(levels, 1);
  if (used <= levels)
    return width() * double(used);
  double beyond = 0;
  for (int64_t i = levels; i < used; ++i)
    beyond += counts[i];
  double least = std::numeric_limits<double>::infinity();
  int64_t best = used;
  std::vector<double> p, q;
  for (int64_t size = levels; size <= used; ++size) {
    // What is cut off becomes the largest number that is left.
    p.assign(counts.begin(), counts.begin() + size);
    p.back() += beyond;
    // Each level spreads what it holds evenly over the bins that had something.
    q.assign(size, 0);
    for (int64_t level = 0; level < levels; ++level) {
      int64_t begin = level * size / levels, end = (level + 1) * size / levels;
      double sum = 0;
      int64_t filled = 0;
      for (int64_t i = begin; i < end; ++i) {
        sum += counts[i];
        filled += counts[i] > 0;
      }
      for (int64_t i = begin; i < end; ++i)
        if (counts[i] > 0)
          q[i] = sum / double(filled);
    }
    if (double now = divergence(p, q); now <= least) {
      least = now;
      best = size;
    }
    if (size < used)
      beyond -= counts[size];
  }
  return width() * double(best);
}
