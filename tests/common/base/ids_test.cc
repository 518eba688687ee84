#include "common/base/ids.h"

#include <gtest/gtest.h>

#include "common/base/text.h"

namespace reeve {
namespace {

std::string Shown(std::string_view text) {
  absl::StatusOr<JobSelector> parsed = ParseJobSelector(text);
  if (!parsed.ok()) return "error";
  std::string out = ToString(parsed->job);
  if (parsed->whole_array) out += "_*";
  if (parsed->array_task) StrAppend(&out, "_", *parsed->array_task);
  if (!parsed->array_tasks.empty()) StrAppend(&out, "_[", parsed->array_tasks, "]");
  if (parsed->het_offset) StrAppend(&out, "+", *parsed->het_offset);
  if (parsed->step) StrAppend(&out, ".", ToString(*parsed->step));
  return out;
}

TEST(ParseJobSelector, Forms) {
  for (std::string_view same : {"12", "12_3", "12_*", "12_[1-3,7]", "12.0", "12.batch",
                                "12_3.extern", "4294967294", "12+0", "12+1.0"}) {
    EXPECT_EQ(Shown(same), same);
  }
  EXPECT_EQ(Shown("12_[3,1,2]"), "12_[1-3]");
  EXPECT_EQ(Shown("12.BATCH"), "12.batch");
  EXPECT_EQ(Shown("12_[*]"), "12_*");
}

TEST(ParseJobSelector, Refuses) {
  for (std::string_view bad :
       {"",           "0",     "a",    "12+",    "12+x",   "12_1+0", "12+0_1",
        "12_",        "12.",   "12_x", "12_[",   "12_[]",  "12_[1",  "-1",
        "4294967295", "12.-5", "12 ",  "12.0.0", "12_1_2", "_1",     ".0"}) {
    EXPECT_EQ(Shown(bad), "error") << bad;
  }
}

TEST(Ids, Text) {
  EXPECT_EQ(ToString(JobId{7}, kBatchStep), "7.batch");
  EXPECT_EQ(ToString(JobId{7}, StepId{3}), "7.3");
  EXPECT_EQ(DisplayJobId(JobId{9}, JobId{7}, 2), "7_2");
  EXPECT_EQ(DisplayJobId(JobId{9}, JobId{}, std::nullopt), "9");
}

}  // namespace
}  // namespace reeve
