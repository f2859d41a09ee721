//===- Target.cpp - The CPU that code is generated for --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/cpu/Target.h"

#include "ir/NearNames.h"
#include "passes/cpu/target/CpuFeatures.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"

#include <mutex>

using namespace rlx;

static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
  });
}

CpuTarget CpuTarget::host() {
  llvm::SubtargetFeatures features;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    features.AddFeature(feature.first(), feature.second);
  return {llvm::sys::getProcessTriple(), llvm::sys::getHostCPUName().str(),
          features.getString()};
}

static bool isKnown(const llvm::MCSubtargetInfo &info,
                    llvm::StringRef feature) {
  return llvm::any_of(info.getAllProcessorFeatures(),
                      [&](const auto &entry) { return feature == entry.Key; });
}

/// The names of CPUs or features, for suggestions.
template <typename Entry>
static llvm::SmallVector<std::string> namesOf(llvm::ArrayRef<Entry> entries) {
  llvm::SmallVector<std::string> names;
  for (const Entry &entry : entries)
    names.push_back(entry.Key);
  return names;
}

llvm::Expected<CpuTarget> CpuTarget::create(llvm::StringRef triple,
                                            llvm::StringRef cpu,
                                            llvm::StringRef features) {
  CpuTarget machine = host(), target = machine;
  if (!triple.empty())
    target.triple = llvm::Triple::normalize(triple);
  bool isHostTriple = target.triple == machine.triple;
  if (!isHostTriple || (!cpu.empty() && cpu != "native")) {
    target.cpu = cpu.empty() || cpu == "native" ? "generic" : cpu.str();
    target.features.clear();
  }
  if (!features.empty())
    target.features += (target.features.empty() ? "" : ",") + features.str();
  if (auto error = target.check())
    return error;
  return target;
}

llvm::Error CpuTarget::check() const {
  // LLVM itself only prints warnings for what it does not know, and ends the
  // process where code cannot be what the triple says.
  CpuTarget generic{triple, "", ""};
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> created =
      generic.createMachine();
  if (!created)
    return created.takeError();
  const llvm::MCSubtargetInfo *known = (*created)->getMCSubtargetInfo();
  if (!known->isCPUStringValid(cpu))
    return llvm::createStringError(
        "unknown CPU '" + cpu + "' for '" + triple +
        "', expected a name that 'llc -mcpu=help' lists" +
        didYouMean(cpu, namesOf(known->getAllProcessorDescriptions())));
  llvm::SubtargetFeatures given(features);
  for (const std::string &feature : given.getFeatures()) {
    if (!llvm::SubtargetFeatures::hasFlag(feature) && isKnown(*known, feature))
      return llvm::createStringError("expected '+" + feature + "' or '-" +
                                     feature + "', but got '" + feature + "'");
    if (!llvm::SubtargetFeatures::hasFlag(feature) ||
        !isKnown(*known, llvm::SubtargetFeatures::StripFlag(feature)))
      return llvm::createStringError(
          "unknown feature '" + feature + "' for '" + triple +
          "', expected '+' or '-' before a name that 'llc -mattr=help' lists" +
          didYouMean(llvm::SubtargetFeatures::StripFlag(feature),
                     namesOf(known->getAllProcessorFeatures())));
  }

  std::unique_ptr<llvm::MCSubtargetInfo> info = describe();
  llvm::Triple parsed(triple);
  // Floats are passed in registers of these: LLVM would leave floats out.
  llvm::SmallVector<llvm::StringRef> needed;
  if (parsed.getArch() == llvm::Triple::x86_64)
    needed = {"64bit", "sse2"};
  else if (parsed.isAArch64())
    needed = {"fp-armv8", "neon"};
  for (llvm::StringRef feature : needed)
    if (!info->checkFeatures(("+" + feature).str()))
      return llvm::createStringError(
          "CPU '" + cpu + "' with the features asked for lacks '" + feature +
          "', which code for '" + triple + "' needs");
  return llvm::Error::success();
}

/// What the CPU and the features together have.
std::unique_ptr<llvm::MCSubtargetInfo> CpuTarget::describe() const {
  initializeTargets();
  std::string error;
  llvm::Triple parsed(triple);
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(parsed, error);
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      target ? target->createMCSubtargetInfo(parsed, cpu, features) : nullptr);
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
CpuTarget::createMachine() const {
  initializeTargets();
  std::string error;
  llvm::Triple parsed(triple);
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(parsed, error);
  if (!target)
    return llvm::createStringError("no code can be generated for '" + triple +
                                   "': " + error);
  llvm::TargetOptions options;
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      parsed, cpu, features, options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return llvm::createStringError("no code can be generated for '" + triple +
                                   "'");
  return machine;
}

