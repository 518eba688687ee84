#include "noded/stepd/task_launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "common/base/text.h"
#include "noded/stepd/file_opener.h"

namespace reeve::noded {
namespace {

std::string FileKey(const StreamTarget& target, bool write) {
  return (write ? "w" : "r") + target.path;
}

absl::StatusOr<os::UniqueFd> Duplicate(int fd) {
  os::UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy) return os::ErrnoStatus(errno, "dup");
  return copy;
}

}  // namespace

absl::Status TaskLauncher::OpenFiles() {
  std::vector<FileRequest> requests;
  std::vector<std::string> keys;
  auto want = [&](const StreamTarget& target, const char* what, bool write) {
    if (target.kind != StreamTarget::Kind::kFile) return;
    std::string key = FileKey(target, write);
    if (!files_.emplace(key, os::UniqueFd()).second) return;  // shared: opened once
    keys.push_back(key);
    requests.push_back({what, target.path, write, write && target.truncate});
  };
  for (const TaskPlan& task : plan_.tasks) {
    want(task.in, "stdin", false);
    want(task.out, "stdout", true);
    want(task.err, "stderr", true);
  }
  absl::StatusOr<std::vector<os::UniqueFd>> opened =
      OpenFilesAs(identity_, options_.umask, requests, options_.patience);
  if (!opened.ok()) {
    files_refused_ =
        !absl::IsDeadlineExceeded(opened.status());  // a silent file system is no one's wish
    return opened.status();
  }
  for (size_t i = 0; i < keys.size(); ++i) files_[keys[i]] = std::move((*opened)[i]);
  return absl::OkStatus();
}

absl::StatusOr<os::UniqueFd> TaskLauncher::OutputEnd(const TaskPlan& task,
                                                     const StreamTarget& target, uint32_t stream) {
  switch (target.kind) {
    case StreamTarget::Kind::kNull:
      return os::OpenFile("/dev/null", O_WRONLY);
    case StreamTarget::Kind::kFile:
      return Duplicate(files_[FileKey(target, true)].get());
    case StreamTarget::Kind::kClient:
      break;
  }
  absl::StatusOr<os::Pipe> pipe = os::MakePipe();
  if (!pipe.ok()) return pipe.status();
  if (absl::Status status = os::SetNonblock(pipe->read.get(), true); !status.ok()) return status;
  io_->AddOutput(task.task, stream, std::move(pipe->read));
  return std::move(pipe->write);
}

absl::StatusOr<os::UniqueFd> TaskLauncher::InputEnd(const TaskPlan& task) {
  switch (task.in.kind) {
    case StreamTarget::Kind::kNull:
      return os::OpenFile("/dev/null", O_RDONLY);
    case StreamTarget::Kind::kFile:
      // Tasks share an open file's position if it is only duplicated: a task each reads it all.
      if (plan_.tasks.size() == 1) return Duplicate(files_[FileKey(task.in, false)].get());
      return os::OpenFile(StrCat("/proc/self/fd/", files_[FileKey(task.in, false)].get()),
                          O_RDONLY);
    case StreamTarget::Kind::kClient:
      break;
  }
  absl::StatusOr<os::Pipe> pipe = os::MakePipe();
  if (!pipe.ok()) return pipe.status();
  if (absl::Status status = os::SetNonblock(pipe->write.get(), true); !status.ok()) return status;
  io_->AddStdin(task.task, std::move(pipe->write));
  return std::move(pipe->read);
}

absl::StatusOr<TaskLauncher::Ends> TaskLauncher::MakeEnds(const TaskPlan& task) {
  Ends ends;
  absl::StatusOr<os::UniqueFd> in = InputEnd(task);
  if (!in.ok()) return in.status();
  absl::StatusOr<os::UniqueFd> out = OutputEnd(task, task.out, 1);
  if (!out.ok()) return out.status();
  absl::StatusOr<os::UniqueFd> err = OutputEnd(task, task.err, 2);
  if (!err.ok()) return err.status();
  ends.in = *std::move(in);
  ends.out = *std::move(out);
  ends.err = *std::move(err);
  return ends;
}

absl::Status TaskLauncher::Fork(const StepCgroup& cgroup) {
  if (absl::Status status = OpenFiles(); !status.ok()) return status;
  absl::StatusOr<os::Pipe> go = os::MakePipe();
  if (!go.ok()) return go.status();
  go_ = *std::move(go);
  absl::StatusOr<std::vector<os::UniqueFd>> entrances = cgroup.OpenEntrances();
  if (!entrances.ok()) return entrances.status();
  for (const TaskPlan& task : plan_.tasks) {
    if (absl::Status status = ForkTask(task, *entrances); !status.ok()) return status;
  }
  const StreamTarget& err = plan_.tasks[0].err;
  if (err.kind == StreamTarget::Kind::kFile) {
    stderr_file_ = std::move(files_[FileKey(err, true)]);
  }
  files_.clear();
  go_.read.reset();
  return AwaitReady();
}

