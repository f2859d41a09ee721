# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The lit suite: IR in, IR or messages out. CMake's part stands in lit.site.cfg.py.in.
#
# Programs are found through PATH: those of this build (rlx-opt, rlx-run, rlx-inspect, rlx-bench, rlx-compile), then
# LLVM's (FileCheck, not, count, split-file).
#
# Substitutions:
#   %golden             tests/golden
#   %qemu-aarch64       runs an AArch64 program with the cross compiler's libraries
#   %aarch64-cc         the C cross compiler
# Features, for REQUIRES and UNSUPPORTED:
#   native              code made for this machine runs on it (not cross-compiled)
#   x86, aarch64        the architecture of this machine
#   avx2, avx512        its vector extensions (avx512: F, BW, DQ, VL)
#   avx512_vnni         its dot products of bytes
#   qemu-aarch64        %qemu-aarch64 and %aarch64-cc are there
#   spirv-tools         spirv-val, spirv-as and spirv-dis are there
#   sanitized           programs are slower and larger than they are
#   vulkan-device, opencl-device
#                       there is a device of that API

import os
import shutil
import subprocess

import lit.formats

config.name = "rlx"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.binary_dir, "tests", "lit")

config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.binary_dir, "bin"), config.llvm_tools_dir, config.environment["PATH"]]
)
# lit starts from an empty environment. OpenCL's and Vulkan's loaders look for their drivers and caches through these;
# the sanitizers read theirs.
for name in (
    "HOME",
    "XDG_RUNTIME_DIR",
    "OCL_ICD_VENDORS",
    "VK_ICD_FILENAMES",
    "VK_DRIVER_FILES",
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
):
    if name in os.environ:
        config.environment[name] = os.environ[name]
config.environment["POCL_CACHE_DIR"] = os.path.join(config.test_exec_root, "pocl")

config.substitutions.append(("%golden", os.path.join(config.source_dir, "tests", "golden")))
if config.qemu_aarch64 and config.aarch64_cc:
    config.available_features.add("qemu-aarch64")
    config.substitutions.append(("%qemu-aarch64", f"{config.qemu_aarch64} -L /usr/aarch64-linux-gnu"))
    config.substitutions.append(("%aarch64-cc", config.aarch64_cc))


def processor_flags():
    """The flags of the first processor; none where the kernel does not tell."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("flags"):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


if not config.cross_compiling:
    config.available_features.add("native")
    if config.processor in ("x86_64", "AMD64"):
        config.available_features.add("x86")
        flags = processor_flags()
        for feature, needed in {
            "avx2": {"avx2", "fma", "f16c"},
            "avx512": {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
            "avx512_vnni": {"avx512_vnni"},
        }.items():
            if needed <= flags:
                config.available_features.add(feature)
    elif config.processor in ("aarch64", "arm64"):
        config.available_features.add("aarch64")


def listed_devices():
    """What rlx-run says about the devices of this machine; nothing where it cannot."""
    program = os.path.join(config.binary_dir, "bin", "rlx-run")
    try:
        command = [program, "--list-devices"]
        return subprocess.run(
            command, capture_output=True, text=True, env=dict(config.environment), timeout=60
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


if config.sanitized:
    config.available_features.add("sanitized")
if shutil.which("spirv-val") and shutil.which("spirv-as"):
    config.available_features.add("spirv-tools")
if not config.cross_compiling:
    devices = listed_devices()
    for api in ("vulkan", "opencl"):
        if f"{api}:0:" in devices:
            config.available_features.add(f"{api}-device")
    first = devices.partition("vulkan:0:")[2].partition("\n\n")[0]
    if "cooperative matrix " in first.partition("lacks")[0]:
        config.available_features.add("vulkan-matrices")
