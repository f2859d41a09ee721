//===- WeightSource.cpp - Weights to be quantized -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/WeightSource.h"

#include "codegen/StatusError.h"
#include "codegen/weights/StoredTypes.h"
#include "ir/Reference.h"
#include "runtime/Npy.h"
#include "runtime/weights/CheckpointMatcher.h"
#include "runtime/weights/GgufReader.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace rlx;
using namespace rlx::quantize;

llvm::Expected<std::unique_ptr<WeightSource>>
WeightSource::open(const std::string &path, mlir::MLIRContext &context) {
  auto source = std::unique_ptr<WeightSource>(new WeightSource(path, context));
  auto mapped = toExpected(MappedFile::open(path));
  if (!mapped)
    return mapped.takeError();
  std::span<const std::byte> bytes = (*mapped)->bytes();
  constexpr llvm::StringLiteral npyMagic = "\x93NUMPY";
  llvm::StringRef start(reinterpret_cast<const char *>(bytes.data()),
                        std::min<size_t>(bytes.size(), npyMagic.size()));
  if (start == npyMagic) {
    source->npy = *mapped;
    if (auto error = source->openNpy())
      return error;
  } else if (isGguf(bytes) || isSafetensors(bytes) ||
             isSafetensorsIndex(path)) {
    if (auto error = source->openFile())
      return error;
  } else {
    return llvm::createStringError("'" + path +
                                   "' is neither a GGUF, a safetensors nor an "
                                   "npy file");
  }
  source->prepareReaders();
  return source;
}

llvm::Error WeightSource::openFile() {
  auto opened = toExpected(openWeightFile(name));
  if (!opened)
    return opened.takeError();
  file = std::move(*opened);
  auto entries = file->entries();
  weights.assign(entries.begin(), entries.end());
  if (file->container() == WeightContainer::gguf) {
    auto metadata = static_cast<const GgufFile &>(*file).metadata();
    keys.assign(metadata.begin(), metadata.end());
    return llvm::Error::success();
  }
  texts = static_cast<const SafetensorsFile &>(*file).metadata();
  keys.push_back({"general.architecture", {std::string("rlx")}});
  return llvm::Error::success();
}

llvm::Error WeightSource::openNpy() {
  auto array = toExpected(viewNpy(name, npy->bytes()));
  if (!array)
    return array.takeError();
  std::string format(elementName(array->type));
  if (array->type != ElementType::f32 && array->type != ElementType::f16 &&
      array->type != ElementType::bf16)
    return llvm::createStringError("'" + name + "' holds numbers of type " +
                                   format +
                                   ", only f32, f16 and bf16 are "
                                   "supported");
  WeightEntry entry;
  entry.name = llvm::sys::path::stem(name).str();
  // A file called '.npy' gives none, and no container takes a weight without.
  if (entry.name.empty())
    return llvm::createStringError(
        "'" + name + "' has no name before '.npy', which is the weight's");
  entry.container = WeightContainer::npy;
  entry.type = format;
  entry.element = array->type;
  entry.shape = std::move(array->shape);
  entry.bytes = array->data;
  weights.push_back(std::move(entry));
  keys.push_back({"general.architecture", {std::string("rlx")}});
  return llvm::Error::success();
}

void WeightSource::prepareReaders() {
  for (const WeightEntry &entry : weights) {
    if (readers.count(entry.type))
      continue;
    std::optional<QuantScheme> scheme = schemeOf(entry, context);
    if (!scheme)
      continue;
    Reader reader{*scheme, nullptr};
    llvm::Expected<Quantizer> quantizer =
        Quantizer::create(*scheme, {1, scheme->block()});
    if (quantizer)
      reader.quantizer = std::make_unique<Quantizer>(std::move(*quantizer));
    else
      llvm::consumeError(quantizer.takeError());
    readers.emplace(entry.type, std::move(reader));
  }
}

std::vector<std::string> WeightSource::files() const {
  std::vector<std::string> paths{name};
  // An index is not among the files of tensors.
  for (const WeightEntry &entry : weights)
    if (!entry.file.empty() && !llvm::is_contained(paths, entry.file))
      paths.push_back(entry.file);
  for (std::string_view beside : checkpointConfigNames) {
    llvm::SmallString<128> path = llvm::sys::path::parent_path(name);
    llvm::sys::path::append(path, llvm::StringRef(beside));
    // One that is not there may be written.
    if (file && llvm::sys::fs::exists(path))
      paths.push_back(path.str().str());
  }
  return paths;
}

bool WeightSource::isReadable(const WeightEntry &entry) const {
  return entry.problem.empty() && readers.count(entry.type);
}

bool WeightSource::isPlain(const WeightEntry &entry) const {
  return entry.element == ElementType::f32 ||
         entry.element == ElementType::f16 ||
         entry.element == ElementType::bf16;
}

const LogicalWeight *WeightSource::partOf(const WeightEntry &entry) const {
  if (!file)
    return nullptr;
  for (const LogicalWeight &weight : file->logicalWeights())
    for (const WeightPart &part : weight.parts)
      if (part.entry && part.entry->name == entry.name)
        return &weight;
  return nullptr;
}

void WeightSource::readRows(const WeightEntry &entry, int64_t begin,
                            int64_t end,
                            llvm::MutableArrayRef<float> values) const {
  const Reader &reader = readers.at(entry.type);
  int64_t columns = entry.shape.back(),
          rowBytes = reader.scheme.rowBytes(columns);
  auto bytes = entry.bytes.subspan(begin * rowBytes, (end - begin) * rowBytes);
  llvm::ArrayRef<uint8_t> blocks(
      reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  if (entry.element == ElementType::f32) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return;
  }
  if (reader.quantizer) {
    reader.quantizer->decodeRows(blocks, values);
    return;
  }
  auto decoder = llvm::cantFail(ReferenceDecoder::create(
      reader.scheme, {end - begin, columns}, {blocks, {}, {}, {}}));
  std::vector<double> row(columns);
  for (int64_t n = 0; n < end - begin; ++n) {
    decoder.decodeRow(n, row.data());
    for (int64_t k = 0; k < columns; ++k)
      values[n * columns + k] = float(row[k]);
  }
}

void WeightSource::release(const WeightEntry &entry, int64_t begin,
                           int64_t end) const {
  int64_t rows = 1;
  for (int64_t size : llvm::ArrayRef(entry.shape).drop_back())
    rows *= size;
  uint64_t rowBytes = entry.bytes.size() / rows;
  releaseBytes(entry, begin * rowBytes, (end - begin) * rowBytes);
}

void WeightSource::releaseBytes(const WeightEntry &entry, uint64_t begin,
                                uint64_t size) const {
  if (file)
    file->releasePart(entry, begin, size);
  else
    npy->release(entry.bytes.data() - npy->bytes().data() + begin, size);
}
