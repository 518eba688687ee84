// srun: a parallel run of a program, in an allocation of its own or as a step of a job.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/allocation.h"
#include "cli/background.h"
#include "cli/cluster_network.h"
#include "cli/command.h"
#include "cli/controller_client.h"
#include "cli/early_signals.h"
#include "cli/option_parser.h"
#include "cli/srun_het.h"
#include "cli/srun_io.h"
#include "cli/srun_lost_nodes.h"
#include "cli/srun_request.h"
#include "cli/srun_script.h"
#include "cli/submit_env.h"
#include "cli/submitter.h"
#include "cli/task_exits.h"
#include "cli/test_only.h"
#include "cli/text_match.h"
#include "common/base/task_pattern.h"
#include "common/base/text.h"
#include "common/os/event_loop.h"

namespace reeve::cli {
namespace {

constexpr std::string_view kName = "srun";
constexpr absl::Duration kGroupExits = absl::Milliseconds(100);  // exits told together
constexpr absl::Duration kSecondInterrupt = absl::Seconds(1);
constexpr absl::Duration kUnreachableGrace = absl::Seconds(5);

// One run, from the request to the exit code. Everything happens on the loop's thread.
class SrunSession {
 public:
  SrunSession(std::shared_ptr<ControllerClient> client, JobRequest request, StepOrigin origin)
      : loop_(std::make_shared<os::EventLoop>()),
        client_(std::move(client)),
        request_(std::move(request)),
        origin_(std::move(origin)),
        in_job_(origin_.job_id != 0) {}

  int Run();

 private:
  void HandleSignals();
  void OnInterrupt();
  void OnTerminate();
  void Allocate();
  SrunScript Script(const std::string& program, const char* context) const;
  void BeginStep();
  void CreateStep();
  void OnStep(absl::StatusOr<pb::CreateStepResponse> answer);
  void OnStepRefused(const absl::Status& status);
  bool OpenStreams(const pb::CreateStepResponse& step, StepIoOptions* options);
  std::optional<int> OpenStream(const StreamRoute& route, int flags, int32_t step_id);
  void RunStep(pb::CreateStepResponse step);
  void OnTaskExit(const std::string& node, uint32_t task, int status);
  void OnNodeFailed(const std::string& node, const std::vector<uint32_t>& tasks,
                    const std::string& why);
  void OnMpiAbort(const std::string& node, const pb::MpiAbort& abort);
  void OnJobEnded(absl::StatusOr<pb::WaitJobResponse> answer);
  void OnStepEnded();
  void TerminateStep(std::function<void()> then = nullptr);
  void Abort();
  void PrintExits();
  void PrintStatus();
  void Info(std::string_view text) const;
  std::string StepName() const { return StrCat("StepId=", origin_.job_id, ".", step_id_); }
  void Leave(int exit_code);

