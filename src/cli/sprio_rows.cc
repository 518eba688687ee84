#include "cli/sprio_rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

namespace reeve::cli {
namespace {

using Row = SprioRow;
using Factor = double (pb::JobPriority::*)() const;
using Weight = uint32_t PriorityConfig::*;

double Points(const Row& row, Factor factor, Weight weight) {
  return (row.priority->*factor)() * (row.weights->*weight);
}

template <auto FactorOf>
std::string Norm(const Row& row) {
  return row.job == nullptr ? "" : absl::StrFormat("%.7f", (row.priority->*FactorOf)());
}

template <auto FactorOf, auto WeightOf>
std::string Weighted(const Row& row) {
  if (row.job == nullptr) return StrCat(row.weights->*WeightOf);
  return absl::StrFormat("%.0f", Points(row, FactorOf, WeightOf));
}

std::string Site(const Row& row) {
  return row.job == nullptr ? "1" : absl::StrFormat("%.0f", row.priority->site());
}

std::string TresNorm(const Row& row) {
  if (row.job == nullptr) return row.weights->weight_tres;
  std::vector<std::string> parts;
  if (row.weights->weight_cpu != 0) {
    parts.push_back(absl::StrFormat("cpu=%.2f", row.priority->tres_cpu()));
  }
  if (row.weights->weight_mem != 0) {
    parts.push_back(absl::StrFormat("mem=%.2f", row.priority->tres_mem()));
  }
  return Join(parts, ",");
}

std::string TresWeighted(const Row& row) {
  if (row.job == nullptr) return row.weights->weight_tres;
  std::vector<std::string> parts;
  if (row.weights->weight_cpu != 0) {
    parts.push_back(
        absl::StrFormat("cpu=%.0f", row.priority->tres_cpu() * row.weights->weight_cpu));
  }
  if (row.weights->weight_mem != 0) {
    parts.push_back(
        absl::StrFormat("mem=%.0f", row.priority->tres_mem() * row.weights->weight_mem));
  }
  return Join(parts, ",");
}

std::string OfJob(const Row& row, const std::string& (pb::Job::*text)() const) {
  return row.job == nullptr ? "" : (row.job->*text)();
}

using P = pb::JobPriority;
using C = PriorityConfig;
constexpr Overflow kKeep = Overflow::kKeep;

// clang-format off
constexpr ViewField<Row> kFields[] = {
    {'a', "", "AGE", Norm<&P::age>, kKeep},
    {'A', "", "AGE", Weighted<&P::age, &C::weight_age>, kKeep},
    {'b', "", "ASSOC", Norm<&P::assoc>, kKeep},
    {'B', "", "ASSOC", Weighted<&P::assoc, &C::weight_assoc>, kKeep},
    {'f', "", "FAIRSHARE", Norm<&P::fair_share>, kKeep},
    {'F', "", "FAIRSHARE", Weighted<&P::fair_share, &C::weight_fair_share>, kKeep},
    {'i', "", "JOBID", [](const Row& r) { return r.job == nullptr ? "Weights" : StrCat(r.job->job_id()); }, kKeep},
    {'j', "", "JOBSIZE", Norm<&P::job_size>, kKeep},
    {'J', "", "JOBSIZE", Weighted<&P::job_size, &C::weight_job_size>, kKeep},
    {'n', "", "QOSNAME", [](const Row& r) { return OfJob(r, &pb::Job::qos); }},
    {'N', "", "NICE", [](const Row& r) { return r.job == nullptr ? "" : StrCat(r.priority->nice()); }, kKeep},
    {'o', "", "ACCOUNT", [](const Row& r) { return OfJob(r, &pb::Job::account); }},
    {'p', "", "PARTITION", Norm<&P::partition_factor>, kKeep},
    {'P', "", "PARTITION", Weighted<&P::partition_factor, &C::weight_partition>, kKeep},
    {'q', "", "QOS", Norm<&P::qos>, kKeep},
    {'Q', "", "QOS", Weighted<&P::qos, &C::weight_qos>, kKeep},
    {'r', "", "PARTITION", [](const Row& r) { return r.job == nullptr ? "" : r.priority->partition(); }},
    {'S', "", "SITE", Site, kKeep},
    {'t', "", "TRES", TresNorm, kKeep},
    {'T', "", "TRES", TresWeighted, kKeep},
    {'u', "", "USER", [](const Row& r) { return OfJob(r, &pb::Job::user_name); }},
    {'y', "", "PRIORITY", [](const Row& r) { return r.job == nullptr ? "" : absl::StrFormat("%.14f", r.priority->priority() / 4294967295.0); }, kKeep},
    {'Y', "", "PRIORITY", [](const Row& r) { return r.job == nullptr ? "" : StrCat(r.priority->priority()); }, kKeep},
};
// clang-format on

// What a key compares by: numbers as numbers, names as names.
using Key = std::pair<double, std::string>;

Key KeyOf(char letter, const Row& row) {
  const pb::JobPriority& priority = *row.priority;
  switch (letter) {
    case 'i':
      return {row.job->job_id(), ""};
    case 'a':
    case 'A':
      return {priority.age(), ""};
    case 'b':
    case 'B':
      return {priority.assoc(), ""};
    case 'f':
    case 'F':
      return {priority.fair_share(), ""};
    case 'j':
    case 'J':
      return {priority.job_size(), ""};
    case 'N':
      return {priority.nice(), ""};
    case 'p':
    case 'P':
      return {priority.partition_factor(), ""};
    case 'q':
    case 'Q':
      return {priority.qos(), ""};
    case 'S':
      return {priority.site(), ""};
    case 'y':
    case 'Y':
      return {priority.priority(), ""};
    case 't':
    case 'T':
      return {priority.tres_cpu() * row.weights->weight_cpu +
                  priority.tres_mem() * row.weights->weight_mem,
              ""};
    case 'n':
      return {0, row.job->qos()};
    case 'o':
      return {0, row.job->account()};
    case 'r':
      return {0, priority.partition()};
    default:
      return {0, row.job->user_name()};
  }
}

struct SortKey {
  char letter;
  bool descending;
};

absl::StatusOr<std::vector<SortKey>> ParseSort(std::string_view text) {
  std::vector<SortKey> keys;
  for (std::string_view part : SplitSkipEmpty(text, ",")) {
    std::string_view name = part;
    const bool descending = name.starts_with('-');
    if (descending || name.starts_with('+')) name.remove_prefix(1);
    const bool known = name.size() == 1 && std::any_of(std::begin(kFields), std::end(kFields),
                                                       [&](const ViewField<Row>& field) {
                                                         return field.letter == name[0];
                                                       });
    if (!known) return absl::InvalidArgumentError(StrCat("Invalid sort specification: ", part));
    keys.push_back({name[0], descending});
  }
  return keys;
}

}  // namespace

std::span<const ViewField<SprioRow>> SprioFields() {
  return kFields;
}

std::string SprioFormat(const PriorityConfig& weights, const SprioShape& shape) {
  if (shape.long_listing && shape.norm) {
    return "%.15i %9r %.8u %.8o %10y %10a %10b %10f %10j %10p %.10n %10q %20t";
  }
  if (shape.long_listing) {
    return "%.15i %9r %.8u %.8o %.10Y %.10S %.10A %.10B %.10F %.10J %.10P %.10n %.10Q %.11N %.20T";
  }
  std::string format = "%.15i %9r";
  if (shape.by_user) format += " %.8u";
  format += shape.norm ? " %10y" : " %.10Y %.10S";
  const std::pair<bool, std::pair<const char*, const char*>> columns[] = {
      {weights.weight_age > 0, {" %.10A", " %10a"}},
      {weights.weight_assoc > 0, {" %.10B", " %10b"}},
      {weights.weight_fair_share > 0, {" %.10F", " %10f"}},
      {weights.weight_job_size > 0, {" %.10J", " %10j"}},
      {weights.weight_partition > 0, {" %.10P", " %10p"}},
      {weights.weight_qos > 0, {" %.10Q", " %10q"}},
      {!weights.weight_tres.empty(), {" %.20T", " %20t"}},
  };
  for (const auto& [wanted, texts] : columns) {
    if (wanted) format += shape.norm ? texts.second : texts.first;
  }
  return format;
}

absl::StatusOr<std::vector<SprioRow>> SprioRows(const std::vector<pb::Job>& jobs,
                                                const std::vector<std::string>& partitions,
                                                const PriorityConfig& weights,
                                                std::string_view sort) {
  absl::StatusOr<std::vector<SortKey>> keys = ParseSort(sort);
  if (!keys.ok()) return keys.status();
  std::vector<std::pair<std::vector<Key>, SprioRow>> rows;
  for (const pb::Job& job : jobs) {
    if (job.priority() == 0) continue;  // held: it has none
    for (const pb::JobPriority& priority : job.priorities()) {
      const bool wanted = partitions.empty() || std::find(partitions.begin(), partitions.end(),
                                                          priority.partition()) != partitions.end();
      if (!wanted) continue;
      const SprioRow row{&job, &priority, &weights};
      std::vector<Key> values;
      for (const SortKey& key : *keys) values.push_back(KeyOf(key.letter, row));
      rows.emplace_back(std::move(values), row);
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const auto& a, const auto& b) {
    for (size_t i = 0; i < keys->size(); ++i) {
      if (a.first[i] == b.first[i]) continue;
      return (*keys)[i].descending ? b.first[i] < a.first[i] : a.first[i] < b.first[i];
    }
    return false;
  });
  std::vector<SprioRow> sorted;
  for (const auto& [values, row] : rows) sorted.push_back(row);
  return sorted;
}

}  // namespace reeve::cli
