#include "noded/stepd/stepd.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/os/log.h"
#include "noded/stepd/convert.h"

namespace reeve::noded {

Stepd::Stepd(const StepdSettings& settings, const StepKey& key, os::UniqueFd parent)
    : settings_(settings),
      key_(key),
      name_(ToString(key)),
      spool_(settings.spool_dir, key),
      node_cgroups_(settings.node_cgroups()),
      cgroup_(node_cgroups_, key),
      io_(&loop_, settings.node) {
  io_.SetStdinDrained([this] { ThrottleClients(); });
  if (parent) AddConnection(std::move(parent), true);
}

Stepd::~Stepd() = default;

int Stepd::Run() {
  loop_.OnSignal(SIGCHLD, [this] { OnChild(); });
  loop_.OnSignal(SIGTERM, [this] { Terminate(settings_.kill_wait, "", true); });
  // Orphaned grandchildren come to us, so that no process of the step gets out of sight.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (!TakeOver()) return 0;

  if (absl::Status status = Launch(); !status.ok()) {
    os::LogError(StrCat("step ", name_, ": launch failed: ", Message(status)));
    io_.LaunchFailed(std::string(Message(status)));
    outcome_.kind = StepOutcome::Kind::kLaunchFailed;
    outcome_.error = std::string(Message(status));
    outcome_.job_fault = launcher_ != nullptr && launcher_->files_refused();
    launcher_.reset();  // children that stand before their exec leave
    KillTree();
  }
  loop_.Run();
  return 0;
}

bool Stepd::TakeOver() {
  absl::StatusOr<std::optional<os::UniqueFd>> lock = spool_.TryLock();
  if (!lock.ok()) {
    os::LogError(StrCat("step ", name_, ": ", Message(lock.status())));
    return false;
  }
  if (!lock->has_value()) return false;
  lock_ = *std::move(*lock);
  // reevenoded may have given this launch up, or the step may have had its stepd already.
  if (spool_.abandoned() || spool_.started() || spool_.recorded()) return false;
  absl::StatusOr<v1::StepLaunch> launch = spool_.ReadLaunch();
  if (!launch.ok()) {
    os::LogError(StrCat("step ", name_, ": ", Message(launch.status())));
    return false;
  }
  launch_ = *std::move(launch);
  if (absl::Status status = spool_.WriteOwner(lock_.get()); !status.ok()) {
    os::LogError(StrCat("step ", name_, ": ", Message(status)));
    return false;
  }
  return true;
}

absl::Status Stepd::Prepare(TaskLauncher::Options* options) {
  request_ = FromProto(launch_);
  if (launch_.get_user_env()) {
    return absl::UnimplementedError("--get-user-env is not supported yet");
  }
  absl::StatusOr<Identity> identity =
      LookUpIdentity(request_.uid, request_.gid, request_.user_name);
  if (!identity.ok()) return identity.status();
  identity_ = *std::move(identity);
  request_.user_name = identity_.name;

  NodeFacts facts{identity_.home, identity_.shell, settings_.config_path, spool_.script_path()};
  absl::StatusOr<LaunchPlan> plan = MakeLaunchPlan(request_, facts);
  if (!plan.ok()) return plan.status();
  plan_ = *std::move(plan);

  absl::StatusOr<std::vector<ChildLimit>> limits = LimitsOf(launch_);
  if (!limits.ok()) return limits.status();
  options->limits = *std::move(limits);
  options->umask = request_.umask;
  options->new_session = request_.is_batch();
  for (const std::string& program : {settings_.task_prolog, std::string(launch_.task_prolog())}) {
    if (!program.empty()) options->prologs.push_back(program);
  }

  CgroupLimits cgroup_limits{launch_.mem_limit_mb(), launch_.job_mem_limit_mb(), ""};
  std::optional<std::vector<int>> cpus = ParseCpuList(launch_.cores());
  if (settings_.bind_cores && cpus.has_value() && !cpus->empty() &&
      cpus->back() < sysconf(_SC_NPROCESSORS_CONF) && cpus->back() < CPU_SETSIZE) {
    options->cpus = *cpus;
    cgroup_limits.cores = launch_.cores();
  }
  std::vector<std::string> warnings;
  absl::Status status = cgroup_.Create(cgroup_limits, &warnings);
  for (const std::string& warning : warnings) {
    os::LogVerbose(StrCat("step ", name_, ": ", warning));
  }
  if (!status.ok()) return status;
  if (!request_.is_batch()) return absl::OkStatus();
  return spool_.WriteScript(launch_.script(), identity_.uid, identity_.gid);
}

absl::Status Stepd::WatchLease() {
  if (!launch_.leased()) return absl::OkStatus();
  guard_ = std::make_unique<LeaseGuard>(
      &loop_, settings_.spool_dir,
      LeaseGuard::Events{[this](bool frozen) { Freeze(frozen); }, [this] { LeaseOver(); }});
  absl::Status status = guard_->Start();
  outcome_.lease_lost = !status.ok();
  return status;
}

absl::Status Stepd::StartPmixd() {
  absl::Status status = spool_.MakePmixFolder(identity_.uid, identity_.gid);
  if (!status.ok()) return status;
  pmixd_ = std::make_unique<PmixdChild>(&loop_,
                                        [this](const v1::MpiAbort& abort) { OnMpiAbort(abort); });
  status = pmixd_->Start(launch_, spool_.pmix_folder(), launcher_.get(), cgroup_, &plan_);
  if (!status.ok() || pmixd_->port() == 0) return status;
  v1::StepIoResponse notice;
  notice.mutable_mpi_port()->set_port(pmixd_->port());
  io_.Announce(notice);
  return absl::OkStatus();
}

absl::Status Stepd::Launch() {
  size_t tasks = 0;
  for (const v1::TaskList& share : launch_.task_ids())
    tasks = std::max<size_t>(tasks, share.ids_size());
  if (absl::Status status = spool_.ReserveRecord(tasks); !status.ok()) return status;
  absl::StatusOr<os::UniqueFd> listener = ListenUnix(spool_.socket_path());
  if (!listener.ok()) return listener.status();
  listener_ = *std::move(listener);
  absl::Status watching = loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
  if (!watching.ok()) return watching;

  TaskLauncher::Options options;
  if (absl::Status status = Prepare(&options); !status.ok()) return status;
  if (absl::Status status = WatchLease(); !status.ok()) return status;
  launcher_ = std::make_unique<TaskLauncher>(plan_, identity_, std::move(options), &io_);
  if (plan_.pmix) {
    if (absl::Status status = StartPmixd(); !status.ok()) return status;
  }
  if (absl::Status status = launcher_->Fork(cgroup_); !status.ok()) return status;
  if (absl::Status status = spool_.WriteStarted(launcher_->mark()); !status.ok()) return status;
  running_ = launcher_->tasks();
  if (launch_.suspended()) StartSuspended();
  launcher_->Release();

  os::LogInfo(
      StrCat("step ", name_, ": started, ", running_.size(), " task(s), uid ", identity_.uid));
  Report(StepOutcome{.kind = StepOutcome::Kind::kStarted, .time = absl::Now()});
  return absl::OkStatus();
}

void Stepd::Report(const StepOutcome& outcome) {
  last_report_ = outcome;
  reported_ = true;
  v1::StepdEvent event;
  *event.mutable_report() = ToProto(0, key_, outcome);
  for (auto& [id, connection] : connections_) {
    if (connection.watches) connection.frames->Send(event);
  }
}

void Stepd::Accept() {
  os::UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) return;
  // The folder is 0700 and the socket 0600 already; root or our own user it is.
  ucred peer = {};
  socklen_t length = sizeof(peer);
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
      (peer.uid != 0 && peer.uid != geteuid())) {
    return;
  }
  AddConnection(std::move(socket), false);
}

