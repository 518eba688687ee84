// salloc: an allocation for the time that a command on this host runs.
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/allocation.h"
#include "cli/background.h"
#include "cli/cluster_network.h"
#include "cli/command.h"
#include "cli/components.h"
#include "cli/controller_client.h"
#include "cli/early_signals.h"
#include "cli/option_parser.h"
#include "cli/submit_env.h"
#include "cli/submitter.h"
#include "cli/task_exits.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/os/event_loop.h"

namespace reeve::cli {
namespace {

constexpr std::string_view kName = "salloc";

std::string UserShell() {
  if (const char* shell = getenv("SHELL"); shell != nullptr && *shell != '\0') return shell;
  const passwd* entry = getpwuid(getuid());
  return entry != nullptr && *entry->pw_shell != '\0' ? entry->pw_shell : "/bin/sh";
}

// One allocation and its command. Everything happens on the loop's thread.
class SallocSession {
 public:
  SallocSession(std::shared_ptr<ControllerClient> client, std::vector<JobRequest> requests,
                std::vector<std::string> command)
      : loop_(std::make_shared<os::EventLoop>()),
        client_(std::move(client)),
        requests_(std::move(requests)),
        is_shell_(command.empty()),
        command_(std::move(command)) {
    if (is_shell_) command_ = {UserShell()};
  }

  int Run();

 private:
  void HandleSignals();
  void OnSignal(int number);
  void OnGranted(const pb::WaitJobResponse& granted);
  bool StartCommand(const std::vector<std::string>& environment);
  [[noreturn]] void ExecCommand(char** arguments, char** environment);
  void OnCommandEnded(int status);
  void OnJobEnded(absl::StatusOr<pb::WaitJobResponse> answer);
  void SignalCommand(int number);
  void Relinquish(int status);
  void Leave(int exit_code);
  void Info(std::string_view text) const {
    if (!request_.quiet) PrintInfo(kName, text);
  }

