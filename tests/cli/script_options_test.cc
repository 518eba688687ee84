#include "cli/script_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Words(std::string_view script) {
  auto words = ScriptOptionWords(script);
  EXPECT_TRUE(words.ok()) << words.status();
  return words.ok() ? *words : std::vector<std::string>{};
}

TEST(ScriptOptions, StopAtTheFirstCommand) {
  EXPECT_THAT(Words("#!/bin/sh\n"
                    "#SBATCH -N 2\n"
                    "\n"
                    "# a remark\n"
                    "   # another\n"
                    "#SBATCH --time=5\n"
                    "set -e\n"
                    "#SBATCH -n 9\n"),
              ElementsAre("-N", "2", "--time=5"));
}

TEST(ScriptOptions, QuotesEscapesAndRemarks) {
  EXPECT_THAT(Words("#!/bin/sh\n"
                    "#SBATCH -J \"two words\" --comment='a \"b\" # c'\n"
                    "#SBATCH -D /a\\ b  # remark -n 4\n"),
              ElementsAre("-J", "two words", "--comment=a \"b\" # c", "-D", "/a b"));
}

TEST(ScriptOptions, OnlyTheExactMarkerCounts) {
  EXPECT_THAT(Words("#!/bin/sh\n##SBATCH -n 1\n# SBATCH -n 2\n#SBATCHX -n 3\n #SBATCH -n 4\n"),
              IsEmpty());
}

TEST(ScriptOptions, RefusesOpenQuotesAndHetjobs) {
  EXPECT_EQ(ScriptOptionWords("#!/bin/sh\n#SBATCH -J \"x\n").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ScriptOptionWords("#!/bin/sh\n#SBATCH -n1\n#SBATCH hetjob\n").status().code(),
            absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace reeve::cli
