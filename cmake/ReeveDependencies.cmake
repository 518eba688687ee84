# Everything comes from Debian 12's packages; nothing is fetched or vendored. Libraries are linked
# statically where a static archive exists: a short-lived client spends most of its time in the
# dynamic loader otherwise. glibc stays dynamic (NSS).
find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(mimalloc CONFIG REQUIRED)

# spdlog header-only with the bundled formatter kept out: Debian's build uses libfmt.
find_package(spdlog CONFIG REQUIRED)

# Turns -lfoo into the path of libfoo.a. Paths, since CMake drops repeated flags such as
# -Wl,-Bstatic and so would link the shared objects where two such lists meet.
function(reeve_archives out)
  set(archives "")
  foreach(flag ${ARGN})
    string(REGEX REPLACE "^-l" "" name "${flag}")
    find_library(archive_${name} lib${name}.a)
    if(archive_${name})
      list(APPEND archives ${archive_${name}})
    else()
      list(APPEND archives ${flag})
    endif()
    mark_as_advanced(archive_${name})
  endforeach()
  set(${out} ${archives} PARENT_SCOPE)
endfunction()

# gRPC's CMake package names the shared objects; the static archives come through pkg-config.
pkg_check_modules(GRPC REQUIRED grpc++)
execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --libs --static grpc++ protobuf
  OUTPUT_VARIABLE grpc_static_libs OUTPUT_STRIP_TRAILING_WHITESPACE)
separate_arguments(grpc_static_libs)
list(FILTER grpc_static_libs EXCLUDE REGEX "^-l(pthread|dl|rt|m)$|^-pthread$")
reeve_archives(grpc_archives ${grpc_static_libs})
add_library(reeve_grpc INTERFACE)
target_link_libraries(reeve_grpc INTERFACE ${grpc_archives} Threads::Threads ${CMAKE_DL_LIBS} rt)

# Absl::Status and friends for parts that do not speak gRPC: the same static archives.
execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --libs --static absl_statusor absl_time absl_strings absl_flat_hash_map
  OUTPUT_VARIABLE absl_static_libs OUTPUT_STRIP_TRAILING_WHITESPACE)
separate_arguments(absl_static_libs)
list(FILTER absl_static_libs EXCLUDE REGEX "^-l(pthread|dl|rt|m)$|^-pthread$")
reeve_archives(absl_archives ${absl_static_libs})
add_library(reeve_absl INTERFACE)
target_link_libraries(reeve_absl INTERFACE ${absl_archives} Threads::Threads)

find_library(MUNGE_STATIC libmunge.a REQUIRED)
find_library(SQLITE_STATIC libsqlite3.a REQUIRED)
find_library(PROTOBUF_STATIC libprotobuf.a REQUIRED)
find_library(ZLIB_STATIC libz.a REQUIRED)
add_library(reeve_sqlite INTERFACE)
target_link_libraries(reeve_sqlite INTERFACE ${SQLITE_STATIC} m ${CMAKE_DL_LIBS} Threads::Threads)

# The client's HTTP/2, and TLS below it.
pkg_check_modules(NGHTTP2 REQUIRED libnghttp2)
reeve_archives(nghttp2_archives -lnghttp2)
add_library(reeve_nghttp2 INTERFACE)
target_link_libraries(reeve_nghttp2 INTERFACE ${nghttp2_archives})
reeve_archives(openssl_archives -lssl -lcrypto)
add_library(reeve_openssl INTERFACE)
target_link_libraries(reeve_openssl INTERFACE ${openssl_archives} ${CMAKE_DL_LIBS} Threads::Threads)
