// Small conversions between gRPC's types and ours. Internal to common/rpc: the only folder that
// includes gRPC's headers, for the servers' side.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace reeve::rpc {

// Before anything else of gRPC, on whichever thread is first: gRPC reads the variable more than
// once while it sets itself up, and aborts when it changes meanwhile.
inline void PrepareGrpc() {
  static const bool prepared = [] {
    // The C library's resolver knows what the host knows (/etc/hosts, NSS).
    setenv("GRPC_DNS_RESOLVER", "native", 0);
    // As Debian builds it, Abseil looks for deadlocks at every lock that gRPC takes.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    return true;
  }();
  (void)prepared;
}

// Both code spaces are the same numbers.
inline grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}
inline absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

inline grpc::ByteBuffer ToBuffer(std::string_view bytes) {
  grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}
inline std::string ToString(const grpc::ByteBuffer& buffer) {
  std::string bytes;
  grpc::Slice single;
  if (buffer.TrySingleSlice(&single).ok()) {
    bytes.assign(reinterpret_cast<const char*>(single.begin()), single.size());
    return bytes;
  }
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace reeve::rpc
