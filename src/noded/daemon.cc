#include "noded/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>

#include "common/base/text.h"
#include "common/os/boot_clock.h"
#include "common/os/log.h"
#include "common/os/service_manager.h"
#include "common/rpc/endpoints.h"
#include "common/rpc/trust.h"
#include "noded/hardware.h"
#include "reeve/v1/noded.pb.h"
#include "reeve_version.h"

namespace reeve::noded {
namespace {

constexpr int64_t kClockComplaintSeconds = 5;

std::string ShortHostName() {
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  std::string host = name;
  return host.substr(0, host.find('.'));
}

// Two clusters of the same name may share a machine (tests, embedded clusters); their spools do
// not.
std::string CgroupCluster(const std::string& cluster, const std::string& spool_dir) {
  uint64_t hash = 1469598103934665603u;  // FNV-1a: any spread will do, it must only stay the same
  for (unsigned char c : spool_dir) hash = (hash ^ c) * 1099511628211u;
  return StrCat(cluster.empty() ? "cluster" : cluster, "-",
                StrCat(absl::Hex(hash & 0xffffffff, absl::kZeroPad8)));
}

}  // namespace

absl::StatusOr<NodeConfig> FindOwnNode(const Config& config, const std::string& name) {
  if (!name.empty()) {
    const NodeConfig* node = config.FindNode(name);
    if (node != nullptr) return *node;
    return absl::NotFoundError(StrCat("the configuration has no node ", name));
  }
  std::string host = ShortHostName();
  for (const NodeConfig& node : config.nodes) {
    if (node.name == host || node.hostname == host) return node;
  }
  return absl::NotFoundError(
      StrCat("no NodeName or NodeHostname of the configuration is this host's name, ", host,
             "; use -N NODENAME"));
}

Daemon::Daemon(DaemonOptions options) : options_(std::move(options)), started_(absl::Now()) {}

Daemon::~Daemon() {
  // Nothing calls back into what is gone: callers first, then what they call.
  link_.reset();
  if (server_ != nullptr) server_->Stop();
  relay_.reset();
  lease_.reset();
  steps_.reset();
  health_.reset();
  health_runners_.reset();
  forker_.reset();
  cgroups_.RemoveEmpty();
  std::string socket = rpc::NodeSocket(options_.config, options_.node.name);
  if (server_ != nullptr && socket.starts_with("unix:")) unlink(socket.substr(5).c_str());
}

StepdSettings Daemon::MakeStepdSettings() const {
  StepdSettings settings;
  settings.spool_dir = options_.spool_dir;
  settings.node = options_.node.name;
  settings.cluster = CgroupCluster(options_.config.cluster_name, options_.spool_dir);
  settings.config_path = options_.config.path;
  settings.kill_wait = options_.config.kill_wait;
  settings.task_prolog = options_.config.task_prolog;
  settings.task_epilog = options_.config.task_epilog;
  // Virtual hosts share the machine's cores: binding would pile their jobs onto the first ones.
  settings.bind_cores =
      options_.config.socket_dir.empty() && options_.node.cpus <= ReadHardware("/").cpus();
  settings.log = options_.log;
  return settings;
}

// Two daemons on one spool would each adopt the other's steps.
absl::Status Daemon::LockSpool() {
  std::string path = options_.spool_dir + "/reevenoded.lock";
  absl::StatusOr<os::UniqueFd> fd = os::OpenFile(path, O_RDWR | O_CREAT);
  if (!fd.ok()) return fd.status();
  if (flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(StrCat("another reevenoded uses ", options_.spool_dir));
  }
  spool_lock_ = *std::move(fd);
  return absl::OkStatus();
}

// The OOM killer should choose a job. Not everybody may ask for that: said once, no failure.
void Daemon::ProtectFromOom() const {
  absl::StatusOr<os::UniqueFd> fd = os::OpenFile("/proc/self/oom_score_adj", O_WRONLY);
  if (!fd.ok() || write(fd->get(), "-900", 4) != 4) {
    os::LogVerbose(
        "oom_score_adj can't be lowered: under memory pressure the kernel may choose "
        "this daemon");
  }
}

absl::Status Daemon::Start() {
  absl::StatusOr<uid_t> slurm_user = rpc::FindUid(options_.config.slurm_user);
  if (!slurm_user.ok()) return Annotate(slurm_user.status(), "SlurmUser");
  if (absl::Status status = PrepareSpool(options_.spool_dir); !status.ok()) return status;
  if (absl::Status status = LockSpool(); !status.ok()) return status;
  absl::StatusOr<NodeState> state = NodeState::Load(options_.spool_dir);
  if (!state.ok()) return state.status();
  state_ = *std::move(state);

  signal(SIGPIPE, SIG_IGN);
  for (int signal : {SIGTERM, SIGINT}) {
    loop_.OnSignal(signal, [this] {
      os::LogInfo("stopping; steps go on");
      loop_.Stop();
    });
  }
  loop_.OnSignal(SIGHUP, [] {
    absl::Status status = os::ReopenLog();
    if (!status.ok()) os::LogError(Message(status));
  });

  StepdSettings settings = MakeStepdSettings();
  cgroups_ = settings.node_cgroups();
  if (cgroups_.mounts.empty()) {
    os::LogInfo(
        "no writable cgroup hierarchy: steps run without memory limits and are ended by "
        "following their process tree");
  }
  ProtectFromOom();
  forker_ = std::make_unique<Forker>(&loop_, options_.stepd_program, settings);
  if (absl::Status status = forker_->Start(); !status.ok()) return status;

  steps_ = std::make_unique<StepRunner>(
      &loop_, settings, forker_.get(), state_->first_report_id(),
      [this](const v1::NodeMessage& message) {
        if (link_ != nullptr && welcome_) link_->Send(message);
      },
      ScriptOptions());
  absl::StatusOr<uid_t> slurmd_user = rpc::FindUid(options_.config.slurmd_user);
  if (!slurmd_user.ok()) return Annotate(slurmd_user.status(), "SlurmdUser");
  lease_ = std::make_unique<LeaseKeeper>(
      &loop_,
      LeaseKeeper::Options{options_.spool_dir, options_.node.name, rpc::MungeOf(options_.config),
                           *slurmd_user, [this](const std::string& node, std::string address) {
                             return rpc::NodeTargetAt(options_.config, node, address);
                           }});
  lease_->Start();
  relay_ = std::make_unique<IoRelay>(&loop_, steps_.get(), options_.node.name);
  if (absl::Status status = StartServer(); !status.ok()) return status;
  if (absl::Status status = steps_->Start(); !status.ok()) return status;

  link_ = std::make_unique<ControllerLink>(
      &loop_, rpc::ControllerTarget(options_.config), rpc::MungeOf(options_.config), *slurm_user,
      ControllerLink::Events{
          [this] {
            lease_->Registering();
            return MakeRegistration();
          },
          [this](const v1::ControllerMessage& message) { OnController(message); },
          [this] {
            welcome_ = false;
            loop_.Cancel(heartbeat_timer_);
          }});
  StartLink();
  os::LogInfo(StrCat("node ", options_.node.name, " runs, spool ", options_.spool_dir));
  return absl::OkStatus();
}

JobScriptOptions Daemon::ScriptOptions() const {
  const Config& config = options_.config;
  return {.prolog = config.prolog,
          .epilog = config.epilog,
          .timeout = config.prolog_epilog_timeout,
          .site = {options_.node.name, config.cluster_name, config.path}};
}

// A node's health is looked at before it offers itself.
void Daemon::StartLink() {
  const Config& config = options_.config;
  if (config.health_check_program.empty() || config.health_check_interval <= absl::ZeroDuration()) {
    return link_->Start();
  }
  health_runners_ = std::make_unique<ScriptRunners>(&loop_, forker_.get(), options_.spool_dir);
  health_ = std::make_unique<HealthCheck>(health_runners_.get(), options_.spool_dir,
                                          config.health_check_program, ScriptOptions().site);
  health_->Run([this] { link_->Start(); });
}

absl::Status Daemon::StartServer() {
  absl::StatusOr<rpc::Trust> trust = rpc::TrustOf(options_.config);
  if (!trust.ok()) return trust.status();
  rpc::Server::Options options;
  uint16_t port = options_.node.port != 0 ? options_.node.port : options_.config.slurmd_port;
  options.listen.push_back(StrCat("0.0.0.0:", port));
  std::string socket = rpc::NodeSocket(options_.config, options_.node.name);
  if (!socket.empty()) {
    unlink(socket.substr(5).c_str());  // a stale one; the spool's lock says that we are alone
    options.listen.push_back(socket);
  }
  options.munge = rpc::MungeOf(options_.config);
  options.trust = *std::move(trust);
  absl::StatusOr<std::optional<rpc::KeyPair>> tls =
      rpc::NodeKeyPair(options_.config, options_.node);
  if (!tls.ok()) return tls.status();
  options.tls = *std::move(tls);
  options.limits.max_message_bytes = 4 << 20;  // a piece of some task's input
  server_ = std::make_unique<rpc::Server>(std::move(options));
  server_->Handle("NodeDaemon/Ping", [node = options_.node.name](std::shared_ptr<rpc::Call> call) {
    v1::NodePingResponse response;
    response.set_node(node);
    response.set_version(REEVE_SLURM_VERSION);
    call->Reply(response);
  });
  server_->HandleStream("NodeDaemon/StepIo",
                        [relay = relay_.get()](std::shared_ptr<rpc::ServerStream> stream) {
                          return relay->OnStream(std::move(stream));
                        });
  server_->HandleStream("NodeDaemon/Witness",
                        [lease = lease_.get()](std::shared_ptr<rpc::ServerStream> stream) {
                          return lease->OnQuestion(std::move(stream));
                        });
  return server_->Start();
}

void Daemon::Run() {
  os::NotifyReady();
  loop_.Run();
}

// ---- the controller ---------------------------------------------------------------------------

v1::Registration Daemon::MakeRegistration() const {
  const Config& config = options_.config;
  v1::Registration registration;
  registration.set_node(options_.node.name);
  registration.set_boot_id(BootId());
  registration.set_version(REEVE_SLURM_VERSION);
  *registration.mutable_hardware() =
      ReadHardware(ExpandNodePath(config.tmp_fs, options_.node.name, options_.node.hostname));
  registration.set_start_time(absl::ToUnixSeconds(started_));
  for (const StepKey& key : steps_->Known()) {
    v1::KnownStep* step = registration.add_steps();
    step->set_job_id(key.job.value);
    step->set_step_id(key.step.value);
    step->set_attempt(key.attempt);
  }
  for (const JobKey& key : steps_->KnownJobs()) {
    v1::KnownJob* job = registration.add_jobs();
    job->set_job_id(key.job.value);
    job->set_attempt(key.attempt);
  }
  registration.set_highest_epoch(state_->epoch());
  registration.set_time(absl::ToUnixSeconds(absl::Now()));
  registration.set_opened_nanoseconds(absl::ToInt64Nanoseconds(os::BootClockNow()));
  registration.set_port(options_.node.port != 0 ? options_.node.port : config.slurmd_port);
  registration.set_address(options_.node.address);
  std::string socket = rpc::NodeSocket(config, options_.node.name);
  if (!socket.empty()) registration.set_socket(socket.substr(5));
  return registration;
}

void Daemon::OnController(const v1::ControllerMessage& message) {
  if (message.epoch() < state_->epoch()) {
    return link_->Drop(StrCat("its epoch ", message.epoch(), " is behind ", state_->epoch(),
                              ": another controller has taken over"));
  }
  if (absl::Status status = state_->RaiseEpoch(message.epoch()); !status.ok()) {
    return link_->Drop(StrCat("the epoch can't be kept: ", Message(status)));
  }
  for (uint64_t id : message.acknowledged()) steps_->Acknowledge(id);
  switch (message.kind_case()) {
    case v1::ControllerMessage::kWelcome:
      return OnWelcome(message.welcome());
    case v1::ControllerMessage::kHeartbeatAck:
      return lease_->Acknowledged(message.heartbeat_ack());
    case v1::ControllerMessage::kLaunch:
      // It lay in a socket while this node, or its link, stood still: the job may be elsewhere now.
      if (!lease_->Held()) return link_->Drop("it sent a launch, and this node's lease is over");
      return steps_->Launch(message.launch());
    case v1::ControllerMessage::kSignal:
      return steps_->Signal(message.signal());
    case v1::ControllerMessage::kTerminate:
      return steps_->TerminateJob(message.terminate());
    case v1::ControllerMessage::kKillStep:
      return steps_->KillStep(message.kill_step());
    case v1::ControllerMessage::kSuspend:
      return steps_->Suspend(message.suspend());
    case v1::ControllerMessage::kPrepare:
      return steps_->Prepare(message.prepare());
    case v1::ControllerMessage::kCheckHealth:
      if (health_ != nullptr) health_->Run();
      return;
    case v1::ControllerMessage::KIND_NOT_SET:
      return;
  }
}

void Daemon::OnWelcome(const v1::Welcome& welcome) {
  welcome_ = true;
  link_->Settle();
  if (!lease_->Held()) steps_->LeaseLapsed();
  lease_->Welcomed(welcome);
  os::LogInfo(StrCat("registered with the controller of cluster ", welcome.cluster(), ", epoch ",
                     state_->epoch()));
  const int64_t ahead = absl::ToUnixSeconds(absl::Now()) - welcome.time();
  if (welcome.time() != 0 && std::abs(ahead) >= kClockComplaintSeconds) {
    os::LogWarn(StrCat("this node's clock is ", std::abs(ahead), " s ",
                       ahead > 0 ? "ahead of" : "behind",
                       " the controller's; credentials expire after 300 s"));
  }
  steps_->Connected();
  loop_.Cancel(heartbeat_timer_);
  Heartbeat();
}

void Daemon::Heartbeat() {
  v1::NodeMessage message;
  message.mutable_heartbeat()->set_cpu_load(CpuLoad());
  message.mutable_heartbeat()->set_free_mem_mb(FreeMemoryMb());
  message.mutable_heartbeat()->set_time(absl::ToUnixSeconds(absl::Now()));
  lease_->Stamp(message.mutable_heartbeat());
  link_->Send(message);
  heartbeat_timer_ = loop_.After(lease_->heartbeat(), [this] { Heartbeat(); });
}

}  // namespace reeve::noded
