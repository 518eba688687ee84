// TLS of a client, without its socket: what came goes in, what is to be sent comes out.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve::http2 {

// What a client believes: certificates that lead to one of those in a file. Shared by its
// connections.
class TlsTrust {
 public:
  // `ca_pem`: one certificate or several. InvalidArgument when there is none.
  static absl::StatusOr<std::shared_ptr<const TlsTrust>> FromPem(const std::string& ca_pem);
  ~TlsTrust();

  struct Parts;
  const Parts& parts() const { return *parts_; }

 private:
  explicit TlsTrust(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// One connection: TLS 1.2 or later, HTTP/2 by ALPN. Not thread-safe.
class TlsClient {
 public:
  // `name`: a host's name or number, which the server's certificate must carry.
  TlsClient(std::shared_ptr<const TlsTrust> trust, const std::string& name);
  ~TlsClient();

  // Takes what came from the server and appends what it says in plain text. Unavailable when the
  // server is not who it should be, or breaks the rules; `plain` may have got something before.
  absl::Status Receive(std::string_view bytes, std::string* plain);
  // Only when ready().
  absl::Status Send(std::string_view plain);
  // Appends what is to be sent to the server; the handshake's first words are there at once.
  void TakeOutput(std::string* out);

  bool ready() const;   // the handshake is over, the server is who it should be
  bool closed() const;  // the server has said that it says no more

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reeve::http2
