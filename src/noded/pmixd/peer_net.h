// The connections between the PMIx servers of a step: dialled when there is something to send, one
// way, proved and sealed as peer_wire.h says. All on the loop's thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/os/event_loop.h"
#include "common/os/fd.h"
#include "noded/pmixd/peer_wire.h"

namespace reeve::noded {

class PeerNet {
 public:
  struct Address {
    std::string host;  // a name or a number
    uint16_t port = 0;
  };
  struct Times {
    absl::Duration greeting = absl::Seconds(10);  // a dial, or a stranger, until it is proved
    absl::Duration table = absl::Seconds(60);     // for SetPeers, from the first Send
    absl::Duration pause = absl::Seconds(1);      // between attempts to dial
    int attempts = 3;
  };
  struct Events {
    std::function<void(uint32_t node, std::string payload)> on_message;
    // A proved connection from or to that node has broken, or it cannot be dialled: what was sent
    // and not received is lost. Not more than that: a later Send dials again.
    std::function<void(uint32_t node, const std::string& why)> on_lost;
  };
  // `self`: this node's place among `nodes`.
  PeerNet(os::EventLoop* loop, uint32_t self, uint32_t nodes, std::string secret, Events events,
          Times times);
  ~PeerNet();

  absl::Status Listen();  // on any port of all addresses
  uint16_t port() const { return port_; }
  void SetPeers(std::vector<Address> peers);           // a second table is the same as the first
  void Send(uint32_t node, std::string_view payload);  // queued
  bool idle() const;                                   // nothing is queued

 private:
  struct In {
    os::UniqueFd socket;
    std::string nonce;
    std::string hello;
    bool proved = false;
    uint32_t node = 0;
    std::unique_ptr<FrameOpener> opener;
    os::TimerId patience = os::TimerId::kNone;
  };
  struct Out {
    std::deque<std::string> waiting;  // payloads, until the connection is proved
    os::UniqueFd socket;
    bool connected = false;
    std::string greeted;  // what the acceptor has sent so far
    PeerGreeting greeting;
    std::unique_ptr<FrameSealer> sealer;
    std::string bytes;  // sealed, not yet in the kernel
    size_t sent = 0;
    int attempts = 0;
    os::TimerId timer = os::TimerId::kNone;
  };

  void Accept();
  void ReadIn(uint64_t id);
  bool Greet(In* in);  // false: to be closed
  void CloseIn(uint64_t id, const std::string& why);
  void DropOldestStranger();

  void Dial(uint32_t node);
  void OnOut(uint32_t node, uint32_t ready);
  void ReadOut(uint32_t node);
  void WriteOut(uint32_t node);
  void DialFailed(uint32_t node, const std::string& why);
  void LoseOut(uint32_t node, const std::string& why);
  void CloseOut(Out* out);

  os::EventLoop* loop_;
  const uint32_t self_;
  const uint32_t nodes_;
  const std::string secret_;
  Events events_;
  const Times times_;
  os::UniqueFd listener_;
  uint16_t port_ = 0;
  std::vector<Address> peers_;
  std::map<uint64_t, In> in_;  // oldest first
  uint64_t next_in_ = 1;
  std::map<uint32_t, Out> out_;
};

}  // namespace reeve::noded
