# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# How this project declares its libraries and programs: one library a folder, warnings on, includes from the root.
include(GNUInstallDirs)
include(CheckLinkerFlag)

# A link takes LLVM's linker a fifth of the time of the default one, and gold, which comes with Debian's binutils, a third.
set(RLX_LINKER)
foreach(linker lld gold)
  check_linker_flag(CXX "-fuse-ld=${linker}" RLX_HAVE_${linker})
  if(RLX_HAVE_${linker} AND NOT RLX_LINKER)
    set(RLX_LINKER -fuse-ld=${linker})
  endif()
endforeach()

function(rlx_configure_target target)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}>
    $<INSTALL_INTERFACE:include>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  # Interfaces have parameters that not all need. Sums marked by 'omp simd' may run in vectors; that all targets read the
  # mark lets all use one precompiled header.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-unused-parameter -fopenmp-simd)
  if(NOT target MATCHES "runtime|text")
    # As LLVM itself is built: the time of a compilation is spent there, and this takes a twentieth less time than -O3.
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O2>)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # These are wrong about code that GCC 12 inlines: of std::string, and, but in the runtime, of LLVM.
    target_compile_options(${target} PRIVATE -Wno-restrict)
    if(NOT target MATCHES "runtime|text")
      target_compile_options(${target} PRIVATE -Wno-stringop-overflow -Wno-array-bounds)
    endif()
  else()
    # Braces of nested aggregates say nothing that their types do not, and std::stable_sort of libstdc++ 12 uses what
    # C++17 deprecates.
    target_compile_options(${target} PRIVATE -Wno-missing-braces -Wno-deprecated-declarations)
  endif()
  target_link_options(${target} PRIVATE ${RLX_LINKER})
  # Neither LLVM's classes nor code of the JIT carries what these compare.
  set(not_in_jit -fno-sanitize=vptr)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND not_in_jit -fno-sanitize=function)
  endif()
  if(RLX_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-sanitize-recover=undefined
      ${not_in_jit} -fno-omit-frame-pointer -O1 -g1)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
  if(RLX_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link,address,undefined
      -fno-sanitize-recover=undefined ${not_in_jit} -fno-omit-frame-pointer -g)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()

# rlx_group_sources(TARGET SOURCES...): compiles the files of a room together, RLX_GROUP_SIZE at most. What each file costs
# by itself, MLIR's headers and their templates, is paid once a group; a change in one compiles its neighbours as well.
# Names that are static to a file must differ within a room; tests have a namespace a file.
set(RLX_GROUP_SIZE 12 CACHE STRING "The most files that are compiled together")
function(rlx_group_sources target)
  # Without those headers a file costs little.
  if(NOT RLX_GROUP_SOURCES OR target MATCHES "runtime|text")
    return()
  endif()
  set(rooms)
  foreach(source IN LISTS ARGN)
    get_source_file_property(alone ${source} SKIP_UNITY_BUILD_INCLUSION)
    if(alone)
      continue()
    endif()
    cmake_path(GET source PARENT_PATH room)
    string(MAKE_C_IDENTIFIER "room_${room}" room)
    list(APPEND rooms ${room})
    list(APPEND sources_of_${room} ${source})
  endforeach()
  list(REMOVE_DUPLICATES rooms)
  foreach(room IN LISTS rooms)
    list(LENGTH sources_of_${room} count)
    math(EXPR groups "(${count} + ${RLX_GROUP_SIZE} - 1) / ${RLX_GROUP_SIZE}")
    set(index 0)
    foreach(source IN LISTS sources_of_${room})
      math(EXPR group "${index} * ${groups} / ${count}")
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${room}_${group})
      math(EXPR index "${index} + 1")
    endforeach()
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()

# rlx_library(NAME SOURCES... LINK ...): a static library rlx_<NAME> with the alias rlx::<NAME>.
function(rlx_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(rlx_${name} STATIC ${ARG_SOURCES})
  add_library(rlx::${name} ALIAS rlx_${name})
  set_target_properties(rlx_${name} PROPERTIES EXPORT_NAME ${name})
  rlx_configure_target(rlx_${name})
  rlx_group_sources(rlx_${name} ${ARG_SOURCES})
  target_link_libraries(rlx_${name} PUBLIC ${ARG_LINK})
endfunction()

# rlx_program(NAME SOURCES... LINK ...): an installed program.
function(rlx_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  rlx_configure_target(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  if(COMMAND rlx_reuse_mlir_headers)
    rlx_reuse_mlir_headers(${name} ${ARG_LINK})
  endif()
  # LLVM's libraries lie where no loader looks.
  set_target_properties(${name} PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# rlx_unit_test(NAME SOURCES... LINK ... [SHARDS n]): a GoogleTest program, run by ctest, in n parts side by side.
function(rlx_unit_test name)
  cmake_parse_arguments(ARG "" "SHARDS" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  rlx_configure_target(${name})
  rlx_group_sources(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  if(COMMAND rlx_reuse_mlir_headers)
    rlx_reuse_mlir_headers(${name} ${ARG_LINK})
  endif()
  target_compile_definitions(${name} PRIVATE RLX_TEST_DIR="${PROJECT_SOURCE_DIR}/tests")
  if(NOT ARG_SHARDS)
    add_test(NAME unit/${name} COMMAND ${name})
    return()
  endif()
  foreach(shard RANGE 1 ${ARG_SHARDS})
    math(EXPR index "${shard} - 1")
    add_test(NAME unit/${name}-${shard} COMMAND ${name})
    set_tests_properties(unit/${name}-${shard} PROPERTIES
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${ARG_SHARDS};GTEST_SHARD_INDEX=${index}")
  endforeach()
endfunction()
