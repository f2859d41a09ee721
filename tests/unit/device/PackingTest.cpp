//===- PackingTest.cpp - Weights that others pack by the manifest ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packs weights as the text of Manifest.h says, from what the manifest says of
// a buffer, and runs the program without its setup.
//
//===----------------------------------------------------------------------===//

#include "codegen/gpu/Manifest.h"
#include "tests/unit/device/DeviceSupport.h"

#include "mlir/AsmParser/AsmParser.h"

using namespace rlx;
using namespace rlx::test;

namespace packing_test {

/// `weight` in the words of a packed buffer.
std::vector<uint32_t> pack(const RandomWeight &weight, QuantScheme deviceBlock,
                           int64_t rows, int64_t words) {
  int64_t n = weight.shape[0], k = weight.shape[1],
          length = deviceBlock.block(),
          wordsOfBlock = deviceBlock.blockBytes() / 4,
          blocks = llvm::divideCeil(k, length),
          tiles = llvm::divideCeil(n, rows);
  std::vector<uint32_t> packed(tiles * rows * blocks * wordsOfBlock);
  for (int64_t row = 0; row < n; ++row)
    for (int64_t r = 0; r < blocks; ++r) {
      std::vector<uint8_t> bytes(deviceBlock.blockBytes());
      for (auto [source, field] :
           llvm::zip_equal(weight.scheme.fields(), deviceBlock.fields()))
        for (int64_t i = 0; i < std::min(length, k - r * length); ++i) {
          uint64_t code = weight.code(source, row, r * length + i);
          for (PlaneAttr plane : field.getPlanes()) {
            writeBits(bytes, firstBit(plane, i), plane.width(), code);
            code >>= plane.width();
          }
        }
      for (int64_t w = 0; w < wordsOfBlock; ++w) {
        int64_t group =
            (row / rows * blocks + r) * (wordsOfBlock / words) + w / words;
        std::memcpy(&packed[(group * rows + row % rows) * words + w % words],
                    &bytes[4 * w], sizeof(uint32_t));
      }
    }
  return packed;
}

class DevicePackingTest : public SchemeTest,
                          public testing::WithParamInterface<TestDevice> {};

TEST_P(DevicePackingTest, ByTheManifest) {
  std::string reason;
  rlx::Device *device = openDevice(GetParam(), reason);
  if (!device)
    GTEST_SKIP() << reason;
  DeviceTarget target = targetOf(GetParam(), *device);
  constexpr int64_t m = 3, n = 37;
  for (const char *name :
       {"gguf_q8_0", "gguf_q4k", "gguf_q6k", "int4a/32", "nvfp4/16"}) {
    SCOPED_TRACE(name);
    std::optional<QuantScheme> scheme = builtin(name);
    ASSERT_TRUE(scheme);
    RandomWeight weight(*scheme, {n, 3 * scheme->block()}, 8);
    int64_t k = weight.shape[1];
    std::unique_ptr<mlir::MLIRContext> own = createContext();
    auto module = parseText(*own, matmulFunction("main", weight));
    ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
    auto compiled = compileForDevice(**module, target);
    ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
    Program program = compiled->programs[0];
    llvm::json::Object manifest = describePrograms(
        compiled->programs, compiled->signatures, target.attribute);
    const llvm::json::Array &buffers =
        *(*manifest.getArray("functions"))[0].getAsObject()->getArray(
            "buffers");
    int numPacked = 0;
    for (auto [entry, buffer] : llvm::zip_equal(buffers, program.buffers)) {
      const llvm::json::Object &described = *entry.getAsObject();
      if (described.getString("kind") != "packed")
        continue;
      ++numPacked;
      ASSERT_TRUE(described.get("device_block") && described.get("rows") &&
                  described.get("words"));
      auto deviceBlock =
          llvm::dyn_cast_or_null<SchemeAttr>(mlir::parseAttribute(
              *described.getString("device_block"), own.get()));
      ASSERT_TRUE(deviceBlock);
      std::vector<uint32_t> words =
          pack(weight, QuantScheme(deviceBlock), *described.getInteger("rows"),
               *described.getInteger("words"));
      auto bytes = std::as_bytes(std::span(words));
      buffer.kind = ProgramBuffer::Kind::constant;
      buffer.data.assign(bytes.begin(), bytes.end());
    }
    EXPECT_EQ(numPacked, 1);
    program.setup.clear();

    Result<std::unique_ptr<Session>> made = Session::create(*device, program);
    ASSERT_TRUE(made) << made.message();
    std::unique_ptr<Session> session = made.take();
    // What the caller gives as the weight is not read any more.
    RandomWeight nothing(*scheme, weight.shape, 8, Content::zeroBytes);
    std::vector<TensorView> views = nothing.views();
    size_t next = 0;
    for (const ProgramArgument &argument : program.arguments)
      if (argument.kind == ProgramArgument::Kind::weight) {
        ASSERT_TRUE(session->bindWeight(argument.name, views[next++]));
      }
    ASSERT_TRUE(session->prepare());
    Floats x = Floats::random({m, k}, 9), y({m, n});
    std::vector<TensorView> inputs = {x}, outputs = {y};
    Result<double> time = session->run(inputs, outputs);
    ASSERT_TRUE(time) << time.message();
    EXPECT_TRUE(
        isClose(y, product(x.values, weight.values(), m, n, k), 2e-6, 8));
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, DevicePackingTest,
                         testing::ValuesIn(testDevices), [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace packing_test
