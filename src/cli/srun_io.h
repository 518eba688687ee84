// srun's side of a step's stdio: a stream to each of its nodes, output to descriptors, standard
// input to the tasks, exits to whoever asked. A stream that breaks is opened again and goes on
// where it stopped, by the offsets of noded.proto.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/label_writer.h"
#include "cli/stdin_source.h"
#include "common/base/config.h"
#include "common/os/event_loop.h"
#include "common/os/fd.h"
#include "common/rpc/client.h"
#include "reeve/v1/ctld.pb.h"
#include "reeve/v1/noded.pb.h"

namespace reeve::cli {

namespace pb = reeve::v1;

struct StepIoOptions {
  int stdout_fd = 1;
  int stderr_fd = 2;
  std::optional<int> stdin_fd;         // absent: the tasks' input does not come from here
  std::optional<uint32_t> stdin_task;  // only this task reads it
  bool label = false;
  bool unbuffered = false;
};

// All on the loop's thread.
class StepIo {
 public:
  struct Events {
    std::function<void(const std::string& node, uint32_t task, int status)> on_task_exit;
    // A node's part could not be started, or its node is lost: `tasks` will not report.
    std::function<void(const std::string& node, const std::vector<uint32_t>& tasks,
                       const std::string& why)>
        on_node_failed;
    // A node has not been reached for some time; attempts go on. Then, it has been again.
    std::function<void(const std::string& node, const std::string& why)> on_node_lost;
    std::function<void(const std::string& node)> on_node_back;
    std::function<void(const std::string& node, const pb::MpiAbort& abort)> on_mpi_abort;
    std::function<void()> on_ended;  // once: no node has anything more to say
  };

  StepIo(std::shared_ptr<os::EventLoop> loop, const Config& config, rpc::Munge munge,
         uint32_t job_id, pb::CreateStepResponse step, StepIoOptions options, Events events);
  ~StepIo();

  void Start();
  void Signal(int signal);  // to all tasks
  void FlushOutput();       // what is no whole line yet, before a message about its task
  bool ended() const;
  // The controller says that the step is over, on this node or (empty) on all: what has not ended
  // here cannot be reached and is given up.
  void GiveUp(const std::string& why, std::string_view node = {});

 private:
  struct Link;
  void Open(size_t index);
  void OnMessage(size_t index, const pb::StepIoResponse& message);
  void OnOutput(size_t index, const pb::StepOutput& output);
  void OnTaskExit(Link& link, const pb::TaskExit& exit);
  void OnMpiPort(size_t index, uint32_t port);
  void OnClosed(size_t index, const absl::Status& status);
  void Miss(size_t index);
  void Fail(size_t index, const std::string& why);
  void End(size_t index);
  void FinishIfAllClosed();
  void Finish();
  void SendAcks(size_t index);
  void WatchStdin();
  void ReadStdin();
  void SendStdin();
  void StopStdin();
  bool MayReadTerminal() const;

  std::shared_ptr<os::EventLoop> loop_;
  uint32_t job_id_;
  pb::CreateStepResponse step_;
  StepIoOptions options_;
  Events events_;
  std::optional<uid_t> node_uid_;
  std::vector<std::unique_ptr<Link>> links_;
  LabelWriter stdout_;
  LabelWriter stderr_;
  StdinSource stdin_;
  bool watching_stdin_ = false;
  bool reading_file_ = false;  // standard input that epoll refuses: always readable
  bool told_end_ = false;
};

// The uid of a user given by name or number.
std::optional<uid_t> LookUpUser(const std::string& user);

}  // namespace reeve::cli
