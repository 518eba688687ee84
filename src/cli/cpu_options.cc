#include "cli/cpu_options.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "absl/strings/numbers.h"
#include "cli/text_match.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

constexpr std::string_view kHintHelp =
    "Values of --hint, several with commas between:\n"
    "  compute_bound    one thread of each core\n"
    "  memory_bound     one thread of each core\n"
    "  nomultithread    one thread of each core\n"
    "  multithread      all threads (the default)";

constexpr std::array<std::string_view, 4> kHints = {"compute_bound", "memory_bound", "multithread",
                                                    "nomultithread"};

// What a hint stands for may also be said by these.
constexpr std::array<std::string_view, 3> kCounts = {"threads-per-core", "ntasks-per-core",
                                                     "extra-node-info"};

bool IsLevel(std::string_view word, bool over_nodes) {
  return word == "*" || EqualsIgnoreCase(word, "block") || EqualsIgnoreCase(word, "cyclic") ||
         (!over_nodes && EqualsIgnoreCase(word, "fcyclic"));
}

}  // namespace

Fault SetHint(JobRequest& request, const OptionRow&, std::string_view value) {
  const std::string lower = ToLower(value);
  const std::vector<std::string_view> words = Split(lower, ",");
  for (std::string_view word : words) {
    if (word == "help") return OptionFault{"no job was submitted", 1, std::string(kHintHelp)};
    if (std::find(kHints.begin(), kHints.end(), word) == kHints.end()) {
      return OptionFault{StrCat("unrecognized --hint argument \"", value, "\", see --hint=help"),
                         1};
    }
  }
  request.spec.mutable_cpus()->set_hint(lower);
  return kFine;
}

// SOCKETS[:CORES[:THREADS]], each a least number, MIN-MAX or *.
Fault SetExtraNodeInfo(JobRequest& request, const OptionRow&, std::string_view value) {
  static constexpr std::array<std::string_view, 3> kPlaces = {"first", "second", "third"};
  const std::vector<std::string_view> parts = Split(value, ":");
  std::array<uint32_t, 3> counts = {0, 0, 0};
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i == counts.size()) {
      return OptionFault{StrCat("Invalid --extra-node-info specification: ", value)};
    }
    if (parts[i] == "*") continue;
    const std::string_view least = parts[i].substr(0, parts[i].find('-'));
    uint32_t count = 0;
    if (!absl::SimpleAtoi(ToAbsl(least), &count) || count == 0 ||
        count > std::numeric_limits<int32_t>::max()) {
      return OptionFault{
          StrCat("Invalid numeric value \"", least, "\" for ", kPlaces[i], " arg of -B."), 1};
    }
    counts[i] = count;
  }
  pb::CpuWishes* cpus = request.spec.mutable_cpus();
  if (counts[0] > 0) cpus->set_sockets_per_node(counts[0]);
  if (counts[1] > 0) cpus->set_cores_per_socket(counts[1]);
  if (counts[2] > 0) cpus->set_threads_per_core(counts[2]);
  return kFine;
}

Fault SetDistribution(JobRequest& request, const OptionRow& row, std::string_view value) {
  const std::string_view levels = value.substr(0, value.find(','));
  for (std::string_view extra : SplitSkipEmpty(value.substr(levels.size()), ",")) {
    if (EqualsIgnoreCase(extra, "NoPack")) continue;
    if (!EqualsIgnoreCase(extra, "Pack")) return InvalidSpecification(row);
    return NotSupported(StrCat("--", row.name, "=", value));
  }
  const std::vector<std::string_view> words = Split(levels, ":");
  for (size_t i = 0; i < words.size(); ++i) {
    if (i < 3 && IsLevel(words[i], i == 0)) continue;
    const bool known = i == 0 && (StartsWithIgnoreCase(words[i], "plane") ||
                                  EqualsIgnoreCase(words[i], "arbitrary"));
    if (known) return NotSupported(StrCat("--", row.name, "=", value));
    return InvalidSpecification(row);
  }
  request.distribution = ToLower(levels);
  request.spec.mutable_cpus()->set_distribution(request.distribution);
  return kFine;
}

void SettleCpuWishes(JobRequest* request) {
  if (!request->spec.has_cpus()) return;
  pb::CpuWishes* cpus = request->spec.mutable_cpus();
  if (!cpus->hint().empty()) {
    const Source hint = request->set_by["hint"];
    const bool overruled = std::any_of(kCounts.begin(), kCounts.end(), [&](std::string_view name) {
      return request->WasSet(name) && request->set_by[name] >= hint;
    });
    if (overruled) {
      cpus->clear_hint();
    } else {
      cpus->clear_threads_per_core();
      cpus->clear_ntasks_per_core();
      if (cpus->hint() != "multithread") cpus->set_threads_per_core(1);
      if (Contains(cpus->hint(), "memory_bound")) cpus->set_cores_per_socket(1);
    }
  }
  if (request->WasSet("extra-node-info") && !request->spec.has_num_tasks()) {
    // One for each thread asked for, on each node.
    const uint64_t nodes = std::clamp(request->spec.min_nodes(), 1u, 1u << 24);
    const uint64_t tasks = nodes * std::max(cpus->sockets_per_node(), 1u) *
                           std::max(cpus->cores_per_socket(), 1u) *
                           std::max(cpus->threads_per_core(), 1u);
    request->spec.set_num_tasks(
        static_cast<uint32_t>(std::min<uint64_t>(tasks, std::numeric_limits<int32_t>::max())));
  }
}

}  // namespace reeve::cli
