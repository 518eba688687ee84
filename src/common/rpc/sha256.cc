// The plain functions are deprecated since OpenSSL 3.0, not gone.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "common/rpc/sha256.h"

#include <openssl/sha.h>

namespace reeve::rpc {
namespace {

constexpr size_t kBlockBytes = 64;

static_assert(kSha256Bytes == SHA256_DIGEST_LENGTH);

// `block`, then the parts.
std::string Digest(std::string_view block, std::initializer_list<std::string_view> parts) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, block.data(), block.size());
  for (std::string_view part : parts) SHA256_Update(&context, part.data(), part.size());
  std::string digest(kSha256Bytes, '\0');
  SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), &context);
  return digest;
}

}  // namespace

std::string Sha256Of(std::initializer_list<std::string_view> parts) {
  return Digest("", parts);
}

std::string HmacSha256(std::string_view key, std::initializer_list<std::string_view> parts) {
  std::string inner = key.size() > kBlockBytes ? Sha256Of({key}) : std::string(key);
  inner.resize(kBlockBytes, '\0');
  std::string outer = inner;
  for (char& byte : inner) byte = static_cast<char>(byte ^ 0x36);
  for (char& byte : outer) byte = static_cast<char>(byte ^ 0x5c);
  return Digest(outer, {Digest(inner, parts)});
}

}  // namespace reeve::rpc
