//===- DeviceLimits.cpp - What a device can do ----------------------------===//

#include "tools/bench/DeviceLimits.h"

#include "codegen/gpu/DeviceCompiler.h"
#include "codegen/gpu/Dialects.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

using namespace rlx;

static llvm::Error toError(const Status &status) {
  return llvm::createStringError(status.message());
}

llvm::Expected<std::unique_ptr<Device>> rlx::openDevice(llvm::StringRef label) {
  auto [api, number] = label.split(':');
  unsigned index = 0;
  bool isWrong = label.contains(':') && number.getAsInteger(10, index);
  if (isWrong || (api != "vulkan" && api != "opencl"))
    return llvm::createStringError("expected --device to be vulkan or opencl "
                                   "with an index, such as vulkan:0, but got "
                                   "'" +
                                   label + "'");
  auto device = Device::open(
      api == "vulkan" ? DeviceApi::vulkan : DeviceApi::opencl, index);
  if (!device)
    return toError(device.status());
  return device.take();
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

/// Chains of FMAs that do not wait for each other, and how long they are in one
/// turn of the loop: enough to hide an FMA's latency and the loop.
static constexpr int chains = 12, links = 4;

/// Chain `i` starts with i and repeats a = a * x + x, which stays finite for
/// the x of 0.5 that the compiler does not see.
static std::string kernelText(const DeviceTarget &target, unsigned lanes,
                              unsigned workgroup) {
  std::string type = lanes == 1 ? "f32" : fmt::format("vector<{}xf32>", lanes);
  std::string buffer = fmt::format("memref<?x{}>", type);
  std::string text = fmt::format(
      "gpu.module @kernels attributes {{rlx.target = {0}}} {{\n"
      "gpu.func @fma_chains(%in: {1} {{rlx.name = \"in\"}}, "
      "%out: {1} {{rlx.name = \"out\"}}, %count: i32 {{rlx.name = "
      "\"count\"}})\n"
      "    kernel attributes {{known_block_size = array<i32: {2}, 1, 1>}} {{\n"
      "  %zero = arith.constant 0 : index\n"
      "  %one = arith.constant 1 : index\n"
      "  %size = arith.constant {2} : index\n"
      "  %end = arith.index_castui %count : i32 to index\n"
      "  %thread = gpu.thread_id x\n"
      "  %group = gpu.block_id x\n"
      "  %first = arith.muli %group, %size : index\n"
      "  %item = arith.addi %first, %thread : index\n"
      "  %x = memref.load %in[%item] : {1}\n",
      target.attribute, buffer, workgroup);
  std::string results, carried, types, sums;
  for (int i = 0; i < chains; ++i) {
    std::string comma = i ? ", " : "";
    text += fmt::format("  %start{} = arith.constant {} : {}\n", i,
                        lanes == 1 ? fmt::format("{}.0", i)
                                   : fmt::format("dense<{}.0>", i),
                        type);
    results += fmt::format("{}%sum{}", comma, i);
    carried += fmt::format("{}%a{}_0 = %start{}", comma, i, i);
    types += comma + type;
    sums += fmt::format("{}%a{}_{}", comma, i, links);
  }
  text += fmt::format("  {} = scf.for %i = %zero to %end step %one\n"
                      "      iter_args({}) -> ({}) {{\n",
                      results, carried, types);
  for (int link = 0; link < links; ++link)
    for (int i = 0; i < chains; ++i)
      text += fmt::format("    %a{0}_{2} = math.fma %a{0}_{1}, %x, %x : {3}\n",
                          i, link, link + 1, type);
  text += fmt::format("    scf.yield {} : {}\n  }}\n", sums, types);
  std::string total = "%sum0";
  for (int i = 1; i < chains; ++i) {
    text += fmt::format("  %total{0} = arith.addf {1}, %sum{0} : {2}\n", i,
                        total, type);
    total = fmt::format("%total{}", i);
  }
  return text + fmt::format("  memref.store {}, %out[%item] : {}\n"
                            "  gpu.return\n}}\n}}\n",
                            total, buffer);
}

llvm::Expected<std::unique_ptr<DeviceLimitsBench>>
DeviceLimitsBench::create(Device &device, double seconds) {
  std::unique_ptr<DeviceLimitsBench> bench(
      new DeviceLimitsBench(device, seconds));
  const DeviceInfo &info = device.info();
  DeviceTarget target = DeviceTarget::of(info);
  bool isScalar = target.form == KernelForm::spirv;
  bench->lanes =
      isScalar ? 1
               : std::min(16u, llvm::bit_floor(std::max(1u, info.vectorWidth)));
  constexpr unsigned wanted = 256, groupsOfCpu = 256, groupsOfOthers = 8192;
  bench->workgroup =
      bench->lanes > 1 ? 1 : std::min(wanted, std::max(1u, info.workgroupSize));
  bench->groups = info.isCpu ? groupsOfCpu : groupsOfOthers;

  std::unique_ptr<mlir::MLIRContext> context = createContext();
  mlir::DialectRegistry registry;
  registerGpuDialects(registry);
  context->appendDialectRegistry(registry);
  auto module =
      parseText(*context, kernelText(target, bench->lanes, bench->workgroup));
  if (!module)
    return module.takeError();
  auto code = emitKernels({std::move(*module), {}}, target.form);
  if (!code)
    return code.takeError();
  KernelSource source;
  source.form = target.form;
  source.code = *code;
  source.entry = "fma_chains";
  source.workgroup[0] = bench->workgroup;
  source.buffers = 2;
  source.scalars = 1;
  auto kernel = device.createKernel(source);
  if (!kernel)
    return toError(kernel.status());
  bench->kernel = kernel.take();

  std::vector<float> halves(
      size_t(bench->groups) * bench->workgroup * bench->lanes, 0.5f);
  std::span<const std::byte> bytes = std::as_bytes(std::span(halves));
  for (std::unique_ptr<Buffer> *buffer : {&bench->input, &bench->output}) {
    auto made = device.allocate(bytes.size());
    if (!made)
      return toError(made.status());
    *buffer = made.take();
  }
  if (Status status = device.upload(*bench->input, 0, bytes); !status)
    return toError(status);
  return bench;
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

llvm::Expected<double> DeviceLimitsBench::best(CommandList &list) {
  constexpr int fewest = 3;
  double least = std::numeric_limits<double>::infinity(), total = 0;
  for (int runs = 0; runs < fewest || total < seconds * 1e9; ++runs) {
    auto time = device.run(list);
    if (!time)
      return toError(time.status());
    // A clock of coarse ticks may see none.
    double nanoseconds = std::max(1.0, *time);
    least = std::min(least, nanoseconds);
    total += nanoseconds;
  }
  return least;
}

llvm::Expected<double> DeviceLimitsBench::copyGbps() {
  const DeviceInfo &info = device.info();
  // More than any cache, and not much of the device's memory.
  uint64_t bytes = std::min<uint64_t>(
      info.bufferBytes, info.isCpu ? uint64_t(128) << 20 : uint64_t(1) << 30);
  if (info.memoryBytes)
    bytes = std::min(bytes, info.memoryBytes / 8);
  bytes = bytes / 16 * 16;
  auto from = device.allocate(bytes), to = device.allocate(bytes);
  for (auto *buffer : {&from, &to})
    if (!*buffer)
      return toError(buffer->status());
  // Pages that nothing was ever written to may all be the same one.
  std::vector<std::byte> content(std::min<uint64_t>(bytes, 1 << 24),
                                 std::byte(1));
  for (uint64_t offset = 0; offset < bytes; offset += content.size()) {
    size_t size = std::min<uint64_t>(content.size(), bytes - offset);
    if (Status status =
            device.upload(**from, offset, std::span(content).subspan(0, size));
        !status)
      return toError(status);
  }
  Command copy;
  copy.kind = Command::Kind::copy;
  copy.buffers = {from->get(), to->get()};
  copy.bytes = bytes;
  constexpr size_t rounds = 4;
  auto list = device.record(std::vector<Command>(rounds, copy));
  if (!list)
    return toError(list.status());
  auto nanoseconds = best(**list);
  if (!nanoseconds)
    return nanoseconds.takeError();
  // Every byte is read and written.
  return 2.0 * double(bytes) * rounds / *nanoseconds;
}

llvm::Expected<double> DeviceLimitsBench::fmaGflops() {
  Command command;
  command.kernel = kernel.get();
  command.buffers = {input.get(), output.get()};
  command.groups[0] = groups;
  // Long enough that neither the launch nor a coarse clock matters.
  constexpr double longEnough = 5e6;
  constexpr int32_t mostTurns = 1 << 24;
  for (int32_t turns = 64;; turns *= 4) {
    command.scalars = {turns};
    auto list = device.record(std::span(&command, 1));
    if (!list)
      return toError(list.status());
    auto first = device.run(**list);
    if (!first)
      return toError(first.status());
    if (*first < longEnough && turns < mostTurns)
      continue;
    auto nanoseconds = best(**list);
    if (!nanoseconds)
      return nanoseconds.takeError();
    return 2.0 * chains * links * turns * double(groups) * workgroup * lanes /
           *nanoseconds;
  }
}

llvm::Expected<Limits> DeviceLimitsBench::measure() {
  auto copy = copyGbps();
  if (!copy)
    return copy.takeError();
  auto fma = fmaGflops();
  if (!fma)
    return fma.takeError();
  Limits limits;
  limits.threads = 0;
  limits.ofDevice = true;
  limits.readGbps = *copy;
  limits.f32Gflops = *fma;
  return limits;
}
