// A controller, a clock that ticks by hand, and nodes that do what a test says. Every event is
// followed by the scheduler (when asked for) and by the invariants.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ctld/core/controller.h"
#include "ctld/core/errors.h"
#include "ctld/core/invariants.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace reeve::ctld {

// "-N2 -n4" in words: Spec().Nodes(2).Tasks(4).
class Spec {
 public:
  Spec() {
    spec_.name = "job";
    spec_.batch = true;
    spec_.work_dir = "/tmp";
  }
  Spec& Name(std::string name) { return spec_.name = std::move(name), *this; }
  Spec& Nodes(uint32_t n) { return spec_.min_nodes = spec_.max_nodes = n, *this; }
  Spec& Nodes(uint32_t least, uint32_t most) {
    return spec_.min_nodes = least, spec_.max_nodes = most, *this;
  }
  Spec& NodeCounts(std::string counts) {
    const IdRanges parsed = *ParseNodeCounts(counts);
    return Nodes(*parsed.min(), *parsed.max()).Wish([&](RareWishes& wishes) {
      wishes.node_counts = std::move(counts);
    });
  }
  Spec& Tasks(uint32_t n) { return spec_.num_tasks = n, *this; }
  Spec& CpusPerTask(uint32_t n) { return spec_.cpus_per_task = n, *this; }
  Spec& PerNode(uint32_t n) { return spec_.ntasks_per_node = n, *this; }
  Spec& Mem(uint64_t mb) { return spec_.mem_per_node_mb = mb, *this; }
  Spec& MemPerCpu(uint64_t mb) { return spec_.mem_per_cpu_mb = mb, *this; }
  Spec& Minutes(int n) { return spec_.time_limit = absl::Minutes(n), *this; }
  Spec& Partition(std::string name) { return spec_.partition = std::move(name), *this; }
  Spec& On(std::string nodes) { return spec_.req_nodes = std::move(nodes), *this; }
  Spec& NotOn(std::string nodes) { return spec_.exc_nodes = std::move(nodes), *this; }
  Spec& In(std::string name) { return spec_.reservation = std::move(name), *this; }
  Spec& Features(std::string text) { return spec_.features = std::move(text), *this; }
  Spec& Exclusive() { return spec_.exclusive = true, *this; }
  Spec& After(std::string text) { return spec_.dependency = std::move(text), *this; }
  Spec& KillOnInvalidDep() { return spec_.kill_on_invalid_dep = true, *this; }
  Spec& Array(std::string text) { return spec_.array = std::move(text), *this; }
  Spec& Hold() { return spec_.hold = true, *this; }
  Spec& Begin(absl::Time time) { return spec_.begin_time = time, *this; }
  Spec& Nice(int n) { return spec_.nice = n, *this; }
  Spec& NoRequeue() { return spec_.requeue = false, *this; }
  Spec& Interactive() { return spec_.batch = false, *this; }
  Spec& Account(std::string name) { return spec_.account = std::move(name), *this; }
  Spec& TimeMin(absl::Duration least) {
    return Wish([&](RareWishes& wishes) { wishes.time_min = least; });
  }
  Spec& Licenses(std::string text) {
    return Wish([&](RareWishes& wishes) { wishes.licenses = std::move(text); });
  }
  Spec& Switches(uint32_t count, absl::Duration wait = absl::Minutes(5)) {
    return Wish([&](RareWishes& wishes) {
      wishes.switches = count;
      wishes.switches_wait = wait;
    });
  }
  Spec& Contiguous() { return spec_.contiguous = true, *this; }
  Spec& ExclusiveUser() {
    return Wish([](RareWishes& wishes) { wishes.exclusive_user = true; });
  }
  Spec& Deadline(absl::Time time) {
    return Wish([&](RareWishes& wishes) { wishes.deadline = time; });
  }
  Spec& Signal(uint32_t signal, absl::Duration before, bool batch_only = false) {
    return Wish([&](RareWishes& wishes) {
      wishes.warning = EndWarning{signal, before, batch_only};
    });
  }
  JobSpec& raw() { return spec_; }
  std::shared_ptr<const JobSpec> Make() const { return std::make_shared<const JobSpec>(spec_); }

 private:
  template <typename Change>
  Spec& Wish(Change change) {
    RareWishes wishes = spec_.wishes();
    change(wishes);
    return spec_.rare = std::make_shared<const RareWishes>(std::move(wishes)), *this;
  }

  JobSpec spec_;
};

inline Caller Root() {
  return {0, 0, "root", true};
}
inline Caller User(uint32_t uid) {
  return {uid, uid, "user" + std::to_string(uid), false};
}

