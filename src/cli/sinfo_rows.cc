#include "cli/sinfo_rows.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

using Field = ViewField<NodeRow>;

bool Has(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool InWantedState(const pb::Node& node, const SinfoOptions& options) {
  if (options.states.empty()) return true;
  for (const auto& alternative : options.states) {
    bool known = false;
    const bool all =
        std::all_of(alternative.begin(), alternative.end(),
                    [&](const std::string& name) { return NodeHasState(node, name, &known); });
    if (all) return true;
  }
  return false;
}

bool IsWanted(const pb::Node& node, const SinfoOptions& options) {
  if (options.by_nodes && !Has(options.nodes, node.name()) &&
      !Has(options.nodes, node.hostname())) {
    return false;
  }
  if (node.state() == pb::NODE_STATE_FUTURE && !options.future) return false;
  if (options.only_dead && node.responding()) return false;
  if (options.only_responding && !node.responding()) return false;
  return InWantedState(node, options);
}

bool IsWanted(const pb::Partition& partition, const SinfoOptions& options) {
  if (!options.partitions.empty()) return Has(options.partitions, partition.name());
  return options.all_partitions || !partition.hidden();
}

class Grouper {
 public:
  Grouper(const SinfoOptions& options, const std::vector<const Field*>& fields)
      : options_(options), fields_(fields) {}

  void Add(const pb::Partition& partition, size_t index, const pb::Node* node) {
    NodeRow row{&partition, index, {}};
    if (node != nullptr) row.nodes.push_back(node);
    std::string key = KeyOf(row);
    auto [place, is_new] = places_.try_emplace(std::move(key), rows_.size());
    // A node of two partitions counts once in a row that does not tell partitions apart.
    const bool first_time = seen_.emplace(place->second, node).second;
    if (is_new) {
      rows_.push_back(std::move(row));
    } else if (node != nullptr && first_time) {
      rows_[place->second].nodes.push_back(node);
    }
  }

  std::vector<NodeRow> Take() { return std::move(rows_); }

 private:
  std::string KeyOf(const NodeRow& row) const {
    std::string key;
    if (options_.by_node && !row.nodes.empty()) {
      StrAppend(&key, row.nodes.front()->name(), "\n", row.partition_index, "\n");
    }
    for (const Field* field : fields_) {
      if (field != nullptr && SplitsRows(*field, options_.exact)) {
        StrAppend(&key, field->cell(row), "\n");
      }
    }
    return key;
  }

  const SinfoOptions& options_;
  const std::vector<const Field*>& fields_;
  std::map<std::string, size_t> places_;  // of rows, by key
  std::set<std::pair<size_t, const pb::Node*>> seen_;
  std::vector<NodeRow> rows_;
};

struct SortKey {
  char letter = 0;
  bool descending = false;
  bool configured_order = false;  // "#P"
};

const Field* FieldOf(char letter) {
  for (const Field& field : NodeFields()) {
    if (field.letter == letter) return &field;
  }
  return nullptr;
}

absl::StatusOr<std::vector<SortKey>> ParseKeys(std::string_view text) {
  std::vector<SortKey> keys;
  for (std::string_view part : SplitSkipEmpty(text, ",")) {
    SortKey key;
    const std::string_view typed = part;
    key.descending = part.front() == '-';
    if (part.front() == '-' || part.front() == '+') part.remove_prefix(1);
    key.configured_order = part.starts_with('#');
    if (key.configured_order) part.remove_prefix(1);
    if (part.size() == 1 && FieldOf(part.front()) != nullptr) key.letter = part.front();
    if (key.letter == 0 || (key.configured_order && key.letter != 'P')) {
      return absl::InvalidArgumentError(StrCat("Invalid sort specification: ", typed));
    }
    keys.push_back(key);
  }
  return keys;
}

// Cells compare as numbers when both are; host names as administrators expect.
bool TextLess(const std::string& a, const std::string& b) {
  absl::StatusOr<uint64_t> left = ParseUint(a, "cell", UINT64_MAX);
  absl::StatusOr<uint64_t> right = ParseUint(b, "cell", UINT64_MAX);
  if (left.ok() && right.ok()) return *left < *right;
  return HostLess(a, b);
}

bool Less(const SortKey& key, const NodeRow& a, const NodeRow& b) {
  if (key.configured_order) return a.partition_index < b.partition_index;
  if (key.letter == 't' || key.letter == 'T') {
    auto rank = [](const NodeRow& row) {
      return row.nodes.empty() ? 0 : NodeStateRank(*row.nodes.front()) + 1;
    };
    return rank(a) < rank(b);
  }
  const Field* field = FieldOf(key.letter);
  return TextLess(field->cell(a), field->cell(b));
}

}  // namespace

absl::StatusOr<std::vector<NodeRow>> GroupNodes(const pb::QueryClusterResponse& cluster,
                                                const SinfoOptions& options,
                                                const std::vector<const Field*>& fields) {
  absl::StatusOr<std::vector<SortKey>> keys = ParseKeys(options.sort);
  if (!keys.ok()) return keys.status();
  std::map<std::string_view, const pb::Node*> by_name;
  for (const pb::Node& node : cluster.nodes()) by_name[node.name()] = &node;
  Grouper grouper(options, fields);
  for (int i = 0; i < cluster.partitions_size(); ++i) {
    const pb::Partition& partition = cluster.partitions(i);
    if (!IsWanted(partition, options)) continue;
    bool any = false;
    absl::StatusOr<std::vector<std::string>> names = ExpandHostlist(partition.nodes());
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      auto found = by_name.find(name);
      if (found == by_name.end() || !IsWanted(*found->second, options)) continue;
      grouper.Add(partition, static_cast<size_t>(i), found->second);
      any = true;
    }
    // A partition of which nothing matches still has a line, with no nodes in it.
    if (!any && !options.by_node && !options.reasons) {
      grouper.Add(partition, static_cast<size_t>(i), nullptr);
    }
  }
  std::vector<NodeRow> rows = grouper.Take();
  std::stable_sort(rows.begin(), rows.end(), [&](const NodeRow& a, const NodeRow& b) {
    for (const SortKey& key : *keys) {
      if (Less(key, a, b)) return !key.descending;
      if (Less(key, b, a)) return key.descending;
    }
    return false;
  });
  return rows;
}

}  // namespace reeve::cli
