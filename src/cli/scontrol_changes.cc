#include "cli/scontrol_changes.h"

#include <algorithm>

#include "common/base/text.h"

namespace reeve::cli {

std::vector<Change> ParseChanges(const Words& words) {
  std::vector<Change> changes;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const size_t equals = word.find('=');
    if (equals == word.npos) {
      const bool pair = changes.empty() && i + 1 < words.size();
      changes.push_back({word, word, pair ? words[++i] : ""});
      continue;
    }
    Change change{word, word.substr(0, equals), word.substr(equals + 1)};
    if (!change.key.empty() && (change.key.back() == '+' || change.key.back() == '-')) {
      change.value.insert(0, 1, change.key.back());
      change.key.pop_back();
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

bool IsKey(const Change& change, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [&change](std::string_view name) {
    return EqualsIgnoreCase(change.key, name);
  });
}

std::optional<std::string> Take(std::initializer_list<std::string_view> names,
                                std::vector<Change>* changes) {
  for (size_t i = 0; i < changes->size(); ++i) {
    if (!IsKey((*changes)[i], names)) continue;
    std::string value = (*changes)[i].value;
    changes->erase(changes->begin() + static_cast<std::ptrdiff_t>(i));
    return value;
  }
  return std::nullopt;
}

void AddChanges(const std::vector<Change>& changes,
                google::protobuf::RepeatedPtrField<v1::ConfigEntry>* entries) {
  for (const Change& change : changes) {
    v1::ConfigEntry* entry = entries->Add();
    entry->set_key(change.key);
    entry->set_value(change.value);
  }
}

}  // namespace reeve::cli