  std::shared_ptr<os::EventLoop> loop_;
  std::shared_ptr<ControllerClient> client_;
  std::vector<JobRequest> requests_;  // of a heterogeneous job one a component
  JobRequest& request_ = requests_.front();
  const bool is_shell_;
  std::vector<std::string> command_;
  std::unique_ptr<Allocation> allocation_;
  // With a terminal the command stays in our process group: the terminal's signals reach both, and
  // a shell takes the terminal for itself and gives it back. Without one it gets its own, so that
  // all of it can be signalled.
  const bool has_terminal_ = isatty(STDIN_FILENO) != 0;
  pid_t child_ = -1;
  bool revoked_ = false;
  int exit_code_ = 0;
};

int SallocSession::Run() {
  HandleSignals();
  pb::SubmitJobRequest submit;
  submit.set_request_id(RequestId());
  PutComponents(requests_, &submit);
  Allocation::Events events;
  events.on_granted = [this](const pb::WaitJobResponse& granted) { OnGranted(granted); };
  events.on_failed = [this](int code) { Leave(code); };
  allocation_ = std::make_unique<Allocation>(
      loop_, client_,
      Allocation::Options{std::string(kName), "Job submit/allocate failed",
                          request_.immediate_seconds, request_.quiet},
      std::move(events));
  allocation_->Start(std::move(submit));
  loop_->Run();
  return exit_code_;
}

void SallocSession::Leave(int exit_code) {
  exit_code_ = exit_code;
  loop_->Stop();
}

void SallocSession::HandleSignals() {
  signal(SIGTTOU, SIG_IGN);  // taking the terminal back must not stop us
  for (int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) {
    if (!IsIgnored(number)) loop_->OnSignal(number, [this, number] { OnSignal(number); });
  }
}

void SallocSession::OnSignal(int number) {
  if (!allocation_->granted()) return allocation_->Cancel();
  if (child_ < 0) return;
  // The terminal has sent these to the command itself.
  if (has_terminal_ && (number == SIGINT || number == SIGQUIT)) return;
  SignalCommand(number);
}

void SallocSession::SignalCommand(int number) {
  if (child_ > 0) kill(has_terminal_ ? child_ : -child_, number);
}

void SallocSession::OnGranted(const pb::WaitJobResponse& granted) {
  const uint32_t id = allocation_->job_id();
  std::vector<std::string> nodes;
  for (const pb::NodeShare& share : granted.job().shares()) nodes.push_back(share.node());
  Info(StrCat("Granted job allocation ", id));
  if (request_.bell) fputc('\a', stderr);
  Info(StrCat("Nodes ", CompressHostlist(nodes), " are ready for job"));
  if (request_.no_shell) return Leave(0);
  if (std::string hint = LoginHostHint(client_->config());
      !hint.empty() && (is_shell_ || IsMpiLauncher(command_.front()))) {
    Info(hint);  // srun will refuse what the launcher starts, but launchers hide what it says
  }

  std::vector<std::string> environment = WithoutOuterJob(ProcessEnvironment());
  for (const std::string& variable : granted.environment()) {
    size_t equals = variable.find('=');
    if (equals == std::string::npos) continue;
    SetVariable(&environment, variable.substr(0, equals), variable.substr(equals + 1));
  }
  SetVariable(&environment, "SLURM_SUBMIT_DIR", request_.spec.submit_dir());
  SetVariable(&environment, "SLURM_SUBMIT_HOST", request_.spec.submit_host());
  if (!client_->config().path.empty()) {
    SetVariable(&environment, "SLURM_CONF", client_->config().path);
  }
  if (!StartCommand(environment)) return Relinquish(1 << 8);
  FollowJob(loop_, client_, id, pb::WaitJobRequest::UNTIL_ENDED, false,
            [this](auto answer) { OnJobEnded(std::move(answer)); });
}

bool SallocSession::StartCommand(const std::vector<std::string>& environment) {
  // All that allocates happens before the fork: gRPC's threads may hold any lock.
  std::vector<char*> arguments;
  for (std::string& word : command_) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<char*> variables;
  for (const std::string& variable : environment) {
    variables.push_back(const_cast<char*>(variable.c_str()));
  }
  variables.push_back(nullptr);
  fflush(nullptr);
  child_ = fork();
  if (child_ == 0) ExecCommand(arguments.data(), variables.data());
  if (child_ < 0) {
    PrintError(kName, StrCat("fork: ", strerror(errno)));
    return false;
  }
  if (!has_terminal_) setpgid(child_, child_);  // here as well: whoever comes first
  auto wait = [child = child_] {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  };
  InBackground<int>(loop_, wait, [this](int status) { OnCommandEnded(status); });
  return true;
}

void SallocSession::ExecCommand(char** arguments, char** environment) {
  auto complain = [](const char* what, const char* name) {
    for (const char* part : {"salloc: error: ", what, name, ": ", strerrordesc_np(errno), "\n"}) {
      if (write(STDERR_FILENO, part, strlen(part)) < 0) break;
    }
    _exit(1);
  };
  os::ResetSignals();
  if (!has_terminal_) setpgid(0, 0);
  const char* folder = request_.spec.work_dir().c_str();
  if (request_.WasSet("chdir") && chdir(folder) != 0) complain("Unable to enter ", folder);
  execvpe(arguments[0], arguments, environment);
  complain("Unable to run ", arguments[0]);
  _exit(1);
}

void SallocSession::OnCommandEnded(int status) {
  child_ = -1;
  if (has_terminal_) tcsetpgrp(STDIN_FILENO, getpgrp());
  Relinquish(status);
}

void SallocSession::OnJobEnded(absl::StatusOr<pb::WaitJobResponse> answer) {
  if (child_ <= 0 || revoked_) return;
  if (answer.ok() && !answer->reached()) return;
  revoked_ = true;
  Info(StrCat("Job allocation ", allocation_->job_id(), " has been revoked."));
  SignalCommand(is_shell_ ? SIGHUP : SIGTERM);
  SignalCommand(SIGCONT);
  loop_->After(client_->config().kill_wait, [this] { SignalCommand(SIGKILL); });
}

void SallocSession::Relinquish(int status) {
  if (revoked_) return Leave(ExitCodeOf(status));
  Info(StrCat("Relinquishing job allocation ", allocation_->job_id()));
  pb::CompleteAllocationRequest complete;
  complete.set_job_id(allocation_->job_id());
  complete.set_exit_status(status);
  auto call = [client = client_, complete] {
    return client->Call<pb::CompleteAllocationResponse>("Controller/CompleteAllocation", complete)
        .status();
  };
  InBackground<absl::Status>(loop_, call, [this, status](absl::Status outcome) {
    if (rpc::IsRetryable(outcome)) PrintDaemonError(kName, "", outcome);
    Leave(ExitCodeOf(status));
  });
}

// From the environment and the command line; an exit code after an error or an answer.
std::optional<int> ReadRequests(int argc, char** argv, std::vector<JobRequest>* requests,
                                std::vector<std::string>* command) {
  auto variable = [](const char* name) -> const char* { return getenv(name); };
  std::optional<ComponentArguments> arguments = ParseComponents(kSalloc, argc, argv);
  if (!arguments) return 255;
  JobRequest typed;
  if (auto code = ReadTyped(kSalloc, arguments->components, &typed)) {
    return code;
  }
  if (auto code = PrintActionAnswer(kSalloc, typed)) return code;
  if (auto code = ReadComponents(kSalloc, {}, arguments->components, variable, requests)) {
    return code;
  }
  command->assign(argv + arguments->first_operand, argv + argc);
  return std::nullopt;
}

}  // namespace

int Salloc(int argc, char** argv) {
  std::vector<JobRequest> requests;
  std::vector<std::string> command;
  if (auto code = ReadRequests(argc, argv, &requests, &command)) return *code;
  BlockSignals({SIGINT, SIGQUIT, SIGTERM, SIGHUP});
  std::shared_ptr<ControllerClient> client = ControllerClient::CreateOrPrint(std::string(kName));
  if (client == nullptr) return 1;
  if (auto fault = CheckComponents(requests, !client->config().gres_types.empty())) {
    return PrintFault(kSalloc, *fault);
  }
  for (JobRequest& request : requests) {
    pb::JobSpec* spec = &request.spec;
    if (spec->name().empty()) spec->set_name("interactive");
    DescribeSubmitter(argc, argv, spec);
    PrintSettings(kSalloc, request);
  }
  SallocSession session(std::move(client), std::move(requests), std::move(command));
  return session.Run();
}

}  // namespace reeve::cli
