// What the listing commands accept, refuse and say about it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"
#include "cli/scancel_options.h"
#include "cli/signal_name.h"
#include "cli/squeue_options.h"

namespace reeve::cli {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome Execute(Main command, std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = command(static_cast<int>(words.size()), argv.data());
  fflush(stdout);
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(ViewOptions, RefusesByName) {
  EXPECT_EQ(Execute(Squeue, {"squeue", "--json"}).err,
            "squeue: error: --json is not supported yet\n");
  EXPECT_EQ(Execute(Sinfo, {"sinfo", "--clusters=x"}).err,
            "sinfo: error: --clusters is not supported yet\n");
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "reboot", "n1"}).err,
            "scontrol: error: reboot is not supported yet\n");
  EXPECT_EQ(Execute(Scontrol, {"scontrol"}).code, 1);
}

TEST(ViewOptions, AnUnknownOption) {
  const Outcome outcome = Execute(Squeue, {"squeue", "--bogus"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err,
            "squeue: unrecognized option '--bogus'\nTry \"squeue --help\" for more information\n");
}

TEST(ViewOptions, WrongWordsOfSqueue) {
  EXPECT_EQ(Execute(Squeue, {"squeue", "-j", "abc"}).err, "squeue: error: Invalid job id: abc\n");
  EXPECT_THAT(Execute(Squeue, {"squeue", "-t", "foo"}).err,
              HasSubstr("squeue: error: Invalid job state specified: foo\n"));
  EXPECT_THAT(Execute(Squeue, {"squeue", "extra"}).err,
              HasSubstr("squeue: error: Unrecognized option: extra\n"));
  EXPECT_EQ(Execute(Squeue, {"squeue", "-i", "0"}).code, 1);
}

TEST(ViewOptions, WrongWordsOfSinfo) {
  EXPECT_THAT(Execute(Sinfo, {"sinfo", "-t", "foo"}).err,
              HasSubstr("sinfo: error: Bad state string: \"foo\"\n"));
}

TEST(ViewOptions, WrongWordsOfScancel) {
  EXPECT_EQ(Execute(Scancel, {"scancel"}).err, "scancel: error: No job identification provided\n");
  EXPECT_EQ(Execute(Scancel, {"scancel", "abc"}).err, "scancel: error: Invalid job id abc\n");
  EXPECT_EQ(Execute(Scancel, {"scancel", "abc"}).code, 1);
  EXPECT_EQ(Execute(Scancel, {"scancel", "-s", "foo", "1"}).err, "Unknown job signal: foo\n");
  EXPECT_EQ(Execute(Scancel, {"scancel", "-t", "foo"}).err,
            "Invalid job state specified: foo\n"
            "Valid job states are PENDING, RUNNING, and SUSPENDED\n");
  EXPECT_EQ(Execute(Scancel, {"scancel", "-u", "no-such-user"}).err,
            "scancel: error: Invalid user name: no-such-user\n");
}

TEST(ViewOptions, WrongWordsOfScontrol) {
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "frobnicate"}).err, "invalid keyword: frobnicate\n");
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "show"}).err, "too few arguments for keyword:show\n");
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "show", "foo"}).err,
            "invalid entity:foo for keyword:show \n");
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "show", "job", "1", "2"}).err,
            "too many arguments for keyword:show\n");
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "hold"}).err, "too few arguments for keyword:hold\n");
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "update", "nodename=n4", "state=drain"}).err,
            "You must specify a reason when DOWNING or DRAINING a node. Request denied\n");
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "update", "nodename=n4", "foo=bar"}).err,
            "Update of this parameter is not supported: foo=bar\nRequest aborted\n");
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "update", "jobid=1"}).err, "No changes specified\n");
}

TEST(ViewOptions, HostListsNeedNoController) {
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "show", "hostnames", "n[1-3,7],m[01-02]"}).out,
            "n1\nn2\nn3\nn7\nm01\nm02\n");
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "show", "hostlist", "n1,n2,n3,n7,m01,m02"}).out,
            "n[1-3,7],m[01-02]\n");
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "sho", "hostlistsorted", "n3,n1,n2"}).out, "n[1-3]\n");
  setenv("SLURM_JOB_NODELIST", "a[1-2]", 1);
  EXPECT_EQ(Execute(Scontrol, {"scontrol", "show", "hostnames"}).out, "a1\na2\n");
  unsetenv("SLURM_JOB_NODELIST");
}

SqueueOptions ReadSqueue(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  SqueueOptions options;
  EXPECT_FALSE(
      ReadSqueueOptions(static_cast<int>(words.size()), argv.data(), &options).has_value());
  return options;
}

TEST(ViewOptions, SqueueTakesIdsJoinedAndApart) {
  EXPECT_EQ(ReadSqueue({"squeue", "-j12"}).jobs.size(), 1u);
  EXPECT_EQ(ReadSqueue({"squeue", "-j", "12,13_[1,2],14"}).jobs.size(), 3u);
  EXPECT_EQ(ReadSqueue({"squeue", "--jobs=12"}).jobs.size(), 1u);
  EXPECT_EQ(ReadSqueue({"squeue", "-j", "-h"}).jobs.size(), 0u);
}

TEST(ViewOptions, SqueueReadsTheEnvironment) {
  setenv("SQUEUE_FORMAT", "%A", 1);
  setenv("SQUEUE_STATES", "PD", 1);
  EXPECT_EQ(ReadSqueue({"squeue"}).format.fields.size(), 1u);
  EXPECT_EQ(ReadSqueue({"squeue"}).states.size(), 1u);
  EXPECT_TRUE(ReadSqueue({"squeue", "-t", "all"}).all_states);
  EXPECT_GT(ReadSqueue({"squeue", "-l"}).format.fields.size(), 1u);
  EXPECT_EQ(ReadSqueue({"squeue", "-o", "%i %j"}).format.fields.size(), 2u);
  unsetenv("SQUEUE_FORMAT");
  unsetenv("SQUEUE_STATES");
}

TEST(SignalName, NamesAndNumbers) {
  EXPECT_EQ(ParseSignal("KILL"), 9);
  EXPECT_EQ(ParseSignal("sigusr1"), 10);
  EXPECT_EQ(ParseSignal("15"), 15);
  EXPECT_FALSE(ParseSignal("0").has_value());
  EXPECT_FALSE(ParseSignal("999").has_value());
  EXPECT_FALSE(ParseSignal("foo").has_value());
}

}  // namespace
}  // namespace reeve::cli
