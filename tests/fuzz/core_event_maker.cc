#include "tests/fuzz/core_event_maker.h"

#include <algorithm>

namespace reeve::fuzz {
namespace {

constexpr size_t kMaxTold = 64;
constexpr uint32_t kNodes = 4;

constexpr std::string_view kPartitions[] = {"", "debug", "gpu", "debug,gpu", "debug,debug", "no"};
constexpr std::string_view kArrays[] = {"0", "1-3", "0-5%2", "1-7:2", "0-1000", "3-1", "x"};
constexpr std::string_view kDependencies[] = {"afterok:1",   "afterany:1:2", "after:1+5",
                                              "singleton",   "aftercorr:1",  "afternotok:2",
                                              "afterok:1_1", "afterany:99",  "afterok:1?afterany:2",
                                              "after:2",     "aftercorr:3",  "afterok:1_*"};
constexpr std::string_view kNodeLists[] = {"n1", "n[1-2]", "n[1-4]", "n9", "n1,n1", "n[1-99999]"};
constexpr std::string_view kFeatures[] = {"a",     "a&b", "a|b",       "c",      "[a*2]",
                                          "[a|c]", "a*1", "[a*1&c*2]", "(a|c)&b"};
constexpr int64_t kLimits[] = {0, 60, 61, 3600, -1, 86400 * 3650, INT64_MAX};
constexpr std::string_view kKeys[] = {
    "TimeLimit",     "Partition",    "Priority",    "Nice",           "JobName",
    "Dependency",    "NumNodes",     "NumCPUs",     "NumTasks",       "ReqNodeList",
    "ExcNodeList",   "Features",     "StartTime",   "Account",        "Requeue",
    "MinMemoryNode", "MinMemoryCPU", "MinCPUsNode", "StdOut",         "ArrayTaskThrottle",
    "Comment",       "Cpus/Task",    "nope",        "TimeMin",        "Deadline",
    "Licenses",      "Contiguous",   "Switches",    "wait-for-switch"};
constexpr std::string_view kValues[] = {"0",         "1",          "2",
                                        "4-1",       "1-2",        "UNLIMITED",
                                        "+5",        "-5",         "999999999999",
                                        "gpu",       "debug,gpu",  "n1",
                                        "n[1-2]",    "a",          "",
                                        "x",         "now+1hour",  "afterany:1",
                                        "singleton", "100M",       "65535",
                                        "-1",        "4294967295", "foo:2",
                                        "foo,bar",   "1@2",        "2@0:30"};
constexpr std::string_view kLicenses[] = {"foo",   "foo:2", "foo:3,bar", "bar",
                                          "foo:9", "nope",  "foo:0",     "a|b"};
constexpr std::string_view kNodeStates[] = {"DRAIN", "RESUME",  "DOWN", "IDLE",
                                            "FAIL",  "UNDRAIN", "",     "BAD"};

std::optional<uint32_t> Maybe(Bytes& bytes) {
  if (bytes.Below(3) != 0) return std::nullopt;
  return static_cast<uint32_t>(bytes.Number());
}
std::optional<uint64_t> MaybeMemory(Bytes& bytes) {
  static constexpr uint64_t kSizes[] = {0, 100, 500, 1000, 1001, UINT64_MAX, uint64_t{1} << 40};
  if (bytes.Below(4) != 0) return std::nullopt;
  return bytes.Pick(kSizes);
}

// Two leaf switches, below one or in two trees, of the nodes that there are.
std::shared_ptr<const ctld::Topology> TreeOf(const std::vector<ctld::Node>& nodes, bool split) {
  std::vector<SwitchConfig> switches = {{.name = "s0"}, {.name = "s1"}};
  std::vector<std::string> names;
  for (const ctld::Node& node : nodes) {
    names.push_back(node.name);
    switches[names.size() % 2].nodes.push_back(node.name);
  }
  if (!split) switches.push_back({.name = "top", .switches = {"s0", "s1"}, .level = 1});
  return std::make_shared<const ctld::Topology>(switches, names);
}

}  // namespace

ctld::Settings EventMaker::MakeSettings() {
  ctld::Settings settings;
  const uint8_t kind = bytes_.Byte();
  settings.cluster_name = "test";
  settings.select = {.core = (kind & 1) != 0, .memory = (kind & 2) != 0, .cpus = (kind & 4) == 0};
  settings.return_to_service = kind % 3;
  settings.backfill = (kind & 8) == 0;
  settings.enforce_part_limits =
      (kind & 16) != 0 ? EnforcePartLimits::kAll : EnforcePartLimits::kNo;
  if ((kind & 32) != 0) settings.def_mem_per_cpu_mb = 100;
  settings.preempt.by_tier = (kind & 4) == 0;
  if ((kind & 64) != 0) settings.preempt.exempt_time = absl::Seconds(30);
  settings.licenses = {{"bar", 1}, {"foo", 3}};
  settings.max_array_size = 100002;
  settings.max_job_count = 200;
  settings.max_step_count = 20;
  for (uint32_t i = 1; i <= kNodes; ++i) {
    ctld::Node node;
    node.name = node.hostname = node.address = StrCat("n", i);
    node.cpus = 4;
    node.sockets = (kind & 64) != 0 ? 2 : 4;
    node.threads_per_core = node.cpus / node.sockets;
    node.real_memory_mb = 1000;
    node.features = {i % 2 == 0 ? "a" : "b"};
    node.order = i;
    settings.nodes.push_back(node);
  }
  for (std::string_view name : {"debug", "gpu"}) {
    ctld::Partition partition;
    partition.name = std::string(name);
    partition.is_default = name == "debug";
    partition.exclusive = !partition.is_default && (kind & 128) != 0;
    for (uint32_t i = partition.is_default ? 1 : 3; i <= kNodes; ++i) {
      partition.nodes.push_back(StrCat("n", i));
    }
    partition.nodes_text = partition.is_default ? "n[1-4]" : "n[3-4]";
    partition.priority_tier = partition.is_default ? 1 : 2;
    partition.preempt_mode = (kind & 8) != 0 ? PreemptMode::kRequeue : PreemptMode::kCancel;
    if (kind % 7 == 0) partition.preempt_mode = PreemptMode::kSuspend;
    if (kind % 5 == 0) ctld::SetOverSubscribe(partition, {OverSubscribe::kForce, 2});
    if ((kind & 16) != 0) partition.grace_time = absl::Seconds(20);
    settings.partitions.push_back(partition);
  }
  if (kind % 3 == 0) settings.topology = TreeOf(settings.nodes, (kind & 128) != 0);
  settings_ = settings;
  return settings;
}

void EventMaker::Sent(const ctld::NodeCommand& command) {
  Told told{command.node, {}, {}, 0, false};
  if (const auto* launch = std::get_if<ctld::StepLaunch>(&command.command)) {
    told.job = launch->job, told.step = launch->step, told.attempt = launch->attempt;
  } else if (const auto* end = std::get_if<ctld::TerminateJob>(&command.command)) {
    told.job = end->job, told.attempt = end->attempt, told.ends_job = true;
  } else {
    return;
  }
  told_.push_back(told);
  if (told_.size() > kMaxTold) told_.erase(told_.begin());
}

std::string EventMaker::AnyText() {
  if (bytes_.Below(4) == 0) return std::string(bytes_.Text());
  return std::string(bytes_.Pick(kValues));
}

std::string EventMaker::NodeName() {
  return StrCat("n", 1 + bytes_.Below(kNodes + 1));  // one that there is not
}

JobId EventMaker::AnyJob(const ctld::Controller& core) {
  return JobId{bytes_.Below(std::min(core.counters().next_job_id + 1, 200u))};
}

ctld::JobPick EventMaker::Pick(const ctld::Controller& core) {
  static constexpr std::string_view kTasks[] = {"", "", "1", "0-2", "5,3", "x", "0-4294967293"};
  ctld::JobPick pick{AnyJob(core), std::string(bytes_.Pick(kTasks)), std::nullopt};
  if (bytes_.Below(6) == 0) pick.step = StepId{static_cast<int32_t>(bytes_.Below(8)) - 5};
  return pick;
}

ctld::Caller EventMaker::AnyCaller() {
  switch (bytes_.Below(4)) {
    case 0:
      return {0, 0, "root", true};
    case 1:
      return {1001, 1001, "other", false};
    default:
      return {1000, 1000, "user", false};
  }
}

ctld::NodeRegistered EventMaker::Registration(const std::string& node,
                                              const ctld::Controller& core) {
  ctld::NodeRegistered event;
  event.node = node;
  const uint8_t kind = bytes_.Byte();
  event.boot_id = (kind & 1) != 0 ? "boot2" : "boot1";
  event.hardware.cpus = (kind & 2) != 0 ? static_cast<uint32_t>(bytes_.Number()) : 4;
  event.hardware.real_memory_mb = (kind & 4) != 0 ? bytes_.Number() : 1000;
  for (const Told& told : told_) {
    const bool runs = told.node == node && !told.ends_job && (kind & 8) == 0;
    if (runs) event.steps.push_back({told.job, told.step, told.attempt});
  }
  if ((kind & 16) != 0) {
    event.steps.push_back(
        {AnyJob(core), StepId{static_cast<int32_t>(bytes_.Below(8)) - 5}, bytes_.Below(3)});
  }
  return event;
}

void EventMaker::Wishes(ctld::JobSpec& spec) {
  if (bytes_.Below(6) != 0) return;
  ctld::RareWishes wishes;
  const uint8_t kind = bytes_.Byte();
  if ((kind & 1) != 0) wishes.time_min = absl::Seconds(bytes_.Pick(kLimits));
  if ((kind & 2) != 0) {
    wishes.deadline = absl::FromUnixSeconds((kind & 4) != 0 ? static_cast<int64_t>(bytes_.Number())
                                                            : 1'795'500'000 + 60 * bytes_.Byte());
  }
  wishes.exclusive_user = (kind & 16) != 0;
  if ((kind & 8) != 0) wishes.licenses = std::string(bytes_.Pick(kLicenses));
  if ((kind & 32) != 0) wishes.switches = 1 + (kind >> 7);
  if ((kind & 64) != 0) wishes.switches_wait = absl::Seconds(bytes_.Pick(kLimits));
  if ((kind & 6) == 0) {
    wishes.warning = ctld::EndWarning{10, absl::Seconds(kind), (kind & 128) != 0};
  }
  if ((kind & 6) == 4) {
    const uint8_t more = bytes_.Byte();
    wishes.cpus.threads_per_core = more & 3;
    wishes.cpus.ntasks_per_socket = more >> 2 & 3;
    wishes.cpus.ntasks_per_core = more >> 4 & 1;
    wishes.cpus.sockets_per_node = more >> 5 & 3;
    if ((more & 128) != 0) wishes.cpus.distribution = "cyclic:cyclic:fcyclic";
  }
  spec.rare = std::make_shared<const ctld::RareWishes>(std::move(wishes));
}

ctld::SubmitJob EventMaker::Submit() {
  auto spec = std::make_shared<ctld::JobSpec>();
  spec->name = bytes_.Flag() ? "a" : "b";
  spec->batch = bytes_.Below(4) != 0;
  spec->partition = std::string(bytes_.Pick(kPartitions));
  spec->min_nodes = Maybe(bytes_);
  if (bytes_.Flag()) spec->max_nodes = Maybe(bytes_);
  spec->num_tasks = Maybe(bytes_);
  spec->cpus_per_task = Maybe(bytes_);
  spec->ntasks_per_node = Maybe(bytes_);
  spec->mem_per_node_mb = MaybeMemory(bytes_);
  spec->mem_per_cpu_mb = MaybeMemory(bytes_);
  if (bytes_.Below(3) == 0) spec->array = std::string(bytes_.Pick(kArrays));
  if (bytes_.Below(3) == 0) spec->dependency = std::string(bytes_.Pick(kDependencies));
  if (bytes_.Below(5) == 0) spec->req_nodes = std::string(bytes_.Pick(kNodeLists));
  if (bytes_.Below(5) == 0) spec->exc_nodes = std::string(bytes_.Pick(kNodeLists));
  if (bytes_.Below(8) == 0) spec->reservation = bytes_.Flag() ? "r1" : "r2";
  if (bytes_.Below(5) == 0) spec->features = std::string(bytes_.Pick(kFeatures));
  const uint8_t flags = bytes_.Byte();
  spec->exclusive = (flags & 1) != 0;
  spec->hold = (flags & 6) == 6;
  spec->overcommit = (flags & 8) != 0;
  spec->kill_on_invalid_dep = (flags & 16) != 0;
  if ((flags & 96) == 96) spec->requeue = false;
  if ((flags & 128) != 0) {
    const int64_t seconds = bytes_.Pick(kLimits);
    spec->time_limit = seconds < 0 ? absl::InfiniteDuration() : absl::Seconds(seconds);
  }
  if (bytes_.Below(8) == 0) {
    spec->begin_time = absl::FromUnixSeconds(1'795'500'000 + bytes_.Below(256));
    spec->min_cpus_per_node = Maybe(bytes_);
    spec->priority = Maybe(bytes_);
    spec->nice = static_cast<int32_t>(bytes_.Number());
    spec->tmp_disk_mb = static_cast<uint32_t>(bytes_.Number());
  }
  Wishes(*spec);
  ctld::SubmitJob event;
  event.caller = AnyCaller();
  event.key = {event.caller.uid, bytes_.Below(4) == 0 ? "again" : ""};
  event.groups = {"users"};
  event.spec = std::move(spec);
  event.script_hash = "script";
  event.env_hash = "env";
  const uint32_t kind = bytes_.Below(6);
  event.immediate = kind == 0;
  event.test_only = kind == 1;
  return event;
}

ctld::Event EventMaker::Cancel(const ctld::Controller& core) {
  static constexpr int32_t kSignals[] = {0, 0, 0, 9, 15, 18, -1, 64, INT32_MAX};
  ctld::CancelJobs event;
  event.caller = AnyCaller();
  const uint8_t kind = bytes_.Byte();
  if ((kind & 1) == 0) event.jobs.push_back(Pick(core));
  if ((kind & 2) != 0) event.jobs.push_back(Pick(core));
  if ((kind & 4) != 0) event.name = "a";
  if ((kind & 8) != 0) event.partition = std::string(bytes_.Pick(kPartitions));
  if ((kind & 16) != 0) event.state = static_cast<JobState>(bytes_.Below(kJobStateCount));
  if ((kind & 32) != 0) event.node_list = std::string(bytes_.Pick(kNodeLists));
  event.signal = bytes_.Pick(kSignals);
  event.batch_only = (kind & 64) != 0;
  event.full = (kind & 128) != 0;
  return event;
}

ctld::Event EventMaker::Update(const ctld::Controller& core) {
  ctld::UpdateJob event;
  event.caller = AnyCaller();
  event.job = Pick(core);
  for (uint32_t i = 0; i <= bytes_.Below(3); ++i) {
    event.changes.emplace_back(std::string(bytes_.Pick(kKeys)), AnyText());
  }
  return event;
}

ctld::Event EventMaker::Step(const ctld::Controller& core, absl::Time now) {
  auto spec = std::make_shared<ctld::StepSpec>();
  spec->name = "step";
  spec->argv = {"hostname"};
  spec->distribution = bytes_.Flag() ? "cyclic" : "block";
  ctld::CreateStep event;
  event.caller = AnyCaller();
  event.key = {event.caller.uid, bytes_.Below(4) == 0 ? "again" : ""};
  event.job = AnyJob(core);
  event.spec = std::move(spec);
  event.num_tasks = Maybe(bytes_);
  event.min_nodes = Maybe(bytes_);
  event.max_nodes = Maybe(bytes_);
  event.cpus_per_task = Maybe(bytes_);
  event.ntasks_per_node = Maybe(bytes_);
  if (bytes_.Below(5) == 0) event.req_nodes = std::string(bytes_.Pick(kNodeLists));
  if (bytes_.Below(5) == 0) event.exc_nodes = std::string(bytes_.Pick(kNodeLists));
  const uint8_t flags = bytes_.Byte();
  event.exact = (flags & 1) != 0;
  event.overlap = (flags & 2) != 0;
  event.overcommit = (flags & 4) != 0;
  event.external_launcher = (flags & 24) == 24;
  event.immediate = (flags & 32) != 0;
  if (const int64_t limit = bytes_.Pick(kLimits); (flags & 64) != 0 && limit >= 0) {
    event.time_limit = absl::Seconds(limit);
  }
  event.deadline = now + absl::Seconds(bytes_.Below(64));
  event.io_secret = "0123456789abcdef";
  return event;
}

ctld::Event EventMaker::Report(const ctld::Controller& core, absl::Time now) {
  Told about{NodeName(), AnyJob(core), StepId{static_cast<int32_t>(bytes_.Below(8)) - 5},
             bytes_.Below(3), bytes_.Flag()};
  if (!told_.empty() && bytes_.Below(8) != 0) {
    about = told_[bytes_.Below(static_cast<uint32_t>(told_.size()))];
  }
  const uint64_t id = bytes_.Number();
  if (about.ends_job) return ctld::JobGone{about.node, id, about.job, about.attempt};
  ctld::StepReported report;
  report.node = about.node;
  report.report_id = id;
  report.job = about.job;
  report.step = about.step;
  report.attempt = about.attempt;
  report.kind = static_cast<ctld::StepReportKind>(bytes_.Below(3));
  for (uint32_t i = 0; i < bytes_.Below(4); ++i) {
    report.tasks.push_back(
        {static_cast<uint32_t>(bytes_.Number()), static_cast<int32_t>(bytes_.Number())});
  }
  report.time = now;
  const uint8_t flags = bytes_.Byte();
  report.launch_again = (flags & 1) != 0;
  report.oom = (flags & 6) == 6;
  report.job_fault = (flags & 24) == 24;
  report.usage.user_usec = static_cast<int64_t>(bytes_.Number());
  report.usage.max_rss_kb = bytes_.Number();
  return report;
}

ctld::Event EventMaker::Reserve() {
  static constexpr std::string_view kNames[] = {"", "r1", "r2"};
  static constexpr std::string_view kFlags[] = {"", "maint", "overlap,daily", "+weekly", "nope"};
  ctld::SetReservation event;
  event.caller = {0, 0, "root", true};
  event.action = static_cast<ctld::ReservationAction>(bytes_.Below(3));
  event.name = std::string(bytes_.Pick(kNames));
  event.changes.emplace_back("users", "user1000");
  if (bytes_.Flag()) event.changes.emplace_back("nodes", bytes_.Flag() ? "ALL" : "n[1-2]");
  if (bytes_.Flag()) event.changes.emplace_back("nodecnt", StrCat(uint32_t{bytes_.Byte()}));
  if (bytes_.Flag()) event.changes.emplace_back("duration", StrCat(uint32_t{bytes_.Byte()}));
  if (bytes_.Flag()) event.changes.emplace_back("flags", std::string(bytes_.Pick(kFlags)));
  if (bytes_.Flag()) event.changes.emplace_back("starttime", AnyText());
  return event;
}

ctld::Event EventMaker::Administer() {
  static constexpr std::string_view kPartitionKeys[] = {
      "State",   "MaxTime",      "DefaultTime", "MaxNodes",  "MinNodes",   "Nodes",
      "Default", "PriorityTier", "nope",        "GraceTime", "PreemptMode"};
  static constexpr std::string_view kPartitionValues[] = {"DOWN", "REQUEUE", "OFF", "30"};
  switch (bytes_.Below(5)) {
    case 4:
      return Reserve();
    case 0: {
      ctld::UpdatePartition event;
      event.caller = {0, 0, "root", true};
      event.name = std::string(bytes_.Pick(kPartitions));
      event.changes.emplace_back(
          std::string(bytes_.Pick(kPartitionKeys)),
          bytes_.Flag() ? std::string(bytes_.Pick(kPartitionValues)) : AnyText());
      return event;
    }
    case 1: {
      // Another configuration: nodes come, go and shrink.
      ctld::Settings settings = settings_;
      const uint8_t kind = bytes_.Byte();
      if ((kind & 1) != 0) settings.nodes.pop_back();
      if ((kind & 2) != 0) settings.nodes[0].cpus = 2;
      if ((kind & 4) != 0) settings.nodes[1].real_memory_mb = 400;
      if (settings.topology != nullptr && (kind & 2) == 0) {
        settings.topology = TreeOf(settings.nodes, (kind & 4) != 0);
      } else {
        settings.topology = nullptr;
      }
      if ((kind & 8) != 0) settings.partitions.pop_back();
      if ((kind & 16) != 0) settings.partitions[0].max_time = absl::Minutes(5);
      if ((kind & 32) != 0) settings.min_job_age = absl::ZeroDuration();
      if ((kind & 64) != 0) settings.licenses[1].count = 1;
      if ((kind & 128) != 0) settings.licenses.erase(settings.licenses.begin());
      return ctld::Reconfigured{settings};
    }
    default: {
      ctld::UpdateNode event;
      event.caller = {0, 0, "root", true};
      event.nodes = bytes_.Flag() ? NodeName() : std::string(bytes_.Pick(kNodeLists));
      event.state = std::string(bytes_.Pick(kNodeStates));
      event.reason = bytes_.Flag() ? "why" : "";
      event.weight = Maybe(bytes_);
      if (bytes_.Below(4) == 0) event.features = AnyText();
      return event;
    }
  }
}

ctld::Event EventMaker::Make(const ctld::Controller& core, absl::Time now) {
  switch (bytes_.Below(20)) {
    case 0:
      return ctld::NodeLost{NodeName()};
    case 1:
      return Registration(NodeName(), core);
    case 2:
      return ctld::NodeHeartbeat{NodeName(), 0.5, bytes_.Number()};
    case 3:
      return ctld::WaitJob{
          {}, AnyCaller(), AnyJob(core), bytes_.Flag(), now + absl::Seconds(bytes_.Below(64))};
    case 4:
      return ctld::CallAbandoned{};
    case 5:
      return Cancel(core);
    case 6:
      return ctld::ControlJobs{
          {}, AnyCaller(), static_cast<ctld::JobAction>(bytes_.Below(8)), {Pick(core)}};
    case 7:
      return Update(core);
    case 8:
      return ctld::CompleteAllocation{
          {}, AnyCaller(), AnyJob(core), static_cast<int32_t>(bytes_.Number())};
    case 9:
    case 10:
      return Step(core, now);
    case 11:
      return Administer();
    case 12:
    case 13:
    case 14:
      return Report(core, now);
    case 15:
      return ctld::Tick{};
    case 16: {
      ctld::Sight sight;
      if (bytes_.Flag()) sight.jobs_of = AnyCaller().uid;
      sight.nodes = bytes_.Flag();
      return ctld::ExplainJobs{{}, {Pick(core)}, sight};
    }
    case 17: {
      ctld::SubmitJobs event;
      for (uint32_t i = 0; i <= bytes_.Below(3); ++i) event.jobs.push_back(Submit());
      return event;
    }
    default:
      return Submit();
  }
}

}  // namespace reeve::fuzz
