//===- WeightLoader.cpp - Parts of weights, as matmuls read them ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/weights/WeightLoader.h"

#include "codegen/StatusError.h"
#include "codegen/weights/ElementOrder.h"
#include "ir/Nesting.h"
#include "runtime/Json.h"
#include "runtime/cpu/ThreadPool.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"

#include <cmath>
#include <cstring>
#include <numeric>

using namespace mlir;
using namespace rlx;

llvm::Expected<QuantScheme> rlx::schemeOf(const LogicalWeight &weight,
                                          MLIRContext &context) {
  if (!weight.problem.empty())
    return llvm::createStringError("weight '" + weight.name + "' (" +
                                   weight.kind +
                                   ") cannot be read: " + weight.problem);
  context.getOrLoadDialect<RlxDialect>();
  // Side tensors are of f32 where nothing else is said.
  llvm::StringRef name = weight.scheme;
  name.consume_back(":f32");
  if (std::optional<QuantScheme> known = QuantScheme::parse(&context, name))
    return *known;
  if (llvm::Error error =
          checkNesting(weight.scheme, "the scheme of '" + weight.name + "'"))
    return error;
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  if (auto attribute =
          dyn_cast_or_null<SchemeAttr>(parseAttribute(weight.scheme, &context)))
    return QuantScheme(attribute);
  return llvm::createStringError("weight '" + weight.name + "' is stored as '" +
                                 weight.scheme + "', which is no scheme" +
                                 (message.empty() ? "" : ": " + message));
}

llvm::Error WeightLoader::fail(const llvm::Twine &message) const {
  return llvm::createStringError("weight '" + logical->name + "' (" +
                                 logical->kind + "): " + message);
}

/// Bits of an element, and rows and columns of the side tensor of an operand.
static std::array<int64_t, 3> sideSizes(const SideOperand &side,
                                        llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t> sizes = side.shape(shape);
  int64_t columns = sizes.empty() ? 1 : sizes.back(), rows = 1;
  for (int64_t size : llvm::ArrayRef(sizes).drop_back())
    rows *= size;
  return {side.elementType.getIntOrFloatBitWidth(), rows, columns};
}

llvm::Expected<WeightLoader> WeightLoader::create(const LogicalWeight &weight,
                                                  MLIRContext &context) {
  auto scheme = schemeOf(weight, context);
  if (!scheme)
    return scheme.takeError();
  WeightLoader loader(weight, *scheme, context);
  if (weight.shape.back() % scheme->block() != 0)
    return loader.fail("expected K to be a multiple of the block size " +
                       llvm::Twine(scheme->block()) + " of '" +
                       scheme->displayName() + "', but the shape is " +
                       describeShape(weight.shape));
  for (const SideOperand &side : scheme->sideOperands())
    if (!weight.find(std::string(side.name)))
      return loader.fail("expected a tensor of " + side.name + " for '" +
                         scheme->displayName() + "'");
  if (auto error = loader.checkCodebook())
    return error;
  if (auto error = loader.readColumnOrder())
    return error;
  return loader;
}

/// Integers of the host in a tensor of a file.
static std::vector<int64_t> integersOf(const WeightEntry &entry) {
  std::vector<int64_t> numbers;
  size_t size = elementBytes(*entry.element);
  for (size_t at = 0; at + size <= entry.bytes.size(); at += size) {
    int64_t wide = 0;
    int32_t narrow = 0;
    if (size == sizeof(narrow)) {
      std::memcpy(&narrow, entry.bytes.data() + at, size);
      wide = narrow;
    } else {
      std::memcpy(&wide, entry.bytes.data() + at, size);
    }
    numbers.push_back(wide);
  }
  return numbers;
}

/// A file that has the numbers of its codes has to have those of the scheme.
llvm::Error WeightLoader::checkCodebook() const {
  const WeightPart *part = logical->find("codebook");
  DenseF64ArrayAttr book = quantScheme.attr().getCode().getCodebook();
  if (!part || !book)
    return llvm::Error::success();
  llvm::ArrayRef<double> numbers = book.asArrayRef();
  std::span<const std::byte> bytes = part->entry->bytes;
  if (bytes.size() != numbers.size() * sizeof(float))
    return fail("expected '" + part->entry->name + "' to have " +
                llvm::Twine(numbers.size()) + " numbers of f32");
  for (auto [i, number] : llvm::enumerate(numbers)) {
    float stored;
    std::memcpy(&stored, &bytes[i * sizeof(stored)], sizeof(stored));
    // Writers round what they divide.
    constexpr double most = 1e-6;
    if (!(std::abs(stored - number) <= most))
      return fail("expected number " + llvm::Twine(i) + " of '" +
                  part->entry->name + "' to be " + std::to_string(number) +
                  ", as '" + quantScheme.displayName() + "' has it, but got " +
                  std::to_string(stored));
  }
  return llvm::Error::success();
}

