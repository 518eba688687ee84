#include "step_harness.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/text.h"
#include "noded/stepd/process_tree.h"

namespace reeve::noded {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr char kSecret[] = "0123456789abcdef";

}  // namespace

StepNode::StepNode(bool cgroups) {
  settings_.cgroups = cgroups;
  MakeFolders();
  StartDaemon();
}

StepNode::StepNode(const Scripts& scripts) {
  MakeFolders();
  if (!scripts.prolog.empty()) scripts_.prolog = WriteScript("prolog", scripts.prolog);
  if (!scripts.epilog.empty()) scripts_.epilog = WriteScript("epilog", scripts.epilog);
  if (!scripts.task_prolog.empty()) {
    settings_.task_prolog = WriteScript("task_prolog", scripts.task_prolog);
  }
  if (!scripts.task_epilog.empty()) {
    settings_.task_epilog = WriteScript("task_epilog", scripts.task_epilog);
  }
  if (!scripts.pmixd.empty()) {
    // The step daemon looks for it beside itself.
    stepd_program_ = dir_ + "/reeve-stepd";
    EXPECT_TRUE(os::WriteFile(stepd_program_, *os::ReadFile(REEVE_STEPD), 0755).ok());
    EXPECT_EQ(chmod(stepd_program_.c_str(), 0755), 0);
    if (scripts.pmixd != "none") WriteScript("reeve-pmixd", scripts.pmixd);
  }
  scripts_.timeout = scripts.timeout;
  scripts_.site = {"n1", "test", "/etc/reeve/slurm.conf"};
  StartDaemon();
}

std::string StepNode::WriteScript(const std::string& name, const std::string& lines) const {
  const std::string path = dir_ + "/" + name;
  const std::string text = StrCat("#!/bin/bash\nWORK=", work_dir_, "\n", lines, "\n");
  EXPECT_TRUE(os::WriteFile(path, text, 0755).ok());
  EXPECT_EQ(chmod(path.c_str(), 0755), 0);
  return path;
}

void StepNode::MakeFolders() {
  std::string pattern = ::testing::TempDir() + "reeve-step-XXXXXX";
  dir_ = mkdtemp(pattern.data());
  chmod(dir_.c_str(), 0755);
  work_dir_ = dir_ + "/work";
  mkdir(work_dir_.c_str(), 0755);
  chmod(work_dir_.c_str(), 0777);
  settings_.spool_dir = dir_ + "/spool";
  stepd_program_ = REEVE_STEPD;
  settings_.node = "n1";
  settings_.cluster = StrCat("test-", getpid());
  settings_.kill_wait = absl::Seconds(1);
  settings_.log.file = dir_ + "/log";
  settings_.log.level = LogLevel::kDebug;
}

StepNode::~StepNode() {
  if (runner_ == nullptr) StartDaemon();
  std::set<uint32_t> jobs;
  for (const StepKey& key : runner_->Known()) jobs.insert(key.job.value);
  for (const JobKey& key : runner_->KnownJobs()) jobs.insert(key.job.value);
  for (uint32_t job : jobs) Terminate(job, 0);
  EXPECT_TRUE(Until([this] {
    AcknowledgeAll();
    return runner_->Known().empty() && runner_->KnownJobs().empty();
  })) << *os::ReadFile(dir_ + "/log");
  StopDaemon();
  settings_.node_cgroups().RemoveEmpty();
  if (::testing::Test::HasFailure()) {
    absl::StatusOr<std::string> log = os::ReadFile(dir_ + "/log");
    if (log.ok()) fprintf(stderr, "%s", log->c_str());
  }
  os::RemoveTree(dir_).IgnoreError();
}

void StepNode::StartDaemon() {
  forker_ = std::make_unique<Forker>(&loop_, stepd_program_, settings_);
  ASSERT_TRUE(forker_->Start().ok());
  runner_ = std::make_unique<StepRunner>(
      &loop_, settings_, forker_.get(), first_report_,
      [this](const v1::NodeMessage& message) { OnMessage(message); }, scripts_);
  first_report_ += 1000000;
  ASSERT_TRUE(runner_->Start().ok());
}

void StepNode::StopDaemon() {
  runner_.reset();
  forker_.reset();
  unacknowledged_.clear();
}

