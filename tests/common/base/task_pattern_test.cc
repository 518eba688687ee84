#include "common/base/task_pattern.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

PatternValues Values() {
  PatternValues values;
  values.job = JobId{128};
  values.step = StepId{0};
  values.node_index = 2;
  values.task = 5;
  values.restarts = 1;
  values.node_name = "n3";
  values.user_name = "ann";
  values.job_name = "my/job";
  return values;
}

std::string Expand(std::string_view pattern, const PatternValues& values = Values()) {
  absl::StatusOr<std::string> path = ExpandFilePattern(pattern, values);
  return path.ok() ? *path : "error";
}

TEST(ExpandFilePattern, Fields) {
  EXPECT_EQ(Expand("job%J.out"), "job128.0.out");
  EXPECT_EQ(Expand("job%4j.out"), "job0128.out");
  EXPECT_EQ(Expand("job%j-%2t.out"), "job128-05.out");
  EXPECT_EQ(Expand("%N.%n.%r.%s.%u.%x"), "n3.2.1.0.ann.my_job");
  EXPECT_EQ(Expand("%A_%a"), "128_4294967294");
  EXPECT_EQ(Expand("100%%"), "100%");
  EXPECT_EQ(Expand("%99j"), "0000000128");
  EXPECT_EQ(Expand("%5N"), "n3");
  EXPECT_EQ(Expand(""), "");
}

TEST(ExpandFilePattern, ArraysAndBatch) {
  PatternValues values = Values();
  values.array_job = JobId{120};
  values.array_task = 17;
  values.step = kBatchStep;
  EXPECT_EQ(Expand("slurm-%A_%a.out", values), "slurm-120_17.out");
  EXPECT_EQ(Expand("%A_%4a.%b", values), "120_0017.7");
  EXPECT_EQ(Expand("%J %s", values), "128 batch");
}

TEST(ExpandFilePattern, KeepsWhatItDoesNotKnow) {
  EXPECT_EQ(Expand("a%z%"), "a%z%");
  EXPECT_EQ(Expand("a%5"), "a%5");
  EXPECT_EQ(Expand("\\\\%j"), "\\%j");
  EXPECT_EQ(Expand("\\%j"), "%j");
}

TEST(ExpandFilePattern, RefusesLongPaths) {
  PatternValues values = Values();
  values.job_name = std::string(3000, 'x');
  EXPECT_EQ(Expand("%x%x", values), "error");
  EXPECT_EQ(Expand(std::string(100000, '\\')), "error");
}

TEST(PatternVaries, ByTaskAndNode) {
  EXPECT_TRUE(PatternVariesByTask("o-%3t"));
  EXPECT_FALSE(PatternVariesByTask("o-%%t"));
  EXPECT_FALSE(PatternVariesByTask("\\%t"));
  EXPECT_TRUE(PatternVariesByNode("%N"));
  EXPECT_TRUE(PatternVariesByNode("%2n"));
  EXPECT_FALSE(PatternVariesByNode("%t"));
}

}  // namespace
}  // namespace reeve
