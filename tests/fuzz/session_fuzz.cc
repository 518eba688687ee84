// Sealed streams and the binding of credentials: what is sent arrives; what was changed, dropped,
// repeated, reordered or turned around is refused.
#include <deque>

#include "common/rpc/session.h"
#include "tests/fuzz/check.h"

namespace reeve::rpc {
namespace {

using fuzz::Bytes;
using fuzz::Expect;

void Sealed(Bytes bytes) {
  const std::string key(kKeyBytes, static_cast<char>(bytes.Byte()));
  Session sender(key, Session::End::kClient), receiver(key, Session::End::kServer);
  std::deque<std::pair<std::string, std::string>> wire;  // sealed, body
  while (!bytes.empty()) {
    const uint32_t choice = bytes.Below(8);
    if (choice < 4 || wire.empty()) {
      const std::string body(bytes.Text());
      wire.emplace_back(sender.Seal(body), body);
      continue;
    }
    auto [sealed, body] = wire.front();
    bool honest = true;
    if (choice == 5) {
      const size_t at = bytes.Below(static_cast<uint32_t>(sealed.size()));
      const char flip = static_cast<char>(bytes.Byte());
      sealed[at] = static_cast<char>(sealed[at] ^ flip);
      honest = flip == 0;
    } else if (choice == 6) {
      if (wire.size() > 1) sealed = wire[1].first, honest = false;
    } else if (choice == 7) {
      // The receiver's own voice: nobody may send it back to it.
      sealed = receiver.Seal(body), honest = false;
    }
    absl::StatusOr<std::string> opened = receiver.Open(sealed);
    Expect(opened.ok() == honest, honest ? "an honest message is refused" : "a forgery passes");
    if (!honest) return;  // the stream is over
    Expect(*opened == body, "another text arrives");
    wire.pop_front();
  }
}

void Arbitrary(Bytes bytes) {
  Session receiver(std::string(kKeyBytes, 'k'), Session::End::kServer);
  Expect(!receiver.Open(bytes.Rest()).ok(), "any bytes pass as a sealed message");
}

void Binding(Bytes bytes) {
  const std::string method(bytes.Text()), request(bytes.Text());
  const std::string key = bytes.Flag() ? std::string(kKeyBytes, 'k') : "";
  const std::string payload = BindCall(method, request, key);
  absl::StatusOr<std::string> bound = CheckBinding(payload, method, request);
  Expect(bound.ok() && *bound == key, "our own binding is refused");
  Expect(!CheckBinding(payload, method + "x", request).ok(), "bound to another method");
  Expect(!CheckBinding(payload, method, request + "x").ok(), "bound to another request");
  // Where method and request meet is part of what is bound.
  if (!request.empty() && request[0] != '\0') {
    Expect(!CheckBinding(payload, method + request.substr(0, 1), request.substr(1)).ok(),
           "the border may move");
  }
  const std::string other(bytes.Rest());
  Expect(other == payload || !CheckBinding(other, method, request).ok(), "any bytes are a binding");
}

}  // namespace
}  // namespace reeve::rpc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::fuzz::Bytes bytes(data, size);
  constexpr void (*kParts[])(reeve::fuzz::Bytes) = {reeve::rpc::Sealed, reeve::rpc::Arbitrary,
                                                    reeve::rpc::Binding};
  const uint32_t part = bytes.Below(3);
  kParts[part](bytes);
  return 0;
}
