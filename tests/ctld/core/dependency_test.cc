#include "ctld/core/dependency.h"

#include "tests/ctld/core/harness.h"

namespace reeve::ctld {
namespace {

std::string After(const char* kind, JobId id, const char* rest = "") {
  return std::string(kind) + ":" + std::to_string(id.value) + rest;
}

TEST(Dependency, AfterOk) {
  Cluster c(1, 8);
  const JobId good = c.Submit(Spec());
  const JobId bad = c.Submit(Spec());
  const JobId after_good = c.Submit(Spec().After(After("afterok", good)));
  const JobId after_bad = c.Submit(Spec().After(After("afterok", bad)));
  const JobId killed = c.Submit(Spec().After(After("afterok", bad)).KillOnInvalidDep());
  const JobId not_ok = c.Submit(Spec().After(After("afternotok", bad)));
  EXPECT_EQ(c.Get(after_good).dependency, "afterok:1(unfulfilled)");
  EXPECT_EQ(c.Why(after_good), "Dependency");
  c.Exit(good);
  EXPECT_TRUE(c.Running(after_good));
  EXPECT_EQ(c.Get(after_good).dependency, "");
  c.Exit(bad, 1 << 8);
  EXPECT_EQ(c.Why(after_bad), "DependencyNeverSatisfied");
  EXPECT_EQ(c.Get(after_bad).dependency, "afterok:2(failed)");
  EXPECT_EQ(c.State(killed), "CANCELLED");
  EXPECT_TRUE(c.Running(not_ok));
}

TEST(Dependency, AndOr) {
  Cluster c(1, 8);
  const JobId a = c.Submit(Spec());
  const JobId b = c.Submit(Spec());
  const JobId both = c.Submit(Spec().After("afterany:1:2"));
  const JobId either = c.Submit(Spec().After("afterok:1?afterok:2"));
  const JobId old_form = c.Submit(Spec().After("afterok:1,2"));
  EXPECT_EQ(c.Get(old_form).dependency, "afterok:1(unfulfilled),afterany:2(unfulfilled)");
  c.Exit(a, 1 << 8);
  EXPECT_EQ(c.Why(both), "Dependency");
  EXPECT_EQ(c.Why(either), "Dependency");
  c.Exit(b);
  EXPECT_TRUE(c.Running(both));
  EXPECT_TRUE(c.Running(either));
  EXPECT_EQ(c.Refusal(Spec().After("afterok:1,afterok:2?afterok:1")), "Job dependency problem");
}

TEST(Dependency, AfterStartWithDelay) {
  Cluster c(1, 2);
  c.Submit(Spec().Tasks(2).Minutes(60));
  const JobId target = c.Submit(Spec().Minutes(60));
  const JobId now = c.Submit(Spec().After(After("after", target)));
  const JobId later = c.Submit(Spec().After(After("after", target, "+2")));
  EXPECT_EQ(c.Why(now), "Dependency");
  c.Exit(JobId{1});
  EXPECT_TRUE(c.Running(now));
  EXPECT_EQ(c.Get(later).dependency, "after:2+2(unfulfilled)");
  c.Exit(now);
  c.Advance(absl::Minutes(2));
  EXPECT_TRUE(c.Running(later));
}

TEST(Dependency, AfterStartOfALowerJob) {
  Cluster c(1, 2);
  const JobId low = c.Submit(Spec().Nice(1000).Hold());
  const JobId high = c.Submit(Spec().After(After("after", low)));
  EXPECT_EQ(c.Control(JobAction::kRelease, low), "");
  EXPECT_GT(c.Get(high).priority, c.Get(low).priority);
  EXPECT_TRUE(c.Running(low));
  EXPECT_TRUE(c.Running(high));
}

TEST(Dependency, Arrays) {
  Cluster c(1, 4);
  const JobId array = c.Submit(Spec().Array("1-2"));
  const JobId after = c.Submit(Spec().After(After("afterok", array)));
  const JobId corr = c.Submit(Spec().Array("1-2").After(After("aftercorr", array)));
  EXPECT_EQ(c.Get(after).dependency, "afterok:1_*(unfulfilled)");
  c.Exit(JobId{2});  // task 1
  EXPECT_EQ(c.Why(after), "Dependency");
  EXPECT_EQ(c.Get(corr).array->tasks.ToString(), "2");  // task 1 has gone its own way
  EXPECT_EQ(c.Why(corr), "Dependency");
  c.Exit(array);
  EXPECT_TRUE(c.Running(after));
  EXPECT_TRUE(c.Running(corr));
}

TEST(Dependency, Singleton) {
  Cluster c(1, 8);
  const JobId a = c.Submit(Spec().Name("x"));
  const JobId b = c.Submit(Spec().Name("x").After("singleton"));
  const JobId d = c.Submit(Spec().Name("x").After("singleton"));
  EXPECT_TRUE(c.Running(c.Submit(Spec().Name("y").After("singleton"))));
  EXPECT_EQ(c.Why(b), "Dependency");
  c.Exit(a);
  EXPECT_TRUE(c.Running(b));
  EXPECT_EQ(c.Why(d), "Dependency");
  c.Exit(b);
  EXPECT_TRUE(c.Running(d));
}

TEST(Dependency, SurvivesARestart) {
  Cluster c(1, 8);
  const JobId a = c.Submit(Spec());
  const JobId b = c.Submit(Spec().After("afterok:1"));
  c.Restart();
  c.Register("n1", {{a, kBatchStep, 0}});
  c.Exit(a);
  EXPECT_TRUE(c.Running(b));
}

}  // namespace
}  // namespace reeve::ctld
