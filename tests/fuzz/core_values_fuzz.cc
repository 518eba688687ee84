// Grammars that the daemons read: CPU lists (two readers of one notation), dependencies, features,
// spool folder names.
#include "ctld/core/cpu_set.h"
#include "ctld/core/dependency.h"
#include "ctld/core/features.h"
#include "noded/stepd/cgroup.h"
#include "noded/stepd/spool.h"
#include "tests/fuzz/check.h"

namespace reeve {
namespace {

using fuzz::Expect;
using fuzz::ExpectNames;

constexpr uint32_t kCpus = 65536;

void CpuLists(std::string_view text) {
  absl::StatusOr<ctld::CpuSet> set = ctld::CpuSet::Parse(text);
  std::optional<std::vector<int>> list = noded::ParseCpuList(std::string(text));
  if (list.has_value()) {
    Expect(list->size() <= kCpus, "a list of ", list->size(), " CPUs of '", text, "'");
    for (size_t i = 0; i < list->size(); ++i) {
      Expect((*list)[i] >= 0 && (*list)[i] < static_cast<int>(kCpus), "CPU ", (*list)[i]);
      Expect(i == 0 || (*list)[i - 1] < (*list)[i], "CPUs out of order in '", text, "'");
    }
  }
  if (!set.ok()) return ExpectNames(set.status(), text);
  Expect(list.has_value(), "one reader takes '", text, "', the other does not");
  const std::vector<uint32_t> ids = set->Ids();
  Expect(std::equal(ids.begin(), ids.end(), list->begin(), list->end()), "other CPUs: '", text,
         "'");
  Expect(set->Count() == ids.size() && set->Empty() == ids.empty(), "count");
  absl::StatusOr<ctld::CpuSet> again = ctld::CpuSet::Parse(set->ToText());
  Expect(again.ok() && *again == *set, "'", text, "' prints as ", set->ToText());
}

// Union and difference of two lists against each other.
void CpuSets(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return;
  absl::StatusOr<ctld::CpuSet> a = ctld::CpuSet::Parse(text.substr(0, slash));
  absl::StatusOr<ctld::CpuSet> b = ctld::CpuSet::Parse(text.substr(slash + 1));
  if (!a.ok() || !b.ok()) return;
  ctld::CpuSet both = *a, rest = *a;
  both.AddAll(*b);
  rest.RemoveAll(*b);
  Expect(both.ContainsAll(*a) && both.ContainsAll(*b), "a union lacks something");
  Expect(!rest.Intersects(*b) && a->ContainsAll(rest), "a difference has too much");
  Expect(a->Intersects(*b) == (both.Count() < a->Count() + b->Count()), "intersects");
  rest.AddAll(*b);
  Expect(rest == both, "a - b + b is not a + b");
}

void Dependencies(std::string_view text) {
  static const ctld::State* const state = new ctld::State(ctld::Settings{});
  absl::StatusOr<ctld::Dependency> parsed = ctld::ParseDependency(text);
  if (!parsed.ok()) return Expect(!Message(parsed.status()).empty(), "no word of why");
  const std::string printed = ctld::FormatDependency(*state, *parsed);
  absl::StatusOr<ctld::Dependency> again = ctld::ParseDependency(printed);
  Expect(again.ok() && ctld::FormatDependency(*state, *again) == printed, "'", text, "' prints as ",
         printed);
  Expect(again->terms.size() == parsed->terms.size(), "terms are lost of '", text, "'");
}

void Features(std::string_view text) {
  absl::StatusOr<ctld::FeatureExpr> parsed = ctld::ParseFeatures(text);
  if (!parsed.ok()) return Expect(!Message(parsed.status()).empty(), "no word of why");
  std::vector<std::string> alternatives;
  for (const auto& all : parsed->alternatives) alternatives.push_back(Join(all, "&"));
  absl::StatusOr<ctld::FeatureExpr> again = ctld::ParseFeatures(Join(alternatives, "|"));
  Expect(again.ok() && again->alternatives == parsed->alternatives, "'", text, "' differs");
  Expect(parsed->groups.size() <= ctld::kMaxFeatureGroups, "'", text, "' has too many groups");
  for (const auto& group : parsed->groups) {
    Expect((group.count == 0) == parsed->one_of && !group.terms.empty(), "'", group.text, "'");
  }
  const absl::StatusOr<ctld::FeatureExpr> same = ctld::ParseFeatures(text);
  Expect(same.ok() && same->KeyText() == parsed->KeyText(), "'", text, "' has two keys");
}

void FolderNames(std::string_view text) {
  std::optional<noded::StepKey> key = noded::ParseSpoolFolderName(text);
  if (key) Expect(noded::SpoolFolderName(*key) == text, "another name for ", text);
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::fuzz::Bytes bytes(data, size);
  constexpr void (*kGrammars[])(std::string_view) = {
      reeve::CpuLists, reeve::CpuSets, reeve::Dependencies, reeve::Features, reeve::FolderNames};
  kGrammars[bytes.Below(5)](bytes.Rest());
  return 0;
}
