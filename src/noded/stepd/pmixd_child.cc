#include "noded/stepd/pmixd_child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <map>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/text.h"
#include "noded/core/environment.h"

namespace reeve::noded {
namespace {

constexpr char kProgram[] = "reeve-pmixd";
constexpr absl::Duration kStartPatience = absl::Seconds(60);
constexpr absl::Duration kLeavePatience = absl::Seconds(2);
constexpr size_t kMaxFirstFrame = size_t{16} << 20;  // thousands of tasks' variables
constexpr size_t kMaxFrame = size_t{16} << 10;
constexpr size_t kMaxText = 1000;

// Beside this process's own program.
absl::StatusOr<std::string> ProgramPath() {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof(self));
  if (length <= 0) return os::ErrnoStatus(errno, "/proc/self/exe");
  std::string path(self, static_cast<size_t>(length));
  path = StrCat(path.substr(0, path.rfind('/') + 1), kProgram);
  if (access(path.c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(
        StrCat("--mpi=pmix: this node cannot run ", path, ": ", strerror(errno)));
  }
  return path;
}

absl::Status ReadExactly(int socket, size_t bytes, absl::Time deadline, std::string* out) {
  out->resize(bytes);
  size_t have = 0;
  while (have < bytes) {
    pollfd ready = {socket, POLLIN, 0};
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    const int count = poll(&ready, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (count == 0) return absl::DeadlineExceededError(StrCat(kProgram, " does not get ready"));
    const ssize_t got = count < 0 ? -1 : recv(socket, out->data() + have, bytes - have, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return absl::InternalError(StrCat(kProgram, " died at its start"));
    have += static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::PmixdEvent> ReadFirst(int socket) {
  const absl::Time deadline = absl::Now() + kStartPatience;
  std::string length, frame;
  if (absl::Status status = ReadExactly(socket, 4, deadline, &length); !status.ok()) return status;
  uint32_t bytes = 0;
  for (int i = 3; i >= 0; --i) bytes = bytes << 8 | static_cast<unsigned char>(length[i]);
  if (bytes > kMaxFirstFrame) return absl::InternalError(StrCat(kProgram, " says too much"));
  if (absl::Status status = ReadExactly(socket, bytes, deadline, &frame); !status.ok()) {
    return status;
  }
  v1::PmixdEvent event;
  if (!event.ParseFromString(frame)) return absl::InternalError(StrCat(kProgram, " stammers"));
  return event;
}

absl::Status WriteFirst(int socket, const v1::PmixdStart& start) {
  v1::PmixdRequest request;
  *request.mutable_start() = start;
  const std::string body = request.SerializeAsString();
  std::string frame;
  for (int shift = 0; shift < 32; shift += 8) {
    frame.push_back(static_cast<char>(body.size() >> shift));
  }
  return os::WriteAll(socket, frame + body);
}

// What concerns the server of the tasks' environment: settings of the PMIx library.
std::vector<std::string> ServerEnvironment(const LaunchPlan& plan) {
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin"};
  for (const std::string& entry : plan.tasks[0].environment) {
    if (entry.starts_with("PMIX_MCA_") || entry.starts_with("HOME=")) environment.push_back(entry);
  }
  return environment;
}

absl::Status AddVariables(const v1::PmixdReady& ready, const v1::StepLaunch& launch,
                          LaunchPlan* plan) {
  std::map<uint32_t, const v1::TaskVariables*> by_task;
  for (const v1::TaskVariables& task : ready.tasks()) by_task[task.task_id()] = &task;
  const std::string transports = absl::StrFormat(
      "%08x%08x-%08x%08x", launch.job_id(), launch.step_id(), launch.job_id(), launch.step_id());
  for (TaskPlan& task : plan->tasks) {
    const auto found = by_task.find(task.task);
    if (found == by_task.end()) return absl::InternalError(StrCat(kProgram, " forgets a task"));
    std::vector<std::string> all = std::move(task.environment);
    all.insert(all.end(), found->second->variables().begin(), found->second->variables().end());
    Environment environment(all);
    // Ranks of one step have to agree on it, and Open MPI's own launcher would have made one up.
    environment.Set("OMPI_MCA_orte_precondition_transports", transports);
    task.environment = environment.Entries();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PmixdChild::Fork(const std::string& folder, TaskLauncher* launcher,
                              const StepCgroup& cgroup, const LaunchPlan& plan, int socket) {
  absl::StatusOr<std::string> program = ProgramPath();
  if (!program.ok()) return program.status();
  absl::StatusOr<pid_t> child = launcher->ForkHelper(
      {*std::move(program), ServerEnvironment(plan), folder, socket, false}, cgroup);
  if (!child.ok()) return child.status();
  pid_ = *child;
  return absl::OkStatus();
}

absl::Status PmixdChild::Start(const v1::StepLaunch& launch, const std::string& folder,
                               TaskLauncher* launcher, const StepCgroup& cgroup, LaunchPlan* plan) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return os::ErrnoStatus(errno, "socketpair");
  }
  os::UniqueFd ours(pair[0]), theirs(pair[1]);
  const timeval patience = absl::ToTimeval(kStartPatience);
  setsockopt(ours.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  absl::Status status = Fork(folder, launcher, cgroup, *plan, theirs.get());
  if (!status.ok()) return status;
  theirs.reset();

  v1::PmixdStart start;
  start.set_job_id(launch.job_id());
  start.set_step_id(launch.step_id());
  start.set_attempt(launch.attempt());
  for (const v1::NodeShare& share : launch.shares()) start.add_nodes(share.node());
  *start.mutable_task_ids() = launch.task_ids();
  start.set_node_index(launch.node_index());
  start.set_io_secret(launch.io_secret());
  start.set_folder(folder);
  if (status = WriteFirst(ours.get(), start); !status.ok()) return status;
  absl::StatusOr<v1::PmixdEvent> event = ReadFirst(ours.get());
  if (!event.ok()) return event.status();
  if (!event->has_ready()) {
    return absl::InternalError(StrCat("--mpi=pmix: ", event->error().substr(0, kMaxText)));
  }
  port_ = event->ready().port();
  if (status = AddVariables(event->ready(), launch, plan); !status.ok()) return status;
  frames_ = std::make_unique<FrameConnection>(
      loop_, std::move(ours),
      FrameConnection::Events{[this](std::string_view frame) { OnEvent(frame); },
                              [this] { OnNonsense(); }},
      kMaxFrame);
  return absl::OkStatus();
}

void PmixdChild::SetPeers(const v1::MpiPeers& peers) {
  // Who takes no first table gets no second.
  if (frames_ == nullptr || frames_->queued_bytes() > 0) return;
  v1::PmixdRequest request;
  *request.mutable_peers() = peers;
  frames_->Send(request);
}

void PmixdChild::OnEvent(std::string_view frame) {
  v1::PmixdEvent event;
  if (!event.ParseFromArray(frame.data(), static_cast<int>(frame.size())) || !event.has_abort()) {
    return OnNonsense();
  }
  v1::MpiAbort* abort = event.mutable_abort();
  std::string text = abort->text().substr(0, kMaxText);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';  // one line of the step's stderr and our log
  }
  abort->set_text(text);
  on_abort_(*abort);
}

// Or it has closed its end. What comes of that: OnExit.
void PmixdChild::OnNonsense() {
  frames_.reset();
  if (pid_ != 0) kill(pid_, SIGKILL);
}

bool PmixdChild::Leave() {
  if (pid_ == 0) return false;
  if (!std::exchange(leaving_, true)) {
    frames_.reset();
    loop_->After(kLeavePatience, [this] {
      if (pid_ != 0) kill(pid_, SIGKILL);
    });
  }
  return true;
}

bool PmixdChild::OnExit(pid_t pid) {
  if (pid != pid_) return false;
  pid_ = 0;
  if (leaving_) return true;
  frames_.reset();
  v1::MpiAbort abort;
  abort.set_status(1);
  abort.set_text("the node's PMIx server has died");
  on_abort_(abort);
  return true;
}

}  // namespace reeve::noded
