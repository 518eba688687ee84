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
  EXPECT_TRUE(!words.ok() || words->size() == 1);
  return words.ok() ? words->front() : std::vector<std::string>{};
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

TEST(ScriptOptions, RefusesOpenQuotes) {
  EXPECT_EQ(ScriptOptionWords("#!/bin/sh\n#SBATCH -J \"x\n").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ScriptOptions, AreSetApartByComponent) {
  auto components = ScriptOptionWords(
      "#!/bin/sh\n#SBATCH -n1\n#SBATCH -t5\n#SBATCH hetjob\n#SBATCH -n4\n#SBATCH packjob -p q\n");
  ASSERT_TRUE(components.ok());
  EXPECT_THAT(*components,
              ElementsAre(ElementsAre("-n1", "-t5"), ElementsAre("-n4"), ElementsAre("-p", "q")));
  components = ScriptOptionWords("#!/bin/sh\n#SBATCH hetjob\n");
  ASSERT_TRUE(components.ok());
  EXPECT_THAT(*components, ElementsAre(IsEmpty(), IsEmpty()));
}

}  // namespace
}  // namespace reeve::cli
