//===- QuantizeRulesTest.cpp - Compiled quantizers, for all schemes -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// rlx.quantize writes what rlx::Quantizer writes, byte for byte, for each
// scheme and for each rule that one can follow; rlx.fake_quantize gives what
// rlx.quantize and rlx.dequantize give after each other, bit for bit. On
// ordinary numbers and on those where formulas differ: zeros of both signs,
// equals, halves, huge and tiny numbers.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/Quantizer.h"
#include "runtime/weights/Gguf.h"
#include "tests/unit/codegen/TestSupport.h"
#include "tests/unit/codegen/UserSchemes.h"

#include <limits>

using namespace rlx;
using namespace rlx::test;

namespace {

/// A scheme and a rule for it; empty: its own.
struct Rule {
  std::string scheme, rule;
};

/// Rows of `k` numbers of many kinds.
std::vector<float> numbers(int64_t rows, int64_t k, uint32_t seed) {
  constexpr float largest = std::numeric_limits<float>::max(),
                  least = std::numeric_limits<float>::denorm_min();
  std::vector<float> x = Random(seed).floats(size_t(rows * k));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < k; ++i) {
      float &value = x[row * k + i];
      switch (row % 12) {
      case 1: // zeros
        value = i % 3 ? 0.0f : -0.0f;
        break;
      case 2: // halves between codes, and equal extremes of both signs
        value = i % 32 == 5 ? -127 : i % 32 == 9 ? 127 : float(i % 15) - 7.5f;
        break;
      case 3: // beyond f16
        value *= 1e30f;
        break;
      case 4: // scales that are subnormal
        value *= 1e-39f;
        break;
      case 5: // the least there is
        value = i % 7 ? 0.0f : least * float(i % 5 - 2);
        break;
      case 6: // the whole range
        value = i % 16 == 3 ? largest : i % 16 == 4 ? -largest : value;
        break;
      case 7: // one sign
        value = 3 + std::fabs(value);
        break;
      case 8: // all the same
        value = -1.375f;
        break;
      case 9: // just below powers of two
        value =
            std::nextafter(std::ldexp(1.0f, int(i / 32 % 8) * 9 - 30), 0.0f) *
            (i % 32 == 0 ? 1.0f : 0.4375f);
        break;
      case 10: // codes of 4 bits and their middles
        value = 0.25f * float(i % 49 - 24);
        break;
      default:
        break;
      }
    }
  return x;
}

/// What a golden file has.
std::vector<float> golden(const char *file, const char *name) {
  auto opened = GgufFile::open(std::string(RLX_TEST_DIR "/golden/") + file);
  EXPECT_TRUE(opened.ok()) << opened.message();
  const WeightEntry *entry = opened ? (*opened)->find(name) : nullptr;
  EXPECT_TRUE(entry) << name;
  if (!entry)
    return {};
  std::vector<float> values(entry->bytes.size() / sizeof(float));
  std::memcpy(values.data(), entry->bytes.data(), entry->bytes.size());
  return values;
}

