// Descriptors and files. Messages of errors name the path and the operation; the code follows errno
// (ENOENT NotFound, EACCES and EPERM PermissionDenied, EEXIST AlreadyExists, ENOSPC and EDQUOT
// ResourceExhausted, else Internal).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve::os {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  explicit operator bool() const { return valid(); }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// "open /var/x: No such file or directory", with the code of `error`.
absl::Status ErrnoStatus(int error, std::string_view what);

// All opened with O_CLOEXEC.
absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags, mode_t mode = 0600);
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};
absl::StatusOr<Pipe> MakePipe(int flags = 0);  // O_NONBLOCK may be added

absl::Status SetCloexec(int fd, bool on);
absl::Status SetNonblock(int fd, bool on);

// Whole files; more than `limit` bytes is ResourceExhausted.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit = size_t{1} << 30);
absl::StatusOr<std::string> ReadFd(int fd, size_t limit = size_t{1} << 30);
absl::Status WriteAll(int fd, std::string_view data);  // blocking; goes on after EINTR

// The file has either its old or its new content after a crash: written beside, synced, renamed,
// and the folder synced.
absl::Status WriteFileAtomically(const std::string& path, std::string_view data,
                                 mode_t mode = 0600);
// Plain and not synced: truncates or creates.
absl::Status WriteFile(const std::string& path, std::string_view data, mode_t mode = 0600);

// This process's id and a line break, for SlurmctldPidFile and its kin; an empty path does nothing.
absl::Status WritePidFile(const std::string& path);

// Creates missing parents with 0755 and the last one with `mode`; a folder that exists keeps its
// rights. Not a folder: FailedPrecondition.
absl::Status EnsureDirectory(const std::string& path, mode_t mode = 0700);
absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path);  // sorted, no dots
bool PathExists(const std::string& path);

// Deletes the folder and all below it without following symbolic links and without leaving its
// file system. OK when it does not exist.
absl::Status RemoveTree(const std::string& path);

}  // namespace reeve::os
