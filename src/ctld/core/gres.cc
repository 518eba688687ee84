#include "ctld/core/gres.h"

#include <algorithm>

#include "common/base/text.h"

namespace reeve::ctld {
namespace {

constexpr uint8_t Bit(size_t kind) {
  return static_cast<uint8_t>(1u << kind);
}

// A GresShare or a GresKind.
template <typename Thing>
bool Fits(const Gres& wanted, const Thing& thing) {
  return thing.name == wanted.name && (wanted.type.empty() || thing.type == wanted.type);
}

GresTerm TermOf(const Gres& wanted, const std::vector<GresKind>& kinds) {
  GresTerm term{0, wanted.count};
  for (size_t i = 0; i < kinds.size() && i < kMaxGresKinds; ++i) {
    if (Fits(wanted, kinds[i])) term.kinds |= Bit(i);
  }
  return term;
}

// When the node has only one of the term's kinds it is that one.
void AddLeast(const GresTerm& term, uint64_t count, uint8_t node_kinds, GresCounts& least) {
  const uint8_t kinds = term.kinds & node_kinds;
  for (size_t i = 0; i < kMaxGresKinds; ++i) {
    // A node that has none can never do: nothing is that large.
    if (kinds != Bit(i) && !(kinds == 0 && i == 0)) continue;
    const uint64_t wanted = kinds == 0 ? INT16_MAX : least.of[i] + count;
    least.of[i] = static_cast<int16_t>(std::min<uint64_t>(wanted, INT16_MAX));
  }
}

}  // namespace

uint32_t CountOf(const std::vector<GresShare>& shares, std::string_view name) {
  uint32_t count = 0;
  for (const GresShare& share : shares) {
    if (share.name == name) count += share.ids.Count();
  }
  return count;
}

bool Disjoint(const std::vector<GresShare>& a, const std::vector<GresShare>& b) {
  for (const GresShare& one : a) {
    for (const GresShare& other : b) {
      if (one.name == other.name && one.ids.Intersects(other.ids)) return false;
    }
  }
  return true;
}

bool ContainsAll(const std::vector<GresShare>& outer, const std::vector<GresShare>& inner) {
  return std::all_of(inner.begin(), inner.end(), [&](const GresShare& part) {
    CpuSet ids;
    for (const GresShare& share : outer) {
      if (share.name == part.name) ids.AddAll(share.ids);
    }
    return ids.ContainsAll(part.ids);
  });
}

void RemoveAll(std::vector<GresShare>& from, const std::vector<GresShare>& what) {
  for (GresShare& share : from) {
    for (const GresShare& part : what) {
      if (part.name == share.name) share.ids.RemoveAll(part.ids);
    }
  }
  std::erase_if(from, [](const GresShare& share) { return share.ids.Empty(); });
}

uint32_t Available(const Gres& wanted, const std::vector<GresShare>& shares) {
  uint32_t count = 0;
  for (const GresShare& share : shares) {
    if (Fits(wanted, share)) count += share.ids.Count();
  }
  return count;
}

void TakeIds(const Gres& wanted, uint32_t count, std::vector<GresShare>& from,
             std::vector<GresShare>& to) {
  std::vector<GresShare> taken;
  for (const GresShare& share : from) {
    if (!Fits(wanted, share)) continue;
    GresShare part{share.name, share.type, {}};
    for (uint32_t id : share.ids.Ids()) {
      if (count == 0) break;
      part.ids.Add(id);
      count--;
    }
    if (!part.ids.Empty()) taken.push_back(std::move(part));
  }
  RemoveAll(from, taken);
  for (GresShare& part : taken) {
    const auto known = std::find_if(to.begin(), to.end(), [&](const GresShare& share) {
      return share.name == part.name && share.type == part.type;
    });
    if (known == to.end()) {
      to.push_back(std::move(part));
    } else {
      known->ids.AddAll(part.ids);
    }
  }
}

std::string GresText(const std::vector<GresShare>& shares) {
  std::string text;
  for (const GresShare& share : shares) {
    StrAppend(&text, text.empty() ? "" : ",", share.name, share.type.empty() ? "" : ":", share.type,
              ":", share.ids.Count(), "(IDX:", share.ids.ToText(), ")");
  }
  return text;
}

std::string GresRequest::KeyText() const {
  if (!Any()) return "";
  const auto text = [](const std::optional<Gres>& gres) {
    return gres.has_value() ? FormatGres({&*gres, 1}) : "-";
  };
  return StrCat(FormatGres(per_node), "/", text(per_task), "/", text(per_job), "/", cpus_per_gpu,
                "/", mem_per_gpu_mb);
}

GresTerms MakeGresTerms(const GresRequest& request, const std::vector<GresKind>& kinds) {
  GresTerms terms;
  terms.any = request.Any();
  for (const Gres& gres : request.per_node) terms.per_node.push_back(TermOf(gres, kinds));
  if (request.per_task) terms.per_task = TermOf(*request.per_task, kinds);
  if (request.per_job) terms.per_job = TermOf(*request.per_job, kinds);
  terms.cpus_per_gpu = request.cpus_per_gpu;
  terms.mem_per_gpu_mb = request.mem_per_gpu_mb;
  return terms;
}

uint32_t Available(const GresTerm& term, const GresCounts& counts) {
  uint32_t sum = 0;
  for (size_t i = 0; i < kMaxGresKinds; ++i) {
    if ((term.kinds & Bit(i)) != 0 && counts.of[i] > 0) sum += static_cast<uint32_t>(counts.of[i]);
  }
  return sum;
}

bool TakeTerm(const GresTerm& term, uint32_t count, GresCounts& from, GresCounts& to) {
  if (Available(term, from) < count) return false;
  for (size_t i = 0; i < kMaxGresKinds && count > 0; ++i) {
    if ((term.kinds & Bit(i)) == 0 || from.of[i] <= 0) continue;
    const auto taken = static_cast<int16_t>(std::min<uint32_t>(count, from.of[i]));
    from.of[i] = static_cast<int16_t>(from.of[i] - taken);
    to.of[i] = static_cast<int16_t>(to.of[i] + taken);
    count -= static_cast<uint32_t>(taken);
  }
  return true;
}

GresCapacity CapacityOf(const GresTerms& terms, const GresCounts& free, uint64_t cpus,
                        uint64_t mem_mb) {
  GresCapacity capacity;
  if (!terms.any) return capacity;
  GresCounts left = free, taken;
  for (const GresTerm& term : terms.per_node) {
    if (!TakeTerm(term, term.count, left, taken)) return {0, 0};
  }
  const uint64_t by_memory =
      terms.mem_per_gpu_mb > 0 ? mem_mb / terms.mem_per_gpu_mb : uint64_t{UINT32_MAX};
  if (terms.per_task.count > 0) {
    const uint64_t gpus = std::min<uint64_t>(Available(terms.per_task, left), by_memory);
    capacity.tasks = static_cast<uint32_t>(gpus / terms.per_task.count);
  }
  if (terms.per_job.count > 0) {
    uint64_t gpus = std::min<uint64_t>(Available(terms.per_job, left), by_memory);
    if (terms.cpus_per_gpu > 0) gpus = std::min(gpus, cpus / terms.cpus_per_gpu);
    capacity.gpus = static_cast<uint32_t>(gpus);
    if (gpus == 0) capacity.tasks = 0;
  }
  return capacity;
}

GresCounts CountsFor(const GresTerms& terms, GresCounts free, uint32_t tasks, uint32_t gpus) {
  GresCounts taken;
  for (const GresTerm& term : terms.per_node) TakeTerm(term, term.count, free, taken);
  TakeTerm(terms.per_task, terms.per_task.count * tasks, free, taken);
  TakeTerm(terms.per_job, gpus, free, taken);
  return taken;
}

GresCounts LeastCounts(const GresTerms& terms, uint64_t tasks, bool one_node, uint8_t node_kinds) {
  GresCounts least;
  if (!terms.any) return least;
  for (const GresTerm& term : terms.per_node) AddLeast(term, term.count, node_kinds, least);
  if (terms.per_task.count > 0) {
    AddLeast(terms.per_task, terms.per_task.count * tasks, node_kinds, least);
  }
  if (terms.per_job.count > 0) {
    AddLeast(terms.per_job, one_node ? terms.per_job.count : 1, node_kinds, least);
  }
  return least;
}

}  // namespace reeve::ctld
