# Everything comes from Debian 12's packages; nothing is fetched or vendored. Libraries are linked
# statically where a static archive exists: a short-lived client spends most of its time in the
# dynamic loader otherwise. glibc stays dynamic (NSS).
find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(SQLite3 REQUIRED)

# spdlog header-only with the bundled formatter kept out: Debian's build uses libfmt.
find_package(spdlog CONFIG REQUIRED)

# gRPC's CMake package names the shared objects; the static archives come through pkg-config.
pkg_check_modules(GRPC REQUIRED grpc++)
execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --libs --static grpc++ protobuf
  OUTPUT_VARIABLE grpc_static_libs OUTPUT_STRIP_TRAILING_WHITESPACE)
separate_arguments(grpc_static_libs)
list(FILTER grpc_static_libs EXCLUDE REGEX "^-l(pthread|dl|rt|m)$|^-pthread$")
add_library(reeve_grpc INTERFACE)
target_link_libraries(reeve_grpc INTERFACE
  -Wl,-Bstatic ${grpc_static_libs} -Wl,-Bdynamic Threads::Threads ${CMAKE_DL_LIBS} rt)

# Absl::Status and friends for parts that do not speak gRPC: the same static archives.
execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --libs --static absl_statusor absl_time absl_strings absl_flat_hash_map
  OUTPUT_VARIABLE absl_static_libs OUTPUT_STRIP_TRAILING_WHITESPACE)
separate_arguments(absl_static_libs)
list(FILTER absl_static_libs EXCLUDE REGEX "^-l(pthread|dl|rt|m)$|^-pthread$")
add_library(reeve_absl INTERFACE)
target_link_libraries(reeve_absl INTERFACE
  -Wl,-Bstatic ${absl_static_libs} -Wl,-Bdynamic Threads::Threads)

find_library(MUNGE_STATIC libmunge.a REQUIRED)
find_library(SQLITE_STATIC libsqlite3.a REQUIRED)
find_library(PROTOBUF_STATIC libprotobuf.a REQUIRED)
add_library(reeve_sqlite INTERFACE)
target_link_libraries(reeve_sqlite INTERFACE ${SQLITE_STATIC} m ${CMAKE_DL_LIBS} Threads::Threads)