  std::shared_ptr<os::EventLoop> loop_;
  std::shared_ptr<ControllerClient> client_;
  JobRequest request_;
  StepOrigin origin_;
  const bool in_job_;
  StepStdio stdio_;
  pb::CreateStepRequest step_request_;
  std::unique_ptr<Allocation> allocation_;
  std::unique_ptr<StepIo> io_;
  std::unique_ptr<LostNodes> lost_nodes_;
  TaskExits exits_;
  int32_t step_id_ = -1;
  int exit_code_ = 0;
  int mpi_status_ = 0;   // given to MPI_Abort
  int exit_status_ = 0;  // of the job, as wait(2) gives it
  bool said_busy_ = false;
  bool leaving_ = false;
  bool aborted_ = false;  // "Job step aborted" has been said
  bool mpi_aborted_ = false;
  bool giving_up_ = false;  // before there is a step
  bool exits_due_ = false;
  bool terminated_ = false;
  absl::Time last_interrupt_ = absl::InfinitePast();
  absl::Time last_sent_interrupt_ = absl::InfinitePast();
};

void SrunSession::Info(std::string_view text) const {
  if (!request_.quiet) PrintInfo(kName, text);
}

int SrunSession::Run() {
  HandleSignals();
  stdio_ = RouteStdio(request_.spec);
  if (in_job_) {
    BeginStep();
  } else {
    Allocate();
  }
  loop_->Run();
  // Streams that are still closing may do so for ever: the process ends without them.
  (void)io_.release();
  return exit_code_;
}

void SrunSession::Leave(int exit_code) {
  if (std::exchange(leaving_, true)) return;
  exit_code_ = exit_code;
  if (in_job_ || origin_.job_id == 0) return loop_->Stop();
  pb::CompleteAllocationRequest complete;
  complete.set_job_id(origin_.job_id);
  complete.set_exit_status(exit_status_ != 0 ? exit_status_ : exit_code << 8);
  auto call = [client = client_, complete] {
    return client->Call<pb::CompleteAllocationResponse>("Controller/CompleteAllocation", complete)
        .status();
  };
  InBackground<absl::Status>(loop_, call, [this](absl::Status status) {
    // A job that has ended by itself (cancelled, time limit) has nothing left to complete.
    if (rpc::IsRetryable(status)) PrintDaemonError(kName, "", status);
    loop_->Stop();
  });
}

// ---- allocation and step ----------------------------------------------------------------------

void SrunSession::Allocate() {
  pb::SubmitJobRequest submit;
  submit.set_request_id(RequestId());
  *submit.mutable_spec() = request_.spec;
  for (const std::string& variable : origin_.environment) submit.add_environment(variable);
  Allocation::Events events;
  events.on_granted = [this](const pb::WaitJobResponse& granted) {
    origin_.job_id = granted.job().job_id();
    // The nodes are those of the allocation: the step takes all of them.
    request_.spec.set_min_nodes(static_cast<uint32_t>(granted.job().shares_size()));
    request_.spec.set_max_nodes(request_.spec.min_nodes());
    BeginStep();
  };
  events.on_failed = [this](int code) { Leave(code); };
  allocation_ = std::make_unique<Allocation>(
      loop_, client_,
      Allocation::Options{std::string(kName), "Unable to allocate resources",
                          request_.immediate_seconds, request_.quiet},
      std::move(events));
  allocation_->Start(std::move(submit));
}

SrunScript SrunSession::Script(const std::string& program, const char* context) const {
  return {program, origin_.command, origin_.environment, context, origin_.job_id};
}

// The step is launched as soon as the controller has made it: its prolog comes before that.
void SrunSession::BeginStep() {
  const std::string program = ChooseSrunScript(request_.srun_prolog, client_->config().srun_prolog);
  RunSrunScript(loop_, Script(program, "prolog_srun"), [this](int code) {
    if (giving_up_) return Leave(1);
    if (code == 0) return CreateStep();
    PrintError(kName, StrCat("srun prolog failed rc = ", code, ". Aborting step."));
    Leave(1);
  });
}

void SrunSession::CreateStep() {
  if (step_request_.request_id().empty()) {
    step_request_ = MakeStepRequest(request_, origin_, stdio_);
  }
  auto call = [client = client_, request = step_request_] {
    return client->Call<pb::CreateStepResponse>(
        "Controller/CreateStep", request,
        absl::Seconds(request.wait_seconds()) + absl::Seconds(10));
  };
  InBackground<absl::StatusOr<pb::CreateStepResponse>>(
      loop_, call, [this](auto answer) { OnStep(std::move(answer)); });
}

void SrunSession::OnStep(absl::StatusOr<pb::CreateStepResponse> answer) {
  if (answer.ok() && !answer->error().empty()) answer = absl::InternalError(answer->error());
  if (!answer.ok()) return giving_up_ ? Leave(1) : OnStepRefused(answer.status());
  step_id_ = answer->step_id();
  if (giving_up_) return TerminateStep([this] { Leave(1); });
  if (said_busy_) Info(StrCat("Step created for ", StepName()));
  RunStep(*std::move(answer));
}

void SrunSession::OnStepRefused(const absl::Status& status) {
  const std::string why = StatusText(status);
  bool busy = Contains(why, "busy");
  if (busy && !request_.immediate_seconds.has_value()) {
    if (!std::exchange(said_busy_, true)) {
      Info(StrCat("Job ", origin_.job_id, " step creation temporarily disabled, retrying (", why,
                  ")"));
    }
    // The controller held the call for a while already; a short pause keeps a refusal at once from
    // turning into a storm.
    loop_->After(absl::Milliseconds(500), [this] { CreateStep(); });
    return;
  }
  if (in_job_ && why == "Invalid job id specified") {
    PrintError(kName, StrCat("Unable to confirm allocation for job ", origin_.job_id, ": ", why));
    Info(
        StrCat("Check SLURM_JOB_ID environment variable. Expired or invalid job ", origin_.job_id));
  } else {
    PrintDaemonError(kName, StrCat("Unable to create step for job ", origin_.job_id), status);
  }
  Leave(1);
}

// ---- the step's run ---------------------------------------------------------------------------

std::optional<int> SrunSession::OpenStream(const StreamRoute& route, int flags, int32_t step_id) {
  PatternValues values;
  values.job = JobId{origin_.job_id};
  values.step = StepId{step_id};
  values.job_name = step_request_.name();
  if (const char* user = getenv("USER")) values.user_name = user;
  absl::StatusOr<std::string> path = ExpandFilePattern(route.pattern, values);
  if (!path.ok()) {
    PrintError(kName, Message(path.status()));
    return std::nullopt;
  }
  if (!path->starts_with("/")) *path = StrCat(request_.spec.work_dir(), "/", *path);
  int fd = open(path->c_str(), flags | O_CLOEXEC, 0666);
  if (fd < 0) {
    PrintError(kName, StrCat("Could not open ", *path, ": ", strerror(errno)));
    return std::nullopt;
  }
  return fd;
}

bool SrunSession::OpenStreams(const pb::CreateStepResponse& step, StepIoOptions* options) {
  using Kind = StreamRoute::Kind;
  const int write_flags = O_WRONLY | O_CREAT | (request_.spec.append_output() ? O_APPEND : O_TRUNC);
  if (stdio_.out.kind == Kind::kFile) {
    std::optional<int> fd = OpenStream(stdio_.out, write_flags, step.step_id());
    if (!fd) return false;
    options->stdout_fd = *fd;
  }
  if (stdio_.err.kind == Kind::kFile) {
    bool shared = stdio_.out.kind == Kind::kFile && stdio_.err.pattern == stdio_.out.pattern;
    std::optional<int> fd =
        shared ? options->stdout_fd : OpenStream(stdio_.err, write_flags, step.step_id());
    if (!fd) return false;
    options->stderr_fd = *fd;
  }
  if (stdio_.in.kind == Kind::kFile) {
    std::optional<int> fd = OpenStream(stdio_.in, O_RDONLY, step.step_id());
    if (!fd) return false;
    options->stdin_fd = *fd;
  } else if (stdio_.in.kind == Kind::kSrun || stdio_.in.kind == Kind::kOneTask) {
    options->stdin_fd = STDIN_FILENO;
  }
  if (stdio_.in.kind == Kind::kOneTask) options->stdin_task = stdio_.in.task;
  options->label = request_.label;
  options->unbuffered = request_.unbuffered;
  return true;
}

void SrunSession::RunStep(pb::CreateStepResponse step) {
  StepIoOptions options;
  if (!OpenStreams(step, &options)) return TerminateStep([this] { Leave(1); });
  for (const pb::TaskList& list : step.task_ids()) {
    for (uint32_t task : list.ids()) exits_.Started(task);
  }
  StepIo::Events events;
  events.on_task_exit = [this](const std::string& node, uint32_t task, int status) {
    OnTaskExit(node, task, status);
  };
  events.on_node_failed = [this](const std::string& node, const std::vector<uint32_t>& tasks,
                                 const std::string& why) { OnNodeFailed(node, tasks, why); };
  lost_nodes_ = std::make_unique<LostNodes>(
      loop_, client_, origin_.job_id, step_id_, [this](const std::string& node) {
        io_->GiveUp("the node cannot be reached, and its part of the step has ended", node);
      });
  events.on_node_lost = [this](const std::string& node, const std::string& why) {
    PrintError(kName, StrCat(node, ": its node daemon cannot be reached, trying on: ", why));
    lost_nodes_->Add(node);
  };
  events.on_node_back = [this](const std::string& node) {
    Info(StrCat(node, ": its node daemon has been reached again"));
    lost_nodes_->Remove(node);
  };
  events.on_mpi_abort = [this](const std::string& node, const pb::MpiAbort& abort) {
    OnMpiAbort(node, abort);
  };
  events.on_ended = [this] { OnStepEnded(); };
  io_ = std::make_unique<StepIo>(loop_, client_->config(), client_->munge(), origin_.job_id,
                                 std::move(step), options, std::move(events));
  io_->Start();
  FollowJob(loop_, client_, origin_.job_id, pb::WaitJobRequest::UNTIL_ENDED, false,
            [this](auto answer) { OnJobEnded(std::move(answer)); });
}

void SrunSession::OnTaskExit(const std::string& node, uint32_t task, int status) {
  bool first = !exits_.any_ended();
  exits_.Ended(node, task, status);
  if (!std::exchange(exits_due_, true)) {
    loop_->After(kGroupExits, [this] { PrintExits(); });
  }
  bool kill = status != 0 && *request_.kill_on_bad_exit;
  if (kill && !terminated_ && exits_.running() > 0) {
    PrintExits();
    Info(StrCat("Terminating ", StepName()));
    TerminateStep();
  }
  int64_t wait = request_.wait_seconds.value_or(0);
  if (first && wait > 0) {
    loop_->After(absl::Seconds(wait), [this, wait] {
      if (terminated_ || exits_.running() == 0) return;
      Info(StrCat("First task exited ", wait, "s ago"));
      PrintStatus();
      Info(StrCat("Terminating ", StepName()));
      TerminateStep();
    });
  }
}

// The node has killed its part; the others wait for ranks that are no more. They are killed as
// well, and the controller sees to those that cannot be reached from here.
void SrunSession::OnMpiAbort(const std::string& node, const pb::MpiAbort& abort) {
  if (std::exchange(mpi_aborted_, true)) return;
  mpi_status_ = abort.status() & 0xff;
  PrintError(kName, StrCat(node, ": ", abort.text()));
  Abort();
  io_->Signal(SIGKILL);
  TerminateStep();
}

void SrunSession::PrintExits() {
  exits_due_ = false;
  std::vector<std::string> messages = exits_.TakeMessages();
  for (const std::string& message : messages) PrintError(kName, message);
}

void SrunSession::OnNodeFailed(const std::string& node, const std::vector<uint32_t>& tasks,
                               const std::string& why) {
  for (uint32_t task : tasks) exits_.Ended(node, task, 0);
  std::set<uint32_t> lost(tasks.begin(), tasks.end());
  PrintExits();
  PrintError(kName, StrCat(node, ": ", lost.size() == 1 ? "task " : "tasks ", TaskRanges(lost),
                           ": ", why));
  if (exit_code_ == 0) exit_code_ = 1;
  if (!request_.no_kill && !terminated_ && exits_.running() > 0) TerminateStep();
}

void SrunSession::OnJobEnded(absl::StatusOr<pb::WaitJobResponse> answer) {
  if (leaving_ || io_ == nullptr || io_->ended()) return;
  if (answer.ok() && !answer->reached()) return;
  if (!in_job_) Info(StrCat("Force Terminated JobId=", origin_.job_id));
  Abort();
  loop_->After(client_->config().kill_wait + kUnreachableGrace,
               [this] { io_->GiveUp("no word from the node since the job ended"); });
}

void SrunSession::OnStepEnded() {
  PrintExits();
  exit_status_ = exits_.worst_status();
  const std::string program = ChooseSrunScript(request_.srun_epilog, client_->config().srun_epilog);
  RunSrunScript(loop_, Script(program, "epilog_srun"), [this](int code) {
    if (code != 0) PrintError(kName, StrCat("srun epilog failed rc = ", code));
    Leave(mpi_status_ != 0 ? mpi_status_ : std::max(exit_code_, exits_.exit_code()));
  });
}

// Says once that the step is being taken down.
void SrunSession::Abort() {
  if (std::exchange(aborted_, true)) return;
  int64_t seconds = absl::ToInt64Seconds(client_->config().kill_wait) + 2;
  Info(StrCat("Job step aborted: Waiting up to ", seconds, " seconds for job step to finish."));
}

void SrunSession::TerminateStep(std::function<void()> then) {
  if (std::exchange(terminated_, true) || step_id_ < 0) return;
  pb::CancelJobsRequest cancel;
  pb::JobSelector* selector = cancel.add_jobs();
  selector->set_job_id(origin_.job_id);
  selector->set_step_id(step_id_);
  auto call = [client = client_, cancel] {
    return client->Call<pb::CancelJobsResponse>("Controller/CancelJobs", cancel).status();
  };
  InBackground<absl::Status>(loop_, call, [this, then](absl::Status status) {
    if (!status.ok() && !leaving_) PrintDaemonError(kName, "", status);
    if (then) then();
  });
}

// ---- signals ----------------------------------------------------------------------------------

void SrunSession::HandleSignals() {
  // Writing to a reader that has gone is an error to pass over, not a death. Reading a terminal
  // from the background likewise.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTTIN, SIG_IGN);
  auto unless_ignored = [this](int number, std::function<void()> handler) {
    if (!IsIgnored(number)) loop_->OnSignal(number, std::move(handler));
  };
  unless_ignored(SIGINT, [this] { OnInterrupt(); });
  for (int number : {SIGTERM, SIGHUP, SIGQUIT}) unless_ignored(number, [this] { OnTerminate(); });
  for (int number : {SIGUSR1, SIGUSR2, SIGALRM, SIGCONT}) {
    unless_ignored(number, [this, number] {
      if (io_ != nullptr) io_->Signal(number);
    });
  }
}

void SrunSession::PrintStatus() {
  for (const std::string& line : exits_.StatusLines()) {
    Info(StrCat(StepName(), " ", line));
  }
}

void SrunSession::OnInterrupt() {
  if (io_ == nullptr) return OnTerminate();
  if (request_.quit_on_interrupt) return OnTerminate();
  absl::Time now = absl::Now();
  if (!request_.disable_status && now - last_interrupt_ > kSecondInterrupt) {
    last_interrupt_ = now;
    Info("interrupt (one more within 1 sec to abort)");
    return PrintStatus();
  }
  last_interrupt_ = now;
  if (now - last_sent_interrupt_ < kSecondInterrupt) return OnTerminate();
  last_sent_interrupt_ = now;
  Info(StrCat("sending Ctrl-C to ", StepName()));
  io_->Signal(SIGINT);
  Abort();
  TerminateStep();
}

void SrunSession::OnTerminate() {
  if (leaving_) return loop_->Stop();
  if (io_ == nullptr) {
    if (allocation_ != nullptr && !allocation_->granted()) return allocation_->Cancel();
    // A step is being made: its answer ends it. Whoever does not want to wait says so again.
    if (std::exchange(giving_up_, true)) Leave(1);
    return;
  }
  Info("forcing job termination");
  Abort();
  TerminateStep();
}

// ---- the command ------------------------------------------------------------------------------

std::vector<std::string> StepEnvironment(const JobRequest& request, bool in_job) {
  std::vector<std::string> all = ProcessEnvironment();
  if (!in_job) all = WithoutOuterJob(std::move(all));
  std::vector<std::string> variables = ExportEnvironment(all, request.export_text).variables;
  if (!in_job) {
    SetVariable(&variables, "SLURM_SUBMIT_DIR", CurrentFolder());
    SetVariable(&variables, "SLURM_SUBMIT_HOST", ShortHostName());
  }
  SetVariable(&variables, "SLURM_PRIO_PROCESS", StrCat(getpriority(PRIO_PROCESS, 0)));
  SetVariable(&variables, "SLURM_UMASK", absl::StrFormat("%04o", CurrentUmask()));
  return variables;
}

// From the environment and the command line; an exit code after an error or an answer.
std::optional<int> ReadRequest(int argc, char** argv, JobRequest* request, int* first_operand) {
  GetVariable variable = [](const char* name) -> const char* { return getenv(name); };
  std::optional<ParsedArguments> arguments = ParseArguments(kSrun, argc, argv);
  if (!arguments) return 255;
  JobRequest typed;
  if (auto code = ApplyOptions(kSrun, arguments->options, Source::kCommandLine, &typed))
    return code;
  if (auto code = PrintActionAnswer(kSrun, typed)) return code;
  if (typed.het_group.has_value()) variable = VariablesOfComponent(*typed.het_group, variable);
  if (auto code = ApplyEnvironment(kSrun, variable, request)) return code;
  if (auto code = ApplyOptions(kSrun, arguments->options, Source::kCommandLine, request)) {
    return code;
  }
  *first_operand = arguments->first_operand;
  if (*first_operand >= argc && !request->test_only) {
    PrintInfo(kName, "fatal: No command given to execute.");
    return 1;
  }
  for (int i = *first_operand; i < argc; ++i) {
    if (std::string_view(argv[i]) == ":") {
      return PrintFault(kSrun, NotSupported("a heterogeneous step (\":\")"));
    }
  }
  return std::nullopt;
}

}  // namespace

int Srun(int argc, char** argv) {
  JobRequest request;
  int first_operand = argc;
  if (auto code = ReadRequest(argc, argv, &request, &first_operand)) return *code;
  if (!request.test_only) {
    BlockSignals({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT});
  }
  std::shared_ptr<ControllerClient> client = ControllerClient::CreateOrPrint(std::string(kName));
  if (client == nullptr) return 1;
  if (std::string hint = LoginHostHint(client->config());
      !hint.empty() && first_operand < argc && CallsMpiLauncherBack(argv[first_operand])) {
    PrintError(kName, hint);  // instead of waiting for a connection that cannot come
    return 1;
  }
  if (auto fault = CheckCombinations(&request, !client->config().gres_types.empty())) {
    return PrintFault(kSrun, *fault);
  }
  const bool in_job = request.job_id.has_value();
  if (request.het_group.has_value()) {
    if (!in_job) {
      return PrintFault(kSrun, NotSupported("--het-group outside of a heterogeneous job"));
    }
    const absl::StatusOr<uint32_t> id =
        ComponentJobId(*client, *request.job_id, *request.het_group);
    if (!id.ok()) {
      PrintDaemonError(kName, "Attempt to run a step of a component", id.status());
      return 1;
    }
    request.job_id = *id;
  }
  std::vector<std::string> warnings;
  if (auto fault = SettleStepRequest(in_job, &request, &warnings)) {
    return PrintFault(kSrun, *fault);
  }
  if (!request.quiet) {
    for (const std::string& warning : warnings) PrintInfo(kName, warning);
  }

  request.mpi = request.mpi.value_or(DefaultMpiType(client->config()));
  request.kill_on_bad_exit = request.kill_on_bad_exit.value_or(client->config().kill_on_bad_exit);
  StepOrigin origin{
      argc, argv, {argv + first_operand, argv + argc}, {}, request.job_id.value_or(0)};
  pb::JobSpec* spec = &request.spec;
  if (spec->name().empty() && !origin.command.empty()) {
    spec->set_name(ProgramName(origin.command.front()));
  }
  DescribeSubmitter(argc, argv, spec);
  *spec->mutable_rlimits() = LimitsToPropagate(request.propagate);
  origin.environment = StepEnvironment(request, in_job);
  PrintSettings(kSrun, request);
  if (request.test_only) return TellStart(*client, request);
  SrunSession session(std::move(client), std::move(request), std::move(origin));
  return session.Run();
}

}  // namespace reeve::cli
