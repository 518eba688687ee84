#include "cli/sacct_options.h"

#include <gtest/gtest.h>

#include <map>

namespace reeve::cli {
namespace {

const absl::Time kNow =
    absl::FromCivil(absl::CivilSecond(2026, 11, 22, 14, 30, 5), absl::LocalTimeZone());
const int64_t kNowSeconds = absl::ToUnixSeconds(kNow);
const int64_t kMidnight =
    absl::ToUnixSeconds(absl::FromCivil(absl::CivilDay(2026, 11, 22), absl::LocalTimeZone()));

class SacctOptionsTest : public testing::Test {
 protected:
  std::variant<SacctOptions, SacctFault> Parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "sacct");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    return ParseSacctOptions(static_cast<int>(arguments.size()), argv.data(),
                             {.variable = [this](const char* name) -> const char* {
                                auto found = variables_.find(name);
                                return found == variables_.end() ? nullptr : found->second.c_str();
                              },
                              .uid = uid_,
                              .now = kNow});
  }
  SacctOptions Good(std::vector<std::string> arguments) {
    auto parsed = Parse(std::move(arguments));
    const auto* fault = std::get_if<SacctFault>(&parsed);
    EXPECT_EQ(fault, nullptr) << (fault != nullptr && !fault->lines.empty() ? fault->lines[0] : "");
    return fault != nullptr ? SacctOptions() : std::get<SacctOptions>(parsed);
  }
  std::string Refused(std::vector<std::string> arguments) {
    auto parsed = Parse(std::move(arguments));
    const auto* fault = std::get_if<SacctFault>(&parsed);
    if (fault == nullptr) return "accepted";
    return fault->lines.empty() ? "reported by getopt" : fault->lines.front();
  }

  uint32_t uid_ = 0;
  std::map<std::string, std::string> variables_;
};

TEST_F(SacctOptionsTest, ShowsTodaysJobsByDefault) {
  const SacctOptions options = Good({});
  EXPECT_EQ(options.request.start_time(), kMidnight);
  EXPECT_EQ(options.request.end_time(), kNowSeconds + 1);
  EXPECT_EQ(options.request.uids_size(), 0);
  EXPECT_EQ(options.format, "jobid,jobname,partition,account,alloccpus,state,exitcode");
}

TEST_F(SacctOptionsTest, AUserSeesTheirOwnJobsUnlessTheyAskForMore) {
  uid_ = 1234;
  ASSERT_EQ(Good({}).request.uids_size(), 1);
  EXPECT_EQ(Good({}).request.uids(0), 1234u);
  EXPECT_EQ(Good({"-j", "7"}).request.uids(0), 1234u);
  EXPECT_EQ(Good({"-a"}).request.uids_size(), 0);
  EXPECT_EQ(Good({"-u", "root,77"}).request.uids(0), 0u);
  EXPECT_EQ(Good({"-u", "root,77"}).request.uids(1), 77u);
}

TEST_F(SacctOptionsTest, ChoosesTheWindowAsTheManualPageSays) {
  SacctOptions options = Good({"-j", "7"});
  EXPECT_EQ(options.request.start_time(), 0);
  EXPECT_EQ(options.request.end_time(), 0);
  options = Good({"-s", "R"});
  EXPECT_EQ(options.request.start_time(), kNowSeconds);
  EXPECT_EQ(options.request.end_time(), kNowSeconds + 1);
  options = Good({"-s", "cd,FAILED", "-S", "now-2days"});
  EXPECT_EQ(options.request.start_time(), kNowSeconds - 172800);
  EXPECT_EQ(options.request.end_time(), kNowSeconds - 172800 + 1);
  EXPECT_EQ(options.request.states(0), "COMPLETED");
  options = Good({"-s", "CD", "-j", "7"});
  EXPECT_EQ(options.request.start_time(), 0);
  EXPECT_EQ(options.request.end_time(), kNowSeconds + 1);
  options = Good({"-S", "08:00", "-E", "09:00"});
  EXPECT_EQ(options.request.start_time(), kMidnight + 8 * 3600);
  EXPECT_EQ(options.request.end_time(), kMidnight + 9 * 3600);
}

TEST_F(SacctOptionsTest, SaysTheWindowWhenAsked) {
  EXPECT_EQ(Good({"-v"}).notes.at(0),
            "Jobs Eligible in the time window from Sun Nov 22 00:00:00 2026 to Sun Nov 22 14:30:06 "
            "2026");
}

