# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What an installation holds: headers, libraries, a CMake package and a pkg-config file. Programs are installed where
# they are declared (rlx_program).
#
#   find_package(rlx CONFIG REQUIRED)
#   target_link_libraries(app PRIVATE rlx::rlx)        # the whole: compiler and runtime
#   target_link_libraries(app PRIVATE rlx::runtime)    # without LLVM
#   target_link_libraries(pass PRIVATE rlx::plugin)    # a module for rlx-opt --load-pass-plugin
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Only what was built is offered: with RLX_COMPILER=OFF that is the runtime.
set(folders)
foreach(name runtime text ir passes quantize weights codegen)
  if(TARGET rlx_${name})
    list(APPEND folders ${name})
    install(TARGETS rlx_${name} EXPORT rlxTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
      LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
endforeach()
if(TARGET rlx_codegen)
  add_library(rlx INTERFACE)
  add_library(rlx::rlx ALIAS rlx)
  target_link_libraries(rlx INTERFACE rlx_codegen)
  install(TARGETS rlx EXPORT rlxTargets)
  # Headers alone: the code is in rlx-opt.
  add_library(rlx_plugin INTERFACE)
  add_library(rlx::plugin ALIAS rlx_plugin)
  set_target_properties(rlx_plugin PROPERTIES EXPORT_NAME plugin)
  target_compile_features(rlx_plugin INTERFACE cxx_std_20)
  target_include_directories(rlx_plugin INTERFACE $<INSTALL_INTERFACE:include>)
  rlx_use_mlir(rlx_plugin INTERFACE)
  install(TARGETS rlx_plugin EXPORT rlxTargets)
endif()

# The headers that others may include, as <rlx/codegen/Compiler.h>; no other is installed. InstallHeaders.cmake turns
# their includes of each other, written from the root here, into that form.
set(public_headers
  runtime/CacheDirectory.h
  runtime/MappedFile.h
  runtime/Npy.h
  runtime/Status.h
  runtime/Tensor.h
  runtime/cpu/KernelAbi.h
  runtime/cpu/ThreadPool.h
  runtime/gpu/Device.h
  runtime/gpu/MemoryPlan.h
  runtime/gpu/Program.h
  runtime/gpu/ProgramSizes.h
  runtime/gpu/Session.h
  runtime/text/ChatFormat.h
  runtime/text/Sampler.h
  runtime/text/TextEncoder.h
  runtime/text/Tokenizer.h
  runtime/text/Vocabulary.h
  runtime/weights/Gguf.h
  runtime/weights/GgufValue.h
  runtime/weights/GgufWriter.h
  runtime/OutputFile.h
  runtime/weights/LogicalWeight.h
  runtime/weights/SafetensorsReader.h
  runtime/weights/SafetensorsWriter.h
  runtime/weights/WeightFile.h)
if(TARGET rlx_codegen)
  list(APPEND public_headers
    codegen/Calibration.h
    codegen/Compiler.h
    codegen/Executable.h
    codegen/Signature.h
    codegen/StateMemory.h
    codegen/StatusError.h
    codegen/Verify.h
    codegen/WeightBindings.h
    codegen/weights/LogicalBinder.h
    codegen/weights/WeightLoader.h
    codegen/cpu/ObjectCode.h
    codegen/cpu/Target.h
    codegen/gpu/DeviceCompiler.h
    codegen/gpu/DeviceExecutable.h
    codegen/ProgramMemory.h
    codegen/models/Architectures.h
    codegen/models/Encoder.h
    codegen/models/Model.h
    codegen/models/ModelBuilder.h
    codegen/models/ModelConfig.h
    codegen/quantize/FakeQuantize.h
    codegen/quantize/Quantizer.h
    codegen/quantize/RowSample.h
    codegen/quantize/methods/Activations.h
    codegen/quantize/methods/Awq.h
    codegen/quantize/methods/Gptq.h
    codegen/quantize/methods/MixedPrecision.h
    codegen/quantize/methods/PlainVectors.h
    codegen/quantize/methods/QuantizedWeight.h
    codegen/quantize/methods/RowParts.h
    codegen/quantize/methods/SmoothQuant.h
    codegen/quantize/methods/StreamWeight.h
    codegen/quantize/methods/UpperTriangle.h
    codegen/quantize/methods/ValueCollector.h
    codegen/reference/Evaluate.h
    codegen/reference/Numbers.h
    ir/CalibrationRecord.h
    ir/CpuProperties.h
    ir/Dialect.h
    ir/Histogram.h
    ir/QuantConfig.h
    ir/QuantMethod.h
    ir/QuantRule.h
    ir/FieldTerms.h
    ir/IndexSteps.h
    ir/Reference.h
    ir/Scheme.h
    ir/WeightMemory.h
    ir/RlxAttributes.h.inc
    ir/RlxDialect.h.inc
    ir/RlxEnums.h.inc
    ir/RlxInterfaces.h.inc
    ir/RlxOps.h.inc
    passes/Passes.h
    passes/Passes.h.inc)
endif()
install(CODE "set(headers \"${public_headers}\")
set(folders \"${PROJECT_SOURCE_DIR};${PROJECT_BINARY_DIR}\")")
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/InstallHeaders.cmake)

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE
  DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/rlx)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rlx)
if(folders)
  install(EXPORT rlxTargets NAMESPACE rlx:: DESTINATION ${package_dir})
endif()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/rlxConfig.cmake.in ${PROJECT_BINARY_DIR}/cmake/rlxConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/rlxConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cmake/rlxConfig.cmake ${PROJECT_BINARY_DIR}/cmake/rlxConfigVersion.cmake
  DESTINATION ${package_dir})

if(TARGET rlx_runtime)
  set(pkgconfig_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
  file(RELATIVE_PATH pkgconfig_to_prefix ${pkgconfig_dir} ${CMAKE_INSTALL_PREFIX})
  configure_file(${CMAKE_CURRENT_LIST_DIR}/rlx-runtime.pc.in ${PROJECT_BINARY_DIR}/cmake/rlx-runtime.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/cmake/rlx-runtime.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
