// A whole controller in this process (store, loop, server, real MUNGE) and one node that says what
// the test makes it say. Users are real: see as_user.h.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "common/rpc/client.h"
#include "ctld/daemon.h"
#include "reeve/v1/ctld.pb.h"
#include "tests/support/as_user.h"
#include "tests/support/free_port.h"
#include "tests/support/private_munged.h"

namespace reeve::ctld {

constexpr uid_t kRoot = 0, kOwner = 1000, kStranger = 1001, kOperator = 500, kAdministrator = 600;

class ControllerFixture : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // The controller takes its signals from a descriptor: no thread of this process may die of one.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    munged_ = new testing::PrivateMunged;
  }
  static void TearDownTestSuite() { delete std::exchange(munged_, nullptr); }

  ~ControllerFixture() override {
    node_.reset();
    if (daemon_ == nullptr) return;
    kill(getpid(), SIGTERM);
    loop_.join();
  }

  // `extra`: lines of slurm.conf beyond those below. Node n1 is this host, n2 is elsewhere.
  void Start(const std::string& extra = "") {
    chmod(dir_.path().c_str(), 0711);  // clients are other users
    absl::StatusOr<Config> config = Load(extra);
    ASSERT_TRUE(config.ok()) << config.status();
    absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Start(*std::move(config));
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_ = *std::move(daemon);
    loop_ = std::thread([this] { daemon_->Run(); });
  }
  void WriteConfig(const std::string& extra) {
    const bool roles = extra.find("ReeveOperators") == extra.npos;
    ASSERT_TRUE(os::WriteFile(
                    dir_ / "slurm.conf",
                    StrCat("ClusterName=test\nSlurmctldHost=localhost\nSlurmctldPort=", port_,
                           "\nSlurmUser=", geteuid(), "\nSlurmdUser=", geteuid(),
                           "\nAuthInfo=socket=", munged_->dir() / "socket",
                           "\nReeveSocketDir=", dir_.path(), "\nStateSaveLocation=", dir_ / "state",
                           "\nReeveAdministrators=", kAdministrator,
                           roles ? StrCat("\nReeveOperators=", kOperator) : "", "\n", extra,
                           "\nNodeName=n1 NodeAddr=127.0.0.1 CPUs=64 RealMemory=64000\n"
                           "NodeName=n2 NodeAddr=192.0.2.1 CPUs=64 RealMemory=64000\n"
                           "PartitionName=debug Nodes=n1,n2 Default=YES DefMemPerCPU=10\n"))
                    .ok());
  }
  absl::StatusOr<Config> Load(const std::string& extra) {
    WriteConfig(extra);
    return LoadConfig(dir_ / "slurm.conf");
  }

  template <class Response>
  absl::StatusOr<Response> Call(uid_t uid, std::string_view method,
                                const google::protobuf::MessageLite& request) {
    absl::StatusOr<Response> response;
    testing::AsUser(uid, [&] {
      response = rpc::Channel("unix:" + (dir_ / "ctld.sock"), munged_->munge())
                     .Call<Response>(method, request, absl::Seconds(20));
    });
    return response;
  }

  // Opens the stream of `node` as this user, by TCP; the last status is that of its end.
  absl::Status Register(uid_t uid, const std::string& node) {
    pb::NodeMessage first;
    pb::Registration* registration = first.mutable_registration();
    registration->set_node(node);
    registration->set_boot_id("boot");
    registration->mutable_hardware()->set_cpus(64);
    registration->mutable_hardware()->set_real_memory_mb(64000);
    auto outcome = std::make_shared<Outcome>();
    absl::StatusOr<std::unique_ptr<rpc::Stream>> stream = absl::UnknownError("");
    testing::AsUser(uid, [&] {
      channels_.push_back(
          std::make_unique<rpc::Channel>(StrCat("127.0.0.1:", port_), munged_->munge()));
      stream = channels_.back()->OpenStream(
          "Controller/NodeStream", first, std::nullopt,
          {[outcome](std::string) { outcome->Set(absl::OkStatus()); },
           [outcome](absl::Status status) { outcome->Set(std::move(status)); }});
    });
    if (!stream.ok()) return stream.status();
    absl::Status status = outcome->Wait();
    if (status.ok()) node_ = *std::move(stream);
    return status;
  }

  uint32_t Submit(uid_t uid, const std::function<void(pb::SubmitJobRequest*)>& change = {}) {
    pb::SubmitJobRequest request;
    request.mutable_spec()->set_name("job");
    request.mutable_spec()->set_batch(true);
    request.mutable_spec()->set_work_dir("/tmp");
    request.set_script("#!/bin/sh\necho secret\n");
    if (change) change(&request);
    auto answer = Call<pb::SubmitJobResponse>(uid, "Controller/SubmitJob", request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->job_id() : 0;
  }
  pb::Job Find(uint32_t job, uid_t uid = kRoot) {
    pb::QueryJobsRequest request;
    request.add_jobs()->set_job_id(job);
    request.set_with_finished(true);
    request.set_with_steps(true);
    auto answer = Call<pb::QueryJobsResponse>(uid, "Controller/QueryJobs", request);
    return answer.ok() && answer->jobs_size() == 1 ? answer->jobs(0) : pb::Job();
  }
  bool WaitFor(uint32_t job, pb::JobState state) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (Find(job).state() != state) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return true;
  }

  inline static testing::PrivateMunged* munged_ = nullptr;
  testing::TempDir dir_;
  const int port_ = testing::FreePort();

 private:
  // The first word about a stream: that it was let in, or why not.
  class Outcome {
   public:
    void Set(absl::Status status) {
      std::lock_guard lock(mutex_);
      if (!status_.has_value()) status_ = std::move(status);
    }
    absl::Status Wait() {
      const absl::Time deadline = absl::Now() + absl::Seconds(20);
      while (absl::Now() < deadline) {
        {
          std::lock_guard lock(mutex_);
          if (status_.has_value()) return *status_;
        }
        absl::SleepFor(absl::Milliseconds(2));
      }
      return absl::DeadlineExceededError("no word");
    }

   private:
    std::mutex mutex_;
    std::optional<absl::Status> status_;
  };

  std::unique_ptr<Daemon> daemon_;
  std::thread loop_;
  std::vector<std::unique_ptr<rpc::Channel>> channels_;
  std::unique_ptr<rpc::Stream> node_;
};

}  // namespace reeve::ctld
