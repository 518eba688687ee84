#include "ctld/core/cluster_state.h"

#include <algorithm>
#include <cmath>

#include "common/base/text.h"
#include "ctld/core/het_job.h"
#include "ctld/core/priority.h"
#include "ctld/core/runtime_changes.h"

namespace reeve::ctld {
namespace {

// Facts follow the new configuration; state, allocation and reports stay with the node.
void TakeFacts(Node& node, const Node& configured) {
  const bool smaller = configured.cpus < node.cpus ||
                       configured.real_memory_mb < node.real_memory_mb ||
                       configured.gres != node.gres;
  if (smaller && !node.jobs.empty()) node.shrunk = true;
  node.address = configured.address;
  node.hostname = configured.hostname;
  node.port = configured.port;
  node.cpus = configured.cpus;
  node.boards = configured.boards;
  node.sockets = configured.sockets;
  node.cores_per_socket = configured.cores_per_socket;
  node.threads_per_core = configured.threads_per_core;
  node.real_memory_mb = configured.real_memory_mb;
  node.tmp_disk_mb = configured.tmp_disk_mb;
  node.weight = configured.weight;
  node.features = configured.features;
  node.gres = configured.gres;
  node.gres_devices = configured.gres_devices;
  node.order = configured.order;
  node.partitions.clear();
  node.set_weight.reset();
  node.set_features.reset();
}

}  // namespace

State::State(Settings new_settings) {
  ApplySettings(std::move(new_settings));
}

std::vector<std::string> State::ApplySettings(Settings new_settings) {
  settings = std::move(new_settings);
  counters.next_job_id = std::max(counters.next_job_id, settings.first_job_id);

  absl::flat_hash_map<std::string, std::unique_ptr<Node>> old;
  for (std::unique_ptr<Node>& node : nodes) old[node->name] = std::move(node);
  nodes.clear();
  node_index.clear();
  settings.gres_kinds.clear();
  for (const Node& configured : settings.nodes) {
    std::unique_ptr<Node> node = std::move(old[configured.name]);
    old.erase(configured.name);
    if (node == nullptr) {
      node = std::make_unique<Node>(configured);
    } else {
      TakeFacts(*node, configured);
      // Its time has come.
      if (node->base == NodeBase::kFuture) node->base = configured.base;
    }
    node->stock = NodeGres(node->gres, settings.gres_kinds);
    for (const auto& [id, use] : node->jobs) node->stock.Take(use.gres);
    node->configured = ConfiguredText(configured);
    node_index[node->name] = static_cast<NodeIndex>(nodes.size());
    nodes.push_back(std::move(node));
  }
  partitions.clear();
  for (const Partition& configured : settings.partitions) {
    PartitionEntry entry;
    entry.facts = configured;
    entry.facts.configured = ConfiguredText(configured);
    entry.facts.sharing.group = ShareGroupOf(configured.name);
    entry.facts.total_cpus = 0;
    entry.facts.total_mem_mb = 0;
    for (const std::string& name : configured.nodes) {
      const auto found = node_index.find(name);
      if (found == node_index.end()) continue;
      Node& node = *nodes[found->second];
      node.partitions.push_back(configured.name);
      entry.nodes.push_back(found->second);
      entry.facts.total_cpus += node.cpus;
      entry.facts.total_mem_mb += node.real_memory_mb;
    }
    partitions.push_back(std::move(entry));
  }
  book = MakeBook(*this);
  licenses.Configure(settings.licenses);
  backlog.stale = true;
  plan.Reset(*this);
  std::vector<std::string> gone;
  for (const auto& [name, node] : old) gone.push_back(name);
  std::sort(gone.begin(), gone.end());
  return gone;
}

Job* State::FindJob(JobId id) {
  const std::unique_ptr<Job>* job = jobs.Find(id);
  return job == nullptr ? nullptr : job->get();
}
const Job* State::FindJob(JobId id) const {
  return const_cast<State*>(this)->FindJob(id);
}

Node* State::FindNode(std::string_view name) {
  const auto found = node_index.find(ToAbsl(name));
  return found == node_index.end() ? nullptr : nodes[found->second].get();
}

const Node* State::FindNode(std::string_view name) const {
  return const_cast<State*>(this)->FindNode(name);
}
const PartitionEntry* State::FindPartition(std::string_view name) const {
  return const_cast<State*>(this)->FindPartition(name);
}

PartitionEntry* State::FindPartition(std::string_view name) {
  for (PartitionEntry& entry : partitions) {
    if (entry.facts.name == name) return &entry;
  }
  return nullptr;
}

PartitionIndex State::DefaultPartition() const {
  for (PartitionIndex i = 0; i < partitions.size(); ++i) {
    if (partitions[i].facts.is_default) return i;
  }
  return static_cast<PartitionIndex>(partitions.size());
}

std::vector<PartitionIndex> State::PartitionsOf(const Job& job) const {
  std::vector<PartitionIndex> result;
  for (std::string_view name : Split(job.partition, ",")) {
    for (PartitionIndex i = 0; i < partitions.size(); ++i) {
      const bool wanted = partitions[i].facts.name == name;
      // "debug,debug" is one place to look in.
      if (wanted && std::count(result.begin(), result.end(), i) == 0) result.push_back(i);
    }
  }
  return result;
}

uint32_t State::SoleUserOf(const Job& job, PartitionIndex partition) const {
  const bool sole = job.shape->exclusive_user || partitions[partition].facts.exclusive_user;
  return sole ? job.owner->uid + 1 : 0;
}

uint32_t State::ShareGroupOf(std::string_view partition) {
  const auto next = static_cast<uint32_t>(share_groups.size() + 1);
  return share_groups.emplace(std::string(partition), next).first->second;
}

bool State::PlanIsBehind() const {
  return backlog.stale || plan.AnyChanged() || !backlog.unplanned.empty() ||
         !backlog.candidates.empty();
}

void State::NodeMoved(const Node& node) {
  const auto found = node_index.find(node.name);
  if (found != node_index.end()) plan.NodeChanged(found->second);
}

JobId State::PeekJobId() const {
  // Ids are reused only after they have gone round, and never one that is still known.
  for (uint32_t id = counters.next_job_id;; ++id) {
    if (id > settings.max_job_id) id = settings.first_job_id;
    if (!jobs.contains(JobId{id}) && !arrays.contains(JobId{id})) return JobId{id};
  }
}

JobId State::NextJobId() {
  const JobId id = PeekJobId();
  counters.next_job_id = id.value + 1;
  counters_moved = true;
  return id;
}

void Context::Changed(Job& job) {
  job.revision++;
  if (job.array_job_id) {
    // A record that was just made is filed when it is added.
    const auto array = state.arrays.find(job.array_job_id);
    if (array != state.arrays.end()) array->second.File(job);
  }
  effects.jobs_changed.push_back(job.id);
  effects.jobs_to_store.push_back(job.id);
}
void Context::Shown(const Job& job) {
  effects.jobs_changed.push_back(job.id);
}
void Context::Changed(Node& node) {
  state.NodeMoved(node);
  effects.nodes_changed.push_back(node.name);
  effects.nodes_to_store.push_back(node.name);
}
void Context::Changed(const Partition& partition) {
  effects.partitions_changed.push_back(partition.name);
  effects.partitions_to_store.push_back(partition.name);
}
void Context::Shown(const Node& node) {
  state.NodeMoved(node);
  effects.nodes_changed.push_back(node.name);
}

void Context::EndMoved(const Job& job) {
  for (LicenseIndex license : state.licenses.HeldBy(job.id)) {
    state.plan.licenses().Changed(license, job.id);
  }
  for (const NodeShare& share : job.shares) {
    if (const Node* node = state.FindNode(share.node)) state.NodeMoved(*node);
  }
}

void Context::Account(Job& job) {
  Changed(job);
  auto record = std::make_shared<Job>(job);
  record->priority = PriorityOf(state, job, now);
  effects.accounting.push_back(std::move(record));
}
void Context::Account(const Node& node) {
  effects.accounting.push_back(
      NodeEvent{node.name, now, NodeStateText(node), node.reason, node.reason_user});
}

void Context::Log(LogLevel level, std::string text) {
  effects.log.push_back({level, std::move(text)});
}

void Context::Reply(CallToken call, absl::StatusOr<Answer> answer) {
  if (call.value != 0) effects.replies.push_back({call, std::move(answer)});
}

void Context::DropLaunch(const Job& job, Step& step) {
  if (step.spec == nullptr) return;
  step.spec = nullptr;
  effects.steps_dropped.emplace_back(job.id, step.step_id);
}

Job& Context::AddJob(std::unique_ptr<Job> job) {
  Job& added = *job;
  added.spec = state.specs.Intern(std::move(added.spec));
  added.owner = state.owners.Intern(std::move(added.owner));
  for (SharedText* text :
       {&added.partition, &added.account, &added.qos, &added.script_hash, &added.env_hash}) {
    state.texts.Intern(*text);
  }
  state.jobs[added.id] = std::move(job);
  state.jobs_of_user[added.owner->uid].insert(added.id);
  if (added.array_job_id) state.arrays[added.array_job_id].File(added);
  if (!added.Finished()) RememberName(added);
  UseBlobs(added);
  return added;
}

void Context::UseBlobs(const Job& job) {
  if (!job.script_hash.empty()) state.blob_uses[job.script_hash]++;
  if (!job.env_hash.empty()) state.blob_uses[job.env_hash]++;
}

void Context::RemoveJob(JobId id) {
  const Job* found = state.FindJob(id);
  if (found == nullptr) return;
  const Job& job = *found;
  RemoveReady(job);
  ForgetName(job);
  const auto user = state.jobs_of_user.find(job.owner->uid);
  user->second.erase(id);
  if (user->second.empty()) state.jobs_of_user.erase(user);
  if (job.array_job_id) {
    const auto array = state.arrays.find(job.array_job_id);
    array->second.Drop(job);
    if (array->second.empty()) state.arrays.erase(array);
  }
  for (const SharedText& hash : {job.script_hash, job.env_hash}) {
    const auto uses = state.blob_uses.find(hash);
    if (uses == state.blob_uses.end() || --uses->second > 0) continue;
    effects.blobs_released.push_back(hash);
    state.blob_uses.erase(uses);
  }
  state.dependents.erase(id);
  state.jobs.Erase(id);
  effects.jobs_removed.push_back(id);
}

void Context::RememberName(const Job& job) {
  Namesakes& names = state.namesakes[{job.owner->uid, job.spec->name}];
  names.all.insert(job.id);
  if (job.dependency.view().find("singleton") != std::string::npos) names.singletons.insert(job.id);
}
void Context::ForgetName(const Job& job) {
  const auto names = state.namesakes.find({job.owner->uid, job.spec->name});
  if (names == state.namesakes.end()) return;
  names->second.all.erase(job.id);
  names->second.singletons.erase(job.id);
  if (names->second.all.empty()) state.namesakes.erase(names);
}

void Context::KeepPlace(Backlog::Keys& keys) const {
  for (ReadyKey& key : keys) {
    for (const ReadyKey& known : state.backlog.KeysOf(key.job)) {
      const bool same = known.partition == key.partition && known.tier == key.tier;
      if (same && std::abs(known.score - key.score) < kNoticedPoints) key = known;
    }
  }
}

void Context::AddReady(const Job& asked) {
  const Job* first = asked.IsComponent() ? ComponentIsReady(*this, asked.id) : &asked;
  if (first == nullptr) return;  // others of its job are not
  const Job& job = *first;
  Backlog::Keys keys;
  for (PartitionIndex partition : state.PartitionsOf(job)) {
    keys.push_back(NewKeyOf(state, job, partition, now));
  }
  if (state.settings.priority.multifactor) {
    const absl::Time sinks = SinksFrom(*state.book, AskOf(job));
    if (sinks <= now) KeepPlace(keys);
    state.round.first_sinks = std::min(state.round.first_sinks, sinks);
    state.round.sinks_from = std::min(state.round.sinks_from, sinks);
  }
  // An array's record is looked at again: more of its tasks may be planned than before.
  if (job.IsArrayRecord()) state.backlog.unplanned.insert(keys.begin(), keys.end());
  const auto sole_user = [&](PartitionIndex partition) { return state.SoleUserOf(job, partition); };
  if (state.backlog.Insert(job, keys, sole_user)) state.plan.Drop(job.id);
  if (job.IsComponent()) FollowComponents(*this, job.id);
  effects.schedule = true;
}

void Context::RemoveReady(const Job& job) {
  if (job.IsComponent()) return ComponentIsNotReady(*this, job.id);
  if (state.backlog.Erase(job.id)) state.plan.Drop(job.id);
}

void Context::TakeLicenses(const Job& job, const FromReserve* granted) {
  if (job.shape->licenses.empty()) return;
  const Reservation* reservation = state.reservations.Find(job.shape->reservation);
  const uint32_t lane = reservation == nullptr ? 0 : reservation->lane;
  FromReserve from_reserve;
  if (granted != nullptr) {
    from_reserve = *granted;
  } else if (reservation != nullptr) {
    LicenseTerms terms = MakeLicenseTerms(job.shape->licenses, state.settings.licenses);
    terms.lane = lane;
    from_reserve = state.licenses.LeftInReserve(terms, *reservation);
  }
  for (LicenseIndex license :
       state.licenses.Take(job.id, job.shape->licenses, lane, from_reserve)) {
    state.plan.licenses().Changed(license, job.id);
  }
  effects.licenses_changed = true;
}

void Context::GiveLicensesBack(const Job& job) {
  for (LicenseIndex license : state.licenses.GiveBack(job.id)) {
    state.plan.licenses().Changed(license, job.id);
    effects.licenses_changed = effects.schedule = true;
  }
}

namespace {

// Does the partition in which the job has this node say so?
template <typename Says>
bool PartitionSays(const State& state, const Job& job, const Node& node, Says says) {
  return std::any_of(node.partitions.begin(), node.partitions.end(), [&](const std::string& name) {
    return name == job.partition && says(state.FindPartition(name)->facts);
  });
}

// Jobs of other users may not share the node with it, also while it is suspended.
bool KeepsOthersOff(const State& state, const Job& job, const Node& node) {
  return (job.shape != nullptr && job.shape->exclusive_user) ||
         PartitionSays(state, job, node, [](const Partition& p) { return p.exclusive_user; });
}

}  // namespace

bool TakesWholeNode(const State& state, const Job& job, const Node& node) {
  return (job.shape != nullptr && job.shape->exclusive) ||
         PartitionSays(state, job, node, [](const Partition& p) { return p.exclusive; });
}

void Context::Occupy(const Job& job, const NodeShare& share, bool completing) {
  Node* node = state.FindNode(share.node);
  if (node == nullptr) return;
  Node::Use use;
  const bool has_cpus = !job.suspension->cpus_given_up;
  if (has_cpus) use.cpus = share.cores;
  use.mem_mb = share.mem_mb;
  use.gres = share.gres;
  // Others may be there when the partition has become one of whole nodes since.
  use.whole = has_cpus && node->busy.Empty() && TakesWholeNode(state, job, *node);
  if (has_cpus && job.share_limit > 1) {
    (void)state.ShareGroupOf(job.partition.view());  // which may be configured no more
    use.sharing = SharingOf(state, job);
  }
  if (KeepsOthersOff(state, job, *node)) use.sole_user = job.owner->uid + 1;
  use.completing = completing;
  node->busy.AddAll(use.cpus);
  node->alloc_cpus = node->busy.Count();
  node->alloc_mem_mb += use.mem_mb;
  const bool gres_there = node->stock.Take(use.gres);
  node->whole_jobs += use.whole;
  node->sole_jobs += use.sole_user != 0;
  node->sharing_jobs += use.sharing.Shares();
  node->completing_jobs += use.completing;
  // A job that ends gives its node back and takes it again as completing: no new grant. Likewise
  // one that is suspended or resumed.
  const bool again = completing || job.suspension.IsThere();
  if (!gres_there ||
      (again && (node->alloc_cpus > node->cpus || node->alloc_mem_mb > node->real_memory_mb))) {
    node->shrunk = true;
  }
  node->jobs[job.id] = std::move(use);
  Shown(*node);
}

void Context::Vacate(const Job& job, const std::string& name) {
  Node* node = state.FindNode(name);
  if (node == nullptr) return;
  const auto found = node->jobs.find(job.id);
  if (found == node->jobs.end()) return;
  const Node::Use& use = found->second;
  node->busy.RemoveAll(use.cpus);
  for (const auto& [other, others] : node->jobs) {
    if (use.sharing.Shares() && other != job.id) node->busy.AddAll(others.cpus);
  }
  node->alloc_cpus = node->busy.Count();
  node->alloc_mem_mb -= use.mem_mb;
  node->stock.GiveBack(use.gres);
  node->whole_jobs -= use.whole;
  node->sole_jobs -= use.sole_user != 0;
  node->sharing_jobs -= use.sharing.Shares();
  node->completing_jobs -= use.completing;
  node->jobs.erase(found);
  if (node->jobs.empty()) node->shrunk = false;
  node->last_busy_time = now;
  Shown(*node);
  effects.schedule = true;
}

}  // namespace reeve::ctld