v1::StepLaunch StepNode::Batch(uint32_t job, const std::string& script) const {
  v1::StepLaunch launch;
  launch.set_job_id(job);
  launch.set_step_id(kBatchStep.value);
  launch.set_uid(geteuid());
  launch.set_gid(getegid());
  launch.set_script(script.starts_with("#!") ? script : "#!/bin/bash\n" + script);
  launch.set_work_dir(work_dir_);
  launch.set_umask(022);
  launch.add_environment("PATH=/usr/local/bin:/usr/bin:/bin");
  v1::NodeShare* share = launch.add_shares();
  share->set_node("n1");
  share->set_cpus(2);
  launch.add_task_ids()->add_ids(0);
  v1::JobFacts* facts = launch.mutable_job();
  facts->set_job_id(job);
  facts->set_uid(geteuid());
  facts->set_gid(getegid());
  facts->set_user_name("ann");
  facts->set_nodes("n[1-2]");
  return launch;
}

v1::StepLaunch StepNode::Srun(uint32_t job, int32_t step, std::vector<std::string> argv,
                              uint32_t tasks) const {
  v1::StepLaunch launch = Batch(job, "");
  launch.clear_script();
  launch.set_step_id(step);
  launch.mutable_argv()->Assign(argv.begin(), argv.end());
  for (uint32_t i = 1; i < tasks; ++i) launch.mutable_task_ids(0)->add_ids(i);
  launch.set_io_secret(kSecret);
  return launch;
}

v1::StepReport StepNode::Run(const v1::StepLaunch& launch) {
  Launch(launch);
  return AwaitEnd(launch.job_id(), launch.step_id());
}

bool StepNode::Until(const std::function<bool()>& done) {
  absl::Time deadline = absl::Now() + kPatience;
  while (!done()) {
    if (absl::Now() > deadline) return false;
    if (loop_.RunOnce()) continue;
    // Nothing ready: let the other processes run.
    usleep(500);
  }
  return true;
}

v1::StepReport StepNode::Await(uint32_t job, int32_t step, v1::StepReport::Kind kind) {
  v1::StepReport result;
  EXPECT_TRUE(Until([&] {
    for (const v1::StepReport& report : reports_) {
      if (report.job_id() == job && report.step_id() == step && report.kind() == kind) {
        result = report;
        return true;
      }
    }
    return false;
  })) << "no report "
      << kind << " of " << job << "." << step;
  return result;
}

v1::StepReport StepNode::AwaitEnd(uint32_t job, int32_t step) {
  v1::StepReport result;
  EXPECT_TRUE(Until([&] {
    for (const v1::StepReport& report : reports_) {
      if (report.job_id() == job && report.step_id() == step &&
          report.kind() != v1::StepReport::KIND_STARTED) {
        result = report;
        return true;
      }
    }
    return false;
  })) << "no end of "
      << job << "." << step;
  return result;
}

bool StepNode::AwaitJobGone(uint32_t job) {
  return Until([&] {
    return std::any_of(gone_.begin(), gone_.end(),
                       [&](const v1::JobGone& gone) { return gone.job_id() == job; });
  });
}

bool StepNode::AwaitFile(const std::string& name, const std::string& content_part) {
  return Until([&] { return Read(name).find(content_part) != std::string::npos; });
}

void StepNode::AcknowledgeAll() {
  for (uint64_t id : std::exchange(unacknowledged_, {})) runner_->Acknowledge(id);
}

void StepNode::Terminate(uint32_t job, int64_t kill_wait) {
  v1::TerminateJob terminate;
  terminate.set_job_id(job);
  terminate.set_attempt(100);
  terminate.set_kill_wait(kill_wait);
  runner_->TerminateJob(terminate);
}

pid_t StepNode::StepdPid(uint32_t job, int32_t step) const {
  absl::StatusOr<std::string> lock = os::ReadFile(Spool(job, step).path() + "/lock");
  return lock.ok() ? atoi(lock->c_str()) : 0;
}

std::string StepNode::Read(const std::string& name) const {
  absl::StatusOr<std::string> text = os::ReadFile(work_dir_ + "/" + name);
  return text.ok() ? *text : "";
}

