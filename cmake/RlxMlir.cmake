# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# LLVM and MLIR 22. Only the shared libraries LLVM and MLIR are linked: a static MLIRxxx library would bring a second
# copy of MLIR into the process.
find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22)
message(STATUS "MLIR ${LLVM_PACKAGE_VERSION} in ${MLIR_DIR}")
find_program(RLX_MLIR_TBLGEN mlir-tblgen HINTS ${LLVM_TOOLS_BINARY_DIR} NO_DEFAULT_PATH REQUIRED)

# rlx_use_mlir(TARGET [INTERFACE]): include paths, the ABI-relevant flags of the LLVM build, and the shared libraries.
function(rlx_use_mlir target)
  set(scope PUBLIC)
  if(ARGC GREATER 1)
    set(scope ${ARGV1})
  endif()
  target_include_directories(${target} SYSTEM ${scope} ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  separate_arguments(definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
  target_compile_definitions(${target} ${scope} ${definitions})
  target_compile_options(${target} ${scope} $<BUILD_INTERFACE:-fno-exceptions>)
  target_link_libraries(${target} ${scope} MLIR LLVM)
endfunction()

# rlx_tablegen(TARGET FILE.td OUTPUT "FLAGS" [OUTPUT "FLAGS" ...]): generates headers of one folder with mlir-tblgen.
function(rlx_tablegen target td)
  set(outputs)
  set(arguments ${ARGN})
  while(arguments)
    list(POP_FRONT arguments output flags)
    separate_arguments(flags NATIVE_COMMAND "${flags}")
    add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${output}
      COMMAND ${RLX_MLIR_TBLGEN} ${flags} -I ${MLIR_INCLUDE_DIRS} -I ${PROJECT_SOURCE_DIR}
              ${CMAKE_CURRENT_SOURCE_DIR}/${td} -o ${CMAKE_CURRENT_BINARY_DIR}/${output}
              --write-if-changed -d ${CMAKE_CURRENT_BINARY_DIR}/${output}.d
      DEPFILE ${CMAKE_CURRENT_BINARY_DIR}/${output}.d
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${td}
      COMMENT "mlir-tblgen ${output}")
    list(APPEND outputs ${CMAKE_CURRENT_BINARY_DIR}/${output})
  endwhile()
  add_custom_target(${target} DEPENDS ${outputs})
endfunction()

# rlx_reuse_mlir_headers(TARGET LINK...): what rlx_ir precompiled, for a program that links MLIR.
function(rlx_reuse_mlir_headers target)
  if(NOT "${ARGN}" MATCHES "rlx::(ir|passes|codegen)")
    return()
  endif()
  rlx_precompile_mlir(${target} REUSE_FROM rlx_ir)
  # A precompiled header is for one way to make code, and libraries are made of -fPIC.
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC)
endfunction()

# rlx_precompile_mlir(TARGET [REUSE_FROM OTHER]): parsing MLIR's headers takes most of a file's compile time.
function(rlx_precompile_mlir target)
  # What a compiler cache needs in order to know the same precompiled header again.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  else()
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
  if(ARGC GREATER 1)
    target_precompile_headers(${target} REUSE_FROM ${ARGV2})
    return()
  endif()
  target_precompile_headers(${target} PRIVATE
    <mlir/Dialect/Arith/IR/Arith.h>
    <mlir/Dialect/Func/IR/FuncOps.h>
    <mlir/Dialect/Math/IR/Math.h>
    <mlir/Dialect/MemRef/IR/MemRef.h>
    <mlir/Dialect/SCF/IR/SCF.h>
    <mlir/Dialect/Tensor/IR/Tensor.h>
    <mlir/Dialect/Vector/IR/VectorOps.h>
    <mlir/IR/BuiltinOps.h>
    <mlir/Pass/PassManager.h>
    <mlir/Transforms/DialectConversion.h>)
  # GCC's file has 500 MB without these, all of which each file loads, and twice as much with them. Clang loads what a file
  # uses.
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_precompile_headers(${target} PRIVATE
      <llvm/Support/FormatVariadic.h>
      <llvm/Support/JSON.h>
      <mlir/Dialect/Affine/IR/AffineOps.h>
      <mlir/Dialect/GPU/IR/GPUDialect.h>
      <mlir/Dialect/LLVMIR/LLVMDialect.h>
      <mlir/Dialect/Linalg/IR/Linalg.h>
      <mlir/Dialect/SPIRV/IR/SPIRVOps.h>
      <mlir/IR/ImplicitLocOpBuilder.h>
      <mlir/Transforms/GreedyPatternRewriteDriver.h>)
  endif()
endfunction()
