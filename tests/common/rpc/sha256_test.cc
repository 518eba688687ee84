#include "common/rpc/sha256.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "absl/strings/escaping.h"

namespace reeve::rpc {
namespace {

// What the functions that OpenSSL's manual recommends make of it.
std::string ByEvp(const std::string& text) {
  std::string digest(kSha256Bytes, '\0');
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
             EVP_sha256(), nullptr);
  return digest;
}
std::string ByHmac(const std::string& key, const std::string& text) {
  std::string mac(kSha256Bytes, '\0');
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &size);
  return mac;
}

TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(absl::BytesToHexString(Sha256Of({"abc"})),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(absl::BytesToHexString(Sha256Of({})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// RFC 4231, test cases 2 and 6.
TEST(Sha256, HmacIsThatOfTheStandard) {
  EXPECT_EQ(absl::BytesToHexString(HmacSha256("Jefe", {"what do ya want ", "for nothing?"})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      absl::BytesToHexString(HmacSha256(
          std::string(131, '\xaa'), {"Test Using Larger Than Block-Size Key - Hash Key First"})),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Sha256, AgreesWithOpenSslAtEverySize) {
  std::string text;
  for (size_t size = 0; size < 200; ++size) {
    const std::string_view all = text;
    EXPECT_EQ(Sha256Of({all.substr(0, size / 3), all.substr(size / 3)}), ByEvp(text)) << size;
    EXPECT_EQ(HmacSha256(text, {all}), ByHmac(text, text)) << size;
    text.push_back(static_cast<char>(size * 7));
  }
}

}  // namespace
}  // namespace reeve::rpc
