//===- ConversionsTest.cpp - Numbers of one type as those of another ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between all floats that RLX has, and between them and integers,
// on each target: each number of a short type, the numbers beside it and those
// in the middle between two. Expected are the bits that llvm::APFloat gives.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/device/Functions.h"

#include "llvm/ADT/APSInt.h"
#include "llvm/ADT/StringExtras.h"

using namespace rlx;
using namespace rlx::test;
using llvm::APFloat;
using llvm::APInt;
using llvm::APSInt;

namespace conversions_test {

struct FloatType {
  const char *name;
  ElementType element;
  const llvm::fltSemantics &semantics;
  unsigned width() const { return APFloat::semanticsSizeInBits(semantics); }
};
const FloatType floatTypes[] = {
    {"f64", ElementType::f64, APFloat::IEEEdouble()},
    {"f32", ElementType::f32, APFloat::IEEEsingle()},
    {"f16", ElementType::f16, APFloat::IEEEhalf()},
    {"bf16", ElementType::bf16, APFloat::BFloat()},
    {"f8E4M3FN", ElementType::u8, APFloat::Float8E4M3FN()},
    {"f8E5M2", ElementType::u8, APFloat::Float8E5M2()},
    {"f8E4M3FNUZ", ElementType::u8, APFloat::Float8E4M3FNUZ()},
    {"f8E5M2FNUZ", ElementType::u8, APFloat::Float8E5M2FNUZ()},
    {"f8E4M3B11FNUZ", ElementType::u8, APFloat::Float8E4M3B11FNUZ()},
    {"f8E4M3", ElementType::u8, APFloat::Float8E4M3()},
    {"f8E3M4", ElementType::u8, APFloat::Float8E3M4()}};

struct IntegerType {
  const char *name;
  ElementType element;
  unsigned width;
};
const IntegerType integerTypes[] = {{"i8", ElementType::i8, 8},
                                    {"i16", ElementType::i16, 16},
                                    {"i32", ElementType::i32, 32},
                                    {"i64", ElementType::i64, 64}};

/// Elements of any type by their bits.
struct Bits {
  Bits(ElementType type, unsigned width, const std::vector<uint64_t> &values)
      : type(type), bytes(width / 8), data(values.size() * bytes) {
    for (size_t i = 0; i < values.size(); ++i)
      memcpy(&data[i * bytes], &values[i], bytes);
  }
  Bits(ElementType type, unsigned width, size_t count)
      : Bits(type, width, std::vector<uint64_t>(count)) {}
  size_t size() const { return data.size() / bytes; }
  uint64_t at(size_t i) const {
    uint64_t value = 0;
    memcpy(&value, &data[i * bytes], bytes);
    return value;
  }
  operator TensorView() { return {type, {int64_t(size())}, data.data()}; }