inline Settings MakeTestSettings(uint32_t nodes, uint32_t cpus, uint64_t memory = 1000) {
  Settings settings;
  settings.cluster_name = "test";
  settings.select.core = false;
  settings.return_to_service = 1;
  settings.priority.multifactor = false;
  reeve::ctld::Partition partition;
  partition.name = "debug";
  partition.is_default = true;
  for (uint32_t i = 1; i <= nodes; ++i) {
    Node node;
    node.name = node.hostname = node.address = "n" + std::to_string(i);
    node.cpus = node.sockets = cpus;
    node.real_memory_mb = memory;
    node.order = i;
    settings.nodes.push_back(node);
    partition.nodes.push_back(node.name);
  }
  partition.nodes_text = "n[1-" + std::to_string(nodes) + "]";
  settings.partitions.push_back(partition);
  return settings;
}

class Cluster {
 public:
  explicit Cluster(Settings settings, bool up = true)
      : settings(settings), controller(std::make_unique<Controller>(settings)) {
    Take(controller->Restore({}, now));
    for (const Node& node : settings.nodes) {
      if (up) Register(node.name);
    }
  }
  Cluster(uint32_t nodes, uint32_t cpus) : Cluster(MakeTestSettings(nodes, cpus)) {}

  // ---- events ---------------------------------------------------------------------------------
  Effects Do(const Event& event) {
    Effects effects = Take(controller->Handle(event, now));
    for (bool again = effects.schedule; again;) {
      Effects more = Take(controller->Schedule(now));
      Merge(effects, more);
      again = more.schedule;
      const std::vector<std::string> wrong = CheckPlan(*controller, now);
      EXPECT_TRUE(again || wrong.empty()) << wrong.front();
    }
    return effects;
  }
  Effects Advance(absl::Duration by) {
    now += by;
    return Do(Tick{});
  }
  void Register(const std::string& name, std::vector<KnownStep> steps = {},
                std::string boot_id = "boot1") {
    const auto node = std::find_if(settings.nodes.begin(), settings.nodes.end(),
                                   [&](const Node& n) { return n.name == name; });
    NodeRegistered event;
    event.node = name;
    event.boot_id = boot_id;
    event.hardware.cpus = node->cpus;
    event.hardware.real_memory_mb = node->real_memory_mb;
    event.steps = std::move(steps);
    Do(event);
  }
  // The node has ended what it was told to at its registration.
  void ClearStrangers(const std::string& name) {
    const auto clearing = GetNode(name).clearing;
    for (const auto& [job, attempt] : clearing) Do(JobGone{name, ++reports, job, attempt});
  }
  // Every connected node says it is alive.
  void Heartbeats() {
    for (const Node* node : controller->Nodes()) {
      if (node->connected) Do(NodeHeartbeat{node->name});
    }
  }

