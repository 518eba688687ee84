#include "ctld/core/interned.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "ctld/core/job.h"

namespace reeve::ctld {
namespace {

std::shared_ptr<const JobSpec> Spec(const std::string& name) {
  auto spec = std::make_shared<JobSpec>();
  spec->name = name;
  spec->script_args = {"one", name};
  return spec;
}

TEST(Interned, EqualValuesAreOneObject) {
  Interned<JobSpec> specs;
  const auto first = specs.Intern(Spec("a"));
  EXPECT_EQ(specs.Intern(Spec("a")), first);
  EXPECT_NE(specs.Intern(Spec("b")), first);
  EXPECT_EQ(specs.Intern(nullptr), nullptr);
}

TEST(Interned, EveryFieldTellsSpecsApart) {
  Interned<JobSpec> specs;
  const auto first = specs.Intern(Spec("a"));
  JobSpec other = *first;
  other.contiguous = true;  // the last of them, which is in no hash
  EXPECT_NE(specs.Intern(std::make_shared<JobSpec>(other)), first);
  other = *first;
  other.rlimits.push_back({"NOFILE", 1024});
  EXPECT_NE(specs.Intern(std::make_shared<JobSpec>(other)), first);
}

TEST(Interned, ForgetsWhatNobodyHolds) {
  Interned<JobSpec> specs;
  std::vector<std::shared_ptr<const JobSpec>> held;
  for (int i = 0; i < 10'000; ++i) {
    const auto spec = specs.Intern(Spec(std::to_string(i)));
    if (i < 500) held.push_back(spec);
  }
  EXPECT_LT(specs.size(), 2100u);
  EXPECT_EQ(specs.Intern(Spec("499")), held[499]);
}

TEST(Interned, OwnersAreOneAUser) {
  Interned<Owner> owners;
  const auto ann = owners.Intern(std::make_shared<Owner>(Owner{1000, 100, "ann", "users"}));
  EXPECT_EQ(owners.Intern(std::make_shared<Owner>(Owner{1000, 100, "ann", "users"})), ann);
  EXPECT_NE(owners.Intern(std::make_shared<Owner>(Owner{1000, 101, "ann", "users"})), ann);
}

}  // namespace
}  // namespace reeve::ctld
