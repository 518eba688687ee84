// What both ends of a call call its parts. Internal to common/rpc.
#pragma once

#include <string>
#include <string_view>

#include "common/base/text.h"

namespace reeve::rpc {

inline constexpr char kCredentialKey[] = "reeve-credential";

// "Controller/SubmitJob" <-> "/reeve.v1.Controller/SubmitJob"
inline std::string FullMethod(std::string_view method) {
  return StrCat("/reeve.v1.", method);
}
inline std::string_view ShortMethod(std::string_view full) {
  constexpr std::string_view kPrefix = "/reeve.v1.";
  return full.substr(0, kPrefix.size()) == kPrefix ? full.substr(kPrefix.size())
                                                   : std::string_view();
}

}  // namespace reeve::rpc