class QuantizeRulesTest : public SchemeTest,
                          public testing::WithParamInterface<Rule> {
protected:
  /// The program that quantizes a weight, dequantizes it, and does both at
  /// once.
  std::string program(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
                      const std::string &rule) {
    std::string sizes;
    for (int64_t size : shape)
      sizes += std::to_string(size) + "x";
    std::string plain = "tensor<" + sizes + "f32>",
                encoded = "tensor<" + sizes + "f32, " +
                          printed(QuantAttr::get(&context, scheme.attr())) +
                          ">",
                types = encoded, names = "%q", operands, given;
    for (const SideOperand &side : scheme.sideOperands()) {
      std::string type;
      llvm::raw_string_ostream(type)
          << mlir::RankedTensorType::get(side.shape(shape), side.elementType);
      types += ", " + type;
      given += ", " + type;
      names += ", %" + side.name.str();
      operands += " " + side.name.str() + "(%" + side.name.str() + ")";
    }
    std::string by = rule.empty() ? "" : " rule \"" + rule + "\"";
    return "func.func @main(%x: " + plain + ") -> (" + types + ", " + plain +
           ", " + plain + ") {\n  " + names + " = rlx.quantize %x" + by +
           " : (" + plain + ") -> (" + types + ")\n  %v = rlx.dequantize %q" +
           operands + " : (" + encoded + given + ") -> " + plain +
           "\n  %f = rlx.fake_quantize %x" + by +
           " {scheme = " + printed(QuantAttr::get(&context, scheme.attr())) +
           "} : " + plain + "\n  return " + names + ", %v, %f : " + types +
           ", " + plain + ", " + plain + "\n}";
  }

  void check(std::vector<int64_t> shape, std::vector<float> values) {
    auto [name, rule] = GetParam();
    std::optional<QuantScheme> scheme = schemeOf(name);
    ASSERT_TRUE(scheme);
    QuantizeOptions options;
    if (!rule.empty()) {
      auto parsed = QuantRule::parse(rule);
      ASSERT_TRUE(bool(parsed));
      options.rule = *parsed;
    }
    auto quantizer = Quantizer::create(*scheme, shape, options);
    if (!quantizer)
      FAIL() << llvm::toString(quantizer.takeError());
    std::vector<uint8_t> blocks(scheme->storageBytes(shape)),
        scales(quantizer->sideBytes("scales")),
        zeros(quantizer->sideBytes("zero_points")),
        global(quantizer->sideBytes("global_scale"));
    int64_t rows = int64_t(values.size()) / shape.back();
    EXPECT_SUCCESS(quantizer->quantizeRows(values, 0, rows,
                                           {blocks, scales, zeros, global}));
    std::unique_ptr<Executable> executable =
        compiled(program(*scheme, shape, rule));
    ASSERT_TRUE(executable);
    auto outputs = executable->run("main", {Floats(shape, values)});
    if (!outputs)
      FAIL() << llvm::toString(outputs.takeError());
    std::vector<const std::vector<uint8_t> *> expected = {&blocks};
    for (const std::vector<uint8_t> *side : {&scales, &zeros, &global})
      if (!side->empty())
        expected.push_back(side);
    ASSERT_EQ(outputs->size(), expected.size() + 2);
    for (size_t i = 0; i < expected.size(); ++i) {
      TensorView view = (*outputs)[i].view();
      const auto *bytes = static_cast<const uint8_t *>(view.data);
      int64_t rowBytes = int64_t(expected[i]->size()) / rows;
      for (size_t at = 0; at < expected[i]->size(); ++at)
        ASSERT_EQ(int(bytes[at]), int((*expected[i])[at]))
            << "output " << i << ", row " << at / std::max<int64_t>(rowBytes, 1)
            << ", byte " << at;
    }
    const auto *both =
        static_cast<const float *>((*outputs)[expected.size()].view().data);
    const auto *once =
        static_cast<const float *>((*outputs)[expected.size() + 1].view().data);
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_TRUE(sameNumber(once[i], both[i]))
          << values[i] << " at " << i << " became " << once[i] << ", expected "
          << both[i];
  }
};

TEST_P(QuantizeRulesTest, WritesWhatTheQuantizerWrites) {
  std::optional<QuantScheme> scheme = schemeOf(GetParam().scheme);
  ASSERT_TRUE(scheme);
  int64_t block = scheme->block();
  // Whole vectors and a rest, where a block is an element.
  int64_t k =
      block == 1 ? 300 : std::max<int64_t>(2 * block, 96 / block * block);
  constexpr int64_t kinds = 12, rows = 20;
  std::vector<float> x = numbers(kinds, k, 5);
  for (auto [file, name] : {std::pair("ggml-types.gguf", "source"),
                            {"ggml-quantizers.gguf", "edges"}}) {
    std::vector<float> some = golden(file, name);
    some.resize((rows - kinds) / 2 * k);
    x.insert(x.end(), some.begin(), some.end());
  }
  if (scheme->sideOperands().empty())
    check({rows, k}, x);
  else
    check({2, rows / 2, k}, x);
}

