// The streams of a step's tasks on this node and the clients (srun, sattach) that follow them.
//
// Output is kept until every attached client has acknowledged it, at most OutputWindow::kCapacity a
// stream; then the task blocks. Without a client it is kept as well, so a srun that lost its
// connection comes back and misses nothing. A client that attaches gets what is kept from the
// offset it names, then TaskExit after all output of each task, then StepEnded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/os/event_loop.h"
#include "common/os/fd.h"
#include "noded/stepd/frame.h"
#include "noded/stepd/output_window.h"
#include "reeve/v1/noded.pb.h"
#include "reeve/v1/stepd.pb.h"

namespace reeve::noded {

class IoHub {
 public:
  IoHub(os::EventLoop* loop, std::string node) : loop_(loop), node_(std::move(node)) {}
  ~IoHub();

  // ---- the tasks' side
  void AddOutput(uint32_t task, uint32_t stream, os::UniqueFd pipe);  // non-blocking; 1 or 2
  void AddStdin(uint32_t task, os::UniqueFd pipe);                    // non-blocking
  void AddTask(uint32_t task);
  void TaskExited(uint32_t task, int32_t status);
  // No process is left that could write: what the pipes hold is the end.
  void Drain();
  // Text of stepd's own in a task's stream, as if the task had written it.
  void Inject(uint32_t task, uint32_t stream, std::string_view text);
  // To every client, also to those that come later: after `attached`, beside the streams.
  void Announce(const v1::StepIoResponse& notice);
  void LaunchFailed(std::string message);  // instead of AddTask...
  void End();                              // after Drain, once the record is written

  // ---- the clients' side
  using ClientId = uint64_t;
  using SendFn = std::function<void(const v1::StepIoResponse&)>;
  ClientId Attach(const v1::StepIoAttach& attach, SendFn send);
  void Detach(ClientId client);
  void OnStdin(ClientId client, const v1::StepStdin& input);
  void OnAck(ClientId client, const v1::StepIoAck& ack);

  bool has_clients() const { return !clients_.empty(); }
  // A client was sent everything, whatever it acknowledged.
  bool end_sent() const { return end_sent_; }
  // A client has everything: all output acknowledged, all exits and the end sent.
  bool delivered() const { return delivered_; }
  // Too much input waits for the tasks: clients should not be read. `fn` runs when some has gone.
  bool stdin_backlogged() const;
  void SetStdinDrained(std::function<void()> fn) { stdin_drained_ = std::move(fn); }

 private:
  using StreamId = std::pair<uint32_t, uint32_t>;  // task, stream
  struct Stream {
    os::UniqueFd pipe;
    OutputWindow window;
    bool watched = false;
    bool ended = false;
  };
  struct Task {
    bool exited = false;
    int32_t status = 0;
  };
  struct Client {
    SendFn send;
    std::map<StreamId, uint64_t> sent;
    std::map<StreamId, uint64_t> acknowledged;
    std::set<StreamId> ended;
    std::set<uint32_t> exits_sent;
    bool end_sent = false;
  };
  struct Reader {
    os::UniqueFd pipe;
    uint64_t offset = 0;
    bool watched = false;
  };

  void Read(StreamId id);
  size_t ReadSome(Stream* stream);  // bytes taken; marks the end of the stream
  void EndStream(Stream* stream);
  void Rewatch(StreamId id);
  void Pump();
  void PumpClient(Client* client);
  void PumpStream(Client* client, StreamId id, const Stream& stream);
  bool OutputEnded(uint32_t task) const;
  void TrimAll();
  void CheckDelivered();

  void FeedStdin();
  void Feed(Reader* reader);
  void AcknowledgeStdin(bool again = false);

  os::EventLoop* loop_;
  std::string node_;
  std::map<StreamId, Stream> streams_;
  std::map<uint32_t, Task> tasks_;
  std::map<uint32_t, Reader> readers_;
  std::string stdin_data_;
  uint64_t stdin_begin_ = 0;
  uint64_t stdin_acknowledged_ = 0;
  bool stdin_eof_ = false;
  std::function<void()> stdin_drained_;
  std::map<ClientId, Client> clients_;
  ClientId next_client_ = 1;
  std::vector<v1::StepIoResponse> notices_;
  std::string launch_error_;
  bool ended_ = false;
  bool end_sent_ = false;
  bool delivered_ = false;
};

}  // namespace reeve::noded
