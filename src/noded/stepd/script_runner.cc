#include "noded/stepd/script_runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "common/base/text.h"
#include "common/os/log.h"
#include "noded/stepd/process_tree.h"
#include "noded/stepd/script_spool.h"
#include "noded/stepd/signals.h"

namespace reeve::noded {
namespace {

constexpr absl::Duration kTermGrace = absl::Seconds(2);
constexpr absl::Duration kKillRepeat = absl::Milliseconds(20);
constexpr size_t kKeptOutput = 8192;
constexpr int kExecFailed = 127;

std::string StatusText(int status) {
  return WIFSIGNALED(status) ? StrCat("signal ", WTERMSIG(status))
                             : StrCat("exit code ", WEXITSTATUS(status));
}

// Root must not run what somebody else could have written. Empty when all is well.
std::string Distrust(const std::string& program) {
  struct stat file;
  if (stat(program.c_str(), &file) != 0) return strerror(errno);
  if (!S_ISREG(file.st_mode)) return "is no regular file";
  if (file.st_uid != 0 && file.st_uid != geteuid()) return "belongs to another user: not run";
  const bool by_group = (file.st_mode & S_IWGRP) != 0 && file.st_gid != 0;
  if ((file.st_mode & S_IWOTH) != 0 || by_group) return "may be written by others: not run";
  if (access(program.c_str(), X_OK) != 0) return "is not executable";
  return "";
}

[[noreturn]] void ExecScript(pid_t parent, int gate, int output, char* const* argv,
                             char* const* environment) {
  RestoreSignals();
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // what a dead runner leaves is not to go on
  if (getppid() != parent) _exit(kExecFailed);
  // Until the mark is written, by which what the script starts is found when the runner is killed.
  char go;
  if (read(gate, &go, 1) != 1) _exit(kExecFailed);
  int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) {
    _exit(kExecFailed);
  }
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (oom >= 0 && write(oom, "0", 1) == 1) close(oom);
  umask(022);
  if (chdir("/") != 0) _exit(kExecFailed);
  execve(argv[0], argv, environment);
  const char* why = strerrordesc_np(errno);
  if (why == nullptr || write(2, why, strlen(why)) < 0) _exit(kExecFailed);
  _exit(kExecFailed);
}

class Runner {
 public:
  Runner(const std::string& name, const v1::ScriptRun& run, ScriptSpool* spool)
      : name_(name), run_(run), spool_(spool) {
    if (run.timeout() > 0) deadline_ = absl::Now() + absl::Seconds(run.timeout());
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, nullptr);
    children_.reset(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  v1::ScriptEnd Run() {
    v1::ScriptEnd end;
    for (const std::string& program : run_.programs()) {
      const std::string error = RunOne(program);
      if (error.empty()) continue;
      os::LogError(StrCat(name_, ": ", program, ": ", error));
      end.set_failed(true);
      end.set_error(StrCat(program, ": ", error));
      break;
    }
    return end;
  }

 private:
  // Empty, or what went wrong.
  std::string RunOne(const std::string& program) {
    if (std::string distrust = Distrust(program); !distrust.empty()) return distrust;
    absl::StatusOr<os::Pipe> pipe = os::MakePipe(O_NONBLOCK);
    if (!pipe.ok()) return std::string(Message(pipe.status()));
    absl::StatusOr<os::Pipe> gate = os::MakePipe();
    if (!gate.ok()) return std::string(Message(gate.status()));
    std::optional<pid_t> child = Start(program, *gate, pipe->write.get());
    pipe->write.reset();
    if (!child.has_value()) return StrCat("fork: ", strerror(errno));
    spool_->WriteStarted(*child).IgnoreError();
    os::WriteAll(gate->write.get(), "g").IgnoreError();  // it fails when the child has died
    std::optional<int> status = Await(*child, pipe->read.get());
    const bool timed_out = !status.has_value();
    if (timed_out) {
      EndAll();
    } else {
      kill(-*child, SIGKILL);
    }
    Drain(pipe->read.get());
    LogOutput(program);
    if (timed_out) return StrCat("timed out after ", run_.timeout(), " s");
    return *status == 0 ? "" : StatusText(*status);
  }

  std::optional<pid_t> Start(const std::string& program, os::Pipe& gate, int output) {
    std::vector<std::string> environment(run_.environment().begin(), run_.environment().end());
    std::vector<char*> pointers;
    for (std::string& entry : environment) pointers.push_back(entry.data());
    pointers.push_back(nullptr);
    std::string path = program;
    char* argv[] = {path.data(), nullptr};
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) return std::nullopt;
    if (child == 0) {
      // The pipe's end that the script gets is not to be our non-blocking one.
      fcntl(output, F_SETFL, fcntl(output, F_GETFL) & ~O_NONBLOCK);
      gate.write.reset();
      ExecScript(parent, gate.read.get(), output, argv, pointers.data());
    }
    gate.read.reset();
    return child;
  }

