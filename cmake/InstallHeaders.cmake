# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Installs `headers`, found in `folders`, below include/rlx, and has them include each other from there. That a public
# header includes one that is not public is an error.
cmake_policy(SET CMP0057 NEW) # IN_LIST
foreach(header IN LISTS headers)
  set(source)
  foreach(folder IN LISTS folders)
    if(NOT source AND EXISTS ${folder}/${header})
      set(source ${folder}/${header})
    endif()
  endforeach()
  if(NOT source)
    message(FATAL_ERROR "'${header}' is a public header, but there is no such file in: ${folders}")
  endif()
  file(READ ${source} text)
  string(REGEX MATCHALL "#include \"(ir|passes|codegen|runtime)/[^\"]+\"" includes "${text}")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE "#include \"([^\"]+)\"" "\\1" included "${include}")
    if(NOT included IN_LIST headers)
      message(FATAL_ERROR "the public header '${header}' includes '${included}', which is not public")
    endif()
  endforeach()
  string(REGEX REPLACE "#include \"((ir|passes|codegen|runtime)/[^\"]+)\"" "#include <rlx/\\1>" text "${text}")
  set(target ${CMAKE_INSTALL_PREFIX}/include/rlx/${header})
  file(WRITE $ENV{DESTDIR}${target} "${text}")
  list(APPEND CMAKE_INSTALL_MANIFEST_FILES ${target})
endforeach()
message(STATUS "Installed the public headers: ${CMAKE_INSTALL_PREFIX}/include/rlx")
