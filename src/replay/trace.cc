#include "replay/trace.h"

#include <algorithm>

#include "common/base/text.h"

namespace reeve::replay {

uint32_t NameTable::IdOf(std::string_view name) {
  const auto [found, is_new] =
      ids_.try_emplace(std::string(name), static_cast<uint32_t>(names_.size()));
  if (is_new) names_.emplace_back(name);
  return found->second;
}

void Tally::Add(std::string_view singular, std::string_view plural, int line) {
  auto entry = std::find_if(entries_.begin(), entries_.end(),
                            [&](const Entry& e) { return e.singular == singular; });
  if (entry == entries_.end()) entry = entries_.insert(entry, {singular, plural, 0, line});
  entry->count++;
}

std::vector<std::string> Tally::Notes(std::string_view file) const {
  std::vector<std::string> notes;
  for (const Entry& entry : entries_) {
    notes.push_back(entry.count == 1 ? StrCat(file, ":", entry.line, ": 1 ", entry.singular)
                                     : StrCat(file, ":", entry.line, ": ", entry.count, " ",
                                              entry.plural, " (this is the first)"));
  }
  return notes;
}

}  // namespace reeve::replay
