# REEVE_SANITIZE=address or thread: everything compiled here is watched by AddressSanitizer and UBSan, or by
# ThreadSanitizer. What they are told, and where their reports go, is in tests/support/sanitizer_options.cc.
set(REEVE_SANITIZE "" CACHE STRING "address (with undefined) or thread")
set(REEVE_SANITIZER_REPORTS ${CMAKE_BINARY_DIR}/sanitizer)
if(REEVE_SANITIZE)
  # Static: of the shared ones UBSan's would take the report's file from ASan's, and write to stderr.
  if(REEVE_SANITIZE STREQUAL address)
    set(reeve_sanitizers address,undefined)
    add_link_options(-static-libasan -static-libubsan)
  else()
    set(reeve_sanitizers ${REEVE_SANITIZE})
    add_link_options(-static-libtsan)
    foreach(lock _ZN4absl7debian35Mutex4LockEv _ZN4absl7debian35Mutex7TryLockEv
        _ZN4absl7debian35Mutex6UnlockEv _ZN4absl7debian37CondVar4WaitEPNS0_5MutexE
        _ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE
        _ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE)
      add_link_options(LINKER:--wrap=${lock})
    endforeach()
  endif()
  # -g1: lines are all that a report needs.
  add_compile_options(-O1 -g1 -fno-omit-frame-pointer -fsanitize=${reeve_sanitizers}
    -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${reeve_sanitizers})

  # Programs report whoever they run as.
  file(MAKE_DIRECTORY ${REEVE_SANITIZER_REPORTS})
  file(CHMOD ${REEVE_SANITIZER_REPORTS} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
    GROUP_READ GROUP_WRITE GROUP_EXECUTE WORLD_READ WORLD_WRITE WORLD_EXECUTE)

  # Into every program below, and of no use in a library.
  add_library(reeve_sanitizer_options OBJECT ${CMAKE_SOURCE_DIR}/tests/support/sanitizer_options.cc)
  target_compile_definitions(reeve_sanitizer_options PRIVATE
    REPORTS="${REEVE_SANITIZER_REPORTS}/report" SUPPORT="${CMAKE_SOURCE_DIR}/tests/support")
  if(REEVE_SANITIZE STREQUAL thread)
    target_sources(reeve_sanitizer_options PRIVATE ${CMAKE_SOURCE_DIR}/tests/support/tsan_locks.cc)
  endif()
  link_libraries(reeve_sanitizer_options)
endif()
