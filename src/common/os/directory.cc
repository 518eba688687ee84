// Folders: making, listing and removing them.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::os {
namespace {

constexpr int kMaxDepth = 256;  // of a tree to remove; each level holds a descriptor open

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

bool IsDots(std::string_view name) {
  return name == "." || name == "..";
}

absl::Status MakeOne(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0) {
    // mkdir(2) applies the umask.
    if (chmod(path.c_str(), mode) != 0) return ErrnoStatus(errno, StrCat("chmod ", path));
    return absl::OkStatus();
  }
  const int error = errno;
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return absl::OkStatus();
    return absl::FailedPreconditionError(StrCat(path, " is no directory"));
  }
  return ErrnoStatus(error, StrCat("mkdir ", path));
}

// Empties the folder behind `fd` (which it takes over). Works with descriptors throughout: a path
// could be exchanged for a symbolic link between two calls.
absl::Status EmptyDirectory(int fd, dev_t device, const std::string& path, int depth) {
  Directory folder(fdopendir(fd), closedir);
  if (folder == nullptr) {
    const int error = errno;
    close(fd);
    return ErrnoStatus(error, StrCat("open ", path));
  }
  if (depth > kMaxDepth) return absl::FailedPreconditionError(StrCat(path, ": nested too deeply"));
  while (const dirent* entry = readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (IsDots(name)) continue;
    const std::string inside = StrCat(path, "/", name);
    struct stat info;
    if (fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return ErrnoStatus(errno, StrCat("stat ", inside));
    }
    const bool is_folder = S_ISDIR(info.st_mode);
    if (is_folder) {
      if (info.st_dev != device) {
        return absl::FailedPreconditionError(
            StrCat(inside, ": another file system is mounted here"));
      }
      const int child = openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (child < 0) return ErrnoStatus(errno, StrCat("open ", inside));
      absl::Status emptied = EmptyDirectory(child, device, inside, depth + 1);
      if (!emptied.ok()) return emptied;
    }
    if (unlinkat(fd, name.c_str(), is_folder ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, StrCat("remove ", inside));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status EnsureDirectory(const std::string& path, mode_t mode) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (slash + 1 == path.size()) break;  // a trailing slash
    absl::Status made = MakeOne(path.substr(0, slash), 0755);
    if (!made.ok()) return made;
  }
  return MakeOne(path, mode);
}

absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path) {
  Directory folder(opendir(path.c_str()), closedir);
  if (folder == nullptr) return ErrnoStatus(errno, StrCat("open ", path));
  std::vector<std::string> names;
  while (const dirent* entry = readdir(folder.get())) {
    if (!IsDots(entry->d_name)) names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemoveTree(const std::string& path) {
  struct stat info;
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return ErrnoStatus(errno, StrCat("open ", path));
  }
  if (fstat(fd, &info) != 0) {
    const int error = errno;
    close(fd);
    return ErrnoStatus(error, StrCat("stat ", path));
  }
  absl::Status emptied = EmptyDirectory(fd, info.st_dev, path, 0);
  if (!emptied.ok()) return emptied;
  if (rmdir(path.c_str()) != 0 && errno != ENOENT)
    return ErrnoStatus(errno, StrCat("rmdir ", path));
  return absl::OkStatus();
}

}  // namespace reeve::os
