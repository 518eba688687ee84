#include "ctld/daemon.h"

#include <signal.h>

#include "common/base/text.h"
#include "common/os/boot_clock.h"
#include "common/os/fd.h"
#include "common/os/log.h"
#include "common/os/service_manager.h"
#include "common/rpc/endpoints.h"
#include "common/rpc/trust.h"
#include "ctld/convert.h"
#include "ctld/request_limits.h"
#include "ctld/stored_snapshot.h"
#include "reeve_version.h"

namespace reeve::ctld {

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(Config config, StoreOptions options) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(config), options));
  absl::Status status = daemon->Open();
  if (!status.ok()) return status;
  return daemon;
}

Daemon::~Daemon() {
  // Calls end first, then what they were to reach; the store last: it writes what is queued.
  if (server_ != nullptr) server_->Stop();
  gateway_.reset();
  outbox_.reset();
  store_.reset();
}

absl::Status Daemon::Open() {
  // Signals are blocked before any thread exists, so that all inherit the mask.
  for (int signal : {SIGTERM, SIGINT}) {
    loop_.OnSignal(signal, [this, signal] {
      os::LogInfo(StrCat("ending on signal ", signal, "; running jobs go on"));
      loop_.Stop();
    });
  }
  loop_.OnSignal(SIGHUP, [] { os::ReopenLog().IgnoreError(); });
  ::signal(SIGPIPE, SIG_IGN);

  std::shared_ptr<const Config> config = config_.Get();
  absl::StatusOr<std::unique_ptr<StateStore>> store =
      OpenSqliteStore(config->state_save_location, store_options_);
  if (!store.ok()) return Annotate(store.status(), "StateSaveLocation");
  store_ = *std::move(store);
  absl::StatusOr<StoredState> stored = store_->Load();
  if (!stored.ok()) return Annotate(stored.status(), "StateSaveLocation");
  for (const std::string& record : stored->set_aside) {
    os::LogError(
        StrCat("the record of ", record, " is damaged and set aside: going on without it"));
  }

  blobs_ = std::make_unique<BlobCache>(store_.get());
  core_ = std::make_unique<Controller>(MakeSettings(*config));
  WireParts(*stored);
  absl::Status status = Restore(*stored);
  if (!status.ok()) return status;
  return Listen();
}

void Daemon::WireParts(const StoredState& stored) {
  std::shared_ptr<const Config> config = config_.Get();
  NodeGateway::Options gateway;
  gateway.cluster = config->cluster_name;
  gateway.epoch = stored.epoch;
  gateway_ = std::make_unique<NodeGateway>(
      gateway, &loop_, blobs_.get(), [this](const std::string& name) { return AddressOf(name); },
      [this](Event event) { Handle(std::move(event)); });

  if (config->accounting) {
    outbox_ = std::make_unique<AccountingOutbox>(
        AccountingOutbox::Options{rpc::AccountingTarget(*config), config->cluster_name,
                                  stored.incarnation, rpc::MungeOf(*config)},
        store_.get(), [this](uint64_t sequence) {
          loop_.Post([this, sequence] { runner_->AccountingAcknowledged(sequence); });
        });
  }
  EffectRunner::Outlets outlets;
  outlets.reply = [this](const Reply& reply) {
    calls_.Answer(reply, *core_, config_.Get()->cluster_name);
  };
  outlets.command = [this](NodeCommand command) { gateway_->Send(std::move(command)); };
  outlets.accounting_stored = [this] {
    if (outbox_ != nullptr) outbox_->Wake();
  };
  outlets.store_failed = [this](const absl::Status& status) {
    // What was decided is not on disk and must not be believed: better no controller than a lying
    // one.
    os::LogFatal(StrCat("cannot write ", config_.Get()->state_save_location, ": ", status.message(),
                        "; nothing was acknowledged that is not on disk"));
  };
  runner_ = std::make_unique<EffectRunner>(
      EffectRunner::Options{config->cluster_name, config->accounting, stored.last_sequence},
      [this](std::function<void()> fn) { loop_.Post(std::move(fn)); }, core_.get(), store_.get(),
      &publisher_, std::move(outlets));
}

std::optional<std::string> Daemon::AddressOf(const std::string& node) const {
  std::shared_ptr<const Config> config = config_.Get();
  const NodeConfig* found = config->FindNode(node);
  const Node* known = core_->FindNode(node);
  // A FUTURE one asks again until it is there.
  if (found == nullptr || known == nullptr || known->base == NodeBase::kFuture) return std::nullopt;
  return config->check_node_address ? found->address : "";
}

absl::Status Daemon::Restore(const StoredState& stored) {
  absl::StatusOr<Snapshot> snapshot = ToSnapshot(stored, config_.Get()->first_job_id);
  if (!snapshot.ok()) return Annotate(snapshot.status(), config_.Get()->state_save_location);
  const size_t jobs = snapshot->jobs.size();
  Effects effects = core_->Restore(*std::move(snapshot), Now());
  runner_->PutJobs();
  runner_->PublishAll();
  os::LogInfo(StrCat("reevectld ", REEVE_VERSION, " of cluster ", config_.Get()->cluster_name,
                     ", epoch ", stored.epoch, ": ", jobs, " jobs restored in ",
                     absl::ToInt64Milliseconds(absl::Now() - boot_time_), " ms"));
  Apply(std::move(effects));
  return absl::OkStatus();
}