llvm::Error WeightLoader::readColumnOrder() {
  const WeightPart *part = logical->find("group_index");
  std::optional<SideOperand> scales = quantScheme.findSide("scales");
  if (!part || !scales)
    return llvm::Error::success();
  std::vector<int64_t> groups = integersOf(*part->entry);
  int64_t columns = logical->shape.back();
  int64_t numGroups = sideSizes(*scales, logical->shape)[2];
  // Which scale the scheme gives to a column, once columns are in order.
  auto groupOf = [&](int64_t column) {
    return scales->index.compose({0, column}).back();
  };
  int64_t length = 0;
  while (length < columns && groupOf(length) == 0)
    ++length;
  std::vector<int64_t> sorted(columns);
  std::iota(sorted.begin(), sorted.end(), int64_t(0));
  llvm::stable_sort(
      sorted, [&](int64_t a, int64_t b) { return groups[a] < groups[b]; });
  for (int64_t j = 0; j < columns; ++j)
    if (groups[sorted[j]] != groupOf(j))
      return fail("expected '" + part->entry->name + "' to give " +
                  llvm::Twine(length) + " columns to each of " +
                  llvm::Twine(numGroups) + " groups" +
                  (columns % length ? ", fewer to the last" : "") +
                  ", but column " + llvm::Twine(sorted[j]) + " has group " +
                  llvm::Twine(groups[sorted[j]]));
  if (!llvm::is_sorted(sorted))
    order = std::move(sorted);
  return llvm::Error::success();
}

/// Follows two descriptions, on several threads where rows of the target have
/// bytes of their own and there is enough to do.
static void reorder(const ElementOrder &from, const ElementOrder &to,
                    int64_t rows, int64_t columns, const uint8_t *source,
                    uint8_t *target) {
  auto copyRows = [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n)
      copyRow(from, to, n, columns, source, target);
  };
  constexpr int64_t worthThreads = 1 << 17;
  if (rows * columns < worthThreads || !to.hasWholeRows(columns))
    return copyRows(0, rows);
  ThreadPool pool;
  pool.parallelFor(
      [](void *closure, int64_t begin, int64_t end) {
        (*static_cast<decltype(copyRows) *>(closure))(begin, end);
      },
      &copyRows, rows);
}

/// Integer zero points that are stored less 1; as they are where all say that
/// they are not: the middle of codes of `width` bits.
/// False where one does not fit.
static bool addOne(llvm::MutableArrayRef<uint8_t> zeros, unsigned width) {
  uint8_t middle = uint8_t(1 << (width - 1));
  if (llvm::all_of(zeros, [&](uint8_t zero) { return zero == middle; }))
    return true;
  if (llvm::is_contained(zeros, UINT8_MAX))
    return false;
  for (uint8_t &zero : zeros)
    ++zero;
  return true;
}

bool WeightLoader::hasPlainZeroPoints() const {
  const WeightPart *part = logical->find("zero_points");
  std::optional<SideOperand> side = quantScheme.findSide("zero_points");
  if (!part || !side || part->change != "plus 1")
    return false;
  auto [width, rows, columns] = sideSizes(*side, logical->shape);
  auto order = ElementOrder::parse(*context, part->order, rows, columns);
  if (!order) {
    llvm::consumeError(order.takeError());
    return false;
  }
  std::span<const std::byte> bytes = part->entry->bytes;
  if (order->bytes() > int64_t(bytes.size()))
    return false;
  uint64_t middle = uint64_t(1) << (order->width() - 1);
  auto *stored = reinterpret_cast<const uint8_t *>(bytes.data());
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t g = 0; g < columns; ++g)
      if (order->read(stored, n, g) != middle)
        return false;
  return true;
}

static void changeFloats(llvm::MutableArrayRef<uint8_t> bytes,
                         llvm::function_ref<float(float)> change) {
  for (size_t at = 0; at + sizeof(float) <= bytes.size(); at += sizeof(float)) {
    float number;
    std::memcpy(&number, &bytes[at], sizeof(number));
    number = change(number);
    std::memcpy(&bytes[at], &number, sizeof(number));
  }
}

