// Which of a node's connections is its newest. The network may deliver the registration of a
// connection that the node has given up after that of the one it uses: what it lists is out of
// date, and taken at its word a step that has begun since would count as lost while it runs.
#pragma once

#include <deque>
#include <string>

#include "absl/time/time.h"
#include "ctld/core/events.h"

namespace reeve::ctld {

// One node's. Within a boot its own boot clock orders the connections. Boot ids are random: of two
// boots the one that was heard of later is the newer. Two daemons that were started for one node of
// one boot would take it from each other for ever: it belongs to the one that was started later.
class ConnectionOrder {
 public:
  // False: the registration is older than one that was admitted. `connected` says that the
  // connection admitted last is open: without it an earlier boot may be back (a node in a container
  // that moves between machines).
  bool Admit(const NodeRegistered& registration, bool connected);

 private:
  std::string boot_id_;
  absl::Duration opened_;
  absl::Time started_ = absl::InfinitePast();  // its daemon
  std::deque<std::string> past_boots_;         // a few
};

}  // namespace reeve::ctld
