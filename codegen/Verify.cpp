//===- Verify.cpp - How far a run is from the exact result ----------------===//

#include "codegen/Verify.h"

#include "codegen/DoublePrecision.h"
#include "ir/Reference.h"

#include "llvm/ADT/APFloat.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

template <typename T> static double load(const void *data, int64_t i) {
  T value;
  std::memcpy(&value, static_cast<const char *>(data) + i * sizeof(T),
              sizeof(T));
  return double(value);
}

static double loadFloat(const llvm::fltSemantics &semantics, const void *data,
                        int64_t i) {
  uint16_t bits;
  std::memcpy(&bits, static_cast<const char *>(data) + i * sizeof(bits),
              sizeof(bits));
  llvm::APFloat number(semantics, llvm::APInt(16, bits));
  bool losesInfo;
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

static double element(const TensorView &tensor, int64_t i) {
  switch (tensor.type) {
  case ElementType::f64:
    return load<double>(tensor.data, i);
  case ElementType::f32:
    return load<float>(tensor.data, i);
  case ElementType::f16:
    return loadFloat(llvm::APFloat::IEEEhalf(), tensor.data, i);
  case ElementType::bf16:
    return loadFloat(llvm::APFloat::BFloat(), tensor.data, i);
  case ElementType::i64:
    return load<int64_t>(tensor.data, i);
  case ElementType::i32:
    return load<int32_t>(tensor.data, i);
  case ElementType::i16:
    return load<int16_t>(tensor.data, i);
  case ElementType::i8:
    return load<int8_t>(tensor.data, i);
  case ElementType::u64:
    return load<uint64_t>(tensor.data, i);
  case ElementType::u32:
    return load<uint32_t>(tensor.data, i);
  case ElementType::u16:
    return load<uint16_t>(tensor.data, i);
  case ElementType::u8:
  case ElementType::boolean:
    return load<uint8_t>(tensor.data, i);
  }
  llvm_unreachable("unknown element type");
}

static std::vector<int64_t> indexOf(int64_t position,
                                    llvm::ArrayRef<int64_t> shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    index[i] = position % shape[i];
    position /= shape[i];
  }
  return index;
}

//===----------------------------------------------------------------------===//
// Differences
//===----------------------------------------------------------------------===//

ErrorReport rlx::measureError(const TensorView &got,
                              llvm::ArrayRef<double> expected) {
  ErrorReport report;
  double squares = 0, reference = 0;
  int64_t largestAt = -1, mismatchAt = -1;
  for (int64_t i = 0, e = expected.size(); i < e; ++i) {
    double a = expected[i], b = element(got, i);
    if (!std::isfinite(a) || !std::isfinite(b)) {
      bool same = a == b || (std::isnan(a) && std::isnan(b));
      if (!same && report.mismatches++ == 0)
        mismatchAt = i;
      continue;
    }
    double difference = std::fabs(b - a);
    squares += difference * difference;
    reference += a * a;
    if (largestAt >= 0 && difference <= report.largest)
      continue;
    report.largest = difference;
    report.expected = a;
    report.got = b;
    largestAt = i;
  }
  if (largestAt >= 0)
    report.index = indexOf(largestAt, got.shape);
  if (mismatchAt >= 0)
    report.firstMismatch = indexOf(mismatchAt, got.shape);
  if (squares > 0)
    report.relative = reference > 0 ? std::sqrt(squares / reference)
                                    : std::numeric_limits<double>::infinity();
  return report;
}

std::string ErrorReport::describe() const {
  std::string text =
      fmt::format("relative error {:.2g}, largest difference {:.2g} at {} "
                  "(expected {:.9g}, got {:.9g})",
                  relative, largest, describeShape(index), expected, got);
  if (mismatches)
    text += fmt::format(
        ", {} NaNs or infinities where there should be none or the other way "
        "round, the first at {}",
        mismatches, describeShape(firstMismatch));
  return text;
}

double rlx::relativeErrorBound(Type activations) {
  if (activations.isBF16())
    return 4e-3;
  if (activations.isF16())
    return 1e-3;
  if (activations.isInteger(16))
    return 1e-4;
  return activations.isInteger(8) ? 1.2e-2 : 2e-6;
}

