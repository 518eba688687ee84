// Whether a connection may speak for a node. A node daemon proves to run as SlurmdUser; which host
// it runs on is told by the address it comes from alone, and that must be the node's NodeAddr.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace reeve::ctld {

// The address in "ipv4:10.0.0.1:40000", "ipv6:%5Bfe80::1%5D:40000"; IPv4 within IPv6 as IPv4. Empty
// for a Unix socket: such a peer is on this host, as far as its folder lets it.
std::string AddressOfPeer(std::string_view peer);

// One of `addresses`; or both are this host's own, whichever of its addresses was taken.
bool SpeaksFor(const std::string& peer_address, const std::vector<std::string>& addresses,
               const std::function<bool(const std::string&)>& is_own);

bool IsOwnAddress(const std::string& address);  // loopback, or of an interface of this host

class NodeAddressCheck {
 public:
  NodeAddressCheck();
  ~NodeAddressCheck();

  // `done` gets OK or PermissionDenied, which says what does not fit: at once when there is nothing
  // to look up, else on a thread of this object's.
  void Check(const std::string& node, const std::string& node_address, const std::string& peer,
             std::function<void(absl::Status)> done);

 private:
  struct Question {
    std::string node;
    std::string node_address;
    std::string peer_address;
    std::function<void(absl::Status)> done;
  };
  struct Known {
    std::vector<std::string> addresses;
    absl::Time until;
  };
  void Loop();
  const std::vector<std::string>& Resolve(const std::string& name);  // on the thread

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Question> questions_;
  bool stopping_ = false;
  absl::flat_hash_map<std::string, Known> known_;  // the thread's
  std::thread thread_;
};

}  // namespace reeve::ctld
