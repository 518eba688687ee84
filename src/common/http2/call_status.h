// How a call ends: from the words of the server to a status. Where gRPC's documents leave it open
// (statuscodes.md, http-grpc-status-mapping.md), as its C++ client has it: what is worth repeating
// is told by the code.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace reeve::http2 {

// The value of the header grpc-timeout, e.g. "10000m" (milliseconds); at least 1 ms, and at most
// the eight digits that the header may have.
std::string TimeoutHeader(absl::Duration timeout);

// grpc-message is percent-encoded. What is no valid escape stays as it is.
std::string DecodePercent(std::string_view text);

// For a stream that was reset with this error code of HTTP/2.
absl::Status StatusOfReset(uint32_t error_code);

// The headers and trailers of one answer, as far as they matter.
class AnswerHeaders {
 public:
  // Of headers and trailers alike; the last of a name counts. Unknown names are passed over.
  void Add(std::string_view name, std::string_view value);

  // Internal or an HTTP error's equivalent when this is no answer of gRPC at all; OK before
  // anything has come.
  absl::Status Check() const;

  // How the call ended, once the answer is over. Without grpc-status: Unknown.
  absl::Status Final() const;

 private:
  std::string http_status_;
  std::string content_type_;
  std::string grpc_status_;
  std::string grpc_message_;
};

}  // namespace reeve::http2