void StepNode::OnMessage(const v1::NodeMessage& message) {
  if (message.has_step_report()) {
    reports_.push_back(message.step_report());
    unacknowledged_.push_back(message.step_report().report_id());
  }
  if (message.has_job_gone()) {
    gone_.push_back(message.job_gone());
    unacknowledged_.push_back(message.job_gone().report_id());
  }
  if (message.has_job_prepared()) {
    prepared_.push_back(message.job_prepared());
    unacknowledged_.push_back(message.job_prepared().report_id());
  }
}

StepClient::StepClient(StepNode* node, uint32_t job, int32_t step, bool acknowledge,
                       std::vector<v1::StepIoAck> have)
    : acknowledge_(acknowledge) {
  StepKey key{JobId{job}, StepId{step}, 0};
  absl::StatusOr<os::UniqueFd> socket = absl::NotFoundError("");
  EXPECT_TRUE(node->Until([&] {
    if (node->runner().FindIo(key).kind != StepRunner::IoState::Kind::kReady) return false;
    socket = node->runner().ConnectIo(key);
    return socket.ok();
  }));
  connection_ = std::make_unique<FrameConnection>(
      &node->loop(), *std::move(socket),
      FrameConnection::Events{[this](std::string_view frame) {
                                v1::StepdEvent event;
                                ASSERT_TRUE(event.ParseFromString(std::string(frame)));
                                OnResponse(event.io());
                              },
                              nullptr});
  v1::StepdRequest request;
  v1::StepIoAttach* attach = request.mutable_io()->mutable_attach();
  attach->set_job_id(job);
  attach->set_step_id(step);
  for (const v1::StepIoAck& ack : have) *attach->add_have() = ack;
  connection_->Send(request);
}

void StepClient::OnResponse(const v1::StepIoResponse& response) {
  if (response.has_attached()) attached = true;
  if (response.has_output()) {
    const v1::StepOutput& part = response.output();
    output[{part.task_id(), part.stream()}] += part.data();
    order.push_back(StrCat("out ", part.task_id(), ".", part.stream()));
    if (acknowledge_)
      Acknowledge(part.task_id(), part.stream(), part.offset() + part.data().size());
  }
  if (response.has_task_exit()) {
    exits[response.task_exit().task_id()] = response.task_exit().status();
    order.push_back(StrCat("exit ", response.task_exit().task_id()));
  }
  if (response.has_mpi_abort()) mpi_abort = response.mpi_abort();
  if (response.has_launch_error()) launch_error = response.launch_error().message();
  if (response.has_stdin_ack()) stdin_acknowledged = response.stdin_ack().offset();
  if (response.has_ended()) {
    ended = true;
    order.push_back("ended");
  }
}

void StepClient::Stdin(uint64_t offset, const std::string& data, bool eof) {
  v1::StepdRequest request;
  v1::StepStdin* input = request.mutable_io()->mutable_stdin();
  input->set_offset(offset);
  input->set_data(data);
  input->set_eof(eof);
  connection_->Send(request);
}

void StepClient::Signal(int signal) {
  v1::StepdRequest request;
  request.mutable_io()->mutable_signal()->set_signal(signal);
  connection_->Send(request);
}

void StepClient::Acknowledge(uint32_t task, uint32_t stream, uint64_t offset) {
  v1::StepdRequest request;
  v1::StepIoAck* ack = request.mutable_io()->mutable_ack();
  ack->set_task_id(task);
  ack->set_stream(stream);
  ack->set_offset(offset);
  connection_->Send(request);
}

bool IsAlive(pid_t pid) {
  absl::StatusOr<std::string> stat = os::ReadFile(StrCat("/proc/", pid, "/stat"));
  if (!stat.ok()) return false;
  size_t name_end = stat->rfind(')');
  return name_end != std::string::npos && (*stat)[name_end + 2] != 'Z';
}

std::vector<pid_t> ProcessesWith(const std::string& text) {
  std::vector<pid_t> found;
  absl::StatusOr<std::vector<std::string>> names = os::ListDirectory("/proc");
  EXPECT_TRUE(names.ok());
  for (const std::string& name : *names) {
    pid_t pid = atoi(name.c_str());
    if (pid <= 0 || pid == getpid()) continue;
    absl::StatusOr<std::string> line = os::ReadFile(StrCat("/proc/", name, "/cmdline"));
    if (line.ok() && line->find(text) != std::string::npos && IsAlive(pid)) found.push_back(pid);
  }
  return found;
}

}  // namespace reeve::noded