llvm::Expected<bool> CpuTarget::hasFeature(llvm::StringRef feature) const {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      createMachine();
  if (!machine)
    return machine.takeError();
  return (*machine)->getMCSubtargetInfo()->checkFeatures(("+" + feature).str());
}

/// Whether code has instructions of a feature of x86 only where a program asks
/// for them by name, which none of RLX's does. Virtual machines often lack
/// these.
static bool isByNameOnly(llvm::StringRef feature) {
  constexpr llvm::StringLiteral names[] = {
      "cldemote",  "clflushopt", "clwb",   "clzero",    "enqcmd",    "fsgsbase",
      "hreset",    "invpcid",    "kl",     "lwp",       "movdir64b", "movdiri",
      "mwaitx",    "pconfig",    "pku",    "prefetchi", "prfchw",    "ptwrite",
      "raoint",    "rdpid",      "rdpru",  "rdrnd",     "rdseed",    "rtm",
      "serialize", "sgx",        "sha",    "sha512",    "shstk",     "sm3",
      "sm4",       "tsxldtrk",   "uintr",  "usermsr",   "waitpkg",   "wbnoinvd",
      "widekl",    "xsave",      "xsavec", "xsaveopt",  "xsaves"};
  return feature.starts_with("amx-") || llvm::is_contained(names, feature);
}

llvm::Error CpuTarget::checkHost() const {
  if (auto error = check())
    return error;
  llvm::Triple parsed(triple), process(llvm::sys::getProcessTriple());
  if (parsed.getArch() != process.getArch() ||
      parsed.getOS() != process.getOS())
    return llvm::createStringError(
        "code for '" + triple +
        "' cannot run in this process; emit it instead");
  // What only tunes code is not among the features of a host.
  std::unique_ptr<llvm::MCSubtargetInfo> info = describe();
  const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  llvm::SmallVector<llvm::StringRef> missing;
  for (const auto &feature : host)
    if (!feature.second && !isByNameOnly(feature.first()) &&
        isKnown(*info, feature.first()) &&
        info->checkFeatures(("+" + feature.first()).str()))
      missing.push_back(feature.first());
  if (missing.empty())
    return llvm::Error::success();
  llvm::sort(missing);
  return llvm::createStringError(
      "code for CPU '" + cpu + "' cannot run on this machine, which lacks " +
      llvm::join(missing, ", ") + "; emit it instead, or choose another CPU");
}

bool CpuTarget::prefers256Bits() const {
  llvm::SubtargetFeatures all(features);
  bool prefers = false;
  for (llvm::StringRef feature : all.getFeatures())
    if (llvm::SubtargetFeatures::StripFlag(feature) == "prefer-256-bit")
      prefers = llvm::SubtargetFeatures::isEnabled(feature);
  return prefers;
}

/// Features of other architectures are unknown to the target, not absent;
/// asking for those would be an error.
static bool hasKnownFeature(const llvm::MCSubtargetInfo &info,
                            llvm::StringRef feature) {
  return isKnown(info, feature) && info.checkFeatures(("+" + feature).str());
}

llvm::Expected<CpuProperties> CpuTarget::properties() const {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      createMachine();
  if (!machine)
    return machine.takeError();
  const llvm::MCSubtargetInfo *info = (*machine)->getMCSubtargetInfo();
  llvm::Triple parsed(triple);
  CpuProperties cpu;
  // 128-bit vectors, which every target has or LLVM emulates.
  cpu.vectorBits = 128;
  cpu.vectorRegisters = parsed.isAArch64() ? 32 : 16;
  for (llvm::StringRef feature : knownCpuFeatures())
    if (hasKnownFeature(*info, feature))
      cpu.features.push_back(feature.str());
  if (!parsed.isX86())
    return cpu;
  if (info->checkFeatures("+avx512f")) {
    bool isShort = prefers256Bits() && info->checkFeatures("+avx512vl");
    cpu.vectorBits = isShort ? 256 : 512;
    cpu.vectorRegisters = 32;
    // Vectors of 512 bits leave Intel's processors two ports for all that
    // vectors do, which is why LLVM prefers shorter ones there.
    cpu.twoVectorPorts = !isShort && info->checkFeatures("+prefer-256-bit");
  } else if (info->checkFeatures("+avx")) {
    cpu.vectorBits = 256;
  }
  return cpu;
}
