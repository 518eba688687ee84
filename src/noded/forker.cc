#include "noded/forker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>

#include "common/base/text.h"
#include "common/os/log.h"
#include "common/os/spawn_attributes.h"
#include "noded/stepd/forker_process.h"
#include "noded/stepd/spool.h"

namespace reeve::noded {
namespace {

constexpr int kRequestFd = 3;

absl::StatusOr<pid_t> Spawn(const std::string& program, std::vector<std::string> arguments,
                            int requests) {
  arguments.insert(arguments.begin(), program);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, requests, kRequestFd);
  // Symbols are bound once here, in the name services' libraries too, and not in every step.
  char bind_now[] = "LD_BIND_NOW=1";
  std::vector<char*> environment = {bind_now};
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(nullptr);
  const os::SpawnAttributes attributes;
  pid_t pid = -1;
  int error =
      posix_spawn(&pid, program.c_str(), &files, attributes.get(), argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return os::ErrnoStatus(error, StrCat("start ", program));
  return pid;
}

}  // namespace

Forker::Forker(os::EventLoop* loop, std::string program, StepdSettings settings)
    : loop_(loop), program_(std::move(program)), settings_(std::move(settings)) {}

Forker::~Forker() {
  if (socket_) loop_->Unwatch(socket_.get());
  socket_.reset();
  Reap();
}

absl::Status Forker::Start() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return os::ErrnoStatus(errno, "socketpair");
  }
  os::UniqueFd ours(pair[0]), theirs(pair[1]);
  absl::StatusOr<pid_t> pid = Spawn(program_, ToArguments(settings_), theirs.get());
  if (!pid.ok()) return pid.status();
  pid_ = *pid;
  socket_ = std::move(ours);
  // It never writes: readable means that it is gone.
  return loop_->Watch(socket_.get(), EPOLLIN, [this](uint32_t) { OnGone(); });
}

void Forker::OnGone() {
  os::LogError(StrCat("the forker (pid ", pid_, ") died; starting another"));
  loop_->Unwatch(socket_.get());
  socket_.reset();
  Reap();
  if (absl::Status status = Start(); !status.ok()) os::LogError(Message(status));
}

void Forker::Reap() {
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

absl::StatusOr<os::UniqueFd> Forker::StartStepd(const StepKey& key) {
  return Request(SpoolFolderName(key));
}

absl::StatusOr<os::UniqueFd> Forker::Request(const std::string& name) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
    return os::ErrnoStatus(errno, "socketpair");
  }
  os::UniqueFd ours(pair[0]), theirs(pair[1]);
  absl::Status sent = absl::UnavailableError("the forker does not run");
  if (socket_) sent = SendForkRequest(socket_.get(), name, theirs.get());
  if (!sent.ok()) {
    if (socket_) OnGone();
    if (!socket_) {
      if (absl::Status started = Start(); !started.ok()) return started;
    }
    sent = SendForkRequest(socket_.get(), name, theirs.get());
  }
  if (!sent.ok()) return sent;
  return ours;
}

absl::StatusOr<std::string> FindStepd() {
  char self[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
  if (length <= 0) return os::ErrnoStatus(errno, "readlink /proc/self/exe");
  std::string folder(self, static_cast<size_t>(length));
  folder.resize(folder.rfind('/'));
  for (const std::string& candidate :
       {folder + "/reeve-stepd", folder + "/stepd/reeve-stepd",
        folder + "/../libexec/reeve/reeve-stepd", std::string("/usr/libexec/reeve/reeve-stepd"),
        std::string("/usr/sbin/reeve-stepd")}) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return absl::NotFoundError(StrCat("no reeve-stepd beside ", self, " or in /usr/sbin"));
}

}  // namespace reeve::noded
