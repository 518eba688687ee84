#include "common/os/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/base/text.h"

namespace reeve::os {
namespace {

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status SyncDirectory(const std::string& path) {
  absl::StatusOr<UniqueFd> folder = OpenFile(path, O_RDONLY | O_DIRECTORY);
  if (!folder.ok()) return folder.status();
  if (fsync(folder->get()) != 0) return ErrnoStatus(errno, StrCat("fsync ", path));
  return absl::OkStatus();
}

absl::Status SetFlag(int fd, int get, int set, int flag, bool on) {
  const int flags = fcntl(fd, get);
  if (flags < 0) return ErrnoStatus(errno, "fcntl");
  if (fcntl(fd, set, on ? flags | flag : flags & ~flag) < 0) return ErrnoStatus(errno, "fcntl");
  return absl::OkStatus();
}

// open(2) applies the umask; a file that others must (not) read needs its exact rights.
absl::Status WriteNew(const std::string& path, std::string_view data, mode_t mode) {
  absl::StatusOr<UniqueFd> file = OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (!file.ok()) return file.status();
  if (fchmod(file->get(), mode) != 0) return ErrnoStatus(errno, StrCat("chmod ", path));
  absl::Status written = WriteAll(file->get(), data);
  if (!written.ok()) return Annotate(written, path);
  if (fsync(file->get()) != 0) return ErrnoStatus(errno, StrCat("fsync ", path));
  return absl::OkStatus();
}

}  // namespace

void UniqueFd::reset(int fd) {
  if (fd_ >= 0 && fd_ != fd) close(fd_);
  fd_ = fd;
}

absl::Status ErrnoStatus(int error, std::string_view what) {
  const std::string message = StrCat(what, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message);
    case EEXIST:
      return absl::AlreadyExistsError(message);
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags, mode_t mode) {
  while (true) {
    const int fd = open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return UniqueFd(fd);
    if (errno != EINTR) return ErrnoStatus(errno, StrCat("open ", path));
  }
}

absl::StatusOr<Pipe> MakePipe(int flags) {
  int ends[2];
  if (pipe2(ends, flags | O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

absl::Status SetCloexec(int fd, bool on) {
  return SetFlag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}
absl::Status SetNonblock(int fd, bool on) {
  return SetFlag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

absl::StatusOr<std::string> ReadFd(int fd, size_t limit) {
  std::string data;
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, "read");
    if (got == 0) return data;
    data.append(buffer, static_cast<size_t>(got));
    if (data.size() > limit) {
      return absl::ResourceExhaustedError(StrCat("larger than ", limit, " bytes"));
    }
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit) {
  absl::StatusOr<UniqueFd> file = OpenFile(path, O_RDONLY);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::string> data = ReadFd(file->get(), limit);
  if (!data.ok()) return Annotate(data.status(), path);
  return data;
}

absl::Status WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = write(fd, data.data(), data.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return ErrnoStatus(errno, "write");
    data.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view data, mode_t mode) {
  static std::atomic<unsigned> counter{0};
  const std::string beside = StrCat(path, ".", getpid(), ".", counter++, ".tmp");
  absl::Status written = WriteNew(beside, data, mode);
  if (written.ok() && rename(beside.c_str(), path.c_str()) != 0) {
    written = ErrnoStatus(errno, StrCat("rename ", beside, " to ", path));
  }
  if (!written.ok()) {
    unlink(beside.c_str());
    return written;
  }
  return SyncDirectory(ParentOf(path));
}

absl::Status WriteFile(const std::string& path, std::string_view data, mode_t mode) {
  absl::StatusOr<UniqueFd> file = OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (!file.ok()) return file.status();
  return Annotate(WriteAll(file->get(), data), path);
}

bool PathExists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

absl::Status WritePidFile(const std::string& path) {
  return path.empty() ? absl::OkStatus() : WriteFile(path, StrCat(getpid(), "\n"), 0644);
}

}  // namespace reeve::os
