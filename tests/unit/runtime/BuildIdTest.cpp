//===- BuildIdTest.cpp - Which build of a library is running --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/BuildId.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

using namespace rlx;

namespace build_id_test {

const int ours = 0;

TEST(BuildId, IsThatOfTheLibraryThatHasIt) {
  std::string own = buildId(&ours);
  EXPECT_FALSE(own.empty());
  EXPECT_EQ(buildId(reinterpret_cast<const void *>(&buildId)), own);
  // The C library has another; its own data lies in it.
  std::string other = buildId(stdout);
  EXPECT_FALSE(other.empty());
  EXPECT_NE(other, own);
  // No library has what was allocated.
  void *memory = std::malloc(1);
  EXPECT_EQ(buildId(memory), "");
  std::free(memory);
  EXPECT_EQ(buildId(nullptr), "");
}

} // namespace build_id_test
