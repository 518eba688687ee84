#include "cli/user_lookup.h"

#include <pwd.h>

#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {

std::optional<uint32_t> FindUid(std::string_view user) {
  if (user.empty()) return std::nullopt;
  if (const passwd* entry = getpwnam(std::string(user).c_str())) return entry->pw_uid;
  absl::StatusOr<uint64_t> number = ParseUint(user, "user", UINT32_MAX - 1);
  if (!number.ok()) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

std::string UserNameOf(uint32_t uid) {
  const passwd* entry = getpwuid(uid);
  return entry == nullptr ? StrCat(uid) : entry->pw_name;
}

}  // namespace reeve::cli
