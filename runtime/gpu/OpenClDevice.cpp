//===- OpenClDevice.cpp - Buffers and commands of OpenCL ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One queue that runs in order. A recorded command is a kernel object of its
// own, because arguments belong to the object.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/OpenClDevice.h"

#include "runtime/gpu/OpenClSubgroups.h"

#include <algorithm>
#include <chrono>

namespace rlx {
namespace {

/// Bytes of a step of progress.
constexpr uint64_t kStepBytes = 16 << 20;

} // namespace

Result<std::unique_ptr<Device>>
openOpenClDevice(unsigned index, const Device::Options &options) {
  return OpenClDevice::open(index, options);
}

OpenClBuffer::OpenClBuffer(OpenClDevice &device, uint64_t bytes,
                           OpenClMemory memory)
    : Buffer(bytes), device(device), memory(std::move(memory)) {
  device.usedBytes += bytes;
}

OpenClBuffer::~OpenClBuffer() { device.usedBytes -= bytes; }

Result<std::unique_ptr<Device>> OpenClDevice::open(unsigned index,
                                                   const Options &options) {
  auto cl = loadOpenCl();
  if (!cl)
    return errorf("cannot open opencl:{}: {}", index, cl.message());
  DeviceList list;
  auto found = findOpenClDevices(**cl, list.notes);
  if (!found)
    return found.status();
  if (index >= found->size()) {
    for (OpenClPhysicalDevice &device : *found)
      list.devices.push_back(std::move(device.info));
    if (list.devices.empty())
      list.notes.push_back("no OpenCL driver offers a device");
    return noSuchDevice(DeviceApi::opencl, index, list);
  }
  findSubgroups(**cl, (*found)[index]);
  std::unique_ptr<OpenClDevice> device(
      new OpenClDevice(**cl, std::move((*found)[index]), options));
  if (auto status = device->start(); !status)
    return status;
  return device;
}

Status OpenClDevice::start() {
  cl_context_properties properties[] = {
      CL_CONTEXT_PLATFORM,
      reinterpret_cast<cl_context_properties>(physical.platform), 0};
  cl_int code = CL_SUCCESS;
  context =
      OpenClContext(cl, cl.clCreateContext(properties, 1, &physical.handle,
                                           nullptr, nullptr, &code));
  if (auto status = check(code, "cannot open it"); !status)
    return status;
  queue = OpenClQueue(
      cl, cl.clCreateCommandQueue(context.get(), physical.handle,
                                  CL_QUEUE_PROFILING_ENABLE, &code));
  return check(code, "cannot make a queue");
}

OpenClDevice::~OpenClDevice() {
  if (queue)
    cl.clFinish(queue.get());
}

Status OpenClDevice::check(cl_int code, std::string_view what) const {
  if (code == CL_SUCCESS)
    return {};
  return errorf("{} ({}): {}: {}", description.label(), description.name, what,
                describeOpenCl(code));
}

Status OpenClDevice::checkWaited(cl_int code, std::string_view what) {
  lost = lost || code != CL_SUCCESS;
  return check(code, what);
}

Status OpenClDevice::ready() const {
  if (!lost)
    return {};
  return errorf("{} ({}): the device was lost in an earlier call; open it "
                "again",
                description.label(), description.name);
}

Result<std::unique_ptr<Buffer>> OpenClDevice::allocate(uint64_t bytes) {
  bytes = std::max<uint64_t>(bytes, 4);
  if (auto status = ready(); !status)
    return status;
  if (auto status = checkAllocation(description, bytes, usedBytes); !status)
    return status;
  cl_int code = CL_SUCCESS;
  // Kernels may read whole words.
  OpenClMemory memory(cl,
                      cl.clCreateBuffer(context.get(), CL_MEM_READ_WRITE,
                                        (bytes + 3) / 4 * 4, nullptr, &code));
  if (auto status = check(code, fmt::format("cannot allocate {} bytes", bytes));
      !status)
    return status;
  return std::make_unique<OpenClBuffer>(*this, bytes, std::move(memory));
}

Status OpenClDevice::upload(Buffer &to, uint64_t offset,
                            std::span<const std::byte> from,
                            const TransferProgress &progress) {
  if (auto status = ready(); !status)
    return status;
  if (auto status = checkRange("upload", to, offset, from.size()); !status)
    return status;
  for (uint64_t done = 0; done < from.size();) {
    uint64_t bytes = std::min<uint64_t>(kStepBytes, from.size() - done);
    if (auto status =
            check(cl.clEnqueueWriteBuffer(
                      queue.get(), static_cast<OpenClBuffer &>(to).memory.get(),
                      CL_TRUE, offset + done, bytes, from.data() + done, 0,
                      nullptr, nullptr),
                  "an upload failed");
        !status)
      return status;
    done += bytes;
    if (progress)
      progress(done, from.size());
  }
  return {};
}

Status OpenClDevice::download(const Buffer &from, uint64_t offset,
                              std::span<std::byte> to) {
  if (auto status = ready(); !status)
    return status;
  if (auto status = checkRange("download", from, offset, to.size()); !status)
    return status;
  if (to.empty())
    return {};
  return check(cl.clEnqueueReadBuffer(
                   queue.get(),
                   static_cast<const OpenClBuffer &>(from).memory.get(),
                   CL_TRUE, offset, to.size(), to.data(), 0, nullptr, nullptr),
               "a download failed");
}

Result<OpenClCommandList::Entry>
OpenClDevice::prepare(const Command &command) const {
  OpenClCommandList::Entry entry;
  auto memory = [](Buffer *buffer) {
    return static_cast<OpenClBuffer *>(buffer)->memory.get();
  };
  if (command.kind == Command::Kind::copy) {
    entry.name = "copy";
    entry.from = memory(command.buffers[0]);
    entry.to = memory(command.buffers[1]);
    entry.fromOffset = command.fromOffset;
    entry.toOffset = command.toOffset;
    entry.bytes = command.bytes;
    return entry;
  }
  auto &kernel = static_cast<OpenClKernel &>(*command.kernel);
  entry.name = fmt::format("kernel '{}'", kernel.entry);
  auto made = makeKernel(*kernel.program, kernel.entry);
  if (!made)
    return made.status();
  entry.kernel = made.take();
  cl_uint index = 0;
  auto argument = [&](size_t size, const void *value) {
    Status status =
        check(cl.clSetKernelArg(entry.kernel.get(), index, size, value),
              fmt::format("argument {} of {}", index, entry.name));
    ++index;
    return status;
  };
  for (Buffer *buffer : command.buffers) {
    cl_mem object = memory(buffer);
    if (auto status = argument(sizeof(object), &object); !status)
      return status;
  }
  for (const int32_t &scalar : command.scalars)
    if (auto status = argument(sizeof(scalar), &scalar); !status)
      return status;
  for (unsigned i = 0; i < 3; ++i) {
    entry.local[i] = kernel.workgroup[i];
    entry.global[i] = entry.local[i] * command.groups[i];
  }
  return entry;
}

Result<std::unique_ptr<CommandList>>
OpenClDevice::record(std::span<const Command> commands) {
  if (auto status = ready(); !status)
    return status;
  auto list = std::make_unique<OpenClCommandList>();
  for (const Command &command : commands) {
    if (auto status = checkCommand(command); !status)
      return status;
    if (isEmpty(command))
      continue;
    auto entry = prepare(command);
    if (!entry)
      return entry.status();
    list->entries.push_back(entry.take());
  }
  return list;
}

Status OpenClDevice::enqueue(const OpenClCommandList::Entry &entry,
                             cl_event *event) {
  if (!entry.kernel)
    return check(cl.clEnqueueCopyBuffer(queue.get(), entry.from, entry.to,
                                        entry.fromOffset, entry.toOffset,
                                        entry.bytes, 0, nullptr, event),
                 entry.name);
  return check(cl.clEnqueueNDRangeKernel(queue.get(), entry.kernel.get(), 3,
                                         nullptr, entry.global.data(),
                                         entry.local.data(), 0, nullptr, event),
               entry.name);
}

Result<double> OpenClDevice::run(CommandList &list) {
  if (auto status = ready(); !status)
    return status;
  auto &entries = static_cast<OpenClCommandList &>(list).entries;
  if (entries.empty())
    return 0.0;
  auto hostBegin = std::chrono::steady_clock::now();
  OpenClEvent first, last;
  Status status;
  for (size_t i = 0; status && i < entries.size(); ++i) {
    // Only the ends are timed: an event of each command costs.
    cl_event event = nullptr;
    bool ends = i == 0 || i + 1 == entries.size();
    status = enqueue(entries[i], ends ? &event : nullptr);
    if (event)
      (i == 0 ? first : last) = OpenClEvent(cl, event);
  }
  Status waited = checkWaited(cl.clFinish(queue.get()), "commands failed");
  auto hostEnd = std::chrono::steady_clock::now();
  if (!status || !waited)
    return status ? waited : status;

  cl_event end = last ? last.get() : first.get();
  cl_int outcome = CL_COMPLETE;
  cl.clGetEventInfo(end, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(outcome),
                    &outcome, nullptr);
  if (outcome < 0)
    return checkWaited(outcome, "commands failed");
  cl_ulong begin = 0, finish = 0;
  if (cl.clGetEventProfilingInfo(first.get(), CL_PROFILING_COMMAND_START,
                                 sizeof(begin), &begin,
                                 nullptr) == CL_SUCCESS &&
      cl.clGetEventProfilingInfo(end, CL_PROFILING_COMMAND_END, sizeof(finish),
                                 &finish, nullptr) == CL_SUCCESS &&
      finish >= begin)
    return static_cast<double>(finish - begin);
  return std::chrono::duration<double, std::nano>(hostEnd - hostBegin).count();
}

} // namespace rlx
