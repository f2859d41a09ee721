//===- HostQuantizer.cpp - The quantizer for compiled code ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A failure leaves by longjmp (runtime/cpu/KernelAbi.h): nothing that has to be
// destroyed is alive then.
//
//===----------------------------------------------------------------------===//

#include "codegen/HostQuantizer.h"

#include "codegen/quantize/FieldBits.h"
#include "codegen/quantize/FieldNumbers.h"
#include "codegen/quantize/Quantizer.h"
#include "ir/Reference.h"
#include "runtime/cpu/KernelAbi.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringMap.h"

#include <cmath>
#include <mutex>
#include <optional>

using namespace mlir;
using namespace rlx;

/// The scheme of a text. Schemes are kept: programs have few of them.
static std::optional<QuantScheme> schemeOf(llvm::StringRef text) {
  struct Known {
    std::mutex mutex;
    MLIRContext context;
    llvm::StringMap<QuantAttr> schemes;
    Known() { context.loadDialect<RlxDialect>(); }
  };
  // Never destroyed: threads may still run when a process ends.
  static Known &known = *new Known;
  std::lock_guard lock(known.mutex);
  QuantAttr &scheme = known.schemes[text];
  if (!scheme)
    scheme =
        dyn_cast_or_null<QuantAttr>(mlir::parseAttribute(text, &known.context));
  if (!scheme)
    return std::nullopt;
  return QuantScheme(scheme.getScheme());
}

namespace {
/// The rows of a weight, on the threads of the run.
struct RowLoop {
  const Quantizer &quantizer;
  llvm::ArrayRef<float> x;
  QuantizedBytes bytes;
  int64_t columns, rowBytes, rows, rowsPerExpert;
  int64_t together;
  std::mutex mutex;
  std::optional<int64_t> failed; ///< The least row that did.
  std::string message;

  /// Ranges of rows begin anew in each expert.
  int64_t partsPerExpert() const {
    return (rowsPerExpert + together - 1) / together;
  }
  int64_t parts() const { return rows / rowsPerExpert * partsPerExpert(); }

  void quantize(int64_t part) {
    int64_t expert = part / partsPerExpert() * rowsPerExpert,
            begin = part % partsPerExpert() * together,
            end = std::min(begin + together, rowsPerExpert);
    begin += expert;
    end += expert;
    QuantizedBytes some = bytes;
    some.blocks =
        bytes.blocks.slice(begin * rowBytes, (end - begin) * rowBytes);
    llvm::Error error = quantizer.quantizeRows(
        x.slice(begin * columns, (end - begin) * columns), begin, end, some);
    if (!error)
      return;
    std::string text = llvm::toString(std::move(error));
    std::lock_guard lock(mutex);
    if (failed && *failed < begin)
      return;
    failed = begin;
    message = std::move(text);
  }
  static void run(void *self, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      static_cast<RowLoop *>(self)->quantize(i);
  }
};

/// The numbers of rows in f32, as rlx.decode computes them: products are
/// rounded, and a product and a sum at once.
class RowDecoder {
public:
  RowDecoder(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
             StoredWeight stored)
      : scheme(scheme), stored(stored), shape(shape) {
    SchemeAttr attribute = scheme.attr();
    code.emplace_back(scheme, attribute.getCode(), shape);
    if (FieldAttr field = attribute.getZero())
      zero.emplace_back(scheme, field, shape);
    for (FieldAttr field : attribute.getScale())
      scale.emplace_back(scheme, field, shape);
    for (FieldAttr field : attribute.getOffset())
      offset.emplace_back(scheme, field, shape);
  }

