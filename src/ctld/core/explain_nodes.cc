#include "ctld/core/explain_nodes.h"

#include <algorithm>
#include <functional>

#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "ctld/core/pick_nodes.h"
#include "ctld/core/pick_switches.h"
#include "ctld/core/verdict.h"

namespace reeve::ctld {
namespace {

class NodeCounter {
 public:
  NodeCounter(const State& state, const ShapeQueue& queue, const Job& job, const ReadyKey& key,
              absl::Time now)
      : state_(state),
        shape_(*queue.shape),
        terms_(queue.terms),
        partition_(state.partitions[queue.partition]),
        job_(job),
        key_(key),
        now_(ToInstant(now)),
        until_(now_ + terms_.least_time),
        remaining_(partition_.nodes) {}

  std::vector<Requirement> Run() {
    AddFacts();
    Add(Need::kUp, "", [&](NodeIndex i) { return At(i).Usable(); });
    CountTasksOfEmpty();
    AddSoleUser();
    AddTasks(Need::kFreeNow, SharedCpus(), terms_, [&](NodeIndex i) {
      return SharesWith(terms_, At(i)) ? FreeOffer(i, At(i), terms_.sharing) : Offer{i, &At(i)};
    });
    AddTasks(Need::kFreeThroughout, FormatDuration(shape_.LeastLimit()), terms_, [&](NodeIndex i) {
      return OfferFromNow(state_, terms_, i, key_, Track::View::kHigher, now_, until_, scratch_);
    });
    AddTogether();
    return std::move(requirements_);
  }

  std::vector<Requirement> RunEmpty() {
    AddFacts();
    AddTogether();
    return std::move(requirements_);
  }

 private:
  // What does not depend on what is up and what runs.
  void AddFacts() {
    Add(Need::kPartition, partition_.facts.name, [](NodeIndex) { return true; });
    if (!shape_.exc_nodes.empty()) {
      Add(Need::kNotExcluded, job_.spec->exc_nodes,
          [&](NodeIndex i) { return !IsExcluded(shape_, At(i)); });
    }
    // Where more nodes may be used than are listed, others may be added to those.
    if (!shape_.req_nodes.empty() && terms_.max_nodes <= shape_.req_nodes.size()) {
      Add(Need::kInNodeList, job_.spec->req_nodes,
          [&](NodeIndex i) { return Contains(shape_.req_nodes, At(i).name); });
    }
    if (shape_.has_features) {
      Add(Need::kFeatures, job_.spec->features,
          [&](NodeIndex i) { return HasFeatures(shape_, At(i)); });
    }
    if (shape_.tmp_disk_mb > 0) {
      Add(Need::kDisk, FormatMemoryMb(shape_.tmp_disk_mb),
          [&](NodeIndex i) { return HasDisk(shape_, At(i)); });
    }
    if (const std::string layout = shape_.layout.NodeText(); !layout.empty()) {
      Add(Need::kLayout, layout, [&](NodeIndex i) { return HasLayout(shape_.layout, At(i)); });
    }
    AddSizes();
  }

  const Node& At(NodeIndex index) const { return *state_.nodes[index]; }

  // Of the nodes that remain, where the job may have CPUs that others have.
  std::string SharedCpus() const {
    if (!terms_.sharing.Shares()) return "";
    uint64_t cpus = 0;
    for (NodeIndex index : remaining_) cpus += CpusToShare(At(index), terms_.sharing);
    return StrCat(cpus, cpus == 1 ? " CPU" : " CPUs", " by sharing");
  }

  // Where somebody shares his nodes with his own jobs alone.
  void AddSoleUser() {
    const auto shares = [&](NodeIndex i) { return SharesWith(terms_, At(i)); };
    const std::vector<NodeIndex>& all = partition_.nodes;
    if (terms_.sole_user == 0 && std::all_of(all.begin(), all.end(), shares)) return;
    Add(Need::kSoleUser, terms_.sole_user == 0 ? "" : job_.owner->user_name, shares);
    CountTasksOfEmpty();
  }

