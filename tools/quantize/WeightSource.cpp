//===- WeightSource.cpp - Weights to be quantized -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/WeightSource.h"

#include "codegen/StatusError.h"
#include "runtime/Npy.h"
#include "runtime/weights/GgmlTypes.h"
#include "runtime/weights/GgufReader.h"

#include "llvm/Support/Path.h"

using namespace rlx;
using namespace rlx::quantize;

llvm::Expected<std::unique_ptr<WeightSource>>
WeightSource::open(const std::string &path, mlir::MLIRContext &context) {
  auto source = std::unique_ptr<WeightSource>(new WeightSource(path, context));
  auto file = toExpected(MappedFile::open(path));
  if (!file)
    return file.takeError();
  if (!isGguf((*file)->bytes())) {
    constexpr llvm::StringLiteral npyMagic = "\x93NUMPY";
    llvm::StringRef start(
        reinterpret_cast<const char *>((*file)->bytes().data()),
        std::min<size_t>((*file)->bytes().size(), npyMagic.size()));
    if (start != npyMagic)
      return llvm::createStringError(
          "'" + path + "' is neither a GGUF file nor an npy file");
    file->reset();
    if (auto error = source->openNpy())
      return error;
  } else {
    auto gguf = toExpected(GgufFile::open(std::move(*file)));
    if (!gguf)
      return gguf.takeError();
    source->gguf = std::move(*gguf);
    auto entries = source->gguf->entries();
    source->weights.assign(entries.begin(), entries.end());
    auto keys = source->gguf->metadata();
    source->keys.assign(keys.begin(), keys.end());
  }
  source->prepareReaders();
  return source;
}

llvm::Error WeightSource::openNpy() {
  auto tensor = toExpected(readNpy(name));
  if (!tensor)
    return tensor.takeError();
  npy = std::move(*tensor);
  std::string format(elementName(npy.type()));
  if (npy.type() != ElementType::f32 && npy.type() != ElementType::f16 &&
      npy.type() != ElementType::bf16)
    return llvm::createStringError("'" + name + "' holds numbers of type " +
                                   format +
                                   ", only f32, f16 and bf16 are "
                                   "supported");
  WeightEntry entry;
  entry.name = llvm::sys::path::stem(name).str();
  entry.format = format;
  entry.shape = npy.shape();
  entry.bytes = npy.bytes();
  weights.push_back(std::move(entry));
  keys.push_back({"general.architecture", {std::string("rlx")}});
  return llvm::Error::success();
}

void WeightSource::prepareReaders() {
  for (const WeightEntry &entry : weights) {
    if (readers.count(entry.format))
      continue;
    std::optional<QuantScheme> scheme =
        QuantScheme::parse(&context, entry.format);
    if (!scheme)
      continue;
    llvm::Expected<Quantizer> reader =
        Quantizer::create(*scheme, {1, scheme->block()});
    if (!reader) // It is then not readable.
      llvm::consumeError(reader.takeError());
    else
      readers[entry.format] = std::make_unique<Quantizer>(std::move(*reader));
  }
}

bool WeightSource::isReadable(const WeightEntry &entry) const {
  return entry.problem.empty() && readers.count(entry.format);
}

bool WeightSource::isPlain(const WeightEntry &entry) const {
  return entry.format == "f32" || entry.format == "f16" ||
         entry.format == "bf16";
}

void WeightSource::readRows(const WeightEntry &entry, int64_t begin,
                            int64_t end,
                            llvm::MutableArrayRef<float> values) const {
  const Quantizer &reader = *readers.at(entry.format);
  int64_t rowBytes = reader.scheme().rowBytes(entry.shape.back());
  auto bytes = entry.bytes.subspan(begin * rowBytes, (end - begin) * rowBytes);
  if (entry.format == "f32")
    std::memcpy(values.data(), bytes.data(), bytes.size());
  else
    reader.decodeRows(
        {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()},
        values);
}

void WeightSource::release(const WeightEntry &entry, int64_t begin,
                           int64_t end) const {
  if (!gguf)
    return;
  int64_t rows = 1;
  for (int64_t size : llvm::ArrayRef(entry.shape).drop_back())
    rows *= size;
  uint64_t rowBytes = entry.bytes.size() / rows;
  gguf->releasePart(entry, begin * rowBytes, (end - begin) * rowBytes);
}