  int64_t rows() const {
    int64_t count = 1;
    for (int64_t size : shape.drop_back())
      count *= size;
    return count;
  }
  void decode(int64_t row, float *result) const {
    for (int64_t k = 0; k < shape.back(); ++k) {
      float value = product(code, row, k);
      if (!zero.empty())
        value -= product(zero, row, k);
      if (!scale.empty() && !offset.empty())
        value = std::fma(product(scale, row, k), value, offsetOf(row, k));
      else if (!scale.empty())
        value *= product(scale, row, k);
      else if (!offset.empty())
        value += offsetOf(row, k);
      result[row * shape.back() + k] = value;
    }
  }

private:
  /// A field, and where its codes are.
  struct Source {
    Source(QuantScheme scheme, FieldAttr field, llvm::ArrayRef<int64_t> shape)
        : numbers(field), operand(field.isSide() ? field.getOperand().getValue()
                                                 : llvm::StringRef()) {
      if (field.isSide()) {
        index = field.getPlanes().front().getPosition();
        sizes = scheme.findSide(operand)->shape(shape);
      } else {
        bits.emplace(scheme, field);
      }
    }
    quantize::FieldNumbers numbers;
    llvm::StringRef operand;
    AffineMap index;
    llvm::SmallVector<int64_t> sizes;
    std::optional<quantize::FieldBits> bits;
  };

  uint32_t codeOf(const Source &source, int64_t row, int64_t k) const {
    int64_t block = scheme.block();
    if (source.bits)
      return source.bits->read(stored.blocks.data() +
                                   row * scheme.rowBytes(shape.back()) +
                                   k / block * scheme.blockBytes(),
                               k % block);
    int64_t rowsOfExpert = shape[shape.size() - 2], at = row / rowsOfExpert;
    for (auto [expr, size] :
         llvm::zip_equal(source.index.getResults(),
                         llvm::ArrayRef(source.sizes)
                             .take_back(source.index.getNumResults())))
      at = at * size + evaluate(expr, {row % rowsOfExpert, k});
    llvm::ArrayRef<uint8_t> side = source.operand == "scales" ? stored.scales
                                   : source.operand == "zero_points"
                                       ? stored.zeroPoints
                                       : stored.globalScale;
    unsigned width = source.numbers.attr().width();
    return quantize::readBits(side.data(), at * width, width);
  }
  float product(llvm::ArrayRef<Source> sources, int64_t row, int64_t k) const {
    float result = 1;
    for (const Source &source : sources)
      result *= float(source.numbers.number(codeOf(source, row, k)));
    return result;
  }
  float offsetOf(int64_t row, int64_t k) const {
    float value = product(offset, row, k);
    return scheme.attr().getOffsetNegative() ? -value : value;
  }

  QuantScheme scheme;
  StoredWeight stored;
  llvm::ArrayRef<int64_t> shape;
  std::vector<Source> code, zero, scale, offset;
};
} // namespace

/// Quantizes all rows. Returns why not, or nothing.
static std::string quantizeAll(const Quantizer &quantizer,
                               llvm::ArrayRef<int64_t> shape, const float *x,
                               QuantizedBytes bytes) {
  int64_t rows = 1, columns = shape.back();
  for (int64_t size : shape.drop_back())
    rows *= size;
  // Elements of less than a byte may not be written at once.
  bool isShared = llvm::any_of(
      quantizer.scheme().sideOperands(), [](const SideOperand &side) {
        return side.elementType.getIntOrFloatBitWidth() < 8;
      });
  int64_t perExpert = shape[shape.size() - 2];
  RowLoop loop{quantizer,
               llvm::ArrayRef(x, size_t(rows * columns)),
               bytes,
               columns,
               quantizer.scheme().rowBytes(columns),
               rows,
               isShared ? rows : perExpert,
               isShared ? rows : quantizer.rowsTogether(),
               {},
               {},
               {}};
  rlx_parallel_for(RowLoop::run, &loop, loop.parts());
  return loop.message;
}

static llvm::Expected<Quantizer>
quantizerFor(llvm::StringRef scheme, llvm::StringRef rule,
             llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> importance) {
  std::optional<QuantScheme> known = schemeOf(scheme);
  if (!known)
    return llvm::createStringError("expected a scheme, but got '" + scheme +
                                   "'");
  QuantizeOptions options;
  options.name = "x";
  options.importance.assign(importance.begin(), importance.end());
  if (!rule.empty()) {
    auto parsed = QuantRule::parse(rule);
    if (!parsed)
      return parsed.takeError();
    options.rule = *parsed;
  }
  return Quantizer::create(*known, shape, std::move(options));
}

