// reeve-pmixd: the PMIx server of a step's tasks on one node. Wires the library, the fences over
// the step's nodes and the step daemon that started it. Ends when that closes the connection.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/os/event_loop.h"
#include "common/os/fd.h"
#include "noded/core/fence.h"
#include "noded/core/rank_map.h"
#include "noded/pmixd/peer_net.h"
#include "noded/pmixd/pmix_server.h"
#include "noded/stepd/frame.h"
#include "reeve/v1/pmixd.pb.h"

namespace reeve::noded {

class Pmixd {
 public:
  explicit Pmixd(os::UniqueFd stepd);  // connected to the step daemon
  int Run();                           // the process's exit code

 private:
  struct Call {  // the library waits for its answer
    PmixAnswer done;
    os::TimerId timer = os::TimerId::kNone;
    std::optional<uint32_t> node;  // a question went there
  };

  void OnRequest(std::string_view frame);
  void Start(const v1::PmixdStart& start);
  absl::Status TryStart(const v1::PmixdStart& start);
  PmixEvents LibraryEvents();
  void OnAbort(uint32_t rank, int status, const std::string& text);
  void TellAbort(const v1::MpiAbort& abort, absl::Time deadline);

  void OnFence(const std::vector<uint32_t>& ranks, std::string data, std::optional<int> seconds,
               PmixAnswer done);
  void OnModex(uint32_t rank, std::optional<int> seconds, PmixAnswer done);
  void Apply(const FenceEffects& effects);
  void Answer(uint64_t call, int status, std::string data);

  void OnPeer(uint32_t node, const std::string& payload);
  void OnQuestion(uint32_t node, const v1::ModexQuestion& question);
  void OnPeerLost(uint32_t node, const std::string& why);
  void Tell(uint32_t node, const v1::PeerMessage& message);
  void Leave(absl::Time deadline);

  os::EventLoop loop_;
  std::unique_ptr<FrameConnection> stepd_;
  std::vector<NodePart> parts_;
  uint32_t self_ = 0;
  std::optional<RankMap> map_;
  std::optional<FenceTable> fences_;
  std::unique_ptr<PeerNet> net_;
  std::map<uint64_t, Call> calls_;
  uint64_t next_call_ = 1;
  bool aborted_ = false;
  bool started_ = false;
};

}  // namespace reeve::noded