  ElementType type;
  unsigned bytes;
  std::vector<uint8_t> data;
};

APFloat converted(APFloat value, const FloatType &type) {
  bool losesInfo;
  value.convert(type.semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return value;
}
APFloat number(const FloatType &type, uint64_t bits) {
  return APFloat(type.semantics, APInt(type.width(), bits));
}
uint64_t bitsOf(const APFloat &value) {
  return value.bitcastToAPInt().getZExtValue();
}

/// Numbers of `type` where it may be told how `to` rounds.
std::vector<uint64_t> numbersFor(const FloatType &type, const FloatType &to) {
  std::vector<uint64_t> values;
  if (type.width() <= 16) {
    for (uint64_t bits = 0; bits < uint64_t(1) << type.width(); ++bits)
      values.push_back(bits);
    return values;
  }
  auto add = [&](const APFloat &value) {
    uint64_t bits = bitsOf(converted(value, type));
    for (uint64_t other : {bits, bits + 1, bits - 1})
      values.push_back(other &
                       APInt::getLowBitsSet(64, type.width()).getZExtValue());
  };
  // Of numbers that `to` has, and of those in the middle.
  uint64_t step = to.width() > 16 ? (uint64_t(1) << (to.width() - 14)) + 3 : 1;
  uint64_t end = APInt::getLowBitsSet(64, to.width()).getZExtValue();
  for (uint64_t bits = 0; end - bits >= step; bits += step) {
    APFloat value = number(to, bits);
    add(value);
    if (!value.isFinite())
      continue;
    APFloat next = value;
    next.next(/*nextDown=*/false);
    if (!next.isFinite())
      next = number(to, bitsOf(value));
    APFloat low = converted(value, floatTypes[0]);
    low.add(converted(next, floatTypes[0]), APFloat::rmNearestTiesToEven);
    low.multiply(APFloat(0.5), APFloat::rmNearestTiesToEven);
    add(low);
    // Beyond the largest.
    add(scalbn(low, 1, APFloat::rmNearestTiesToEven));
  }
  uint64_t random = 1;
  for (int i = 0; i < 20000; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    values.push_back(random >> (64 - type.width()));
  }
  for (bool isNegative : {false, true}) {
    add(APFloat::getInf(type.semantics, isNegative));
    values.push_back(bitsOf(APFloat::getLargest(type.semantics, isNegative)));
    values.push_back(bitsOf(APFloat::getSmallest(type.semantics, isNegative)));
    values.push_back(bitsOf(APFloat::getQNaN(type.semantics, isNegative)));
    values.push_back(bitsOf(APFloat::getZero(type.semantics, isNegative)));
  }
  return values;
}

std::vector<uint64_t> integersOf(const IntegerType &type) {
  std::vector<uint64_t> values;
  uint64_t mask = APInt::getLowBitsSet(64, type.width).getZExtValue();
  auto add = [&](uint64_t value) {
    for (uint64_t near : {value - 1, value, value + 1})
      for (uint64_t each : {near, -near})
        values.push_back(each & mask);
  };
  if (type.width <= 16) {
    for (uint64_t value = 0; value <= mask; ++value)
      values.push_back(value);
    return values;
  }
  for (unsigned i = 0; i < type.width; ++i)
    for (unsigned j = 0; j <= i; ++j)
      for (unsigned k = 0; k <= j; ++k)
        add((uint64_t(1) << i) + (uint64_t(1) << j) + (uint64_t(1) << k));
  uint64_t random = 1;
  for (int i = 0; i < 4000; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    values.push_back((random >> (random % 61)) & mask);
  }
  return values;
}

/// Whether a device may take it for a zero: what is subnormal as f32.
bool isFlushed(const APFloat &value) {
  APFloat wide = converted(value, floatTypes[0]);
  return std::fabs(wide.convertToDouble()) < double(f32Format.leastNormal());
}

/// Compares the bits of `got` with `want`.
struct Comparison {
  const FloatType &type;
  bool flushes;

  bool isSame(uint64_t got, const APFloat &want) const {
    APFloat value = number(type, got);
    if (want.isNaN() || value.isNaN())
      return want.isNaN() && value.isNaN();
    if (got == bitsOf(want))
      return true;
    return flushes && isFlushed(want) && isFlushed(value) &&
           value.isNegative() == want.isNegative();
  }
};

struct Conversion {
  std::string name, text;
  std::function<void(const std::string &, bool flushes, RunFunction)> check;
};

template <typename From, typename To>
std::string textOf(const std::string &name, const char *op, const From &from,
                   const To &to) {
  return llvm::formatv(
      "func.func @{0}(%x: tensor<?x{2}>) -> tensor<?x{3}> {{\n  %y = {1} %x : "
      "tensor<?x{2}> to tensor<?x{3}>\n  return %y : tensor<?x{3}>\n}\n",
      name, op, from.name, to.name);
}

void addFloats(std::vector<Conversion> &all, const FloatType &from,
               const FloatType &to) {
  bool isWider = to.width() > from.width();
  if (to.width() == from.width())
    return;
  std::string name = std::string(from.name) + "_" + to.name;
  all.push_back(
      {name, textOf(name, isWider ? "arith.extf" : "arith.truncf", from, to),
       [&](const std::string &name, bool flushes, RunFunction run) {
         Bits x(from.element, from.width(), numbersFor(from, to));
         Bits y(to.element, to.width(), x.size());
         run(name, {x}, y);
         Comparison comparison{to, flushes};
         int shown = 0;
         for (size_t i = 0; i < x.size() && shown < 3; ++i) {
           APFloat value = number(from, x.at(i));
           APFloat want = converted(value, to);
           // A device that took the operand for zero.
           APFloat zero = APFloat::getZero(to.semantics, value.isNegative());
           if (comparison.isSame(y.at(i), want) ||
               (flushes && isFlushed(value) &&
                comparison.isSame(y.at(i), zero)))
             continue;
           ++shown;
           ADD_FAILURE() << name << " of " << llvm::utohexstr(x.at(i))
                         << ": expected " << llvm::utohexstr(bitsOf(want))
                         << ", got " << llvm::utohexstr(y.at(i));
         }
       }});
}

void addFromInteger(std::vector<Conversion> &all, const IntegerType &from,
                    const FloatType &to, bool isSigned) {
  std::string name =
      std::string(isSigned ? "s_" : "u_") + from.name + "_" + to.name;
  all.push_back(
      {name, textOf(name, isSigned ? "arith.sitofp" : "arith.uitofp", from, to),
       [&, isSigned](const std::string &name, bool flushes, RunFunction run) {
         Bits x(from.element, from.width, integersOf(from));
         Bits y(to.element, to.width(), x.size());
         run(name, {x}, y);
         int shown = 0;
         for (size_t i = 0; i < x.size() && shown < 3; ++i) {
           APFloat want(to.semantics);
           want.convertFromAPInt(APInt(from.width, x.at(i)), isSigned,
                                 APFloat::rmNearestTiesToEven);
           if (Comparison{to, flushes}.isSame(y.at(i), want))
             continue;
           ++shown;
           ADD_FAILURE() << name << " of " << llvm::utohexstr(x.at(i))
                         << ": expected " << llvm::utohexstr(bitsOf(want))
                         << ", got " << llvm::utohexstr(y.at(i));
         }
       }});
}

void addToInteger(std::vector<Conversion> &all, const FloatType &from,
                  const IntegerType &to, bool isSigned) {
  std::string name =
      std::string(from.name) + (isSigned ? "_s_" : "_u_") + to.name;
  all.push_back(
      {name, textOf(name, isSigned ? "arith.fptosi" : "arith.fptoui", from, to),
       [&, isSigned](const std::string &name, bool, RunFunction run) {
         // What is out of range has no value.
         std::vector<uint64_t> values;
         std::vector<uint64_t> expected;
         for (uint64_t bits : numbersFor(from, floatTypes[2])) {
           APSInt whole(to.width, /*isUnsigned=*/!isSigned);
           bool isExact;
           if (number(from, bits)
                   .convertToInteger(whole, APFloat::rmTowardZero, &isExact) ==
               APFloat::opInvalidOp)
             continue;
           values.push_back(bits);
           expected.push_back(whole.getZExtValue());
         }
         Bits x(from.element, from.width(), values);
         Bits y(to.element, to.width, x.size());
         run(name, {x}, y);
         int shown = 0;
         for (size_t i = 0; i < x.size() && shown < 3; ++i) {
           if (y.at(i) == expected[i])
             continue;
           ++shown;
           ADD_FAILURE() << name << " of " << llvm::utohexstr(x.at(i))
                         << ": expected " << llvm::utohexstr(expected[i])
                         << ", got " << llvm::utohexstr(y.at(i));
         }
       }});
}

/// All conversions between types that a target has.
std::vector<Conversion> conversions(bool hasF64, bool hasI64) {
  std::vector<Conversion> all;
  for (const FloatType &from : floatTypes) {
    if (from.width() == 64 && !hasF64)
      continue;
    for (const FloatType &to : floatTypes)
      if (to.width() < 64 || hasF64)
        addFloats(all, from, to);
    for (const IntegerType &integer : integerTypes)
      if (integer.width < 64 || hasI64)
        for (bool isSigned : {true, false}) {
          addFromInteger(all, integer, from, isSigned);
          addToInteger(all, from, integer, isSigned);
        }
  }
  return all;
}

std::string programOf(const std::vector<Conversion> &all) {
  std::string text;
  for (const Conversion &each : all)
    text += each.text;
  return text;
}

TEST(ConversionsTest, Cpu) {
  std::vector<Conversion> all = conversions(true, true);
  std::unique_ptr<Executable> executable = compiled(programOf(all));
  ASSERT_TRUE(executable);
  for (const Conversion &each : all)
    each.check(each.name, /*flushes=*/false,
               [&](const std::string &name, llvm::ArrayRef<TensorView> inputs,
                   TensorView y) {
                 EXPECT_SUCCESS(executable->run(name, inputs, {y}));
               });
}

class DeviceConversionsTest : public testing::TestWithParam<TestDevice> {};

TEST_P(DeviceConversionsTest, RoundOnce) {
  std::vector<Conversion> all;
  runOnDevice(
      GetParam(),
      [&](const DeviceInfo &device) {
        all = conversions(device.float64, device.int64);
        return programOf(all);
      },
      [&](const DeviceInfo &device, RunFunction run) {
        for (const Conversion &each : all)
          each.check(each.name, !device.denormals, run);
      });
}

//===----------------------------------------------------------------------===//
// Maximum and minimum
//===----------------------------------------------------------------------===//

struct Choice {
  const char *op;
  bool isMaximum, keepsNan;
};
const Choice choices[] = {{"arith.maximumf", true, true},
                          {"arith.minimumf", false, true},
                          {"arith.maxnumf", true, false},
                          {"arith.minnumf", false, false}};

std::string programOfChoices(bool hasF64) {
  std::string text;
  for (const FloatType &type : floatTypes)
    for (const Choice &choice : choices)
      if (type.width() == 16 || type.width() == 32 ||
          (type.width() == 64 && hasF64))
        text += llvm::formatv(
            "func.func @{0}_{1}(%x: tensor<?x{1}>, %y: tensor<?x{1}>) -> "
            "tensor<?x{1}> {{\n  %z = arith.{0} %x, %y : tensor<?x{1}>\n  "
            "return %z : tensor<?x{1}>\n}\n",
            llvm::StringRef(choice.op).drop_front(6), type.name);
  return text;
}

void checkChoices(bool hasF64, bool flushes, RunFunction run) {
  for (const FloatType &type : floatTypes) {
    if (type.width() < 16 || (type.width() == 64 && !hasF64))
      continue;
    std::vector<uint64_t> some, xs, ys;
    for (bool isNegative : {false, true}) {
      const llvm::fltSemantics &semantics = type.semantics;
      for (const APFloat &value : {APFloat::getZero(semantics, isNegative),
                                   APFloat::getSmallest(semantics, isNegative),
                                   APFloat::getOne(semantics, isNegative),
                                   APFloat::getLargest(semantics, isNegative),
                                   APFloat::getInf(semantics, isNegative),
                                   APFloat::getQNaN(semantics, isNegative)})
        some.push_back(bitsOf(value));
    }
    // A NaN with all bits set.
    some.push_back(APInt::getLowBitsSet(64, type.width()).getZExtValue());
    // Once as what vectors hold, and once as what is left.
    for (int repeat = 0; repeat < 3; ++repeat)
      for (uint64_t x : some)
        for (uint64_t y : some) {
          xs.push_back(x);
          ys.push_back(y);
        }
    Bits x(type.element, type.width(), xs), y(type.element, type.width(), ys),
        z(type.element, type.width(), xs.size());
    for (const Choice &choice : choices) {
      run(llvm::StringRef(choice.op).drop_front(6).str() + "_" + type.name,
          {x, y}, z);
      int shown = 0;
      for (size_t i = 0; i < xs.size() && shown < 3; ++i) {
        APFloat a = number(type, xs[i]), b = number(type, ys[i]);
        APFloat want = choice.keepsNan
                           ? (choice.isMaximum ? maximum(a, b) : minimum(a, b))
                           : (choice.isMaximum ? maxnum(a, b) : minnum(a, b));
        // Which zero the number beside is, is open for maxnumf and minnumf.
        bool isEitherZero = !choice.keepsNan && a.isZero() && b.isZero();
        if (Comparison{type, flushes}.isSame(z.at(i), want) ||
            (isEitherZero && number(type, z.at(i)).isZero()))
          continue;
        ++shown;
        ADD_FAILURE() << choice.op << " of " << type.name << " "
                      << llvm::utohexstr(xs[i]) << ", "
                      << llvm::utohexstr(ys[i]) << ": expected "
                      << llvm::utohexstr(bitsOf(want)) << ", got "
                      << llvm::utohexstr(z.at(i));
      }
    }
  }
}

TEST(MaximumTest, Cpu) {
  std::unique_ptr<Executable> executable = compiled(programOfChoices(true));
  ASSERT_TRUE(executable);
  checkChoices(true, /*flushes=*/false,
               [&](const std::string &name, llvm::ArrayRef<TensorView> inputs,
                   TensorView y) {
                 EXPECT_SUCCESS(executable->run(name, inputs, {y}));
               });
}

TEST_P(DeviceConversionsTest, MaximumAndMinimum) {
  runOnDevice(
      GetParam(),
      [](const DeviceInfo &device) { return programOfChoices(device.float64); },
      [](const DeviceInfo &device, RunFunction run) {
        checkChoices(device.float64, !device.denormals, run);
      });
}

INSTANTIATE_TEST_SUITE_P(Devices, DeviceConversionsTest,
                         testing::ValuesIn(testDevices), [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace conversions_test