uint64_t Stepd::AddConnection(os::UniqueFd socket, bool watches) {
  uint64_t id = next_connection_++;
  Connection& connection = connections_[id];
  connection.watches = watches;
  connection.frames = std::make_unique<FrameConnection>(
      &loop_, std::move(socket),
      FrameConnection::Events{[this, id](std::string_view frame) { OnFrame(id, frame); },
                              [this, id] { OnConnectionClosed(id); }});
  return id;
}

void Stepd::OnConnectionClosed(uint64_t id) {
  auto found = connections_.find(id);
  if (found == connections_.end()) return;
  IoHub::ClientId client = found->second.client;
  connections_.erase(found);
  if (client == 0) return;
  io_.Detach(client);
  Linger();
}

void Stepd::OnFrame(uint64_t id, std::string_view frame) {
  auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  v1::StepdRequest request;
  if (!request.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) return;
  switch (request.kind_case()) {
    case v1::StepdRequest::kWatch:
      connection.watches = true;
      if (reported_) {
        v1::StepdEvent event;
        *event.mutable_report() = ToProto(0, key_, last_report_);
        connection.frames->Send(event);
      }
      break;
    case v1::StepdRequest::kSignal:
      Signal(request.signal().signal(), request.signal().leader_only());
      break;
    case v1::StepdRequest::kTerminate:
      Terminate(absl::Seconds(request.terminate().kill_wait()), request.terminate().reason(),
                request.terminate().whole_job());
      break;
    case v1::StepdRequest::kSuspend:
      Suspend(request.suspend().suspended());
      break;
    case v1::StepdRequest::kIo:
      OnIo(&connection, request.io());
      break;
    case v1::StepdRequest::KIND_NOT_SET:
      break;
  }
}

void Stepd::OnIo(Connection* connection, const v1::StepIoRequest& request) {
  if (request.has_attach() && connection->client == 0) {
    FrameConnection* frames = connection->frames.get();
    connection->client = io_.Attach(request.attach(), [frames](const v1::StepIoResponse& response) {
      v1::StepdEvent event;
      *event.mutable_io() = response;
      frames->Send(event);
    });
  }
  if (connection->client == 0) return;
  if (request.has_stdin()) io_.OnStdin(connection->client, request.stdin());
  if (request.has_ack()) io_.OnAck(connection->client, request.ack());
  if (request.has_mpi_peers() && pmixd_ != nullptr) pmixd_->SetPeers(request.mpi_peers());
  if (request.has_signal()) Signal(request.signal().signal(), false);
  ThrottleClients();
  Linger();
}

void Stepd::ThrottleClients() {
  for (auto& [id, connection] : connections_) {
    if (connection.client != 0) connection.frames->PauseReading(io_.stdin_backlogged());
  }
}

}  // namespace reeve::noded
