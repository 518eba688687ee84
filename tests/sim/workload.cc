// What users and administrators do.
#include <signal.h>

#include <algorithm>

#include "common/base/text.h"
#include "tests/sim/plan_parts.h"
#include "tests/sim/random.h"

namespace reeve::sim {
namespace {

class Workload {
 public:
  Workload(const ClusterPlan& cluster, uint64_t seed)
      : cluster_(cluster),
        random_(seed, "work"),
        gres_random_(seed, "work-gres"),
        time_random_(seed, "work-time"),
        license_random_(seed, "work-licences"),
        choice_random_(seed, "work-choice"),
        tree_random_(seed, "work-tree"),
        layout_random_(seed, "work-layout"),
        suspend_random_(seed, "work-suspend"),
        share_random_(seed, "work-share"),
        resize_random_(seed, "work-resize"),
        reserve_random_(seed, "work-reserve"),
        het_random_(seed, "work-het"),
        warn_random_(seed, "work-warnings") {}

  std::vector<WorkItem> Run() {
    const int count = random_.Between(4, 26);
    // Some worlds are about one thing.
    allocations_percent_ = random_.OneIn(4) ? 60 : 15;
    arrays_percent_ = random_.OneIn(4) ? 60 : 15;
    for (int i = 0; i < count; ++i) {
      WorkItem item;
      item.at = random_.Between(absl::ZeroDuration(), cluster_.horizon);
      items_.push_back(item);
    }
    std::sort(items_.begin(), items_.end(),
              [](const WorkItem& a, const WorkItem& b) { return a.at < b.at; });
    for (size_t i = 0; i < items_.size(); ++i) {
      items_[i].id = static_cast<uint32_t>(i);
      Fill(items_[i]);
    }
    SuspendSome();
    ResizeSome();
    ReserveSome();
    AddComponents();
    return std::move(items_);
  }

 private:
  void Fill(WorkItem& item) {
    if (submitted_.size() < 2 || random_.Percent(50)) return Submit(item);
    if (random_.Percent(22)) return Administrate(item);
    static const std::vector<WorkKind> kKinds = {
        WorkKind::kCancel,  WorkKind::kCancel,      WorkKind::kCancelStep, WorkKind::kSignal,
        WorkKind::kHold,    WorkKind::kRelease,     WorkKind::kRelease,    WorkKind::kRequeue,
        WorkKind::kRequeue, WorkKind::kRequeueHold, WorkKind::kTop,        WorkKind::kUpdate,
        WorkKind::kUpdate};
    item.kind = random_.Of(kKinds);
    item.target = random_.Of(submitted_);
    const WorkItem& target = items_[item.target];
    item.user = random_.OneIn(4) ? 0 : target.user;
    if (!target.spec.array.empty() && random_.OneIn(2)) {
      const uint32_t first = random_.Below(5);
      item.array_tasks = random_.OneIn(2) ? StrCat(first) : StrCat(first, "-", first + 2);
    }
    if (item.kind == WorkKind::kUpdate) Update(item);
    if (item.kind == WorkKind::kUpdate) UpdateLicenses(item);
    if (item.kind == WorkKind::kUpdate) UpdateSwitches(item);
  }

  // Beside all of that, in some worlds: drawn apart, so that the others are what they were.
  void SuspendSome() {
    if (submitted_.empty() || !suspend_random_.OneIn(3)) return;
    const int count = suspend_random_.Between(1, 8);
    for (int i = 0; i < count; ++i) {
      WorkItem item;
      item.target = suspend_random_.Of(submitted_);
      item.at = items_[item.target].at + absl::Milliseconds(suspend_random_.Between(10, 90000));
      item.user = suspend_random_.OneIn(12) ? 1000 : 0;
      if (!items_[item.target].spec.array.empty() && suspend_random_.OneIn(2)) {
        item.array_tasks = StrCat(suspend_random_.Below(4));
      }
      item.kind = WorkKind::kSuspend;
      AddAtEnd(item);
      // Some are left for the calm.
      for (int more = suspend_random_.Between(0, 2); more > 0; --more) {
        item.at += absl::Milliseconds(suspend_random_.Between(1, 60000));
        item.kind = suspend_random_.OneIn(5) ? WorkKind::kSuspend : WorkKind::kResumeJob;
        AddAtEnd(item);
      }
    }
  }

