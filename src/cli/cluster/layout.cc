#include "cli/cluster/layout.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::cluster {
namespace {

constexpr char kSocketNameRoom[] = "/node-a-long-node-name-of-30-letters.sock";

// FNV-1a: the same on every machine and in every build, unlike std::hash.
uint64_t Hash(std::string_view text) {
  uint64_t hash = 14695981039346656037ull;
  for (unsigned char c : text) hash = (hash ^ c) * 1099511628211ull;
  return hash ^ (hash >> 32);
}

std::string DefaultFolder() {
  if (const char* chosen = getenv("REEVE_CLUSTER"); chosen != nullptr && *chosen) return chosen;
  if (const char* state = getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return StrCat(state, "/reeve/cluster");
  }
  const char* home = getenv("HOME");
  if (home == nullptr || *home != '/') {
    const passwd* user = getpwuid(geteuid());
    home = user != nullptr ? user->pw_dir : "/tmp";
  }
  return StrCat(home, "/.local/state/reeve/cluster");
}

absl::Status MakePrivate(const std::string& path) {
  if (absl::Status status = os::EnsureDirectory(path, 0700); !status.ok()) return status;
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return os::ErrnoStatus(errno, StrCat("stat ", path));
  if (info.st_uid != geteuid()) {
    return absl::FailedPreconditionError(
        StrCat(path, " belongs to another user (uid ", info.st_uid, ")"));
  }
  if ((info.st_mode & 0777) != 0700 && chmod(path.c_str(), 0700) != 0) {
    return os::ErrnoStatus(errno, StrCat("chmod ", path));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Layout> FindLayout(const std::string& folder) {
  std::error_code error;
  std::filesystem::path path =
      std::filesystem::absolute(folder.empty() ? DefaultFolder() : folder, error);
  if (!error) path = std::filesystem::weakly_canonical(path, error);
  if (error) {
    return absl::InvalidArgumentError(StrCat("folder ", folder, ": ", error.message()));
  }
  Layout layout;
  layout.folder = path.string();
  while (layout.folder.size() > 1 && layout.folder.back() == '/') layout.folder.pop_back();
  for (char c : layout.folder) {
    if (absl::ascii_isspace(c) || absl::ascii_iscntrl(c) || c == '#' || c == '%' || c == ',') {
      return absl::InvalidArgumentError(StrCat(
          "folder ", layout.folder,
          ": blanks, '#', '%' and ',' cannot be written in slurm.conf; choose another --dir"));
    }
  }
  layout.sockets = layout.RunDir();
  if (layout.sockets.size() + sizeof(kSocketNameRoom) > sizeof(sockaddr_un::sun_path)) {
    layout.sockets = absl::StrFormat("/tmp/reeve-%d-%08x", geteuid(),
                                     static_cast<uint32_t>(Hash(layout.folder)));
  }
  return layout;
}

std::string Layout::ClusterName() const {
  std::string name;
  for (char c : std::filesystem::path(folder).filename().string()) {
    if (absl::ascii_isalnum(c) && name.size() < 20) name += absl::ascii_tolower(c);
  }
  return absl::StrFormat("%s-%06x", name.empty() ? "cluster" : name,
                         static_cast<uint32_t>(Hash(folder) & 0xffffff));
}

uint32_t Layout::Subnet() const {
  constexpr uint32_t kSubnets = 1 << (24 - (32 - kPrefixLength));
  uint32_t index = 1 + static_cast<uint32_t>((Hash(folder) >> 24) % (kSubnets - 1));
  return (10u << 24) + (index << (32 - kPrefixLength));
}

absl::Status CreateFolders(const Layout& layout) {
  bool known = os::PathExists(layout.Conf()) || os::PathExists(layout.LockFile());
  if (!known && os::PathExists(layout.folder)) {
    absl::StatusOr<std::vector<std::string>> names = os::ListDirectory(layout.folder);
    if (!names.ok()) return names.status();
    if (!names->empty()) {
      return absl::FailedPreconditionError(
          StrCat(layout.folder, " is not empty and holds no cluster; choose another --dir"));
    }
  }
  for (const std::string& path : {layout.folder, layout.RunDir(), layout.sockets, layout.MungeDir(),
                                  layout.StateDir(), layout.SpoolDir(), layout.LogDir()}) {
    if (absl::Status status = MakePrivate(path); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RemoveFolders(const Layout& layout) {
  for (const std::string& path :
       {layout.sockets, layout.MungeDir(), layout.TlsDir(), layout.StateDir(), layout.SpoolDir(),
        layout.LogDir(), layout.RunDir()}) {
    if (absl::Status status = os::RemoveTree(path); !status.ok()) return status;
  }
  unlink(layout.Conf().c_str());
  rmdir(layout.folder.c_str());  // stays when the user keeps something there
  return absl::OkStatus();
}

std::string FormatAddress(uint32_t address) {
  return absl::StrFormat("%d.%d.%d.%d", address >> 24, (address >> 16) & 255, (address >> 8) & 255,
                         address & 255);
}

}  // namespace reeve::cluster