  // What is asked of all nodes together: how many of those that remain count for it.
  void AddTogether() {
    for (const FeatureExpr::Group& group : shape_.features.groups) {
      const auto is_of = [&](NodeIndex i) { return Matches(group.terms, At(i)); };
      AddCounted(Need::kFeatureGroup, group.text, is_of, is_of);
    }
    if (shape_.contiguous) {
      AddSets(Need::kContiguous, StrCat(shape_.min_nodes), InRows(partition_.nodes),
              InRows(remaining_));
    }
    if (terms_.topology == nullptr) return;
    const bool few = AsksForFewSwitches(terms_);
    if (!few && !terms_.topology->IsSplit()) return;
    AddSets(Need::kSwitches, few ? StrCat(terms_.max_switches) : "", OnSwitches(partition_.nodes),
            OnSwitches(remaining_));
  }

  void AddSets(Need need, std::string asked, const std::vector<NodeIndex>& all,
               const std::vector<NodeIndex>& left) {
    AddCounted(
        need, std::move(asked), [&](NodeIndex i) { return Has(all, i); },
        [&](NodeIndex i) { return Has(left, i); });
  }

  // Sorted.
  std::vector<NodeIndex> OnSwitches(const std::vector<NodeIndex>& nodes) const {
    std::vector<NodeIndex> found = OnFewSwitches(terms_, nodes, shape_.min_nodes);
    std::sort(found.begin(), found.end());
    return found;
  }

  static bool Has(const std::vector<NodeIndex>& sorted, NodeIndex node) {
    return std::binary_search(sorted.begin(), sorted.end(), node);
  }