  // Drawn apart as well.
  void ResizeSome() {
    if (submitted_.empty() || !resize_random_.OneIn(3)) return;
    for (int i = resize_random_.Between(1, 8); i > 0; --i) {
      WorkItem item;
      item.kind = WorkKind::kUpdate;
      item.target = resize_random_.Of(submitted_);
      item.at = items_[item.target].at + absl::Milliseconds(resize_random_.Between(10, 60000));
      item.user = resize_random_.OneIn(4) ? 0 : items_[item.target].user;
      const bool named = resize_random_.OneIn(4);
      item.key = named ? "NodeList" : "NumNodes";
      item.value = named ? Nodes(resize_random_) : StrCat(resize_random_.Between(1, 2));
      AddAtEnd(item);
    }
  }

  std::string Nodes(Random& random) {
    const auto nodes = static_cast<uint32_t>(cluster_.settings.nodes.size());
    return StrCat("n[0-", random.Below(nodes), "]");
  }

  // Drawn apart as well. Jobs that come after one may ask for it.
  void ReserveSome() {
    if (!reserve_random_.OneIn(4)) return;
    const int count = reserve_random_.Between(1, 4);
    for (int i = 0; i < count; ++i) {
      WorkItem item;
      item.kind = WorkKind::kReserve;
      item.user = 0;
      item.at = reserve_random_.Between(absl::ZeroDuration(), cluster_.horizon);
      item.value = StrCat("r", i);
      item.changes = Reservation();
      AddAtEnd(item);
      for (uint32_t id : submitted_) {
        if (items_[id].at < item.at || !reserve_random_.OneIn(3)) continue;
        items_[id].spec.reservation = item.value;
      }
      if (!reserve_random_.OneIn(3)) continue;
      item.kind = WorkKind::kUnreserve;
      item.at += absl::Seconds(reserve_random_.Between(1, 200));
      AddAtEnd(item);
    }
  }

  std::vector<std::pair<std::string, std::string>> Reservation() {
    static const std::vector<std::string> kFlags = {"",
                                                    "ignore_jobs",
                                                    "flex,ignore_jobs",
                                                    "magnetic,ignore_jobs",
                                                    "maint",
                                                    "flex,magnetic,ignore_jobs",
                                                    "any_nodes",
                                                    "overlap,ignore_jobs"};
    static const std::vector<std::string> kUsers = {"user1000", "user1001", "user1000,user1001"};
    std::vector<std::pair<std::string, std::string>> changes = {
        {"starttime", StrCat(reserve_random_.OneIn(2) ? 0 : reserve_random_.Between(1, 120))},
        {"duration", StrCat(reserve_random_.Between(1, 6))},
        {"users", reserve_random_.Of(kUsers)}};
    std::string flags = reserve_random_.Of(kFlags);
    bool nodes = true;
    if (!cluster_.settings.licenses.empty() && reserve_random_.OneIn(2)) {
      const License& license = reserve_random_.Of(cluster_.settings.licenses);
      changes.emplace_back("licenses",
                           StrCat(license.name, ":", 1 + reserve_random_.Below(license.count)));
      nodes = reserve_random_.OneIn(2);
      if (!nodes) flags += flags.empty() ? "license_only" : ",license_only";
    }
    if (nodes) changes.emplace_back("nodes", Nodes(reserve_random_));
    changes.emplace_back("flags", flags);
    return changes;
  }

  // In some worlds jobs have further components. Drawn apart as well.
  void AddComponents() {
    if (submitted_.empty() || !het_random_.OneIn(3)) return;
    for (uint32_t id : submitted_) {
      if (!items_[id].spec.array.empty() || het_random_.OneIn(2)) continue;
      ctld::JobSpec& first = items_[id].spec;
      // What such a job cannot ask for.
      ctld::RareWishes wishes = first.wishes();
      wishes.time_min.reset();
      wishes.switches = 0;
      wishes.switches_wait.reset();
      first.rare = std::make_shared<const ctld::RareWishes>(wishes);
      if (first.partition.find(',') != std::string::npos) first.partition = "debug";
      for (int count = het_random_.Between(1, 2); count > 0; --count) {
        items_[id].components.push_back(Component(first));
      }
      TouchComponents(items_[id]);
    }
  }