/// Scales that are codes: `codebook[code] * scale of the block + offset`, in
/// f32 as bitsandbytes computes it. Sizes of the parts are the rule's.
llvm::Error
WeightLoader::loadNested(llvm::ArrayRef<uint8_t> codes,
                         llvm::MutableArrayRef<uint8_t> bytes) const {
  const WeightPart *scales = logical->find("nested_scales"),
                   *codebook = logical->find("nested_codebook"),
                   *state = logical->find("state");
  if (!scales || !codebook || !state)
    return fail("expected nested scales, their codebook and their state");
  std::span<const std::byte> text = state->entry->bytes;
  auto json = toExpected(JsonValue::parse(
      state->entry->file,
      {reinterpret_cast<const char *>(text.data()), text.size()}));
  if (!json)
    return json.takeError();
  const JsonValue *offset = json->find("nested_offset"),
                  *block = json->find("nested_blocksize");
  if (!offset || !offset->asNumber() || !block || !block->asInteger() ||
      *block->asInteger() < 1)
    return fail("expected '" + state->entry->name +
                "' to have numbers nested_offset and nested_blocksize");
  auto numberAt = [](const WeightEntry &entry, size_t index) {
    float number = 0;
    if (size_t at = index * sizeof(number);
        at + sizeof(number) <= entry.bytes.size())
      std::memcpy(&number, entry.bytes.data() + at, sizeof(number));
    return number;
  };
  for (size_t i = 0; i < codes.size() && 4 * i + 4 <= bytes.size(); ++i) {
    float number = numberAt(*codebook->entry, codes[i]) *
                   numberAt(*scales->entry, i / size_t(*block->asInteger()));
    number += float(*offset->asNumber());
    std::memcpy(&bytes[4 * i], &number, sizeof(number));
  }
  return llvm::Error::success();
}

llvm::Expected<LoadedPart> WeightLoader::load(llvm::StringRef role) const {
  const WeightPart *part = logical->find(std::string_view(role));
  bool isCodes = role == "codes";
  std::optional<SideOperand> side = quantScheme.findSide(role);
  if (!part || (!isCodes && !side))
    return fail("expected a tensor of " + role);
  const WeightEntry &entry = *part->entry;
  llvm::ArrayRef<uint8_t> stored(
      reinterpret_cast<const uint8_t *>(entry.bytes.data()),
      entry.bytes.size());
  llvm::ArrayRef<int64_t> shape = logical->shape;
  int64_t rows = 1, columns = shape.back(), width = 0, size;
  if (isCodes) {
    for (int64_t dim : shape.drop_back())
      rows *= dim;
    size = quantScheme.storageBytes(shape);
  } else {
    std::array<int64_t, 3> sizes = sideSizes(*side, shape);
    width = sizes[0], rows = sizes[1], columns = sizes[2];
    size = llvm::divideCeil(width * rows * columns, 8);
  }
  bool isPermuted = isCodes && !order.empty();
  auto wrongSize = [&](int64_t expected) {
    return fail("expected '" + entry.name + "' to have " +
                llvm::Twine(expected) + " bytes, but it has " +
                llvm::Twine(stored.size()));
  };
  if (part->order.empty() && part->change.empty() && !isPermuted) {
    if (int64_t(stored.size()) != size)
      return wrongSize(size);
    return LoadedPart{stored, &entry, nullptr};
  }

  bool isNested = part->change == "nested";
  if (isNested && 4 * int64_t(stored.size()) != size)
    return wrongSize(size / 4);
  llvm::StringRef text = part->order;
  bool isOfBytes = isCodes && text.consume_front("bytes "),
       isOfBlocks = isCodes && text.consume_front("blocks ");
  if (isPermuted && (isOfBytes || isOfBlocks))
    return fail("expected an order of rows and columns where columns are in an "
                "order of their own, but got '" +
                part->order + "'");
  if (isOfBytes) {
    columns = quantScheme.rowBytes(columns);
    width = 8;
  } else if (isOfBlocks) {
    rows *= columns / quantScheme.block();
    columns = quantScheme.block();
  }
  ElementOrder to = isCodes && !isOfBytes
                        ? ElementOrder::ofCodes(quantScheme, rows, columns)
                        : ElementOrder::dense(unsigned(width), rows, columns);
  auto from =
      text.empty() ? to : ElementOrder::parse(*context, text, rows, columns);
  if (!from)
    return fail(llvm::toString(from.takeError()));
  if (!isNested && from->bytes() > int64_t(stored.size()))
    return wrongSize(from->bytes());
  if (isPermuted)
    from->permuteColumns(order);
  auto tensor = toExpected(Tensor::allocate(ElementType::u8, {size}));
  if (!tensor)
    return tensor.takeError();
  auto owned = std::make_shared<Tensor>(std::move(*tensor));
  llvm::MutableArrayRef<uint8_t> bytes(owned->data<uint8_t>(), size);
  llvm::fill(bytes, 0);
  if (isNested) {
    if (auto error = loadNested(stored, bytes))
      return error;
    return LoadedPart{bytes, nullptr, owned};
  }
  reorder(*from, to, rows, columns, stored.data(), bytes.data());
  if (part->change == "plus 1" && !addOne(bytes, from->width()))
    return fail("expected zero points of '" + entry.name +
                "', which are stored less 1, to be at most 255");
  if (part->change == "reciprocal") {
    bool isUsable = true;
    changeFloats(bytes, [&](float number) {
      isUsable &= std::isfinite(number) && number != 0;
      return 1 / number;
    });
    if (!isUsable)
      return fail("expected '" + entry.name +
                  "', which the weight is divided by, to be finite and not 0");
  }
  if (part->change == "over 2688")
    changeFloats(bytes, [](float number) { return number / 2688; });
  return LoadedPart{bytes, nullptr, owned};
}