  // Those in rows of as many neighbours as the job needs, sorted.
  std::vector<NodeIndex> InRows(std::vector<NodeIndex> nodes) const {
    std::sort(nodes.begin(), nodes.end(),
              [&](NodeIndex a, NodeIndex b) { return At(a).order < At(b).order; });
    std::vector<NodeIndex> found;
    for (size_t first = 0, end = 1; first < nodes.size(); first = end++) {
      while (end < nodes.size() && AreNeighbours(At(nodes[end - 1]), At(nodes[end]))) ++end;
      if (end - first < shape_.min_nodes) continue;
      found.insert(found.end(), nodes.begin() + static_cast<ptrdiff_t>(first),
                   nodes.begin() + static_cast<ptrdiff_t>(end));
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  // None of the nodes that remain is ruled out by it.
  void AddCounted(Need need, std::string asked, const std::function<bool(NodeIndex)>& passes,
                  const std::function<bool(NodeIndex)>& counts) {
    Requirement requirement{need, std::move(asked), 0, 0, 0, ""};
    const auto count = [](const std::vector<NodeIndex>& nodes, const auto& is_good) {
      return static_cast<uint32_t>(std::count_if(nodes.begin(), nodes.end(), is_good));
    };
    requirement.passing = count(partition_.nodes, passes);
    requirement.remaining = count(remaining_, counts);
    requirements_.push_back(std::move(requirement));
  }

  // CPUs as if nothing else mattered, then memory, then GPUs as if CPUs did not: who passes all can
  // take a task, as capacity is the least of what they allow.
  void AddSizes() {
    Terms cpus_only = terms_;
    cpus_only.consume_memory = true;  // so that the offer's is what counts
    cpus_only.gres = GresTerms();
    if (terms_.gres.mem_per_gpu_mb > 0) cpus_only.mem_per_node_mb = 1;
    AddTasks(Need::kCpus, CpusAsked(), cpus_only, [&](NodeIndex i) {
      return Offer{i, &At(i), At(i).cpus, UINT64_MAX, At(i).stock.all()};
    });
    const std::string memory = MemoryAsked();
    if (!memory.empty()) {
      Terms without_gres = terms_;
      without_gres.gres = GresTerms();
      AddTasks(Need::kMemory, memory, without_gres, [&](NodeIndex i) {
        return Offer{i, &At(i), CpusBesideMemory(i), At(i).real_memory_mb, At(i).stock.all()};
      });
    }
    if (terms_.gres.any) {
      AddTasks(Need::kGres, GresAsked(), terms_, [&](NodeIndex i) {
        return Offer{i, &At(i), CpusBesideMemory(i), At(i).real_memory_mb, At(i).stock.all()};
      });
    }
    CountTasksOfEmpty();
  }
  // As many as one likes; where they are not all alike those that there are.
  uint32_t CpusBesideMemory(NodeIndex i) const {
    return shape_.layout.Limits() ? At(i).cpus : UINT32_MAX;
  }
  void CountTasksOfEmpty() {
    CountTasks(terms_, [&](NodeIndex i) { return EmptyOffer(i, At(i)); });
  }

  // "gpu:a100:2,nic:1", "gpu:1 a task", "gpu:8 in all".
  std::string GresAsked() const {
    const GresRequest& gres = shape_.gres;
    std::string text = FormatGres(gres.per_node);
    const auto add = [&](const std::optional<Gres>& gpus, std::string_view how) {
      if (gpus) StrAppend(&text, text.empty() ? "" : ",", FormatGres({&*gpus, 1}), how);
    };
    add(gres.per_task, " a task");
    add(gres.per_job, " in all");
    return text;
  }

  std::string CpusAsked() const {
    if (terms_.exclusive) return "whole nodes";
    const uint64_t cpus = LeastCpus(terms_);
    return StrCat(cpus, cpus == 1 ? " CPU" : " CPUs", shape_.layout.LimitText());
  }

  std::string MemoryAsked() const {
    if (terms_.gres.mem_per_gpu_mb > 0) return "";  // counted with the GPUs
    if (terms_.mem_per_node_mb.value_or(0) > 0) return FormatMemoryMb(*terms_.mem_per_node_mb);
    if (terms_.mem_per_cpu_mb.value_or(0) > 0) {
      return FormatMemoryMb(*terms_.mem_per_cpu_mb) + " a CPU";
    }
    return terms_.consume_memory ? "all of a node's" : "";
  }

  // A node is of no use to a job that gets one when it can't take all of it.
  uint32_t TasksOn(const Terms& terms, const Offer& offer) const {
    const uint32_t tasks = TaskCapacity(terms, offer);
    return terms.max_nodes == 1 && tasks < shape_.num_tasks ? 0 : tasks;
  }

  void Add(Need need, std::string asked, const std::function<bool(NodeIndex)>& passes) {
    Requirement requirement{need, std::move(asked), 0, 0, 0, ""};
    std::vector<std::string> lacking;
    std::vector<NodeIndex> left;
    auto before = remaining_.begin();  // both in the order of the partition
    for (NodeIndex index : partition_.nodes) {
      const bool good = passes(index);
      requirement.passing += good;
      const bool remained = before != remaining_.end() && *before == index;
      if (remained) ++before;
      if (remained && good) left.push_back(index);
      const bool missed = need == Need::kUp ? remained : Contains(shape_.req_nodes, At(index).name);
      if (!good && missed) lacking.push_back(At(index).name);
    }
    remaining_ = std::move(left);
    requirement.remaining = static_cast<uint32_t>(remaining_.size());
    requirement.lacking = CompressHostlist(lacking);
    requirements_.push_back(std::move(requirement));
  }

  template <typename MakeOffer>
  void AddTasks(Need need, std::string asked, const Terms& terms, MakeOffer offer) {
    Add(need, std::move(asked), [&](NodeIndex i) { return TasksOn(terms, offer(i)) > 0; });
    CountTasks(terms, offer);
  }
  template <typename MakeOffer>
  void CountTasks(const Terms& terms, MakeOffer offer) {
    uint64_t tasks = 0;
    for (NodeIndex index : remaining_) tasks += TasksOn(terms, offer(index));
    requirements_.back().tasks = tasks;
  }

  const State& state_;
  const Shape& shape_;
  const Terms& terms_;
  const PartitionEntry& partition_;
  const Job& job_;
  const ReadyKey key_;
  const Instant now_;
  const Instant until_;
  Track::Scratch scratch_;
  std::vector<NodeIndex> remaining_;
  std::vector<Requirement> requirements_;
};

std::string Lack(const Requirement& requirement) {
  switch (requirement.need) {
    case Need::kNotExcluded:
      return "are left beside those excluded";
    case Need::kInNodeList:
      return StrCat("of ", requirement.asked, " are in the partition");
    case Need::kFeatures:
      return "have the features " + requirement.asked;
    case Need::kDisk:
      return StrCat("have ", requirement.asked, " of disk");
    case Need::kLayout:
      return "have " + requirement.asked;
    case Need::kCpus:
      return requirement.asked == "whole nodes" ? "can be had whole" : "have " + requirement.asked;
    case Need::kMemory:
      return StrCat("have the memory (", requirement.asked, ")");
    case Need::kGres:
      return StrCat("have the generic resources (", requirement.asked, ")");
    default:
      return "are there";
  }
}

// What nodes that would do one by one lack together; empty: nothing but room for tasks.
std::string LackTogether(const State& state, const ShapeQueue& queue) {
  const Shape& shape = *queue.shape;
  const std::string& name = state.partitions[queue.partition].facts.name;
  std::vector<Offer> offers;
  NodeBits::ForEachInBoth(queue.fits, queue.fits, 0, [&](size_t place) {
    const NodeIndex index = state.plan.NodeAt(place);
    offers.push_back(EmptyOffer(index, *state.nodes[index]));
    return true;
  });
  for (const FeatureExpr::Group& group : shape.features.groups) {
    const auto count = std::count_if(offers.begin(), offers.end(), [&](const Offer& offer) {
      return Matches(group.terms, *offer.node);
    });
    if (count >= group.count) continue;
    const std::string those = count == 0 ? "none" : StrCat("only ", count);
    return StrCat(those, " of the nodes of ", name, " that will do ", count > 1 ? "are" : "is",
                  " of ", group.text);
  }
  const Terms& terms = TermsAnywhere(queue);
  const size_t most = MostNodes(terms, offers);
  if (most >= shape.min_nodes) return "";
  const bool split = terms.topology != nullptr && terms.topology->IsSplit();
  const std::string_view how =
      shape.features.one_of ? " are of one of the features in brackets" : "";
  return StrCat("at most ", most, " of the nodes of ", name, " that will do", how,
                shape.contiguous ? " are next to each other"
                : split          ? " are below one switch"
                                 : "",
                ", ", shape.min_nodes, " needed");
}

}  // namespace

std::vector<Offer> OffersFromNow(const State& state, const ShapeQueue& queue, const ReadyKey& key,
                                 Instant now, Instant until) {
  std::vector<Offer> offers;
  Track::Scratch scratch;
  for (NodeIndex index : state.partitions[queue.partition].nodes) {
    const Node& node = *state.nodes[index];
    if (!node.Usable() || node.FreeCpusFor(queue.terms.sharing) == 0 ||
        !NodeFits(*queue.shape, node))
      continue;
    const Offer offer =
        OfferFromNow(state, queue.terms, index, key, Track::View::kHigher, now, until, scratch);
    if (offer.cpus > 0) offers.push_back(offer);
  }
  return offers;
}

std::vector<Requirement> CountNodes(const State& state, const ShapeQueue& queue, const Job& job,
                                    const ReadyKey& key, const Sight& sight, absl::Time now) {
  std::vector<Requirement> requirements = NodeCounter(state, queue, job, key, now).Run();
  if (!sight.nodes) {
    for (Requirement& requirement : requirements) requirement.lacking.clear();
  }
  return requirements;
}

std::vector<Requirement> CountEmptyNodes(const State& state, const ShapeQueue& queue,
                                         const Job& job, absl::Time now) {
  return NodeCounter(state, queue, job, ReadyKey(), now).RunEmpty();
}

std::string NeverText(const State& state, const ShapeQueue& queue,
                      const std::vector<Requirement>& requirements) {
  const Shape& shape = *queue.shape;
  const std::string& name = state.partitions[queue.partition].facts.name;
  uint32_t before = requirements.front().remaining;
  for (const Requirement& requirement : requirements) {
    if (requirement.need == Need::kUp || requirement.need == Need::kFeatureGroup ||
        requirement.need == Need::kContiguous || requirement.need == Need::kSwitches) {
      break;
    }
    if (requirement.remaining >= shape.min_nodes) {
      before = requirement.remaining;
      if (requirement.lacking.empty()) continue;
      return StrCat(requirement.lacking, " of --nodelist will not do: the job needs nodes that ",
                    Lack(requirement));
    }
    if (requirement.need == Need::kPartition) {
      return StrCat("partition ", name, " has ", requirement.remaining, " nodes, ", shape.min_nodes,
                    " needed");
    }
    const bool all = before == requirements.front().remaining;
    const std::string those =
        requirement.remaining == 0 ? "none" : StrCat("only ", requirement.remaining);
    return StrCat(those, " of the ", all ? "" : "remaining ", "nodes of ", name, " ",
                  Lack(requirement), ", ", shape.min_nodes, " needed");
  }
  if (std::string lack = LackTogether(state, queue); !lack.empty()) return lack;
  return StrCat(
      "the nodes of ", name, " cannot take ", shape.num_tasks, " tasks together",
      queue.terms.max_nodes < UINT32_MAX ? StrCat(" on ", queue.terms.max_nodes, " of them") : "");
}

}  // namespace reeve::ctld