static std::string quantizeRows(const char *scheme, const char *rule,
                                const int64_t *sizes, void *const *buffers) {
  llvm::ArrayRef<int64_t> shape(sizes + 1, size_t(sizes[0]));
  int64_t importances = sizes[1 + sizes[0]];
  auto *x = static_cast<const float *>(buffers[0]);
  llvm::ArrayRef<float> importance;
  if (importances)
    importance = {static_cast<const float *>(buffers[1]), size_t(importances)};
  auto quantizer = quantizerFor(scheme, rule, shape, importance);
  if (!quantizer)
    return llvm::toString(quantizer.takeError());
  auto bytes = [&](int i, int64_t count) {
    return llvm::MutableArrayRef(static_cast<uint8_t *>(buffers[i]),
                                 size_t(count));
  };
  return quantizeAll(*quantizer, shape, x,
                     {bytes(2, quantizer->scheme().storageBytes(shape)),
                      bytes(3, quantizer->sideBytes("scales")),
                      bytes(4, quantizer->sideBytes("zero_points")),
                      bytes(5, quantizer->sideBytes("global_scale"))});
}

/// Rows of any rank as those of a weight.
static llvm::SmallVector<int64_t> rowsOf(llvm::ArrayRef<int64_t> shape,
                                         QuantScheme scheme) {
  if (!scheme.sideOperands().empty())
    return llvm::SmallVector<int64_t>(shape);
  int64_t rows = 1;
  for (int64_t size : shape.drop_back())
    rows *= size;
  return {rows, shape.back()};
}

static std::string fakeQuantizeRows(const char *scheme, const char *rule,
                                    const int64_t *sizes,
                                    void *const *buffers) {
  std::optional<QuantScheme> known = schemeOf(scheme);
  if (!known)
    return "expected a scheme";
  llvm::SmallVector<int64_t> shape =
      rowsOf(llvm::ArrayRef(sizes + 1, size_t(sizes[0])), *known);
  if (llvm::is_contained(shape, 0))
    return {};
  auto quantizer = quantizerFor(scheme, rule, shape, {});
  if (!quantizer)
    return llvm::toString(quantizer.takeError());
  std::vector<uint8_t> blocks(known->storageBytes(shape)),
      scales(quantizer->sideBytes("scales")),
      zeroPoints(quantizer->sideBytes("zero_points")),
      globalScale(quantizer->sideBytes("global_scale"));
  auto *x = static_cast<const float *>(buffers[0]);
  std::string message = quantizeAll(*quantizer, shape, x,
                                    {blocks, scales, zeroPoints, globalScale});
  if (!message.empty())
    return message;
  struct Decoding {
    RowDecoder decoder;
    float *result;
    static void run(void *self, int64_t begin, int64_t end) {
      auto &decoding = *static_cast<Decoding *>(self);
      for (int64_t row = begin; row < end; ++row)
        decoding.decoder.decode(row, decoding.result);
    }
  } decoding{{*known, shape, {blocks, scales, zeroPoints, globalScale}},
             static_cast<float *>(buffers[1])};
  rlx_parallel_for(Decoding::run, &decoding, decoding.decoder.rows());
  return {};
}

/// Ends the run with a message, which is kept where nothing destroys it.
[[noreturn]] static void fail(const char *what, std::string message) {
  constexpr size_t most = 1024;
  thread_local char text[most];
  {
    std::string all = what + message;
    all.resize(std::min(all.size(), most - 1));
    std::copy(all.begin(), all.end() + 1, text);
    message = {};
    message.shrink_to_fit();
  }
  rlx_fail(text, nullptr, 0);
}

void rlx_quantize_rows(const char *what, const char *scheme, const char *rule,
                       const int64_t *sizes, void *const *buffers) {
  if (std::string message = quantizeRows(scheme, rule, sizes, buffers);
      !message.empty())
    fail(what, std::move(message));
}

void rlx_fake_quantize_rows(const char *what, const char *scheme,
                            const char *rule, const int64_t *sizes,
                            void *const *buffers) {
  if (std::string message = fakeQuantizeRows(scheme, rule, sizes, buffers);
      !message.empty())
    fail(what, std::move(message));
}
