#include "common/rpc/session.h"

#include <openssl/crypto.h>
#include <sys/random.h>

#include <cstdlib>

#include "common/base/text.h"
#include "common/rpc/sha256.h"

namespace reeve::rpc {
namespace {

constexpr char kVersion = 1;
constexpr size_t kMacBytes = 16;

std::string CallDigest(std::string_view method, std::string_view request) {
  return Sha256Of({method, std::string_view("\0", 1), request});
}

}  // namespace

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  size_t filled = 0;
  while (filled < count) {
    ssize_t got = getrandom(bytes.data() + filled, count - filled, 0);
    if (got > 0) filled += static_cast<size_t>(got);
    if (got < 0 && errno != EINTR) std::abort();  // no kernel we run on lacks it
  }
  return bytes;
}

std::string Sha256(std::string_view bytes) {
  return Sha256Of({bytes});
}

std::string BindCall(std::string_view method, std::string_view request, std::string_view key) {
  return StrCat(std::string_view(&kVersion, 1), CallDigest(method, request), key);
}

absl::StatusOr<std::string> CheckBinding(std::string_view payload, std::string_view method,
                                         std::string_view request) {
  constexpr size_t kFixed = 1 + kSha256Bytes;
  if ((payload.size() != kFixed && payload.size() != kFixed + kKeyBytes) ||
      payload[0] != kVersion) {
    return absl::UnauthenticatedError("credential refused: not one of Reeve's");
  }
  std::string expected = CallDigest(method, request);
  if (CRYPTO_memcmp(expected.data(), payload.data() + 1, expected.size()) != 0) {
    return absl::UnauthenticatedError("credential refused: made for another call");
  }
  return std::string(payload.substr(kFixed));
}

std::string Session::Mac(End sender, uint64_t counter, std::string_view body) const {
  char head[1 + sizeof counter] = {static_cast<char>(sender)};
  for (size_t i = 0; i < sizeof counter; ++i) head[1 + i] = static_cast<char>(counter >> (8 * i));
  std::string mac = HmacSha256(key_, {std::string_view(head, sizeof head), body});
  mac.resize(kMacBytes);
  return mac;
}

std::string Session::Seal(std::string_view body) {
  return StrCat(Mac(end_, sent_++, body), body);
}

absl::StatusOr<std::string> Session::Open(std::string_view sealed) {
  if (broken_) return absl::UnauthenticatedError("stream message after one with a wrong seal");
  broken_ = true;
  if (sealed.size() < kMacBytes) return absl::UnauthenticatedError("stream message without a seal");
  std::string_view body = sealed.substr(kMacBytes);
  End peer = end_ == End::kClient ? End::kServer : End::kClient;
  std::string expected = Mac(peer, received_++, body);
  if (CRYPTO_memcmp(expected.data(), sealed.data(), kMacBytes) != 0) {
    return absl::UnauthenticatedError("stream message with a wrong seal");
  }
  broken_ = false;
  return std::string(body);
}

}  // namespace reeve::rpc
