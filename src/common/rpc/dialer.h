// Connections to one target: made when needed, kept between unary calls. Internal to common/rpc.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/http2/link.h"
#include "common/rpc/client.h"

namespace reeve::rpc {

// Thread-safe.
class Dialer {
 public:
  explicit Dialer(Target target);

  // Why nothing can be dialled at all: no readable CA, no address. OK otherwise.
  const absl::Status& broken() const { return broken_; }
  const Target& target() const { return target_; }

  // The opening of a call. Its `on_message` and `timeout` are for the caller to set.
  http2::CallStart StartOf(std::string_view method, std::string credential) const;

  bool needs_resolver() const { return !http2::IsLiteral(address_); }
  absl::StatusOr<std::vector<http2::SocketAddress>> Resolve() const;
  absl::StatusOr<std::unique_ptr<http2::Link>> Connect(
      const std::vector<http2::SocketAddress>& addresses, const http2::Patience& patience) const;

  // One that was kept, if the server has not closed it meanwhile; null if there is none.
  std::unique_ptr<http2::Link> TakeKept();
  absl::StatusOr<std::unique_ptr<http2::Link>> Dial(const http2::Patience& patience) const;
  void Keep(std::unique_ptr<http2::Link> link);
  void ForgetKept();  // the server seems to be gone

 private:
  Target target_;
  http2::Address address_;
  std::shared_ptr<const http2::TlsTrust> trust_;  // null: plain text
  absl::Status broken_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<http2::Link>> kept_;
};

}  // namespace reeve::rpc