  ctld::JobSpec Component(const ctld::JobSpec& first) {
    ctld::JobSpec spec = first;
    ctld::RareWishes wishes = first.wishes();
    wishes.licenses.clear();
    if (wishes.warning.has_value()) wishes.warning->batch_only = false;
    spec.rare = std::make_shared<const ctld::RareWishes>(std::move(wishes));
    spec.min_nodes.reset();
    spec.max_nodes.reset();
    spec.features.clear();
    spec.gres = nullptr;
    spec.num_tasks = 1 + het_random_.Below(2);
    spec.time_limit = absl::Seconds(het_random_.Between(20, 240));
    if (cluster_.settings.partitions.size() > 1 && het_random_.OneIn(3)) spec.partition = "first";
    if (het_random_.OneIn(10)) spec.hold = true;
    if (het_random_.OneIn(3)) spec.begin_time = absl::UnixEpoch();
    return spec;
  }

  // Some of its users mean one component.
  void TouchComponents(const WorkItem& job) {
    if (!het_random_.OneIn(2)) return;
    WorkItem item;
    item.target = job.id;
    item.at = job.at + absl::Milliseconds(het_random_.Between(10, 90000));
    item.user = job.user;
    static const std::vector<WorkKind> kKinds = {WorkKind::kCancel, WorkKind::kHold,
                                                 WorkKind::kRelease, WorkKind::kRequeue,
                                                 WorkKind::kSuspend};
    item.kind = het_random_.Of(kKinds);
    if (item.kind == WorkKind::kSuspend) item.user = 0;
    item.het_offset = het_random_.Below(3);
    AddAtEnd(item);
  }

  void AddAtEnd(WorkItem item) {
    item.id = static_cast<uint32_t>(items_.size());
    items_.push_back(std::move(item));
  }

  void UpdateLicenses(WorkItem& item) {
    if (cluster_.settings.licenses.empty() || !license_random_.OneIn(4)) return;
    item.key = "Licenses";
    item.value = license_random_.OneIn(3) ? "" : SomeLicenses();
  }

  void UpdateSwitches(WorkItem& item) {
    if (cluster_.settings.topology == nullptr || !tree_random_.OneIn(4)) return;
    item.key = "Switches";
    static const std::vector<std::string> kValues = {"0", "1", "1@0:20", "2@1"};
    item.value = tree_random_.Of(kValues);
  }

  void Update(WorkItem& item) {
    switch (random_.Below(6)) {
      case 0:
        item.key = "TimeLimit";
        item.value = StrCat(random_.OneIn(2) ? "+" : "", random_.Between(1, 5));
        item.user = 0;
        return;
      case 1:
        item.key = "Nice";
        item.value = StrCat(random_.Between(0, 100));
        return;
      case 2:
        item.key = "ArrayTaskThrottle";
        item.value = StrCat(random_.Between(0, 3));
        return;
      case 3:
        item.key = "Priority";
        item.value = StrCat(random_.OneIn(3) ? 0 : random_.Between(1, 1000));
        item.user = 0;
        return;
      case 4:
        item.key = "JobName";
        item.value = Name();
        return;
      default:
        item.key = "NumTasks";
        item.value = StrCat(random_.Between(1, 3));
        return;
    }
  }

  void Administrate(WorkItem& item) {
    item.user = 0;
    item.node = random_.Below(static_cast<uint32_t>(cluster_.settings.nodes.size()));
    const uint32_t dice = random_.Below(10);
    if (dice < 3) {
      item.kind = WorkKind::kDrain;
    } else if (dice < 6) {
      item.kind = WorkKind::kResume;
    } else if (dice < 8) {
      item.kind = WorkKind::kDown;
    } else {
      item.kind = WorkKind::kReconfigure;
      item.settings = cluster_.settings;
      if (item.settings.slurmd_timeout > absl::ZeroDuration()) {
        item.settings.slurmd_timeout = absl::Seconds(random_.Between(10, 60));
        item.settings.lease = LeaseTerms::For(item.settings.slurmd_timeout);
      }
      item.settings.return_to_service = random_.Between(0, 2);
      item.settings.backfill = random_.OneIn(2);
      for (License& license : item.settings.licenses) {
        license.count = license_random_.Below(license.count + 2);
      }
      // A node is taken out; that it is back again needs another reconfiguration.
      if (cluster_.settings.nodes.size() > 1 && random_.OneIn(3)) RemoveNode(item);
      if (item.settings.topology != nullptr) {
        item.settings.topology = TreeOf(item.settings.nodes, tree_random_.OneIn(4));
      }
    }
  }

