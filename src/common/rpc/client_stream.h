// The client's end of a sealed stream: a connection and a thread of its own. Internal to
// common/rpc.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/client.h"
#include "common/rpc/dialer.h"

namespace reeve::rpc {

// `start` opens it, with `first` as its first message; `key` seals what comes after. Unavailable
// when the system gives no thread or descriptor.
absl::StatusOr<std::unique_ptr<Stream>> StartClientStream(std::shared_ptr<const Dialer> dialer,
                                                          http2::CallStart start, std::string first,
                                                          std::string key, Stream::Events events);

}  // namespace reeve::rpc