/// Every scheme that has something to choose, by its own rule, and the rules
/// that loops follow on schemes of all kinds. Vectors are for Quantizer alone.
std::vector<Rule> rules() {
  std::vector<Rule> result;
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<RlxDialect>();
  for (const std::string &name : allSchemes()) {
    std::optional<QuantScheme> scheme;
    if (name[0] == '#')
      scheme.emplace(
          llvm::cast<SchemeAttr>(mlir::parseAttribute(name, &context)));
    else
      scheme = QuantScheme::parse(&context, name);
    if (scheme && scheme->fields().size() > 1 &&
        !llvm::errorToBool(checkQuantizable(*scheme)) &&
        !llvm::errorToBool(checkOwnCodes(*scheme)))
      result.push_back({name, ""});
  }
  for (auto [name, rule] :
       std::initializer_list<std::pair<const char *, const char *>>{
           {"gguf_q4_0", "absmax 7"},
           {"gguf_q4_0", "absmax 7 by reciprocal ties even"},
           {"gguf_q4_0", "signed_max -8 by inverse ties away"},
           {"gguf_q4_0", "signed_max -8 ties up"},
           {"gguf_q4_0", "absmax 7.5 ties even"},
           {"gguf_q4_1", "minmax"},
           {"gguf_q4_1", "minmax ties up"},
           {"gguf_q5_1", "minmax ties even"},
           {"gguf_q8k", "absmax 127 sums 32 at 260"},
           {"gguf_mxfp4", "power_of_two 4"},
           {"gguf_mxfp4", "power_of_two 2 ties away"},
           {"gguf_iq4_nl", "absmax 127"},
           {"gguf_iq4_nl", "absmax 113 ties up"},
           {"gguf_tq2_0", "absmax 1"},
           {"int8/32", "search"},
           {"int8/channel", "absmax 127 by reciprocal ties away"},
           {"int8a/64", "minmax ties even"},
           {"int4a/32", "minmax by reciprocal"},
           {"affine4/64", "minmax by reciprocal ties even"},
           {"affine3/64", "minmax ties up"},
           {"fp8e5m2/channel", "absmax 57344 ties away"},
           {"nf4/64", "absmax 1 ties away"}})
    result.push_back({name, rule});
  for (const char *description :
       {// Groups of 16 in a block, codes across bytes, bits of a scale in
        // two places.
        R"(#rlx.scheme<"four groups", block = 64,
               code = ui5 at (i) -> (0, 5 * i) - 16,
               scale = f16 at (i) -> (40 + 2 * (i floordiv 16), 0)>)",
        R"(#rlx.scheme<"bf16 scales", block = 24, unused = 24,
               code = si3 at (i) -> (2, 4 * i),
               scale = bf16 at byte 0>)",
        R"(#rlx.scheme<"f32 scales", block = 8,
               code = f6E3M2FN at (i) -> (4, 6 * i),
               scale = f32 at byte 0>)",
        R"(#rlx.scheme<"signed", block = 32,
               code = si4 at (i) -> (i mod 16, 4 * (i floordiv 16)),
               scale = f16 at byte 16>)"})
    for (const char *rule : {"absmax 7", "signed_max -4 ties even"})
      result.push_back({description, rule});
  result.push_back({R"(#rlx.scheme<"byte zeros", block = 32,
               code = ui4 at (i) -> (i floordiv 2, 4 * (i mod 2)),
               zero = ui8 at byte 18, scale = f16 at byte 16>)",
                    "minmax"});
  return result;
}

INSTANTIATE_TEST_SUITE_P(Schemes, QuantizeRulesTest, testing::ValuesIn(rules()),
                         [](const auto &info) {
                           std::string name = info.param.scheme;
                           if (name[0] == '#')
                             name = schemeName(name);
                           name += " " + info.param.rule + " " +
                                   std::to_string(info.index);
                           for (char &c : name)
                             c = isalnum(c) ? c : '_';
                           return name;
                         });

TEST(QuantizeErrorsTest, NamesTheFirstNumberThatIsNotFinite) {
  // By loops, and by the host's quantizer.
  for (const char *scheme :
       {"gguf_q8_0", "gguf_q4_1", "gguf_q4k", "int8/channel"})
    for (float bad : {std::numeric_limits<float>::infinity(),
                      -std::numeric_limits<float>::infinity(), std::nanf("")}) {
      std::string attribute = "#rlx.quant<" + std::string(scheme) + ">";
      auto executable = compiled(
          "func.func @main(%x: tensor<?x256xf32>) -> tensor<?x256xf32> {\n"
          "  %y = rlx.fake_quantize %x {scheme = " +
          attribute +
          "} : tensor<?x256xf32>\n  return %y : tensor<?x256xf32>\n}");
      ASSERT_TRUE(executable);
      Floats x = Floats::random({7, 256}, 3);
      x.values[4 * 256 + 250] = x.values[4 * 256 + 77] = x.values[1500] = bad;
      std::string message = messageOf(executable->run("main", {x}));
      EXPECT_CONTAINS(message, "program:2:8: 'rlx.fake_quantize'");
      EXPECT_CONTAINS(message, "[4, 77]");
      x = Floats::random({7, 256}, 3);
      auto outputs = executable->run("main", {x});
      EXPECT_TRUE(bool(outputs));
      if (!outputs)
        llvm::consumeError(outputs.takeError());
    }
}

