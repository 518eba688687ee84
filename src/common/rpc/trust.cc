#include "common/rpc/trust.h"

#include <pwd.h>

#include <charconv>
#include <vector>

#include "common/base/text.h"

namespace reeve::rpc {
namespace {

absl::StatusOr<std::vector<uid_t>> FindUids(const std::vector<std::string>& users,
                                            std::string_view key) {
  std::vector<uid_t> uids;
  for (const std::string& user : users) {
    absl::StatusOr<uid_t> uid = FindUid(user);
    if (!uid.ok()) return Annotate(uid.status(), key);
    uids.push_back(*uid);
  }
  return uids;
}

}  // namespace

absl::StatusOr<uid_t> FindUid(const std::string& user) {
  uid_t uid = 0;
  const char* const end_of_user = user.data() + user.size();
  auto [end, error] = std::from_chars(user.data(), end_of_user, uid);
  if (error == std::errc() && end == end_of_user) return uid;
  struct passwd entry;
  struct passwd* found = nullptr;
  std::vector<char> buffer(1 << 16);
  getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return absl::NotFoundError(StrCat("there is no user '", user, "'"));
  return found->pw_uid;
}

absl::StatusOr<Trust> TrustOf(const Config& config) {
  absl::StatusOr<uid_t> slurm_user = FindUid(config.slurm_user);
  if (!slurm_user.ok()) return Annotate(slurm_user.status(), "SlurmUser");
  absl::StatusOr<uid_t> slurmd_user = FindUid(config.slurmd_user);
  if (!slurmd_user.ok()) return Annotate(slurmd_user.status(), "SlurmdUser");
  absl::StatusOr<std::vector<uid_t>> operators = FindUids(config.operators, "ReeveOperators");
  if (!operators.ok()) return operators.status();
  absl::StatusOr<std::vector<uid_t>> administrators =
      FindUids(config.administrators, "ReeveAdministrators");
  if (!administrators.ok()) return administrators.status();
  return Trust{*slurm_user, *slurmd_user, *std::move(operators), *std::move(administrators)};
}

}  // namespace reeve::rpc