TEST_F(SacctOptionsTest, ReadsJobsTasksAndSteps) {
  const SacctOptions options = Good({"-j", "1,4_2,6_[1,3-4],7.batch,8.0,9_1.extern"});
  ASSERT_EQ(options.request.jobs_size(), 8);
  EXPECT_FALSE(options.request.jobs(0).has_array_task_id());
  EXPECT_EQ(options.request.jobs(1).array_task_id(), 2u);
  EXPECT_EQ(options.request.jobs(4).array_task_id(), 4u);
  EXPECT_EQ(options.request.jobs(5).step_id(), -5);
  EXPECT_EQ(options.request.jobs(6).step_id(), 0);
  EXPECT_EQ(options.request.jobs(7).step_id(), -4);
  EXPECT_EQ(options.request.jobs(7).array_task_id(), 1u);
}

TEST_F(SacctOptionsTest, TakesTheFormatFromTheNearestSource) {
  variables_["SACCT_FORMAT"] = "jobid,user";
  EXPECT_EQ(Good({}).format, "jobid,user");
  EXPECT_EQ(Good({"-b"}).format, "jobid,state,exitcode");
  EXPECT_EQ(Good({"-b", "-o", "state", "--format=end"}).format, "state,end");
}

TEST_F(SacctOptionsTest, ReadsTheRest) {
  const SacctOptions options =
      Good({"-nPXDT", "--delimiter=;", "-A",     "a,b", "-r",       "debug",
            "-q",     "normal",        "--name", "x,y", "-N",       "n[1-2]",
            "-i",     "2-3",           "-I",     "4",   "-k",       "10",
            "-K",     "1:00:00",       "-C",     "gpu", "--units=g"});
  EXPECT_FALSE(options.header);
  EXPECT_EQ(options.style, SacctOptions::Style::kParsable2);
  EXPECT_TRUE(options.allocations && options.truncate && options.request.duplicates());
  EXPECT_EQ(options.delimiter, ";");
  EXPECT_EQ(options.request.accounts_size(), 2);
  EXPECT_EQ(options.request.names(1), "y");
  EXPECT_EQ(options.request.node_list(), "n[1-2]");
  EXPECT_EQ(options.nodes->max, 3u);
  EXPECT_EQ(options.cpus->min, 4u);
  EXPECT_EQ(options.limit_minutes->min, 10u);
  EXPECT_EQ(options.limit_minutes->max, 60u);
  EXPECT_EQ(options.units.unit, 'G');
}

TEST_F(SacctOptionsTest, RefusesInSlurmsWords) {
  EXPECT_EQ(Refused({"-u", "no-such-user"}), "sacct: error: Invalid user id: no-such-user");
  EXPECT_EQ(Refused({"-g", "no-such-group"}), "sacct: error: Invalid group id: no-such-group");
  EXPECT_EQ(Refused({"-j", "abc"}), "sacct: fatal: Bad job/step specified: abc");
  EXPECT_EQ(Refused({"-s", "nostate"}), "sacct: fatal: unrecognized job state value 'nostate'");
  EXPECT_EQ(Refused({"-S", "foo"}), "Invalid time specification (pos=0): foo");
  EXPECT_EQ(Refused({"--units=Q"}),
            "sacct: error: Invalid unit type 'Q'. Possible options are 'KMGTP'");
  EXPECT_EQ(Refused({"-S", "today", "-E", "2026-11-20"}),
            "sacct: error: Start time (2026-11-22T00:00:00) requested is after end time "
            "(2026-11-20T00:00:00).");
  EXPECT_EQ(Refused({"--nope"}), "reported by getopt");
}

TEST_F(SacctOptionsTest, NamesWhatItCannotDoYet) {
  EXPECT_EQ(Refused({"-c"}), "sacct: error: -c, --completion is not supported yet");
  EXPECT_EQ(Refused({"--wckeys=a"}), "sacct: error: -W, --wckeys is not supported yet");
  EXPECT_EQ(Refused({"--json"}), "sacct: error: --json is not supported yet");
  EXPECT_EQ(Refused({"--env-vars"}), "sacct: error: --env-vars is not supported yet");
  EXPECT_EQ(Refused({"--local", "-L"}),
            "sacct: error: --local contradicts --clusters and --allclusters");
  EXPECT_EQ(Refused({"12"}), "sacct: error: unexpected argument: 12");
}

}  // namespace
}  // namespace reeve::cli