/// The interpreter quantizes in its own way, and knows what rounding before it
/// may lead to.
TEST(QuantizeErrorsTest, IsVerified) {
  std::string program = R"(
func.func @main(%x: tensor<4x256xf32>, %i: tensor<256xf32>) -> (tensor<4x256xf32>, tensor<4x256xf32>, tensor<4x8xf32>, tensor<4x256xf32>, tensor<4x256xf32>) {
  %q, %s = rlx.quantize %x : (tensor<4x256xf32>) -> (tensor<4x256xf32, #rlx.quant<int8/32>>, tensor<4x8xf32>)
  %v = rlx.dequantize %q scales(%s) : (tensor<4x256xf32, #rlx.quant<int8/32>>, tensor<4x8xf32>) -> tensor<4x256xf32>
  %r = rlx.quantize %x importance(%i) : (tensor<4x256xf32>, tensor<256xf32>) -> tensor<4x256xf32, #rlx.quant<gguf_q4_0>>
  %w = rlx.dequantize %r : (tensor<4x256xf32, #rlx.quant<gguf_q4_0>>) -> tensor<4x256xf32>
  %a = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q4k>} : tensor<4x256xf32>
  %e = math.exp %x : tensor<4x256xf32>
  %b = rlx.fake_quantize %e {scheme = #rlx.quant<gguf_q8_0>} : tensor<4x256xf32>
  return %v, %w, %s, %a, %b : tensor<4x256xf32>, tensor<4x256xf32>, tensor<4x8xf32>, tensor<4x256xf32>, tensor<4x256xf32>
})";
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseText(*context, program);
  ASSERT_TRUE(bool(module));
  auto executable = compiled(program);
  ASSERT_TRUE(executable);
  Floats x = Floats::random({4, 256}, 21), importance({256});
  for (int i = 0; i < 256; ++i)
    importance.values[i] = 1 + float(i % 7);
  Floats v({4, 256}), w({4, 256}), s({4, 8}), a({4, 256}), b({4, 256});
  EXPECT_SUCCESS(executable->run("main", {x, importance}, {v, w, s, a, b}));
  auto isRight = [&] {
    auto verification =
        verify(**module, *executable, "main", {x, importance}, {v, w, s, a, b});
    return verification ? verification->check() : verification.takeError();
  };
  EXPECT_SUCCESS(isRight());
  a.values[300] += 1;
  EXPECT_CONTAINS(messageOf(isRight()), "the first at [1, 44]");
}

TEST(QuantizeErrorsTest, TakesNoRowsAndManyDimensions) {
  auto executable = compiled(
      R"(func.func @main(%x: tensor<?x2x?x32xf32>, %y: tensor<64xf32>) -> (tensor<?x2x?x32xf32>, tensor<64xf32>) {
  %u = rlx.fake_quantize %x {scheme = #rlx.quant<gguf_q8_0>} : tensor<?x2x?x32xf32>
  %v = rlx.fake_quantize %y {scheme = #rlx.quant<gguf_iq4_nl>} : tensor<64xf32>
  return %u, %v : tensor<?x2x?x32xf32>, tensor<64xf32>
})");
  ASSERT_TRUE(executable);
  for (int64_t rows : {0, 3}) {
    Floats x = Floats::random({rows, 2, 2, 32}, 8), y = Floats::random({64}, 9);
    auto outputs = executable->run("main", {x, y});
    if (!outputs)
      FAIL() << llvm::toString(outputs.takeError());
    EXPECT_EQ((*outputs)[0].view().numElements(), rows * 128);
    const auto *values = static_cast<const float *>((*outputs)[1].view().data);
    for (int i = 0; i < 64; ++i)
      EXPECT_NEAR(values[i], y.values[i], 1.0f);
  }
}

} // namespace
