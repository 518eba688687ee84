#include "noded/stepd/file_opener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "common/base/text.h"
#include "noded/stepd/shared_fork.h"
#include "noded/stepd/signals.h"

namespace reeve::noded {
namespace {

// Async-signal-safe. One message a file: errno, and the descriptor when it is 0.
void SendResult(int socket, int error, int fd) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part = {&error, sizeof(error)};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (error == 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
  }
  if (sendmsg(socket, &message, MSG_NOSIGNAL) < 0) _exit(1);
}

// -1 and errno when nothing was sent.
int ReceiveResult(int socket, int* error) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part = {error, sizeof(*error)};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (got != sizeof(*error)) {
    *error = got < 0 ? errno : EIO;
    return -1;
  }
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (*error != 0 || header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
  int fd = -1;
  memcpy(&fd, CMSG_DATA(header), sizeof(int));
  return fd;
}

[[noreturn]] void OpenAll(int socket, pid_t parent, const Identity& identity, mode_t mask,
                          const std::vector<FileRequest>& requests) {
  if (dup2(socket, 3) < 0) _exit(1);
  close_range(4, ~0U, 0);  // the step's lock must not outlive stepd in a child that hangs here
  RestoreSignals();
  umask(mask);
  int error = 0;
  if (identity.change) {
    error = BecomeUser(identity.uid, identity.gid, identity.groups.data(), identity.groups.size());
  }
  // An open may wait for ever (a FIFO, a dead file server): it ends with its stepd. Set after the
  // change of user, which clears it; a stepd that died before has left us another parent.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  for (const FileRequest& request : requests) {
    int fd = -1;
    if (error == 0) {
      int flags = O_CLOEXEC | O_NOCTTY;
      flags |= request.write ? O_WRONLY | O_CREAT | O_APPEND : O_RDONLY;
      if (request.truncate) flags |= O_TRUNC;
      fd = open(request.path.c_str(), flags, 0666);
    }
    SendResult(3, fd >= 0 ? 0 : (error != 0 ? error : errno), fd);
    if (fd >= 0) close(fd);
  }
  _exit(0);
}

}  // namespace

absl::StatusOr<std::vector<os::UniqueFd>> OpenFilesAs(const Identity& identity, mode_t umask,
                                                      const std::vector<FileRequest>& requests,
                                                      absl::Duration patience) {
  std::vector<os::UniqueFd> files;
  if (requests.empty()) return files;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return os::ErrnoStatus(errno, "socketpair");
  }
  os::UniqueFd ours(pair[0]), theirs(pair[1]);
  const pid_t child =
      ForkSharingMemory([socket = theirs.get(), parent = getpid(), identity, umask, requests] {
        OpenAll(socket, parent, identity, umask, requests);
      });
  if (child < 0) return os::ErrnoStatus(-child, "fork");
  theirs.reset();
  // A child in an uninterruptible open stays behind as stepd's child until the file system answers.
  auto end_child = absl::MakeCleanup([child] {
    kill(child, SIGKILL);
    for (int tries = 0; waitpid(child, nullptr, WNOHANG) == 0 && tries < 100; ++tries) {
      usleep(tries < 10 ? 50 : 1000);
    }
  });

  absl::Time deadline = absl::Now() + patience;
  for (const FileRequest& request : requests) {
    pollfd ready = {ours.get(), POLLIN, 0};
    int left = static_cast<int>(absl::ToInt64Milliseconds(deadline - absl::Now()));
    if (poll(&ready, 1, std::max(left, 0)) == 0) {
      return absl::DeadlineExceededError(StrCat("Could not open ", request.what, " file ",
                                                request.path, ": its file system does not answer"));
    }
    int error = 0;
    os::UniqueFd fd(ReceiveResult(ours.get(), &error));
    if (!fd) {
      return os::ErrnoStatus(error,
                             StrCat("Could not open ", request.what, " file ", request.path));
    }
    files.push_back(std::move(fd));
  }
  return files;
}

}  // namespace reeve::noded
