//===- StatusTest.cpp - Status and Result ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values and errors go in and come out, through conversions and moves.
//
//===----------------------------------------------------------------------===//
#include "runtime/Status.h"

#include <gtest/gtest.h>

#include <memory>

using namespace rlx;

namespace status_test {

struct Base {
  virtual ~Base() = default;
};
struct Derived : Base {};

TEST(Status, DefaultIsSuccess) {
  Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(static_cast<bool>(status));
  EXPECT_EQ(status.message(), "");
}

TEST(Status, ErrorKeepsItsSentence) {
  Status status = errorf("'{}': expected {}, got {}", "w.gguf", 3, 4);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.message(), "'w.gguf': expected 3, got 4");
  Status copy = status;
  EXPECT_EQ(copy.message(), status.message());
}

TEST(Status, ErrorWithoutSentenceIsAnError) {
  EXPECT_FALSE(Status::error("").ok());
}

TEST(Result, HoldsAValue) {
  Result<std::string> result = "text"; // converts
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, "text");
  EXPECT_EQ(result->size(), 4u);
  EXPECT_TRUE(result.status().ok());
  EXPECT_EQ(result.message(), "");
  EXPECT_EQ(result.take(), "text");
}

TEST(Result, HoldsAnError) {
  Result<int> result = errorf("no {}", "number");
  EXPECT_FALSE(result);
  EXPECT_EQ(result.message(), "no number");
  EXPECT_EQ(result.status().message(), "no number");
}

TEST(Result, ErrorPassesToAnotherType) {
  auto outer = []() -> Result<std::string> {
    Result<int> inner = Status::error("deep");
    return inner.status();
  };
  EXPECT_EQ(outer().message(), "deep");
}

TEST(Result, MoveOnlyAndDerivedValues) {
  auto make = []() -> Result<std::unique_ptr<Base>> {
    return std::make_unique<Derived>();
  };
  Result<std::unique_ptr<Base>> result = make();
  ASSERT_TRUE(result);
  EXPECT_NE(result.take(), nullptr);
}

TEST(Result, SuccessIsNoValue) {
  Result<int> result = Status();
  EXPECT_FALSE(result.ok());
  EXPECT_NE(result.message(), "");
}

} // namespace status_test
