#include "cli/components.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "cli/srun_het.h"

namespace reeve::cli {
namespace {

struct Line {
  explicit Line(std::vector<std::string> given) : words(std::move(given)) {
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
  }
  int argc() const { return static_cast<int>(words.size()); }
  std::vector<std::string> words;
  std::vector<char*> argv;
};

const char* Nothing(const char*) {
  return nullptr;
}

TEST(Components, AreSetApartByColons) {
  Line line({"sbatch", "-n1", "-p", "a", ":", "-n", "4", ":", "script", ":", "-n9"});
  const auto parsed = ParseComponents(kSbatch, line.argc(), line.argv.data());
  ASSERT_TRUE(parsed.has_value());
  ASSERT_EQ(parsed->components.size(), 3u);
  EXPECT_EQ(parsed->components[0].size(), 2u);
  EXPECT_EQ(parsed->components[1].size(), 1u);
  EXPECT_TRUE(parsed->components[2].empty());
  EXPECT_EQ(line.words[static_cast<size_t>(parsed->first_operand)], "script");
}

TEST(Components, OneIsWhatItAlwaysWas) {
  Line line({"sbatch", "-n1", "script", "-n2"});
  const auto parsed = ParseComponents(kSbatch, line.argc(), line.argv.data());
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->components.size(), 1u);
  EXPECT_EQ(parsed->first_operand, 2);
}

TEST(Components, HaveTheirOwnPartsOfScriptAndCommandLine) {
  Line script({"sbatch", "-n1", "-t", "5", ":", "-n2"});
  Line typed({"sbatch", "-n7", ":", ":", "-n3", "script"});
  const auto from_script = ParseComponents(kSbatch, script.argc(), script.argv.data());
  const auto from_line = ParseComponents(kSbatch, typed.argc(), typed.argv.data());
  ASSERT_TRUE(from_script.has_value() && from_line.has_value());
  std::vector<JobRequest> requests;
  const auto variable = [](const char* name) {
    return std::string_view(name) == "SBATCH_PARTITION" ? "env" : nullptr;
  };
  EXPECT_EQ(
      ReadComponents(kSbatch, from_script->components, from_line->components, variable, &requests),
      std::nullopt);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].spec.num_tasks(), 7u);
  EXPECT_EQ(requests[0].spec.time_limit(), 300);
  EXPECT_EQ(requests[1].spec.num_tasks(), 2u);
  EXPECT_FALSE(requests[1].spec.has_time_limit());
  EXPECT_EQ(requests[2].spec.num_tasks(), 3u);
  for (const JobRequest& request : requests) EXPECT_EQ(request.spec.partition(), "env");
  pb::SubmitJobRequest submit;
  PutComponents(requests, &submit);
  EXPECT_EQ(submit.spec().num_tasks(), 7u);
  EXPECT_EQ(submit.het_components_size(), 2);
}

TEST(Components, AVariableForTheScriptsShellIsOfTheFirst) {
  Line typed({"sbatch", "-n1", ":", "-n2", ":", "--signal=B:USR2", "script"});
  const auto from_line = ParseComponents(kSbatch, typed.argc(), typed.argv.data());
  ASSERT_TRUE(from_line.has_value());
  std::vector<JobRequest> requests;
  const auto variable = [](const char* name) {
    return std::string_view(name) == "SBATCH_SIGNAL" ? "B:USR1" : nullptr;
  };
  EXPECT_EQ(ReadComponents(kSbatch, {}, from_line->components, variable, &requests), std::nullopt);
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(CheckComponents(requests, false), std::nullopt);
  EXPECT_TRUE(requests[0].spec.warning().batch_only());
  EXPECT_FALSE(requests[1].spec.has_warning());
  EXPECT_TRUE(requests[2].spec.has_warning()) << "what is typed is refused by the controller";
}

TEST(Components, AreNotTested) {
  Line typed({"sbatch", "-n1", ":", "-n2", "--test-only", "script"});
  const auto from_line = ParseComponents(kSbatch, typed.argc(), typed.argv.data());
  ASSERT_TRUE(from_line.has_value());
  std::vector<JobRequest> requests;
  EXPECT_EQ(ReadComponents(kSbatch, {}, from_line->components, Nothing, &requests), std::nullopt);
  const std::optional<OptionFault> fault = CheckComponents(requests, false);
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->message, "--test-only of a heterogeneous job is not supported yet");
  requests.pop_back();
  EXPECT_EQ(CheckComponents(requests, false), std::nullopt) << "one is no heterogeneous job";
  EXPECT_TRUE(requests[0].test_only);
}

TEST(Components, OfAStepHaveVariablesOfTheirOwn) {
  const std::map<std::string, const char*> variables = {{"SLURM_HET_SIZE", "2"},
                                                        {"SLURM_JOB_ID", "12"},
                                                        {"SLURM_NTASKS", "1"},
                                                        {"SLURM_NTASKS_HET_GROUP_0", "1"},
                                                        {"SLURM_NTASKS_HET_GROUP_1", "4"},
                                                        {"SLURM_CPUS_PER_TASK", "2"},
                                                        {"SLURM_CPUS_PER_TASK_HET_GROUP_0", "2"},
                                                        {"SLURM_LABELIO", "1"}};
  const GetVariable environment = [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second;
  };
  const GetVariable second = VariablesOfComponent(1, environment);
  EXPECT_STREQ(second("SLURM_NTASKS"), "4");
  EXPECT_EQ(second("SLURM_CPUS_PER_TASK"), nullptr);  // the first one has asked for it
  EXPECT_STREQ(second("SLURM_LABELIO"), "1");
  EXPECT_STREQ(second("SLURM_JOB_ID"), "12");
  EXPECT_EQ(VariablesOfComponent(1, Nothing)("SLURM_NTASKS"), nullptr);
}

}  // namespace
}  // namespace reeve::cli