  static void RemoveNode(WorkItem& item) {
    const std::string name = item.settings.nodes[item.node].name;
    item.settings.nodes.erase(item.settings.nodes.begin() + item.node);
    for (ctld::Partition& partition : item.settings.partitions) {
      std::erase(partition.nodes, name);
    }
  }

  std::string Name() { return StrCat("j", random_.Below(4)); }

  void Submit(WorkItem& item) {
    item.kind = WorkKind::kSubmit;
    item.user = 1000 + random_.Below(2);
    item.interactive = random_.Percent(allocations_percent_);
    ctld::JobSpec& spec = item.spec;
    spec.name = Name();
    spec.comment = StrCat("w", item.id);
    spec.work_dir = "/";
    spec.batch = !item.interactive;
    Sizes(spec);
    Gres(spec);
    spec.time_limit = absl::Seconds(random_.Between(20, 240));
    Times(spec, item.at);
    Licenses(spec);
    Choice(spec);
    Switches(spec);
    Share(spec);
    Layout(spec);
    Warning(spec);
    if (random_.OneIn(8))
      spec.begin_time = kStart + item.at + absl::Seconds(random_.Between(1, 90));
    if (spec.batch && random_.Percent(arrays_percent_)) Array(spec);
    if (spec.batch && random_.OneIn(2)) spec.requeue = random_.OneIn(2);
    if (random_.OneIn(15)) spec.hold = true;
    if (random_.OneIn(6)) spec.nice = random_.Between(1, 500);
    if (!submitted_.empty() && random_.OneIn(4)) Depend(item);
    if (spec.batch && random_.OneIn(14)) {
      spec.dependency = "singleton";
      item.dependency_on.reset();
    }
    spec.kill_on_invalid_dep = random_.OneIn(3);
    item.immediate = random_.OneIn(15) && spec.array.empty();
    if (random_.OneIn(4)) item.lost_replies = static_cast<uint32_t>(random_.Between(1, 3));
    if (random_.OneIn(4)) item.repeat_after = absl::Seconds(random_.Between(1, 200));
    item.work = Work();
    item.client_dies_percent = random_.OneIn(6) ? 100 : 0;
    const int steps = item.interactive   ? random_.Between(0, 4)
                      : random_.OneIn(4) ? random_.Between(1, 3)
                                         : 0;
    for (int i = 0; i < steps; ++i) item.steps.push_back(Step());
    submitted_.push_back(item.id);
  }

  void Sizes(ctld::JobSpec& spec) {
    const auto nodes = static_cast<int>(cluster_.settings.nodes.size());
    if (random_.OneIn(3)) {
      spec.min_nodes = static_cast<uint32_t>(random_.Between(1, std::min(nodes, 3)));
      spec.max_nodes = spec.min_nodes;
    }
    if (random_.OneIn(2)) spec.num_tasks = static_cast<uint32_t>(random_.Between(1, 4));
    if (random_.OneIn(4)) spec.cpus_per_task = static_cast<uint32_t>(random_.Between(1, 2));
    spec.mem_per_node_mb = static_cast<uint64_t>(random_.Between(1, 4) * 100);
    spec.exclusive = random_.OneIn(8);
    if (cluster_.settings.partitions.size() > 1) {
      static const std::vector<std::string> kChoices = {"", "debug", "first", "debug,first"};
      spec.partition = random_.Of(kChoices);
    }
  }

  // Drawn apart, so that the rest of a world is what it is without GPUs.
  void Gres(ctld::JobSpec& spec) {
    const auto& nodes = cluster_.settings.nodes;
    const bool any =
        std::any_of(nodes.begin(), nodes.end(), [](const auto& n) { return !n.gres.empty(); });
    if (!any || gres_random_.OneIn(2)) return;
    ctld::GresSpec gres;
    static const std::vector<std::string> kPerNode = {"gpu:1", "gpu:2", "gpu:a:1", "gpu:1,nic:1"};
    switch (gres_random_.Below(4)) {
      case 0:
        gres.gpus = StrCat(gres_random_.Between(1, 4));
        break;
      case 1:
        gres.gpus_per_task = "1";
        break;
      default:
        gres.per_node = gres_random_.Of(kPerNode);
        break;
    }
    if (gres_random_.OneIn(4)) gres.cpus_per_gpu = 1;
    spec.gres = std::make_shared<const ctld::GresSpec>(std::move(gres));
  }

