#include "noded/stepd/forker_process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <new>
#include <optional>

#include "common/base/text.h"
#include "common/os/log.h"
#include "noded/stepd/identity.h"
#include "noded/stepd/script_runner.h"
#include "noded/stepd/script_spool.h"
#include "noded/stepd/signals.h"
#include "noded/stepd/spool.h"
#include "noded/stepd/stepd.h"

namespace reeve::noded {
namespace {

// What ps shows: written over main's arguments and, when those are too short, over the
// environment behind them, of which nothing here needs the original place.
class ProcessTitle {
 public:
  ProcessTitle(int argc, char** argv) : begin_(argv[0]), end_(argv[argc - 1]) {
    end_ += strlen(end_) + 1;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (*entry != end_) continue;
      end_ += strlen(end_) + 1;
    }
  }

  void Set(std::string_view title) {
    clearenv();
    size_t room = end_ - begin_;
    memset(begin_, 0, room);
    memcpy(begin_, title.data(), std::min(title.size(), room - 1));
  }

 private:
  char* begin_;
  char* end_;
};

// Small free chunks lie all over the heap, and each page of it that a step writes is copied.
// Without them a step's memory comes from the heap's end, which is all its own.
void RetireFreeChunks() {
  struct Chunk {
    Chunk* before;
  };
  static Chunk* retired = nullptr;  // in use for ever
  constexpr size_t kLargest = 8 << 10, kGranule = 16, kAtMost = 1 << 20;
  const auto retire = [](size_t size) {
    retired = new (malloc(size)) Chunk{retired};
    return retired;
  };
  const Chunk* const end = retire(2 * kLargest);
  size_t sum = 0;
  for (size_t size = kLargest; size >= kGranule && sum < kAtMost; size -= kGranule) {
    do {
      sum += size;
    } while (retire(size) < end && sum < kAtMost);
  }
}

// What is read or loaded once here, no step loads again: the name services' libraries, the time
// zone, the boot's id, the cgroup hierarchies.
void WarmUp(const StepdSettings& settings) {
  LookUpIdentity(geteuid(), getegid(), "").IgnoreError();
  tzset();
  BootId();
  if (settings.cgroups) FindCgroupMounts();
  RetireFreeChunks();
}

struct ForkRequest {
  std::string name;  // of a spool folder or a script
  os::UniqueFd socket;
};

// Nothing at the end of the requests.
std::optional<ForkRequest> Receive(int requests) {
  while (true) {
    char name[128];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part = {name, sizeof(name)};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    ssize_t got = recvmsg(requests, &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    ForkRequest request;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(header), sizeof(fd));
      request.socket.reset(fd);
    }
    request.name.assign(name, static_cast<size_t>(got));
    if (ParseSpoolFolderName(request.name).has_value() || IsScriptName(request.name)) {
      return request;
    }
    os::LogError("forker: a request that is none");
  }
}

[[noreturn]] void BecomeStepd(const StepdSettings& settings, ForkRequest request,
                              ProcessTitle* title) {
  setsid();
  signal(SIGCHLD, SIG_DFL);
  prctl(PR_SET_NAME, "reeve-stepd");
  const std::optional<StepKey> key = ParseSpoolFolderName(request.name);
  title->Set(StrCat("reeve-stepd: ", key.has_value() ? ToString(*key) : request.name, " [",
                    settings.spool_dir, "]"));
  // Root's memory (secrets, other users' environments) is nobody's to dump or trace. A plain user's
  // stepd has nothing to hide from that user, and would lose its own /proc files.
  if (geteuid() == 0) prctl(PR_SET_DUMPABLE, 0);
  // A script runner says nothing on its socket: that it closes is the message.
  if (!key.has_value()) _exit(RunScripts(settings, request.name));
  // Never destroyed: the kernel takes it all at once, and memory is copied by being tidied up.
  auto* const stepd = new Stepd(settings, *key, std::move(request.socket));
  _exit(stepd->Run());
}

}  // namespace

int RunForker(const StepdSettings& settings, os::UniqueFd requests, int argc, char** argv) {
  ProcessTitle title(argc, argv);
  setsid();
  BeginSignals();            // the end comes with reevenoded's
  signal(SIGCHLD, SIG_IGN);  // the kernel reaps
  if (chdir("/") != 0) return 1;
  prctl(PR_SET_NAME, "reeve-forker");
  WarmUp(settings);
  while (std::optional<ForkRequest> request = Receive(requests.get())) {
    pid_t child = fork();
    if (child < 0) {
      os::LogError(StrCat("forker: fork: ", strerror(errno)));
    } else if (child == 0) {
      requests.reset();
      BecomeStepd(settings, *std::move(request), &title);
    }
  }
  return 0;
}

absl::Status SendForkRequest(int forker, std::string name, int stepd_socket) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part = {name.data(), name.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &stepd_socket, sizeof(int));
  while (sendmsg(forker, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return os::ErrnoStatus(errno, "send to the forker");
  }
  return absl::OkStatus();
}

}  // namespace reeve::noded
