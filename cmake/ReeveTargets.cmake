# reeve_library(NAME dir DEPS...): a static library of all sources directly in the calling folder.
# A folder is one target, and its DEPS are the folders it may include: a wrong include fails to link.
# EXCEPT files... leaves those to another target.
add_library(reeve_flags INTERFACE)
target_include_directories(reeve_flags INTERFACE
  ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
# The last ones: g++ 12 sees faults in the standard library's strings and variants when it optimises.
target_compile_options(reeve_flags INTERFACE -Wall -Wextra -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds -Wno-stringop-overflow -Wno-restrict -Wno-maybe-uninitialized>)

# Abseil and the standard library are more than half of a file's compile time. A compiler launcher
# (ccache) does not cache what uses a precompiled header, and finds missing includes: then there is none.
function(reeve_precompile name)
  if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
    target_precompile_headers(${name} PRIVATE <algorithm> <functional> <map> <memory> <optional>
      <string> <string_view> <utility> <vector> <absl/status/statusor.h> <absl/time/clock.h>
      <absl/time/time.h> <absl/strings/str_cat.h> <absl/container/flat_hash_map.h>)
  endif()
endfunction()

function(reeve_library name)
  cmake_parse_arguments(arg "" "" "EXCEPT" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  list(FILTER sources EXCLUDE REGEX "(main|_main)\\.cc$")
  foreach(file ${arg_EXCEPT})
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  endforeach()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC reeve_flags ${arg_UNPARSED_ARGUMENTS})
  reeve_precompile(${name})
endfunction()

# reeve_test(NAME LABEL sources... DEPS libs...): one GoogleTest program, one CTest test a case.
function(reeve_test name label)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE reeve_flags ${arg_DEPS} GTest::gtest GTest::gtest_main GTest::gmock)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${label})
endfunction()
