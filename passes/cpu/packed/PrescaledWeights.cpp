//===- PrescaledWeights.cpp - Codes times their group scales --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mode prescaled. Where a group's scale is an integer and all products of
// it with a code fit a byte, codes become these products before activations are
// multiplied with them. That is exact, and leaves nothing to do for a group:
// sums of products go on through the whole K block. With u the stored codes and
// s the scale, the new codes are
//
//   (u - bias) * s - least  =  u * s + (-least - bias * s)
//
// which is at least 0 and at most 255, so that one product and one sum of 16
// bits make two of them: what the lower byte's terms carry over on the way, the
// last of them takes back.
//
// Each vector of codes costs an operation or two, each row of activations is
// spared some for each group: worth it from some rows on.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/packed/ModeCreators.h"
#include "passes/cpu/packed/ScaledSums.h"
#include "passes/cpu/target/CpuFeatures.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace rlx;

namespace {
class PrescaledWeights : public ScaledSums {
public:
  PrescaledWeights(const PackedKernel &kernel, int64_t least, int64_t most)
      : ScaledSums(KernelMode::prescaled, kernel, kernel.packed,
                   GroupScales::ofScheme, layoutOf(kernel.packed, least, most),
                   GroupScales::inCodes),
        bias(kernel.packed.codes.bias), least(least) {}

  bool pays(const PackedKernel &kernel) const override {
    // Where products with bytes are several operations, larger codes take more
    // of them.
    constexpr int64_t mostSmall = 128;
    return kernel.cpu.prescaledWeights && !kernel.mayReencode() &&
           (byteDotCost(kernel.cpu) <= 1 || layout.codes.below <= mostSmall);
  }
  KStepCost cost(const CpuProperties &cpu) const override {
    constexpr int64_t vectors = PackedLayout::kStep / 4;
    KStepCost cost = PackedMode::cost(cpu);
    int64_t operations = hasShift() ? 2 : 1;
    cost.decode += double(vectors * operations + 2 * groupsPerStep());
    return cost;
  }
  std::string why(int64_t minM) const override {
    return llvm::formatv(
        "; from M = {0} on codes are multiplied with their scales first", minM);
  }
  SmallVector<Value>
  decode(LoopBuilder &b, SmallVector<Value> codes,
         llvm::function_ref<SmallVector<Value>()> groupScales) const override {
    return multiply(b, codes, groupScales());
  }
  bool scalesAreInCodes() const override { return true; }

private:
  static PackedLayout layoutOf(const PackedLayout &stored, int64_t least,
                               int64_t most) {
    PackedLayout scaled = stored;
    scaled.codes.width = 8;
    scaled.codes.bias = -least;
    scaled.codes.below = most - least + 1;
    scaled.codes.flip = 0;
    scaled.codes.table.clear();
    return scaled;
  }
  bool hasShift() const { return bias != 0 || least != 0; }
  SmallVector<Value> multiply(LoopBuilder &b, ArrayRef<Value> codes,
                              ArrayRef<Value> scales) const;

  int64_t bias; ///< of stored codes
  int64_t least;
};
} // namespace

std::unique_ptr<PackedMode>
rlx::createPrescaledWeights(const PackedKernel &kernel, std::string &reason) {
  PackedFields fields(kernel.packed, kernel.op);
  // A zero point is subtracted from codes, which these are no longer.
  if (!fields.groupScaleIsInteger() || fields.hasZero()) {
    reason = "there are no integer group scales, or there is a zero point";
    return nullptr;
  }
  const IntegerCodes &codes = kernel.packed.codes;
  auto [least, most] = rangeOfProducts(
      {double(-codes.bias), double(codes.below - 1 - codes.bias)},
      fields.groupScaleRange());
  constexpr int64_t largestByte = 255;
  if (most - least > largestByte) {
    reason = "products of codes and scales do not fit a byte";
    return nullptr;
  }
  return std::make_unique<PrescaledWeights>(kernel, int64_t(least),
                                            int64_t(most));
}

SmallVector<Value> PrescaledWeights::multiply(LoopBuilder &b,
                                              ArrayRef<Value> codes,
                                              ArrayRef<Value> scales) const {
  auto i32s = cast<VectorType>(scales.front().getType());
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(i32s, int32_t(value)));
  };
  constexpr int64_t bothBytes = 0x0101;
  SmallVector<Value> factors, shifts;
  for (Value scale : scales) {
    factors.push_back(i16x2(b, scale));
    if (!hasShift())
      continue;
    Value shift = arith::SubIOp::create(
        b, constant(-least * bothBytes),
        arith::MulIOp::create(b, scale, constant(bias * bothBytes)));
    shifts.push_back(i16x2(b, shift));
  }
  auto words = cast<VectorType>(factors.front().getType());
  SmallVector<Value> products;
  size_t ofGroup = codes.size() / scales.size();
  for (auto [v, code] : llvm::enumerate(codes)) {
    size_t group = v / ofGroup;
    Value product = arith::MulIOp::create(
        b, vector::BitCastOp::create(b, words, code), factors[group]);
    if (hasShift())
      product = arith::AddIOp::create(b, product, shifts[group]);
    products.push_back(vector::BitCastOp::create(b, code.getType(), product));
  }
  return products;
}