absl::Status Daemon::Listen() {
  std::shared_ptr<const Config> config = config_.Get();
  absl::StatusOr<rpc::Trust> trust = rpc::TrustOf(*config);
  if (!trust.ok()) return trust.status();
  rpc::Server::Options options;
  options.munge = rpc::MungeOf(*config);
  options.trust = *std::move(trust);
  absl::StatusOr<std::optional<rpc::KeyPair>> tls = rpc::ControllerKeyPair(*config);
  if (!tls.ok()) return tls.status();
  options.tls = *std::move(tls);
  options.limits.max_message_bytes = static_cast<int>(MaxRequestBytes(*config));
  options.limits.rate = config->rate_limit;
  options.listen = {StrCat("[::]:", config->slurmctld_port)};
  if (!os::PathExists("/proc/net/if_inet6")) {
    options.listen = {StrCat("0.0.0.0:", config->slurmctld_port)};
  }
  std::string socket = rpc::ControllerSocket(*config);
  if (!socket.empty()) options.listen.push_back(socket);
  server_ = std::make_unique<rpc::Server>(std::move(options));

  Service::Parts parts;
  parts.loop = &loop_;
  parts.publisher = &publisher_;
  parts.calls = &calls_;
  parts.blobs = blobs_.get();
  parts.config = &config_;
  parts.boot_time = boot_time_;
  parts.handle = [this](Event event, EffectRunner::Blobs blobs) {
    Handle(std::move(event), std::move(blobs));
  };
  parts.next_job_id = [this] { return next_job_id_.load(); };
  parts.trust = [this](rpc::Trust trust) { server_->SetTrust(std::move(trust)); };
  parts.reconfigure = [this](const Config& next) { Reconfigure(next); };
  service_ = std::make_unique<Service>(std::move(parts));
  service_->Register(server_.get());
  server_->HandleStream("Controller/NodeStream", [this](std::shared_ptr<rpc::ServerStream> stream) {
    return gateway_->Accept(std::move(stream));
  });
  return server_->Start();
}

void Daemon::Run() {
  os::NotifyReady();
  loop_.Run();
}

// What comes in one round of the loop is decided at one moment and stored together: of a job to
// which several things happen in it one record is made.
void Daemon::Handle(Event event, EffectRunner::Blobs blobs) {
  arrived_.push_back(std::move(event));
  std::move(blobs.begin(), blobs.end(), std::back_inserter(arrived_blobs_));
  if (arrived_.size() == 1) loop_.Post([this] { HandleArrived(); });
}

void Daemon::HandleArrived() {
  if (arrived_.empty()) return;
  const std::vector<Event> events = std::exchange(arrived_, {});
  const absl::Time now = Now();
  Apply(core_->Handle(events, now), std::exchange(arrived_blobs_, {}));
}

// What the core is told first when the clock was set.
absl::Time Daemon::Now() {
  const os::ClockWatch::Time time = clock_.Look();
  if (time.jumped != absl::ZeroDuration()) {
    Apply(core_->Handle(ClockJumped{time.jumped}, time.now));
  }
  return time.now;
}

void Daemon::Apply(Effects effects, EffectRunner::Blobs blobs) {
  next_job_id_.store(core_->counters().next_job_id);
  SetWakeup(effects.next_wakeup);
  if (effects.schedule) PlanPass();
  runner_->Run(std::move(effects), std::move(blobs));
}

// A pass runs at once when idle. Under load it waits as long as the last one took, and then sees
// everything that has come meanwhile: at most half of the loop's time goes into passes.
void Daemon::PlanPass() {
  if (pass_planned_) return;
  pass_planned_ = true;
  const absl::Duration wait = last_pass_end_ + last_pass_ - os::BootClockNow();
  if (wait <= absl::ZeroDuration()) {
    loop_.Post([this] { RunPass(); });
  } else {
    loop_.After(wait, [this] { RunPass(); });
  }
}

void Daemon::RunPass() {
  pass_planned_ = false;
  HandleArrived();
  const absl::Duration begin = os::BootClockNow();
  Apply(core_->Schedule(Now()));
  last_pass_end_ = os::BootClockNow();
  last_pass_ = last_pass_end_ - begin;
}

void Daemon::SetWakeup(std::optional<absl::Time> when) {
  if (wakeup_ != os::TimerId::kNone) loop_.Cancel(wakeup_);
  wakeup_ = os::TimerId::kNone;
  if (!when) return;
  wakeup_ = loop_.At(*when, [this] {
    wakeup_ = os::TimerId::kNone;
    Handle(Tick{});
  });
}

void Daemon::Reconfigure(const Config& config) {
  os::SetLogLevel(config.slurmctld_debug);
  server_->SetRate(config.rate_limit);
  Handle(Reconfigured{MakeSettings(config)});
  HandleArrived();
  runner_->PublishAll();
  os::LogInfo(StrCat("configuration read again from ", config.path));
}

}  // namespace reeve::ctld