  // The wait status; nothing when time is up.
  std::optional<int> Await(pid_t child, int output) {
    bool open = true;
    while (true) {
      int status = 0;
      if (waitpid(child, &status, WNOHANG) == child) return status;
      const absl::Duration left = deadline_ - absl::Now();
      if (left <= absl::ZeroDuration()) return std::nullopt;
      pollfd ready[] = {{children_.get(), POLLIN, 0}, {output, POLLIN, 0}};
      const auto wait = static_cast<int>(
          absl::ToInt64Milliseconds(std::min(left, absl::Seconds(10)) + absl::Milliseconds(1)));
      poll(ready, open ? 2 : 1, wait);
      signalfd_siginfo info;
      while (read(children_.get(), &info, sizeof(info)) > 0) {
      }
      open = Drain(output) && open;
    }
  }

  // False at the end of the output.
  bool Drain(int output) {
    char buffer[4096];
    ssize_t got;
    while ((got = read(output, buffer, sizeof(buffer))) > 0) {
      output_.append(buffer, static_cast<size_t>(got));
      if (output_.size() > kKeptOutput) output_.erase(0, output_.size() - kKeptOutput);
    }
    return got < 0;
  }

  // SIGTERM, a moment, SIGKILL until nothing is left: whatever left its session is our child too.
  void EndAll() {
    SignalAll(Descendants(getpid()), SIGTERM);
    const absl::Time kill_at = absl::Now() + kTermGrace;
    while (true) {
      while (waitpid(-1, nullptr, WNOHANG) > 0) {
      }
      std::vector<pid_t> left = Descendants(getpid());
      if (left.empty()) return;
      if (absl::Now() >= kill_at) SignalAll(left, SIGKILL);
      poll(nullptr, 0, static_cast<int>(absl::ToInt64Milliseconds(kKillRepeat)));
    }
  }

  void LogOutput(const std::string& program) {
    for (std::string_view line : SplitSkipEmpty(output_, "\n")) {
      os::LogInfo(StrCat(name_, ": ", program, ": ", line));
    }
    output_.clear();
  }

  const std::string& name_;
  const v1::ScriptRun& run_;
  ScriptSpool* spool_;
  absl::Time deadline_ = absl::InfiniteFuture();
  os::UniqueFd children_;
  std::string output_;  // its last part
};

// A runner that was killed took its script along; what that one had started may live.
void KillLeftovers(const ScriptSpool& spool) {
  absl::StatusOr<StartedMark> mark = spool.ReadStarted();
  if (!mark.ok()) return;
  for (int tries = 0; tries < 500; ++tries) {
    std::vector<pid_t> left = Leftovers(*mark, geteuid());
    if (left.empty()) return;
    SignalAll(left, SIGKILL);
    poll(nullptr, 0, 10);
  }
}

}  // namespace

int RunScripts(const StepdSettings& settings, const std::string& name) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  ScriptSpool spool(settings.spool_dir, name);
  absl::StatusOr<std::optional<os::UniqueFd>> lock = spool.TryLock();
  if (!lock.ok() || !lock->has_value() || spool.ReadEnd().ok()) return 0;
  absl::StatusOr<v1::ScriptRun> run = spool.ReadRun();
  if (!run.ok()) {
    os::LogError(StrCat(name, ": ", Message(run.status())));
    return 1;
  }
  KillLeftovers(spool);
  const v1::ScriptEnd end = Runner(name, *run, &spool).Run();
  if (absl::Status status = spool.WriteEnd(end); !status.ok()) {
    os::LogError(StrCat(name, ": ", Message(status)));
    return 1;
  }
  return 0;
}

}  // namespace reeve::noded
