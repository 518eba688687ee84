// The program itself: starting, refusing to start, serving, and being killed.
#include "dbd/daemon.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "common/base/text.h"
#include "common/rpc/client.h"
#include "reeve/v1/dbd.pb.h"
#include "tests/support/free_port.h"
#include "tests/support/private_munged.h"
#include "tests/support/temp_dir.h"

namespace reeve::dbd {
namespace {

class DaemonTest : public ::testing::Test {
 protected:
  ~DaemonTest() override {
    if (pid_ > 0) Kill(SIGKILL);
  }

  std::string Config(const std::string& extra) {
    const std::string user = getpwuid(getuid())->pw_name;
    return StrCat("ClusterName=test\nSlurmctldHost=localhost\nSlurmUser=", user,
                  "\nSlurmdUser=", user, "\nStateSaveLocation=", dir_ / "state",
                  "\nReeveSocketDir=", dir_.path(), "\nAccountingStoragePort=", port_, "\n", extra,
                  "\nNodeName=n1\nPartitionName=debug Nodes=ALL Default=YES\n");
  }
  void Start(const std::string& config) {
    ASSERT_TRUE(os::WriteFile(dir_ / "slurm.conf", config).ok());
    pid_ = fork();
    if (pid_ == 0) {
      const int fd = open((dir_ / "stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      dup2(fd, STDERR_FILENO);
      execl(REEVEDBD, "reevedbd", "-D", "-f", (dir_ / "slurm.conf").c_str(), nullptr);
      _exit(127);
    }
  }
  int Wait() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }
  int Kill(int signal) {
    kill(pid_, signal);
    return Wait();
  }
  std::string Stderr() { return *os::ReadFile(dir_ / "stderr"); }

  reeve::testing::TempDir dir_;
  int port_ = reeve::testing::FreePort();
  pid_t pid_ = -1;
};

TEST_F(DaemonTest, RefusesToStartWithoutAccounting) {
  Start(Config("AccountingStorageType=accounting_storage/none"));
  const int status = Wait();
  EXPECT_EQ(WEXITSTATUS(status), 1);
  const std::string text = Stderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_NE(text.find("AccountingStorageType=accounting_storage/none"), std::string::npos) << text;
  EXPECT_NE(text.find("its log: standard error"), std::string::npos) << text;
}

TEST_F(DaemonTest, SaysWhichSettingIsWrong) {
  Start(Config(
      "AccountingStorageType=accounting_storage/slurmdbd\nReeveAccountingDatabase=/proc/none/x"));
  const int status = Wait();
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(Stderr().find("/proc/none"), std::string::npos) << Stderr();
}

class ServingTest : public DaemonTest {
 protected:
  void StartServing() {
    const std::string socket = dir_ / "dbd.sock";
    unlink(socket.c_str());  // of a daemon that was killed
    Start(Config(StrCat("AccountingStorageType=accounting_storage/slurmdbd\nAuthInfo=socket=",
                        munged_.dir() / "socket")));
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    // A refused connection makes gRPC wait for seconds before the next one.
    while (!os::PathExists(socket) && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
    absl::Status status;
    do {
      status = channel_.Call<v1::DbdPingResponse>("Accounting/Ping", v1::DbdPingRequest()).status();
    } while (!status.ok() && absl::Now() < deadline);
    ASSERT_TRUE(status.ok()) << status << "\n" << Stderr();
  }
  absl::StatusOr<uint64_t> PushJob(uint64_t sequence) {
    v1::PushRecordsRequest request;
    request.set_cluster("test");
    request.set_incarnation("one");
    v1::AccountingRecord* record = request.add_records();
    record->set_sequence(sequence);
    record->mutable_job()->set_job_id(static_cast<uint32_t>(sequence));
    record->mutable_job()->set_revision(1);
    record->mutable_job()->set_eligible_time(1000);
    auto answer = channel_.Call<v1::PushRecordsResponse>("Accounting/PushRecords", request);
    if (!answer.ok()) return answer.status();
    return answer->acknowledged();
  }
  size_t CountJobs() {
    size_t count = 0;
    const absl::Status status = channel_.CallRaw(
        "Accounting/QueryAccounting", v1::QueryAccountingRequest(), absl::Seconds(20),
        [&count](std::string_view bytes) {
          v1::QueryAccountingResponse response;
          if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
          count += static_cast<size_t>(response.jobs_size());
          return true;
        });
    EXPECT_TRUE(status.ok()) << status;
    return count;
  }

  reeve::testing::PrivateMunged munged_;
  rpc::Channel channel_{"unix:" + (dir_ / "dbd.sock"), munged_.munge()};
};

TEST_F(ServingTest, ServesOnItsPortAndItsSocketAndStopsWhenTold) {
  StartServing();
  rpc::Channel network(StrCat("127.0.0.1:", port_), munged_.munge());
  EXPECT_TRUE(network.Call<v1::DbdPingResponse>("Accounting/Ping", v1::DbdPingRequest()).ok());
  EXPECT_EQ(PushJob(1).value_or(0), 1u);
  EXPECT_EQ(CountJobs(), 1u);
  const int status = Kill(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << Stderr();
}

TEST_F(ServingTest, ASecondDaemonIsTurnedAway) {
  StartServing();
  const pid_t first = pid_;
  Start(Config(StrCat("AccountingStorageType=accounting_storage/slurmdbd\nAuthInfo=socket=",
                      munged_.dir() / "socket")));
  const int status = Wait();
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(Stderr().find("in use by another reevedbd"), std::string::npos) << Stderr();
  pid_ = first;
}

TEST_F(ServingTest, KillsLoseNothingThatWasAcknowledged) {
  uint64_t sequence = 0;
  for (int round = 0; round < 5; ++round) {
    StartServing();
    EXPECT_EQ(CountJobs(), sequence);
    for (int i = 0; i < 5; ++i) {
      ++sequence;
      ASSERT_EQ(PushJob(sequence).value_or(0), sequence);
    }
    Kill(SIGKILL);
  }
}

}  // namespace
}  // namespace reeve::dbd
