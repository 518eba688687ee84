// A controller and one node that answer as a test tells them to, behind the sockets that a client
// of an embedded cluster finds through its slurm.conf.
#pragma once

#include <stdlib.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/rpc/server.h"
#include "reeve/v1/ctld.pb.h"
#include "reeve/v1/noded.pb.h"
#include "tests/support/private_munged.h"

namespace reeve::cli {

namespace pb = reeve::v1;

class FakeCluster {
 public:
  FakeCluster() {
    const std::string& dir = munged_.dir().path();
    os::WriteFile(
        dir + "/slurm.conf",
        "ClusterName=fake\nSlurmctldHost=elsewhere\nMessageTimeout=5\nReeveSocketDir=" + dir +
            "\nAuthInfo=socket=" + dir + "/socket\n" + "SlurmUser=" + std::to_string(getuid()) +
            "\nSlurmdUser=" + std::to_string(getuid()) +
            "\nNodeName=n1 CPUs=4\nPartitionName=debug Nodes=ALL Default=YES\n")
        .IgnoreError();
    setenv("SLURM_CONF", (dir + "/slurm.conf").c_str(), 1);
    for (const char* name : {"SLURM_JOB_ID", "SLURMD_NODENAME", "REEVE_REQUEST_ID"}) unsetenv(name);
    server_ = std::make_unique<rpc::Server>(rpc::Server::Options{
        .listen = {"unix:" + dir + "/ctld.sock", "unix:" + dir + "/node-n1.sock"},
        .munge = munged_.munge(),
        .trust = {.slurm_user = getuid(), .slurmd_user = getuid()}});
    Unary<pb::SubmitJobRequest>("Controller/SubmitJob", &on_submit, &submitted);
    Unary<pb::WaitJobRequest>("Controller/WaitJob", &on_wait, &waited);
    Unary<pb::CreateStepRequest>("Controller/CreateStep", &on_create_step, &steps);
    Unary<pb::CancelJobsRequest>("Controller/CancelJobs", &on_cancel, &cancelled);
    Unary<pb::CompleteAllocationRequest>("Controller/CompleteAllocation", &on_complete, &completed);
    server_->HandleStream("NodeDaemon/StepIo", [this](std::shared_ptr<rpc::ServerStream> stream) {
      return on_step_io(++attaches_, stream);
    });
  }

  ~FakeCluster() {
    // The server waits for calls that are still open; dropping one ends it.
    std::lock_guard lock(mutex_);
    held_.clear();
  }

  absl::Status Start() { return server_->Start(); }

  template <class Request>
  using Handler = std::function<void(std::shared_ptr<rpc::Call>, const Request&)>;

  // Set before Start. The defaults grant job 7 on n1 at once, with a step of `num_tasks` tasks.
  Handler<pb::SubmitJobRequest> on_submit = [](auto call, const auto&) {
    pb::SubmitJobResponse answer;
    answer.set_job_id(7);
    call->Reply(answer);
  };
  Handler<pb::WaitJobRequest> on_wait = [this](auto call, const pb::WaitJobRequest& request) {
    pb::WaitJobResponse answer;
    answer.mutable_job()->set_job_id(7);
    answer.mutable_job()->set_state(pb::JOB_STATE_RUNNING);
    answer.mutable_job()->add_shares()->set_node("n1");
    answer.add_environment("SLURM_JOB_ID=7");
    answer.set_reached(request.until() == pb::WaitJobRequest::UNTIL_ALLOCATED);
    if (answer.reached()) return call->Reply(answer);
    std::lock_guard lock(mutex_);
    held_.push_back(call);  // the job never ends by itself
  };
  Handler<pb::CreateStepRequest> on_create_step = [](auto call, const pb::CreateStepRequest& step) {
    pb::CreateStepResponse answer;
    answer.set_step_id(0);
    answer.set_io_secret("secret");
    answer.add_shares()->set_node("n1");
    answer.add_nodes()->set_name("n1");
    pb::TaskList* tasks = answer.add_task_ids();
    for (uint32_t i = 0; i < std::max(step.num_tasks(), 1u); ++i) tasks->add_ids(i);
    call->Reply(answer);
  };
  Handler<pb::CancelJobsRequest> on_cancel = [](auto call, const auto&) {
    call->Reply(pb::CancelJobsResponse());
  };
  Handler<pb::CompleteAllocationRequest> on_complete = [](auto call, const auto&) {
    call->Reply(pb::CompleteAllocationResponse());
  };
  // `attempt` counts the streams that were opened, from 1.
  std::function<rpc::ServerStream::Events(int attempt, std::shared_ptr<rpc::ServerStream>)>
      on_step_io;

  // What was asked, in order. For when the command has returned.
  std::vector<pb::SubmitJobRequest> submitted;
  std::vector<pb::WaitJobRequest> waited;
  std::vector<pb::CreateStepRequest> steps;
  std::vector<pb::CancelJobsRequest> cancelled;
  std::vector<pb::CompleteAllocationRequest> completed;

 private:
  template <class Request>
  void Unary(std::string_view method, Handler<Request>* handler, std::vector<Request>* log) {
    server_->Handle(method, [this, handler, log](std::shared_ptr<rpc::Call> call) {
      Request request;
      if (!call->Parse(&request)) return;
      {
        std::lock_guard lock(mutex_);
        log->push_back(request);
      }
      (*handler)(call, request);
    });
  }

  testing::PrivateMunged munged_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<rpc::Call>> held_;
  std::atomic<int> attaches_ = 0;
  std::unique_ptr<rpc::Server> server_;
};

// Messages of a node, in few words.
inline pb::StepIoResponse Attached() {
  pb::StepIoResponse message;
  message.mutable_attached()->set_node("n1");
  return message;
}
inline pb::StepIoResponse Output(uint32_t task, uint32_t stream, uint64_t offset,
                                 std::string_view data) {
  pb::StepIoResponse message;
  message.mutable_output()->set_task_id(task);
  message.mutable_output()->set_stream(stream);
  message.mutable_output()->set_offset(offset);
  message.mutable_output()->set_data(std::string(data));
  return message;
}
inline pb::StepIoResponse Exit(uint32_t task, int status) {
  pb::StepIoResponse message;
  message.mutable_task_exit()->set_task_id(task);
  message.mutable_task_exit()->set_status(status);
  return message;
}
inline pb::StepIoResponse Ended() {
  pb::StepIoResponse message;
  message.mutable_ended();
  return message;
}

}  // namespace reeve::cli
