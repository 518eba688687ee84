// A node without its network: real forker, real stepds, a StepRunner, in a folder of its own. The
// test is the controller: it launches, reads the reports, acknowledges when it says so.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/os/event_loop.h"
#include "noded/forker.h"
#include "noded/step_runner.h"
#include "noded/stepd/frame.h"

namespace reeve::noded {

class StepNode {
 public:
  explicit StepNode(bool cgroups = true);
  // With Prolog and Epilog, made of shell lines; an empty one is none. "$WORK" is work_dir().
  struct Scripts {
    std::string prolog;
    std::string epilog;
    std::string task_prolog;
    std::string task_epilog;
    absl::Duration timeout = absl::InfiniteDuration();
    std::string pmixd;  // in the place of reeve-pmixd; "none": there is none
  };
  explicit StepNode(const Scripts& scripts);
  ~StepNode();  // ends whatever still runs; fails the test when something stays

  // The node daemon's life, as far as steps see it.
  void StartDaemon();
  void StopDaemon();

  // Launches as this user, in work_dir().
  v1::StepLaunch Batch(uint32_t job, const std::string& script) const;
  v1::StepLaunch Srun(uint32_t job, int32_t step, std::vector<std::string> argv,
                      uint32_t tasks = 1) const;
  void Launch(const v1::StepLaunch& launch) { runner_->Launch(launch); }
  v1::StepReport Run(const v1::StepLaunch& launch);  // launches, waits for the end

  // Runs the loop until `done`; false after 20 s.
  bool Until(const std::function<bool()>& done);
  // The last report of this kind, waited for.
  v1::StepReport Await(uint32_t job, int32_t step, v1::StepReport::Kind kind);
  v1::StepReport AwaitEnd(uint32_t job, int32_t step);
  bool AwaitJobGone(uint32_t job);
  bool AwaitFile(const std::string& path, const std::string& content_part);
  void AcknowledgeAll();
  const std::vector<v1::JobGone>& gone() const { return gone_; }
  const std::vector<v1::JobPrepared>& prepared() const { return prepared_; }
  std::string WriteScript(const std::string& name, const std::string& lines) const;
  void Terminate(uint32_t job, int64_t kill_wait);

  StepRunner& runner() { return *runner_; }
  Forker& forker() { return *forker_; }
  os::EventLoop& loop() { return loop_; }
  const std::string& work_dir() const { return work_dir_; }
  const std::string& spool_dir() const { return settings_.spool_dir; }
  StepSpool Spool(uint32_t job, int32_t step) const {
    return {settings_.spool_dir, {JobId{job}, StepId{step}, 0}};
  }
  pid_t StepdPid(uint32_t job, int32_t step) const;
  std::string Read(const std::string& name) const;  // in work_dir
  size_t reports() const { return reports_.size(); }

 private:
  void MakeFolders();
  void OnMessage(const v1::NodeMessage& message);

  std::string dir_;
  JobScriptOptions scripts_;
  std::string stepd_program_;
  std::string work_dir_;
  os::EventLoop loop_;
  StepdSettings settings_;
  std::unique_ptr<Forker> forker_;
  std::unique_ptr<StepRunner> runner_;
  std::vector<v1::StepReport> reports_;
  std::vector<v1::JobGone> gone_;
  std::vector<v1::JobPrepared> prepared_;
  std::vector<uint64_t> unacknowledged_;
  uint64_t first_report_ = 1;
};

// What srun does with a step's streams.
class StepClient {
 public:
  // Waits until the step listens.
  StepClient(StepNode* node, uint32_t job, int32_t step, bool acknowledge = true,
             std::vector<v1::StepIoAck> have = {});

  bool flushed() const { return connection_->queued_bytes() == 0; }
  void Stdin(uint64_t offset, const std::string& data, bool eof);
  void Signal(int signal);
  void Acknowledge(uint32_t task, uint32_t stream, uint64_t offset);

  std::map<std::pair<uint32_t, uint32_t>, std::string> output;
  std::map<uint32_t, int32_t> exits;
  std::vector<std::string> order;  // "out 0.1", "exit 0", "ended"
  std::string launch_error;
  v1::MpiAbort mpi_abort;
  uint64_t stdin_acknowledged = 0;
  bool attached = false;
  bool ended = false;

 private:
  void OnResponse(const v1::StepIoResponse& response);
  std::unique_ptr<FrameConnection> connection_;
  bool acknowledge_;
};

bool IsAlive(pid_t pid);  // and no zombie
// Pids of living processes whose command line holds `text`.
std::vector<pid_t> ProcessesWith(const std::string& text);

}  // namespace reeve::noded