  // Drawn apart as well.
  void Times(ctld::JobSpec& spec, absl::Duration at) {
    ctld::RareWishes wishes;
    if (time_random_.OneIn(4)) {
      wishes.time_min = absl::Seconds(time_random_.Between(5, 120));
      spec.time_limit = std::max(*spec.time_limit, *wishes.time_min);
    }
    if (time_random_.OneIn(6)) {
      wishes.deadline = kStart + at + absl::Seconds(time_random_.Between(100, 900));
    }
    if (wishes == ctld::RareWishes()) return;
    spec.rare = std::make_shared<const ctld::RareWishes>(wishes);
  }

  // Drawn apart as well.
  void Licenses(ctld::JobSpec& spec) {
    if (cluster_.settings.licenses.empty() || license_random_.OneIn(2)) return;
    ctld::RareWishes wishes = spec.wishes();
    wishes.licenses = SomeLicenses();
    spec.rare = std::make_shared<const ctld::RareWishes>(std::move(wishes));
  }

  // Drawn apart as well: what a job asks of its nodes together, and of who else is on them.
  void Choice(ctld::JobSpec& spec) {
    spec.contiguous = choice_random_.OneIn(10);
    if (choice_random_.OneIn(10)) {
      ctld::RareWishes wishes = spec.wishes();
      wishes.exclusive_user = true;
      spec.rare = std::make_shared<const ctld::RareWishes>(std::move(wishes));
    }
    const auto& nodes = cluster_.settings.nodes;
    if (nodes.size() < 2 || nodes[0].features.empty() || choice_random_.OneIn(2)) return;
    static const std::vector<std::string> kFeatures = {"a", "[a|b]", "b*1", "[a*1&b*1]"};
    spec.features = choice_random_.Of(kFeatures);
    if (spec.features == "[a*1&b*1]" && spec.min_nodes.has_value()) {
      spec.min_nodes = spec.max_nodes = std::max(*spec.min_nodes, 2u);
    }
  }

  // Drawn apart as well.
  void Switches(ctld::JobSpec& spec) {
    if (cluster_.settings.topology == nullptr || tree_random_.OneIn(2)) return;
    ctld::RareWishes wishes = spec.wishes();
    wishes.switches = 1 + tree_random_.Below(2);
    if (tree_random_.OneIn(2)) wishes.switches_wait = absl::Seconds(tree_random_.Between(0, 150));
    spec.rare = std::make_shared<const ctld::RareWishes>(std::move(wishes));
  }

  // Drawn apart as well.
  void Share(ctld::JobSpec& spec) {
    const auto& partitions = cluster_.settings.partitions;
    const bool any = std::any_of(partitions.begin(), partitions.end(),
                                 [](const auto& p) { return p.sharing.most > 1; });
    spec.oversubscribe = any && !share_random_.OneIn(3);
  }

  // Drawn apart as well: sockets, cores and threads.
  void Layout(ctld::JobSpec& spec) {
    const auto& nodes = cluster_.settings.nodes;
    const bool any = std::any_of(nodes.begin(), nodes.end(), [](const ctld::Node& node) {
      return node.cores_per_socket > 1 || node.threads_per_core > 1;
    });
    if (!any || layout_random_.OneIn(2)) return;
    ctld::RareWishes wishes = spec.wishes();
    ctld::CpuWishes& cpus = wishes.cpus;
    if (layout_random_.OneIn(2)) cpus.threads_per_core = 1;
    if (layout_random_.OneIn(2)) cpus.ntasks_per_socket = 1 + layout_random_.Below(2);
    if (layout_random_.OneIn(3)) cpus.ntasks_per_core = 1 + layout_random_.Below(2);
    if (layout_random_.OneIn(6)) cpus.sockets_per_node = 2;
    static const std::vector<std::string> kDistributions = {"", "cyclic", "block:cyclic",
                                                            "block:fcyclic", "cyclic:block:cyclic"};
    cpus.distribution = layout_random_.Of(kDistributions);
    if (wishes == spec.wishes()) return;
    spec.rare = std::make_shared<const ctld::RareWishes>(std::move(wishes));
  }

