#include "tests/sim/world.h"

#include <algorithm>

namespace reeve::sim {
namespace {

// Longer than every limit, dependency and repetition of a plan together.
constexpr absl::Duration kPatience = absl::Hours(12);
constexpr uint64_t kMostEvents = 400'000;

}  // namespace

World::World(const Plan& plan, Canary canary, bool tracing)
    : scene_(plan, canary, tracing),
      random_(plan.seed, "world"),
      rounds_(plan.seed, "rounds"),
      truth_(&scene_),
      dbd_(&scene_),
      network_(&scene_),
      clients_(&scene_,
               [this] {
                 return controller_ != nullptr && controller_->alive() ? controller_.get()
                                                                       : nullptr;
               }),
      oracle_(&scene_, &truth_, &clients_),
      settings_(plan.cluster.settings) {
  disk_.on_durable = [this](const ctld::Batch& batch) { oracle_.OnDurable(batch); };
  clients_.on_reconfigure = [this](const ctld::Settings& settings) {
    settings_ = settings;
    for (const Machine& machine : machines_) {
      const bool stays =
          std::any_of(settings.nodes.begin(), settings.nodes.end(),
                      [&](const ctld::Node& node) { return node.name == machine.host->name(); });
      if (!stays) Trouble(machine.host->name(), absl::Seconds(5));
    }
    if (controller_ != nullptr && controller_->alive()) controller_->Reconfigure(settings);
  };
  clients_.is_host_alive = [this](const std::string& name) {
    return std::any_of(machines_.begin(), machines_.end(), [&](const Machine& machine) {
      return machine.host->name() == name && machine.host->alive();
    });
  };
  for (const ctld::Node& node : settings_.nodes) {
    machines_.push_back({std::make_unique<Host>(&scene_, &truth_, node.name, node.cpus), nullptr});
  }
}

World::~World() = default;

Verdict World::Run() {
  scene_.Trace(ToString(scene_.plan.cluster));
  StartController();
  for (Machine& machine : machines_) StartDaemon(machine);
  ScheduleAll();
  RunUntil(scene_.clock.now() + scene_.plan.cluster.horizon);
  if (!scene_.report.failed()) CalmDown();
  return {scene_.report.kind(), scene_.report.text(), events_, truth_.count()};
}

void World::RunUntil(absl::Time end) {
  bool reached = false;
  scene_.clock.At(end, [&reached] { reached = true; });
  while (!reached && !scene_.report.failed() && scene_.clock.RunNext()) {
    if (++events_ > kMostEvents) {
      scene_.Violation("unrest", "more than ", kMostEvents, " events");
    }
    dead_controllers_.clear();
    dead_daemons_.clear();
  }
}

void World::ScheduleAll() {
  for (const WorkItem& item : scene_.plan.work) {
    scene_.clock.After(item.at, [this, &item] {
      // An administrator's word excuses NODE_FAIL.
      if (item.kind == WorkKind::kDown) {
        Trouble(scene_.plan.cluster.settings.nodes[item.node].name, absl::Seconds(5));
      }
      clients_.Begin(item);
    });
  }
  for (const Fault& fault : scene_.plan.faults) {
    if (fault.kind == FaultKind::kControllerCrashCommit) {
      at_commit_.push_back(fault);
      continue;
    }
    scene_.clock.After(fault.at, [this, &fault] {
      if (!scene_.calm) Strike(fault);
    });
  }
}

// ---- the controller ---------------------------------------------------------------------------

void World::StartController() {
  ControllerProcess::Parts parts{&scene_,
                                 &disk_,
                                 &dbd_,
                                 &network_,
                                 &oracle_,
                                 &random_,
                                 &rounds_,
                                 [this](int phase) { OnCommitPhase(phase); },
                                 [this] { OnCommitPhase(2); },
                                 [this] { OnControllerDied(); }};
  controller_planned_ = false;
  controller_ = std::make_unique<ControllerProcess>(std::move(parts), settings_);
  controller_->Start();
}

void World::KillController(absl::Duration away) {
  if (controller_ == nullptr || !controller_->alive()) return;
  controller_away_ = away;
  controller_->Die();
}

void World::OnControllerDied() {
  // It may be on the stack still.
  dead_controllers_.push_back(std::move(controller_));
  if (std::exchange(controller_planned_, true)) return;
  const absl::Duration away =
      std::exchange(controller_away_, absl::Seconds(1)) + absl::Milliseconds(100);
  Trouble(kController, away);
  scene_.clock.After(away, [this] {
    if (controller_ == nullptr) StartController();
  });
}

// Phase 0: before a transaction, 1: after it, 2: amid what it lets go.
void World::OnCommitPhase(int phase) {
  if (phase == 2) {
    if (releases_left_ > 0 && --releases_left_ == 0) KillController(release_away_);
    return;
  }
  for (auto it = at_commit_.begin(); it != at_commit_.end(); ++it) {
    if (it->count != disk_.commits || scene_.calm) continue;
    if (it->phase % 3 == 2 && phase == 1) {
      releases_left_ = 1 + it->phase / 3;
      release_away_ = it->duration;
    } else if (it->phase % 3 == static_cast<uint32_t>(phase)) {
      scene_.Trace("FAULT ", ToString(*it, scene_.plan));
      KillController(it->duration);
      return;
    }
  }
}

// ---- faults -----------------------------------------------------------------------------------

void World::Trouble(const std::string& node, absl::Duration length) {
  truth_.TroubleBegins(node);
  scene_.clock.After(length, [this, node] { truth_.TroubleEnds(node); });
}

void World::Strike(const Fault& fault) {
  scene_.Trace("FAULT ", ToString(fault, scene_.plan));
  const absl::Duration length = fault.duration;
  switch (fault.kind) {
    case FaultKind::kControllerCrash:
      return KillController(length);
    case FaultKind::kDiskError:
      disk_.failing = true;
      scene_.clock.After(length, [this] { disk_.failing = false; });
      return;
    case FaultKind::kDiskSlow:
      Trouble(kController, length);
      disk_.slowness = absl::Milliseconds(100) + length / 10;
      scene_.clock.After(length, [this] { disk_.slowness = absl::ZeroDuration(); });
      return;
    case FaultKind::kDbdAway:
      dbd_.away = true;
      scene_.clock.After(length, [this] { dbd_.away = false; });
      return;
    case FaultKind::kDbdSlow:
      dbd_.slowness = absl::Seconds(7);
      scene_.clock.After(length, [this] { dbd_.slowness = absl::ZeroDuration(); });
      return;
    case FaultKind::kLinkCut:
      for (Machine& machine : machines_) {
        // Alone against the rest, or only against the controller.
        const bool alone = !fault.all_nodes && fault.phase % 2 == 0;
        if (fault.all_nodes || &machine == &machines_[fault.node]) CutLink(machine, length, alone);
      }
      return;
    default:
      return StrikeNode(machines_[fault.node], fault);
  }
}

void World::StrikeNode(Machine& machine, const Fault& fault) {
  Host& host = *machine.host;
  if (!host.alive()) return;
  NodeDaemon* daemon = machine.daemon.get();
  switch (fault.kind) {
    case FaultKind::kHostDeath:
      return KillHost(machine, fault.duration, fault.spool_lost);
    case FaultKind::kNodeDaemonCrash:
      return KillDaemon(machine, fault.duration);
    case FaultKind::kNodeDaemonCrashEffect:
      if (daemon == nullptr) return;
      return daemon->DieAtEffect(fault.count, [this, &machine, away = fault.duration] {
        scene_.clock.At(scene_.clock.now(), [this, &machine, away] { KillDaemon(machine, away); });
      });
    case FaultKind::kNodeDaemonFrozen:
      if (daemon == nullptr) return;
      Trouble(host.name(), fault.duration);
      return daemon->Freeze(fault.duration);
    case FaultKind::kStepdKill:
      return host.KillStepdLater(fault.count, fault.phase);
    case FaultKind::kForkerDeath:
      return host.KillForker(fault.duration);
    case FaultKind::kStreamBreak:
      return network_.Break(host.name());
    default:
      return;
  }
}

void World::CutLink(Machine& machine, absl::Duration length, bool from_peers) {
  const std::string name = machine.host->name();
  Trouble(name, length);
  network_.Cut(name);
  scene_.clock.After(length, [this, name] { network_.Heal(name); });
  if (!from_peers) return;
  network_.CutPeers(name);
  scene_.clock.After(length, [this, name] { network_.HealPeers(name); });
}

void World::StartDaemon(Machine& machine) {
  machine.daemon = std::make_unique<NodeDaemon>(
      machine.host.get(), &network_, [this](const std::string& name) -> NodeDaemon* {
        for (Machine& peer : machines_) {
          if (peer.host->name() == name && peer.host->alive()) return peer.daemon.get();
        }
        return nullptr;
      });
  machine.daemon->Start();
}

void World::KillDaemon(Machine& machine, absl::Duration away) {
  if (machine.daemon == nullptr) return;
  machine.daemon->Die();
  dead_daemons_.push_back(std::move(machine.daemon));
  Trouble(machine.host->name(), away);
  scene_.clock.After(away + absl::Milliseconds(20), machine.host->life().Bind([this, &machine] {
    if (machine.daemon == nullptr) StartDaemon(machine);
  }));
}

void World::KillHost(Machine& machine, absl::Duration away, bool spool_lost) {
  if (machine.daemon != nullptr) {
    machine.daemon->Die(/*with_host=*/true);
    dead_daemons_.push_back(std::move(machine.daemon));
  }
  Trouble(machine.host->name(), away + absl::Seconds(1));
  machine.host->Die(spool_lost);
  scene_.clock.After(away, [this, &machine] {
    machine.host->Boot();
    scene_.clock.After(absl::Seconds(1),
                       machine.host->life().Bind([this, &machine] { StartDaemon(machine); }));
  });
}

// ---- the calm after ---------------------------------------------------------------------------

// Faults under way end when they end; new ones do not come.
void World::CalmDown() {
  scene_.calm = true;
  at_commit_.clear();
  releases_left_ = 0;
  for (Machine& machine : machines_) {
    if (machine.daemon != nullptr) machine.daemon->DieAtEffect(0, nullptr);
    machine.host->SpareStepds();
  }
  scene_.Trace("CALM");
  // Every fault is over after twice its length at most.
  absl::Duration longest = absl::Seconds(30);
  for (const Fault& fault : scene_.plan.faults) longest = std::max(longest, fault.duration);
  RunUntil(scene_.clock.now() + longest + absl::Minutes(1));
  CheckStandstill();
  clients_.on_reconfigure(scene_.plan.cluster.settings);
  clients_.ResumeAllNodes();
  const absl::Time end = scene_.clock.now() + kPatience;
  std::string why = "nothing was looked at";
  absl::Duration step = absl::Seconds(10);
  while (!scene_.report.failed() && !why.empty() && scene_.clock.now() < end) {
    clients_.ResumeSuspended();
    RunUntil(scene_.clock.now() + step);
    CheckStandstill();
    why = Unrest();
    step = std::min(step * 2, absl::Minutes(10));
  }
  if (scene_.report.failed()) return;
  if (!why.empty()) return scene_.Violation("unrest", "after hours of calm: ", why);
  clients_.RepeatAll();
  // Somebody may have been about to give an allocation back.
  for (int i = 0; i < 10 && !scene_.report.failed() && (i == 0 || !Unrest().empty()); ++i) {
    RunUntil(scene_.clock.now() + absl::Seconds(10));
  }
  if (!scene_.report.failed()) oracle_.CheckAccounting(dbd_);
}

// All messages have arrived.
void World::CheckStandstill() {
  if (controller_ != nullptr && controller_->alive()) {
    oracle_.CheckStandstill(controller_->core());
  }
}

std::string World::Unrest() const {
  if (controller_ == nullptr) return "there is no controller";
  std::string why = oracle_.Unrest(controller_->core(), disk_);
  if (!why.empty()) return why;
  for (const Machine& machine : machines_) {
    const Host& host = *machine.host;
    if (!host.spool.empty()) {
      return StrCat("spool of ", host.name(), " holds ", ToString(host.spool.begin()->first));
    }
    if (host.stepds() > 0) return StrCat("a stepd lives on ", host.name());
    if (machine.daemon == nullptr || !machine.daemon->Idle()) {
      return StrCat("the daemon of ", host.name(), " is not idle");
    }
  }
  return "";
}

}  // namespace reeve::sim
