//===- Npy.cpp - NumPy's .npy files ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header is a Python dictionary; only the three keys and the literals that
// the format allows are understood, in any order and spacing.
//
//===----------------------------------------------------------------------===//
#include "runtime/Npy.h"

#include "runtime/MappedFile.h"
#include "runtime/Text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

namespace rlx {
namespace {

static_assert(std::endian::native == std::endian::little,
              "elements are copied as they are in the file");

constexpr std::string_view magic = "\x93NUMPY";
constexpr size_t headerAlignment = 64;

struct NpyType {
  std::string_view descr; ///< Without the byte order.
  ElementType type;
};

/// bf16 comes after u16, so that reading '<u2' finds u16. What is only read
/// comes after what is written.
constexpr auto npyTypes = std::to_array<NpyType>({
    {"f8", ElementType::f64},
    {"f4", ElementType::f32},
    {"f2", ElementType::f16},
    {"i8", ElementType::i64},
    {"i4", ElementType::i32},
    {"i2", ElementType::i16},
    {"i1", ElementType::i8},
    {"u8", ElementType::u64},
    {"u4", ElementType::u32},
    {"u2", ElementType::u16},
    {"u1", ElementType::u8},
    {"b1", ElementType::boolean},
    {"u2", ElementType::bf16},
    {"V2", ElementType::bf16},
    {"V1", ElementType::u8},
});

std::string_view asText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

uint64_t loadLittle(std::string_view bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  return value;
}

/// The dictionary of a header.
struct NpyHeader {
  std::string descr;
  bool isColumnMajor = false;
  std::vector<int64_t> shape;
};

/// Parses the dictionary. Errors carry the offset in the file.
class HeaderParser {
public:
  HeaderParser(const std::string &path, std::string_view text, size_t offset)
      : path(path), text(text), textOffset(offset) {}

  Result<NpyHeader> parse() {
    if (!take('{'))
      return expected("'{'");
    bool hasDescr = false, hasOrder = false, hasShape = false;
    while (!take('}')) {
      std::string key;
      if (Status status = parseString(key); !status)
        return status;
      if (!take(':'))
        return expected("':'");
      Status status;
      if (key == "descr" && !std::exchange(hasDescr, true))
        status = parseString(header.descr);
      else if (key == "fortran_order" && !std::exchange(hasOrder, true))
        status = parseBool(header.isColumnMajor);
      else if (key == "shape" && !std::exchange(hasShape, true))
        status = parseShape();
      else
        return errorf("'{}': key {} before offset {} of the header is unknown "
                      "or repeated; expected 'descr', 'fortran_order' and "
                      "'shape', each once",
                      path, quoted(key), offset());
      if (!status)
        return status;
      if (!take(',') && peek() != '}')
        return expected("',' or '}'");
    }
    if (peek() != '\0' || position < text.size())
      return expected("nothing but spaces after '}'");
    if (!hasDescr || !hasOrder || !hasShape)
      return errorf("'{}': the header has no '{}'; expected 'descr', "
                    "'fortran_order' and 'shape'",
                    path,
                    !hasDescr   ? "descr"
                    : !hasOrder ? "fortran_order"
                                : "shape");
    return std::move(header);
  }

private:
  size_t offset() const { return textOffset + position; }

  Status expected(std::string_view what) {
    peek();
    return errorf("'{}': expected {} at offset {} of the header, got {}", path,
                  what, offset(),
                  position < text.size() ? quoted(text.substr(position), 16)
                                         : "its end");
  }

  /// The next character that is not a space; NUL at the end.
  char peek() {
    while (position < text.size() &&
           std::string_view(" \t\r\n").find(text[position]) !=
               std::string_view::npos)
      ++position;
    return position < text.size() ? text[position] : '\0';
  }

  bool take(char c) {
    if (peek() != c || position == text.size())
      return false;
    ++position;
    return true;
  }