  // Drawn apart as well: a signal before its end that nobody else sends.
  void Warning(ctld::JobSpec& spec) {
    if (!warn_random_.OneIn(4)) return;
    ctld::RareWishes wishes = spec.wishes();
    wishes.warning = ctld::EndWarning{SIGUSR1, absl::Seconds(warn_random_.Between(0, 300)),
                                      spec.batch && warn_random_.OneIn(2)};
    spec.rare = std::make_shared<const ctld::RareWishes>(std::move(wishes));
  }

  // No more than there are at first.
  std::string SomeLicenses() {
    const std::vector<License>& there = cluster_.settings.licenses;
    const License& first = license_random_.Of(there);
    std::string text = StrCat(first.name, ":", 1 + license_random_.Below(first.count));
    if (license_random_.OneIn(4)) text = StrCat(there[0].name, ",", there[1].name);
    return text;
  }

  void Array(ctld::JobSpec& spec) {
    static const std::vector<std::string> kTexts = {"0-3",   "0-5%2",   "1,3,5",
                                                    "0-4%1", "0-8:2%3", "2"};
    spec.array = random_.Of(kTexts);
  }

  void Depend(WorkItem& item) {
    static const std::vector<std::string> kKinds = {"after", "afterany", "afterok", "afternotok",
                                                    "aftercorr"};
    item.dependency_on = random_.Of(submitted_);
    item.dependency_kind = random_.Of(kKinds);
  }

  WorkPlan Work() {
    WorkPlan work;
    work.least = absl::Milliseconds(random_.Between(5, 30000));
    work.most = work.least +
                (random_.OneIn(2) ? absl::Seconds(random_.Between(0, 120)) : absl::ZeroDuration());
    // Exit codes, a signal, success.
    static const std::vector<int> kStatuses = {0, 0, 0, 1 << 8, 7 << 8, SIGSEGV, SIGTERM};
    const int statuses = random_.Between(1, 2);
    for (int i = 0; i < statuses; ++i) work.statuses.push_back(random_.Of(kStatuses));
    static const std::vector<OnTerm> kOnTerm = {OnTerm::kDie, OnTerm::kDie, OnTerm::kExitCleanly,
                                                OnTerm::kIgnore};
    work.on_term = random_.Of(kOnTerm);
    if (random_.OneIn(8)) {
      work.fail_launch_percent = static_cast<uint32_t>(random_.Between(10, 100));
      work.launch_fault = random_.OneIn(2);
    }
    if (random_.OneIn(12)) work.oom_percent = 50;
    return work;
  }

  StepPlan Step() {
    StepPlan step;
    if (random_.OneIn(2)) step.tasks = static_cast<uint32_t>(random_.Between(1, 4));
    if (random_.OneIn(3)) step.nodes = static_cast<uint32_t>(random_.Between(1, 2));
    step.exact = random_.OneIn(2);
    step.overlap = random_.OneIn(4);
    step.overcommit = random_.OneIn(6);
    if (random_.OneIn(4)) step.time_limit = absl::Seconds(random_.Between(2, 30));
    step.after = absl::Milliseconds(random_.Between(0, 4000));
    step.parallel = random_.OneIn(3);
    step.work = Work();
    step.work.most = step.work.least = absl::Milliseconds(random_.Between(5, 20000));
    return step;
  }

  const absl::Time kStart = absl::FromUnixSeconds(1795387200);
  const ClusterPlan& cluster_;
  Random random_;
  Random gres_random_;
  Random time_random_;
  Random license_random_;
  Random choice_random_;
  Random tree_random_;
  Random layout_random_;
  Random suspend_random_;
  Random share_random_;
  Random resize_random_;
  Random reserve_random_;
  Random het_random_;
  Random warn_random_;
  std::vector<WorkItem> items_;
  std::vector<uint32_t> submitted_;
  uint32_t allocations_percent_ = 0;
  uint32_t arrays_percent_ = 0;
};

}  // namespace

std::vector<WorkItem> MakeWork(const ClusterPlan& cluster, uint64_t seed) {
  return Workload(cluster, seed).Run();
}

}  // namespace reeve::sim