  absl::StatusOr<JobId> TrySubmit(const Spec& spec, Caller caller = User(1000),
                                  std::string request_id = "", bool immediate = false) {
    SubmitJob event;
    event.call = NextCall();
    event.key = {caller.uid, request_id};
    event.caller = caller;
    event.groups = {"users"};
    event.spec = spec.Make();
    event.script_hash = "script";
    event.env_hash = "env";
    event.immediate = immediate;
    const Effects effects = Do(event);
    const absl::StatusOr<Answer> answer = AnswerTo(event.call);
    if (!answer.ok()) return answer.status();
    return std::get<SubmitAnswer>(*answer).job;
  }
  JobId Submit(const Spec& spec, Caller caller = User(1000)) {
    absl::StatusOr<JobId> id = TrySubmit(spec, caller);
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or(JobId{});
  }
  std::string Refusal(const Spec& spec, Caller caller = User(1000)) {
    absl::StatusOr<JobId> id = TrySubmit(spec, caller);
    return id.ok() ? "accepted" : std::string(id.status().message());
  }
  void Started(JobId id, StepId step = kBatchStep) {
    const Job& job = Get(id);
    for (const NodeShare& share : job.FindStep(step)->shares) {
      Do(StepReported{.node = share.node,
                      .report_id = 1,
                      .job = id,
                      .step = step,
                      .attempt = job.restarts,
                      .kind = StepReportKind::kStarted});
    }
  }
  void ExitOn(const std::string& node, JobId id, StepId step, int32_t status) {
    Do(StepReported{.node = node,
                    .report_id = ++reports,
                    .job = id,
                    .step = step,
                    .attempt = Get(id).restarts,
                    .kind = StepReportKind::kExited,
                    .tasks = {{0, status}}});
  }
  void Exit(JobId id, int32_t status = 0, StepId step = kBatchStep) {
    const std::vector<NodeShare> shares = Get(id).FindStep(step)->shares;
    for (const NodeShare& share : shares) ExitOn(share.node, id, step, status);
  }
  void Gone(JobId id) {
    const std::vector<std::string> nodes = Get(id).pending_nodes;
    const uint32_t attempt = Get(id).restarts;
    for (const std::string& node : nodes) Do(JobGone{node, ++reports, id, attempt});
  }
  // The answer of a verb for its first job; "" is success.
  std::string Cancel(JobId id, Caller caller = User(1000), std::string tasks = "",
                     int32_t signal = 0) {
    CancelJobs event;
    event.call = NextCall();
    event.caller = caller;
    event.jobs = {{id, tasks, std::nullopt}};
    event.signal = signal;
    Do(event);
    return FirstResult(event.call);
  }
  std::string Control(JobAction action, JobId id, Caller caller = User(1000),
                      std::string tasks = "") {
    ControlJobs event{NextCall(), caller, action, {{id, tasks, std::nullopt}}};
    Do(event);
    return FirstResult(event.call);
  }
  std::string Update(JobId id, std::string key, std::string value, Caller caller = User(1000)) {
    UpdateJob event{NextCall(), caller, {id, "", std::nullopt}, {{key, value}}};
    Do(event);
    return FirstResult(event.call);
  }
  absl::StatusOr<CreateStepAnswer> StepIn(JobId id, CreateStep event = {}) {
    event.call = NextCall();
    event.caller = User(1000);
    event.job = id;
    event.io_secret = "0123456789abcdef";
    if (event.spec == nullptr) {
      auto spec = std::make_shared<StepSpec>();
      spec->name = "hostname";
      spec->argv = {"hostname"};
      event.spec = spec;
    }
    last_call = event.call;
    Do(event);
    if (!replies.contains(event.call.value)) return absl::UnavailableError("waits");
    absl::StatusOr<Answer> answer = AnswerTo(event.call);
    if (!answer.ok()) return answer.status();
    return std::get<CreateStepAnswer>(*answer);
  }
  std::string SetNode(std::string nodes, std::string state, std::string reason = "") {
    UpdateNode event;
    event.call = NextCall();
    event.caller = Root();
    event.nodes = nodes;
    event.state = state;
    event.reason = reason;
    Do(event);
    const absl::StatusOr<Answer> answer = AnswerTo(event.call);
    return answer.ok() ? "" : std::string(answer.status().message());
  }

  // Its name, or the words of the refusal.
  std::string SetReservation(ReservationAction action, std::string name, KeyValues changes = {}) {
    reeve::ctld::SetReservation event{NextCall(), Root(), action, std::move(name),
                                      std::move(changes)};
    Do(event);
    const absl::StatusOr<Answer> answer = AnswerTo(event.call);
    if (!answer.ok()) return std::string(answer.status().message());
    return std::get<ReservationAnswer>(*answer).name;
  }
  std::string Reserve(std::string name, absl::Duration in, absl::Duration length,
                      KeyValues changes = {}) {
    changes.emplace_back("starttime", std::to_string(absl::ToUnixSeconds(now + in)));
    changes.emplace_back("duration", std::to_string(absl::ToInt64Minutes(length)));
    if (std::none_of(changes.begin(), changes.end(),
                     [](const auto& change) { return change.first == "users"; })) {
      changes.emplace_back("users", "user1000");
    }
    return SetReservation(ReservationAction::kCreate, std::move(name), std::move(changes));
  }