  Status parseString(std::string &result) {
    char quote = peek();
    if (quote != '\'' && quote != '"')
      return expected("a string (structured types have no counterpart)");
    size_t end = text.find(quote, position + 1);
    if (end == std::string_view::npos)
      return expected("a string that ends");
    result = text.substr(position + 1, end - position - 1);
    position = end + 1;
    return {};
  }

  Status parseBool(bool &result) {
    peek();
    for (bool value : {false, true}) {
      std::string_view word = value ? "True" : "False";
      if (!text.substr(position).starts_with(word))
        continue;
      position += word.size();
      result = value;
      return {};
    }
    return expected("True or False");
  }

  Status parseShape() {
    if (!take('('))
      return expected("'('");
    while (!take(')')) {
      peek();
      int64_t dim = 0;
      const char *begin = text.data() + position;
      auto [end, failed] =
          std::from_chars(begin, text.data() + text.size(), dim);
      if (failed != std::errc() || dim < 0)
        return expected("a dimension of 0 or more that fits in 63 bits");
      position += static_cast<size_t>(end - begin);
      take('L'); // Python 2 wrote long integers so.
      header.shape.push_back(dim);
      if (!take(',') && peek() != ')')
        return expected("',' or ')'");
    }
    return {};
  }

  const std::string &path;
  std::string_view text;
  size_t textOffset;
  size_t position = 0;
  NpyHeader header;
};

Result<ElementType> parseDescr(const std::string &path,
                               std::string_view descr) {
  if (descr == "bfloat16")
    return ElementType::bf16;
  char order = descr.empty() ? '\0' : descr[0];
  std::string_view kind = descr.substr(descr.empty() ? 0 : 1);
  auto found = std::ranges::find(npyTypes, kind, &NpyType::descr);
  if (std::string_view("<>|=").find(order) == std::string_view::npos ||
      found == npyTypes.end())
    return errorf("'{}': element type {} has no counterpart; expected one of "
                  "'<f8', '<f4', '<f2', '<i8', '<i4', '<i2', '|i1', '<u8', "
                  "'<u4', '<u2', '|u1', '|b1', and of ml_dtypes '<V2' (bf16) "
                  "and '<V1' (8-bit floats)",
                  path, quoted(descr));
  if (order == '>' && elementBytes(found->type) > 1)
    return errorf(
        "'{}': element type {} is big-endian, expected '<{}'; convert "
        "it with array.astype('<{}')",
        path, quoted(descr), kind, kind);
  return found->type;
}

} // namespace

Result<Tensor> readNpy(const std::string &path,
                       std::optional<ElementType> expected) {
  Result<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.status();
  return parseNpy(path, (*file)->bytes(), expected);
}

Result<NpyView> viewNpy(const std::string &path,
                        std::span<const std::byte> bytes,
                        std::optional<ElementType> expected) {
  std::string_view content = asText(bytes);
  if (!content.starts_with(magic))
    return errorf("'{}': expected {} at offset 0 of an .npy file, got {}", path,
                  quoted(magic), quoted(content.substr(0, magic.size())));
  if (content.size() < magic.size() + 2)
    return errorf("'{}': truncated at offset {}, expected the version", path,
                  content.size());
  unsigned major = static_cast<unsigned char>(content[magic.size()]);
  unsigned minor = static_cast<unsigned char>(content[magic.size() + 1]);
  if (major < 1 || major > 3 || minor != 0)
    return errorf("'{}': version {}.{} at offset {}, expected 1.0, 2.0 or 3.0",
                  path, major, minor, magic.size());

  size_t lengthBytes = major == 1 ? 2 : 4;
  size_t headerBegin = magic.size() + 2 + lengthBytes;
  if (content.size() < headerBegin)
    return errorf("'{}': truncated at offset {}, expected the header length",
                  path, content.size());
  uint64_t headerSize =
      loadLittle(content.substr(magic.size() + 2, lengthBytes));
  if (headerSize > content.size() - headerBegin)
    return errorf("'{}': truncated at offset {}, expected a header of {} bytes "
                  "from offset {}",
                  path, content.size(), headerSize, headerBegin);
  Result<NpyHeader> header =
      HeaderParser(path, content.substr(headerBegin, headerSize), headerBegin)
          .parse();
  if (!header)
    return header.status();

  Result<ElementType> type = parseDescr(path, header->descr);
  if (!type)
    return type.status();
  if (*type == ElementType::u16 && expected == ElementType::bf16)
    type = ElementType::bf16;
  if (header->isColumnMajor && header->shape.size() >= 2)
    return errorf(
        "'{}': the array {} is column-major (fortran_order), expected "
        "row-major; convert it with numpy.ascontiguousarray",
        path, describeShape(header->shape));

  // The size is compared before anything is allocated: a shape from a file may
  // say anything.
  std::string_view data = content.substr(headerBegin + headerSize);
  std::optional<int64_t> count = countElements(header->shape);
  int64_t numBytes = 0;
  if (!count ||
      __builtin_mul_overflow(*count, int64_t{elementBytes(*type)}, &numBytes))
    return errorf("'{}': the shape {} is too large: its size in bytes does not "
                  "fit in 63 bits",
                  path, describeShape(header->shape));
  if (data.size() != static_cast<uint64_t>(numBytes))
    return errorf(
        "'{}': expected {} bytes of data for {} {} from offset {}, got "
        "{}",
        path, numBytes, elementName(*type), describeShape(header->shape),
        headerBegin + headerSize, data.size());
  if (*type == ElementType::boolean)
    if (size_t wrong = data.find_first_not_of(std::string_view("\0\1", 2));
        wrong != std::string_view::npos)
      return errorf("'{}': boolean {} at offset {} is {}, expected 0 or 1",
                    path, wrong, headerBegin + headerSize + wrong,
                    static_cast<unsigned char>(data[wrong]));

  return NpyView{*type, std::move(header->shape),
                 std::as_bytes(std::span(data))};
}

Result<Tensor> parseNpy(const std::string &path,
                        std::span<const std::byte> bytes,
                        std::optional<ElementType> expected) {
  Result<NpyView> view = viewNpy(path, bytes, expected);
  if (!view)
    return view.status();
  Result<Tensor> tensor = Tensor::allocate(view->type, std::move(view->shape));
  if (!tensor)
    return errorf("'{}': {}", path, tensor.message());
  std::ranges::copy(view->data, tensor->data<std::byte>());
  return tensor;
}

Result<OutputFile> beginNpy(const std::string &path, const TensorView &tensor) {
  std::optional<int64_t> count = countElements(tensor.shape);
  if (!count || (*count > 0 && !tensor.data))
    return errorf("'{}': cannot write a tensor {} without data", path,
                  tensor.describe());
  std::string_view kind =
      std::ranges::find(npyTypes, tensor.type, &NpyType::type)->descr;
  std::string header = fmt::format(
      "{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}",
      elementBytes(tensor.type) == 1 ? '|' : '<', kind,
      fmt::join(tensor.shape, ", "), tensor.shape.size() == 1 ? "," : "");
  // The header ends with a line feed at a multiple of 64 bytes of the file.
  size_t start = magic.size() + 4;
  size_t padded = (start + header.size() + 1 + headerAlignment - 1) /
                  headerAlignment * headerAlignment;
  header.resize(padded - start - 1, ' ');
  header += '\n';
  if (header.size() > 0xffff)
    return errorf("'{}': a tensor of rank {} does not fit in a version 1.0 "
                  "header of 65535 bytes",
                  path, tensor.shape.size());

  std::string prefix(magic);
  prefix += {'\x01', '\x00', static_cast<char>(header.size() & 0xff),
             static_cast<char>(header.size() >> 8)};
  Result<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.status();
  if (Status status = file->write(prefix + header); !status)
    return status;
  if (Status status = file->write({static_cast<const std::byte *>(tensor.data),
                                   static_cast<size_t>(tensor.numBytes())});
      !status)
    return status;
  return file;
}

Status writeNpy(const std::string &path, const TensorView &tensor) {
  Result<OutputFile> file = beginNpy(path, tensor);
  return file ? file->commit() : file.status();
}

} // namespace rlx
