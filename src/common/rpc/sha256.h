// SHA-256 (FIPS 180-4) and HMAC over it (RFC 2104). For common/rpc and reeve-pmixd.
//
// By OpenSSL's plain functions: those that its manual recommends read its configuration and set up
// its providers first, which costs a command more than everything else it does with OpenSSL.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace reeve::rpc {

inline constexpr size_t kSha256Bytes = 32;

// Of the parts as one text; raw bytes.
std::string Sha256Of(std::initializer_list<std::string_view> parts);
std::string HmacSha256(std::string_view key, std::initializer_list<std::string_view> parts);

}  // namespace reeve::rpc
