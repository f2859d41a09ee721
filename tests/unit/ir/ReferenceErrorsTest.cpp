//===- ReferenceErrorsTest.cpp - What the reference decoder refuses -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/ir/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace reference_errors_test {

class ReferenceErrors : public SchemeTest {
protected:
  /// The message of a decoder that must not be made; byte counts stand for
  /// bytes.
  std::string message(const char *scheme, llvm::ArrayRef<int64_t> shape,
                      size_t blocks, size_t scales = 0, size_t zeroPoints = 0,
                      size_t globalScale = 0) {
    std::vector<uint8_t> bytes(
        std::max({blocks, scales, zeroPoints, globalScale}));
    llvm::ArrayRef<uint8_t> all(bytes);
    auto decoder = ReferenceDecoder::create(
        *builtin(scheme), shape,
        {all.take_front(blocks), all.take_front(scales),
         all.take_front(zeroPoints), all.take_front(globalScale)});
    return decoder ? "" : llvm::toString(decoder.takeError());
  }
};

TEST_F(ReferenceErrors, NoneWhereEverythingFits) {
  EXPECT_EQ(message("gguf_q4k", {2, 512}, 2 * 288), "");
  EXPECT_EQ(message("int8a/32", {2, 64}, 128, 16, 16), "");
  EXPECT_EQ(message("nvfp4/16", {3, 2, 64}, 192, 24, 0, 12), "");
}

TEST_F(ReferenceErrors, Shapes) {
  const std::string expected = "expected a weight of 'gguf_q4k' to be [N, K] "
                               "or [E, N, K] with K a multiple of 256";
  EXPECT_EQ(message("gguf_q4k", {512}, 288), expected);
  EXPECT_EQ(message("gguf_q4k", {1, 1, 1, 512}, 288), expected);
  EXPECT_EQ(message("gguf_q4k", {2, 300}, 288), expected);
  EXPECT_EQ(message("gguf_q4k", {}, 0), expected);
  EXPECT_EQ(message("gguf_q4k", {0, 256}, 0), expected);
  EXPECT_EQ(message("gguf_q4k", {2, 0}, 0), expected);
  EXPECT_EQ(message("gguf_q4k", {-1, -256}, 144), expected);
}

TEST_F(ReferenceErrors, ByteCounts) {
  EXPECT_EQ(message("gguf_q4k", {2, 512}, 575),
            "expected 576 bytes of blocks for 'gguf_q4k', but got 575");
  EXPECT_EQ(message("gguf_q4k", {2, 512}, 577),
            "expected 576 bytes of blocks for 'gguf_q4k', but got 577");
  EXPECT_EQ(message("int8a/32", {2, 64}, 128, 12, 16),
            "expected 16 bytes of scales for 'int8a/32', but got 12");
  EXPECT_EQ(message("int8a/32", {2, 64}, 128, 16, 0),
            "expected 16 bytes of zero_points for 'int8a/32', but got 0");
  EXPECT_EQ(message("nvfp4/16", {2, 64}, 64, 8, 0, 0),
            "expected 4 bytes of global_scale for 'nvfp4/16', but got 0");
}

TEST_F(ReferenceErrors, BytesThatNobodyReads) {
  EXPECT_EQ(message("gguf_q4k", {2, 512}, 576, 4),
            "expected 0 bytes of scales for 'gguf_q4k', but got 4");
  EXPECT_EQ(message("int8/32", {2, 64}, 128, 16, 16),
            "expected 0 bytes of zero_points for 'int8/32', but got 16");
}

} // namespace reference_errors_test