llvm::Error Verification::check() const {
  for (auto [i, result] : llvm::enumerate(results))
    if (result.mismatches || !(result.relative <= bound))
      return llvm::createStringError(
          fmt::format("verification failed: expected result {} to have a "
                      "relative error of at most "
                      "{:.2g}, but got {}",
                      i, bound, result.describe()));
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// The run in double precision
//===----------------------------------------------------------------------===//

namespace {
/// Makes the arguments of the rewritten program from those of the run.
class ArgumentReader {
public:
  ArgumentReader(WeightLookUp weights, llvm::ArrayRef<TensorView> inputs)
      : weights(weights), inputs(inputs) {}

  llvm::Expected<Tensor> read(const DoubleArgument &argument) const;

private:
  TensorView find(const TensorSource &source) const {
    return source.input < 0 ? weights(source.weight) : inputs[source.input];
  }
  llvm::ArrayRef<uint8_t>
  bytes(const std::optional<TensorSource> &source) const {
    if (!source)
      return {};
    TensorView tensor = find(*source);
    return {static_cast<const uint8_t *>(tensor.data),
            size_t(tensor.numBytes())};
  }

  WeightLookUp weights;
  llvm::ArrayRef<TensorView> inputs;
};
} // namespace

llvm::Expected<Tensor>
ArgumentReader::read(const DoubleArgument &argument) const {
  TensorView stored = find(argument.tensor);
  bool isCopied = !argument.scheme && stored.type != ElementType::f32;
  Result<Tensor> tensor =
      Tensor::allocate(isCopied ? stored.type : ElementType::f64,
                       argument.scheme ? argument.shape : stored.shape);
  if (!tensor)
    return llvm::createStringError(tensor.message());
  if (isCopied) {
    std::memcpy(tensor->bytes().data(), stored.data, stored.numBytes());
    return tensor.take();
  }
  double *values = tensor->data<double>();
  if (!argument.scheme) {
    for (int64_t i = 0, e = stored.numElements(); i < e; ++i)
      values[i] = load<float>(stored.data, i);
    return tensor.take();
  }
  auto decoder = ReferenceDecoder::create(
      *argument.scheme, argument.shape,
      {bytes(argument.tensor), bytes(argument.scales),
       bytes(argument.zeroPoints), bytes(argument.globalScale)});
  if (!decoder)
    return decoder.takeError();
  for (int64_t row = 0; row < decoder->rows(); ++row)
    decoder->decodeRow(row, values + row * decoder->columns());
  return tensor.take();
}

llvm::Expected<Verification> rlx::verify(ModuleOp module, WeightLookUp weights,
                                         llvm::StringRef function,
                                         llvm::ArrayRef<TensorView> inputs,
                                         llvm::ArrayRef<TensorView> outputs) {
  llvm::Expected<OwningOpRef<ModuleOp>> imported = importModule(module);
  if (!imported)
    return imported.takeError();
  llvm::Expected<DoubleProgram> program =
      toDoublePrecision(**imported, function);
  if (!program)
    return program.takeError();
  llvm::Expected<std::unique_ptr<Executable>> reference =
      compileModule(*program->module);
  if (!reference)
    return llvm::joinErrors(
        llvm::createStringError("'" + function +
                                "' cannot be verified: in double precision"),
        reference.takeError());

  std::vector<Tensor> arguments;
  std::vector<TensorView> views;
  for (const DoubleArgument &argument : program->arguments) {
    llvm::Expected<Tensor> tensor =
        ArgumentReader(weights, inputs).read(argument);
    if (!tensor)
      return tensor.takeError();
    arguments.push_back(std::move(*tensor));
    views.push_back(arguments.back().view());
  }
  llvm::Expected<std::vector<Tensor>> exact =
      (*reference)->run(function, views);
  if (!exact)
    return exact.takeError();
  if (exact->size() != outputs.size())
    return llvm::createStringError(
        fmt::format("expected {} outputs of '{}' to verify, but got {}",
                    exact->size(), function.str(), outputs.size()));

  Verification verification;
  verification.bound =
      relativeErrorBound(Float32Type::get(module.getContext()));
  for (Type activations : program->activations)
    verification.bound =
        std::max(verification.bound, relativeErrorBound(activations));
  if (program->requantizes)
    verification.bound = std::hypot(verification.bound, requantizedErrorBound);
  for (auto [i, output] : llvm::enumerate(outputs)) {
    const TensorView &expected = (*exact)[i].view();
    if (expected.shape != output.shape)
      return llvm::createStringError(
          fmt::format("expected output {} to be {}, but got {}", i,
                      describeShape(expected.shape), output.describe()));
    std::vector<double> numbers(expected.numElements());
    for (size_t k = 0; k < numbers.size(); ++k)
      numbers[k] = element(expected, k);
    verification.results.push_back(measureError(output, numbers));
  }
  return verification;
}
