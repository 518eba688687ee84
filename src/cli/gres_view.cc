#include "cli/gres_view.h"

#include <algorithm>
#include <map>
#include <vector>

#include "common/base/array_spec.h"
#include "common/base/gres.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

using Totals = std::map<std::string, uint64_t>;  // by name

std::string TresOf(const Totals& totals) {
  std::string text;
  for (const auto& [name, count] : totals) {
    if (count > 0) StrAppend(&text, ",gres/", name, "=", count);
  }
  return text;
}

uint64_t CountIds(const std::string& text) {
  const absl::StatusOr<IdRanges> ids = IdRanges::Parse(text);
  return ids.ok() ? ids->count() : 0;
}

// What cannot be read counts for nothing: the controller has checked it.
std::vector<Gres> ListOf(const std::string& text) {
  absl::StatusOr<std::vector<Gres>> list = ParseGres(text);
  if (!list.ok()) return {};
  std::erase_if(*list, [](const Gres& gres) { return gres.count == 0; });
  return *std::move(list);
}

std::vector<Gres> GpusOf(const std::string& text) {
  if (text.empty()) return {};
  absl::StatusOr<Gres> gpus = ParseGpus(text);
  if (!gpus.ok() || gpus->count == 0) return {};
  return {*std::move(gpus)};
}

void Add(const std::vector<Gres>& list, uint64_t times, Totals* totals) {
  for (const Gres& gres : list) (*totals)[gres.name] += times * gres.count;
}

}  // namespace

std::string TresPerNode(const pb::JobSpec& spec) {
  std::vector<Gres> list = ListOf(spec.gres());
  for (Gres& gpus : GpusOf(spec.gpus_per_node())) list.push_back(std::move(gpus));
  return FormatGres(list, "gres/");
}

std::string TresPerJob(const pb::JobSpec& spec) {
  return FormatGres(GpusOf(spec.gpus()), "gres/");
}

std::string TresPerTask(const pb::JobSpec& spec) {
  std::string text = spec.has_cpus_per_task() ? StrCat("cpu=", spec.cpus_per_task()) : "";
  for (const Gres& gpus : GpusOf(spec.gpus_per_task())) {
    StrAppend(&text, text.empty() ? "" : ",", "gres/", gpus.name, gpus.type.empty() ? "" : ":",
              gpus.type, "=", gpus.count);
  }
  return text;
}

std::string CpusPerTres(const pb::JobSpec& spec) {
  return spec.has_cpus_per_gpu() ? StrCat("gres/gpu:", spec.cpus_per_gpu()) : "";
}

std::string MemPerTres(const pb::JobSpec& spec) {
  return spec.has_mem_per_gpu_mb() ? StrCat("gres/gpu:", spec.mem_per_gpu_mb()) : "";
}

namespace {

// One count of GPUs is enough to know them all: what else is said is about nodes or tasks.
Totals Requested(const pb::Job& job) {
  const pb::JobSpec& spec = job.spec();
  const uint64_t nodes = std::max<uint64_t>(
      {spec.min_nodes(), job.shares_size() > 0 ? 1u : job.num_nodes(), uint64_t{1}});
  Totals totals;
  Add(ListOf(spec.gres()), nodes, &totals);
  if (!spec.gpus().empty()) {
    totals[std::string(kGpu)] = 0;
    Add(GpusOf(spec.gpus()), 1, &totals);
  } else if (!spec.gpus_per_node().empty()) {
    Add(GpusOf(spec.gpus_per_node()), nodes, &totals);
  } else if (totals.count(std::string(kGpu)) == 0) {
    Add(GpusOf(spec.gpus_per_task()), std::max(job.num_tasks(), 1u), &totals);
  }
  return totals;
}

}  // namespace

uint64_t RequestedGpus(const pb::Job& job) {
  const Totals totals = Requested(job);
  const auto gpus = totals.find(std::string(kGpu));
  return gpus == totals.end() ? 0 : gpus->second;
}

std::string RequestedGresTres(const pb::Job& job) {
  return TresOf(Requested(job));
}

std::string AllocatedGresTres(const NodeShares& shares) {
  Totals totals;
  for (const pb::NodeShare& share : shares) {
    for (const pb::GresShare& gres : share.gres()) totals[gres.name()] += CountIds(gres.ids());
  }
  return TresOf(totals);
}

std::string GresTres(const std::string& list) {
  Totals totals;
  Add(ListOf(WithoutBrackets(list)), 1, &totals);
  return TresOf(totals);
}

std::string GresTotals(const NodeShares& shares) {
  std::vector<Gres> list;
  for (const pb::NodeShare& share : shares) {
    for (const pb::GresShare& gres : share.gres()) {
      auto known = std::find_if(list.begin(), list.end(), [&](const Gres& other) {
        return other.name == gres.name() && other.type == gres.type();
      });
      if (known == list.end()) known = list.insert(list.end(), {gres.name(), gres.type(), 0});
      known->count += static_cast<uint32_t>(CountIds(gres.ids()));
    }
  }
  return FormatGres(list);
}

std::string GresWithIds(const pb::NodeShare& share) {
  std::string text;
  for (const pb::GresShare& gres : share.gres()) {
    StrAppend(&text, text.empty() ? "" : ",", gres.name(), gres.type().empty() ? "" : ":",
              gres.type(), ":", CountIds(gres.ids()), "(IDX:", gres.ids(), ")");
  }
  return text;
}

}  // namespace reeve::cli
