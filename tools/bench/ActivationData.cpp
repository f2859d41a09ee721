//===- ActivationData.cpp - Random activations ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/bench/ActivationData.h"

#include <algorithm>
#include <random>
#include <vector>

using namespace rlx;

static constexpr llvm::StringLiteral normalName = "normal", tName = "t3",
                                     outliersName = "outliers";
static constexpr llvm::StringLiteral dataNames[] = {normalName, tName,
                                                    outliersName};

llvm::ArrayRef<llvm::StringLiteral> rlx::activationDataNames() {
  return dataNames;
}

/// How many times each channel is larger.
static std::vector<float> channelSizes(llvm::StringRef data, int64_t k) {
  constexpr int64_t channelsOfOutlier = 256;
  constexpr float larger = 20;
  std::vector<float> sizes(k, 1);
  if (data != outliersName)
    return sizes;
  std::mt19937 random(5);
  int64_t count = std::max<int64_t>(1, k / channelsOfOutlier);
  while (std::count(sizes.begin(), sizes.end(), larger) < count)
    sizes[random() % k] = larger;
  return sizes;
}

void rlx::fillActivations(llvm::StringRef data, Tensor &x) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  std::student_t_distribution<float> heavy(3);
  int64_t k = x.shape().back();
  std::vector<float> sizes = channelSizes(data, k);
  for (int64_t i = 0; i < x.numElements(); ++i)
    x.data<float>()[i] =
        sizes[i % k] * (data == tName ? heavy(random) : normal(random));
}
