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
// The kernels
//===----------------------------------------------------------------------===//

/// Chains that do not wait for each other, and how long they are in one turn of
/// the loop: enough to hide an instruction's latency and the loop.
static constexpr int chains = 12, links = 4;

namespace {
/// What a link of a chain computes of its value and the x of the work-item.
struct Link {
  const char *name;
  std::string type, start; ///< `start` is the format of a chain's first value.
  /// Operations from `{0}` to `{1}` by `%x`; `{2}` is the type, and names are
  /// made unlike others by the end of `{1}`.
  const char *text;
  const char *add; ///< That adds the chains up.
  double operations;
};
} // namespace

/// Repeats a = a * x + x, which stays finite for the x of 0.5 that the compiler
/// does not see.
static Link fmaLink(unsigned lanes) {
  return {"fma_chains",
          lanes == 1 ? "f32" : fmt::format("vector<{}xf32>", lanes),
          lanes == 1 ? "{}.0" : "dense<{}.0>",
          "    {1} = math.fma {0}, %x, %x : {2}\n",
          "addf",
          2.0 * lanes};
}

/// Adds the products of four bytes to what they are the bytes of.
static Link dotLink() {
  return {"dot_chains",
          "i32",
          "{}",
          "    {1}d = spirv.SDot {0}, %x, <PackedVectorFormat4x8Bit> : {2} -> "
          "{2}\n"
          "    {1} = arith.addi {0}, {1}d : {2}\n",
          "addi",
          8};
}

/// Chain `i` starts with i.
static std::string kernelText(const DeviceTarget &target, const Link &link,
                              unsigned workgroup) {
  std::string buffer = fmt::format("memref<?x{}>", link.type);
  std::string text = fmt::format(
      "gpu.module @kernels attributes {{rlx.target = {0}}} {{\n"
      "gpu.func @{3}(%in: {1} {{rlx.name = \"in\"}}, "
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
      target.attribute, buffer, workgroup, link.name);
  std::string results, carried, types, sums;
  for (int i = 0; i < chains; ++i) {
    std::string comma = i ? ", " : "";
    text += fmt::format("  %start{} = arith.constant {} : {}\n", i,
                        fmt::format(fmt::runtime(link.start), i), link.type);
    results += fmt::format("{}%sum{}", comma, i);
    carried += fmt::format("{}%a{}_0 = %start{}", comma, i, i);
    types += comma + link.type;
    sums += fmt::format("{}%a{}_{}", comma, i, links);
  }
  text += fmt::format("  {} = scf.for %i = %zero to %end step %one\n"
                      "      iter_args({}) -> ({}) {{\n",
                      results, carried, types);
  for (int l = 0; l < links; ++l)
    for (int i = 0; i < chains; ++i)
      text += fmt::format(fmt::runtime(link.text), fmt::format("%a{}_{}", i, l),
                          fmt::format("%a{}_{}", i, l + 1), link.type);
  text += fmt::format("    scf.yield {} : {}\n  }}\n", sums, types);
  std::string total = "%sum0";
  for (int i = 1; i < chains; ++i) {
    text += fmt::format("  %total{0} = arith.{3} {1}, %sum{0} : {2}\n", i,
                        total, link.type, link.add);
    total = fmt::format("%total{}", i);
  }
  return text + fmt::format("  memref.store {}, %out[%item] : {}\n"
                            "  gpu.return\n}}\n}}\n",
                            total, buffer);
}

static llvm::Expected<std::unique_ptr<Kernel>>
makeKernel(Device &device, const DeviceTarget &target, const Link &link,
           unsigned workgroup) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  mlir::DialectRegistry registry;
  registerGpuDialects(registry);
  context->appendDialectRegistry(registry);
  auto module = parseText(*context, kernelText(target, link, workgroup));
  if (!module)
    return module.takeError();
  auto code = emitKernels({std::move(*module), {}}, target.form);
  if (!code)
    return code.takeError();
  KernelSource source;
  source.form = target.form;
  source.code = *code;
  source.entry = link.name;
  source.workgroup[0] = workgroup;
  source.buffers = 2;
  source.scalars = 1;
  auto kernel = device.createKernel(source);
  if (!kernel)
    return toError(kernel.status());
  return kernel.take();
}

llvm::Expected<std::unique_ptr<DeviceLimitsBench>>
DeviceLimitsBench::create(Device &device, double seconds) {
  std::unique_ptr<DeviceLimitsBench> bench(
      new DeviceLimitsBench(device, seconds));
  const DeviceInfo &info = device.info();
  DeviceTarget target = DeviceTarget::of(info);
  unsigned lanes =
      target.form == KernelForm::spirv
          ? 1
          : std::min(16u, llvm::bit_floor(std::max(1u, info.vectorWidth)));
  constexpr unsigned wanted = 256, groupsOfCpu = 256, groupsOfOthers = 8192;
  bench->workgroup =
      lanes > 1 ? 1 : std::min(wanted, std::max(1u, info.workgroupSize));
  bench->groups = info.isCpu ? groupsOfCpu : groupsOfOthers;

  // Kernels that fill vectors by themselves have no products of bytes.
  std::vector<Link> used = {fmaLink(lanes)};
  if (info.integerDot && lanes == 1)
    used.push_back(dotLink());
  for (const Link &link : used) {
    auto kernel = makeKernel(device, target, link, bench->workgroup);
    if (!kernel)
      return kernel.takeError();
    bench->rates.push_back({std::move(*kernel), link.operations});
  }

  std::vector<float> halves(size_t(bench->groups) * bench->workgroup * lanes,
                            0.5f);
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

llvm::Expected<double> DeviceLimitsBench::gigaPerSecond(const Chains &chain) {
  Command command;
  command.kernel = chain.kernel.get();
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
    return chain.operations * chains * links * turns * double(groups) *
           workgroup / *nanoseconds;
  }
}

llvm::Expected<Limits> DeviceLimitsBench::measure() {
  auto copy = copyGbps();
  if (!copy)
    return copy.takeError();
  Limits limits;
  limits.threads = 0;
  limits.ofDevice = true;
  limits.readGbps = *copy;
  std::optional<double> *results[] = {&limits.f32Gflops, &limits.int8Gops};
  for (auto [chain, result] : llvm::zip(rates, results)) {
    auto rate = gigaPerSecond(chain);
    if (!rate)
      return rate.takeError();
    *result = *rate;
  }
  return limits;
}