std::unique_ptr<ChildImage> TaskLauncher::MakeImage(
    const std::vector<os::UniqueFd>& entrances) const {
  auto image = std::make_unique<ChildImage>();
  image->work_dir = plan_.work_dir;
  image->limits = options_.limits;
  image->groups = identity_.groups;
  for (const os::UniqueFd& fd : entrances) image->cgroup_fds.push_back(fd.get());
  image->cpus = options_.cpus;
  image->plan.change_identity = identity_.change;
  image->plan.uid = identity_.uid;
  image->plan.gid = identity_.gid;
  image->plan.umask = options_.umask;
  return image;
}

absl::Status TaskLauncher::ForkTask(const TaskPlan& task,
                                    const std::vector<os::UniqueFd>& entrances) {
  absl::StatusOr<Ends> ends = MakeEnds(task);
  if (!ends.ok()) return ends.status();
  absl::StatusOr<os::Pipe> report = os::MakePipe();
  if (!report.ok()) return report.status();

  std::unique_ptr<ChildImage> image = MakeImage(entrances);
  image->argv = plan_.argv;
  image->programs = plan_.programs;
  image->environment = task.environment;
  image->adds_task_pid = true;
  image->prologs = options_.prologs;
  ChildPlan& plan = image->plan;
  plan.stdin_fd = ends->in.get();
  plan.stdout_fd = ends->out.get();
  plan.stderr_fd = ends->err.get();
  plan.report_fd = report->write.get();
  plan.go_fd = go_.read.get();
  plan.go_parent_fd = go_.write.get();
  plan.new_session = options_.new_session;
  const pid_t child = StartChild(std::move(image));
  if (child < 0) return os::ErrnoStatus(-child, "fork");
  tasks_[child] = task.task;
  io_->AddTask(task.task);
  reports_.push_back(std::move(report->read));
  return absl::OkStatus();
}

absl::Status TaskLauncher::AwaitReady() {
  absl::Time deadline = absl::Now() + options_.patience;
  for (const os::UniqueFd& fd : reports_) {
    pollfd ready = {fd.get(), POLLIN, 0};
    int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (poll(&ready, 1, static_cast<int>(std::max<int64_t>(left, 0))) <= 0) {
      return absl::DeadlineExceededError("a task did not get ready: its folder does not answer");
    }
    ChildReport report;
    if (read(fd.get(), &report, sizeof(report)) != sizeof(report)) {
      return absl::InternalError("a task died before it was started");
    }
    if (report.stage != ChildReport::kReady) {
      return os::ErrnoStatus(report.error, StrCat("could not ", StageText(report.stage)));
    }
  }
  reports_.clear();
  return absl::OkStatus();
}

StartedMark TaskLauncher::mark() const {
  StartedMark mark{BootId(), {}};
  for (const auto& [pid, task] : tasks_) mark.tasks.push_back({pid, ProcessStartTime(pid)});
  return mark;
}

void TaskLauncher::Release() {
  std::string bytes(tasks_.size(), 'g');
  os::WriteAll(go_.write.get(), bytes).IgnoreError();
  go_.write.reset();
}

absl::StatusOr<std::vector<ChildLimit>> LimitsOf(const v1::StepLaunch& launch) {
  static constexpr std::pair<std::string_view, int> kNames[] = {
      {"AS", RLIMIT_AS},         {"CORE", RLIMIT_CORE},   {"CPU", RLIMIT_CPU},
      {"DATA", RLIMIT_DATA},     {"FSIZE", RLIMIT_FSIZE}, {"MEMLOCK", RLIMIT_MEMLOCK},
      {"NOFILE", RLIMIT_NOFILE}, {"NPROC", RLIMIT_NPROC}, {"RSS", RLIMIT_RSS},
      {"STACK", RLIMIT_STACK},
  };
  std::vector<ChildLimit> limits;
  for (const v1::Rlimit& limit : launch.rlimits()) {
    auto found = std::find_if(std::begin(kNames), std::end(kNames),
                              [&](const auto& entry) { return entry.first == limit.name(); });
    if (found == std::end(kNames)) {
      return absl::InvalidArgumentError(StrCat("unknown resource limit ", limit.name()));
    }
    limits.push_back({found->second, {limit.soft(), RLIM_INFINITY}});
  }
  return limits;
}

}  // namespace reeve::noded