  // ---- what there is --------------------------------------------------------------------------
  const Job& Get(JobId id) const {
    const Job* job = controller->FindJob(id);
    static const Job none;
    EXPECT_NE(job, nullptr) << "no job " << id.value;
    return job == nullptr ? none : *job;
  }
  const Node& GetNode(const std::string& name) const { return *controller->FindNode(name); }
  bool Running(JobId id) const { return Get(id).Running(); }
  std::string Why(JobId id) const { return ReasonText(Get(id)); }
  std::string State(JobId id) const {
    return std::string(DisplayName(Get(id).state, Get(id).flags));
  }
  std::vector<std::string> NodesOf(JobId id) const {
    std::vector<std::string> nodes;
    for (const NodeShare& share : Get(id).shares) nodes.push_back(share.node);
    return nodes;
  }
  absl::StatusOr<Answer> AnswerTo(CallToken call) const {
    const auto found = replies.find(call.value);
    if (found == replies.end()) return absl::NotFoundError("no reply");
    return found->second;
  }
  std::string FirstResult(CallToken call) const {
    const absl::StatusOr<Answer> answer = AnswerTo(call);
    if (!answer.ok()) return std::string(answer.status().message());
    const JobResults& results = std::get<JobResults>(*answer);
    return results.results.empty() ? "no result" : results.results[0].error;
  }
  CallToken NextCall() { return {++calls}; }
  template <typename Command>
  std::vector<std::pair<std::string, Command>> Commands(size_t from = 0) const {
    std::vector<std::pair<std::string, Command>> found;
    for (size_t i = from; i < commands.size(); ++i) {
      if (const auto* command = std::get_if<Command>(&commands[i].command)) {
        found.emplace_back(commands[i].node, *command);
      }
    }
    return found;
  }
  // What a store would hold, given to a new controller.
  void Restart() {
    Snapshot snapshot;
    controller->ForEachJob([&](const Job& job) {
      snapshot.jobs.push_back(job);
      snapshot.jobs.back().shape = nullptr;
      for (Step& step : snapshot.jobs.back().steps) step.spec = nullptr;
    });
    for (const Node* node : controller->Nodes()) {
      snapshot.nodes.push_back({node->name, node->base, node->drain, node->fail,
                                node->down_by_admin, node->reason, node->reason_user,
                                node->reason_time, node->boot_id, node->last_response_time,
                                node->last_busy_time, node->lease, node->witnesses});
      snapshot.nodes.back().comment = node->comment;
      snapshot.nodes.back().configured = node->configured;
      snapshot.nodes.back().weight = node->set_weight;
      snapshot.nodes.back().features = node->set_features;
    }
    for (const ctld::Partition* partition : controller->Partitions()) {
      if (partition->changes.empty()) continue;
      snapshot.partitions.push_back({partition->name, partition->configured, partition->changes});
    }
    for (const auto& [key, step] : launches) snapshot.steps.push_back(step);
    for (const auto& [key, result] : kept) snapshot.requests.push_back(result);
    for (const Reservation* reservation : controller->Reservations()) {
      snapshot.reservations.push_back(*reservation);
    }
    for (const auto& [uid, record] : usage) snapshot.usage.push_back(record);
    snapshot.counters = controller->counters();
    controller = std::make_unique<Controller>(settings);
    Take(controller->Restore(std::move(snapshot), now));
  }

  Settings settings;
  absl::Time now = absl::FromUnixSeconds(1795387200);
  std::unique_ptr<Controller> controller;
  std::vector<NodeCommand> commands;
  std::map<uint64_t, absl::StatusOr<Answer>> replies;
  std::map<std::string, RequestResult> kept;
  std::map<std::pair<JobId, StepId>, StepToLaunch> launches;
  std::map<uint32_t, StoredUsage> usage;
  std::vector<AccountingRecord> accounting;
  CallToken last_call;
  uint64_t calls = 0;
  uint64_t reports = 100;

 private:
  static std::string NameOf(const RequestKey& key) {
    return std::to_string(key.uid) + ":" + key.request_id;
  }
  Effects Take(Effects effects) {
    commands.insert(commands.end(), effects.commands.begin(), effects.commands.end());
    accounting.insert(accounting.end(), effects.accounting.begin(), effects.accounting.end());
    for (const Reply& reply : effects.replies) {
      EXPECT_FALSE(replies.contains(reply.call.value)) << "answered twice";
      replies.emplace(reply.call.value, reply.answer);
    }
    for (const StepToLaunch& step : effects.steps_kept) launches[{step.job, step.step}] = step;
    for (const auto& step : effects.steps_dropped) launches.erase(step);
    for (const RequestResult& result : effects.requests_kept) kept[NameOf(result.key)] = result;
    for (const RequestKey& key : effects.requests_forgotten) kept.erase(NameOf(key));
    for (uint32_t uid : effects.usage_to_store) {
      usage.erase(uid);
      if (const auto record = controller->UsageOf(uid)) usage[uid] = *record;
    }
    const std::vector<std::string> wrong = CheckInvariants(*controller);
    EXPECT_THAT(wrong, ::testing::IsEmpty());
    return effects;
  }
  static void Merge(Effects& into, const Effects& from) {
    into.commands.insert(into.commands.end(), from.commands.begin(), from.commands.end());
    into.jobs_changed.insert(into.jobs_changed.end(), from.jobs_changed.begin(),
                             from.jobs_changed.end());
    into.next_wakeup = from.next_wakeup;
  }
};

}  // namespace reeve::ctld
