# reeve_library(NAME dir DEPS...): a static library of all sources directly in the calling folder.
# A folder is one target, and its DEPS are the folders it may include: a wrong include fails to link.
add_library(reeve_flags INTERFACE)
target_include_directories(reeve_flags INTERFACE
  ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
target_compile_options(reeve_flags INTERFACE -Wall -Wextra -Wno-missing-field-initializers)

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
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  list(FILTER sources EXCLUDE REGEX "(main|_main)\\.cc$")
  if(NOT sources)
    set(sources ${CMAKE_SOURCE_DIR}/cmake/empty.cc)
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC reeve_flags ${ARGN})
  reeve_precompile(${name})
endfunction()

# reeve_test(NAME LABEL sources... DEPS libs...): one GoogleTest program, one CTest test a case.
function(reeve_test name label)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  set(sources)
  foreach(source ${arg_UNPARSED_ARGUMENTS})
    if(EXISTS ${source} OR EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${source})
      list(APPEND sources ${source})
    else()
      message(WARNING "${name}: ${source} is not there yet")
    endif()
  endforeach()
  if(NOT sources)
    set(sources ${CMAKE_SOURCE_DIR}/cmake/empty.cc)
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE reeve_flags ${arg_DEPS} GTest::gtest GTest::gtest_main GTest::gmock)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${label})
endfunction()
