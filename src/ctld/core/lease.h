// Leases: when the jobs of a silent node may run elsewhere. docs/decisions/0004-leases.md has the
// rule and why it is safe.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace reeve::ctld {

struct Node;
struct Context;
class State;

// Since when, and until when, it is proven that a node has been hearing the controller.
class Coverage {
 public:
  void Registered(absl::Time now);  // its stream is new; Welcome goes out
  void Acknowledging(uint64_t heartbeat, absl::Time now);
  // The node says that the acknowledgement of `heartbeat` has arrived.
  void Confirmed(uint64_t heartbeat, absl::Time now, absl::Duration covered);
  void Shift(absl::Duration by);  // the controller's clock has jumped

  absl::Time since() const { return since_; }
  absl::Time until() const { return until_; }

 private:
  std::deque<std::pair<uint64_t, absl::Time>> sent_;  // acknowledgements not confirmed yet
  absl::Time since_ = absl::InfiniteFuture();
  absl::Time until_ = absl::InfinitePast();
};

// Who tells a node that the controller is away: an odd number up to seven (two of two), spread over
// the configured nodes that exist.
std::vector<std::string> ChooseWitnesses(const std::vector<std::unique_ptr<Node>>& nodes);

// Since when at least half of these have been covered without a gap; InfiniteFuture: they are not.
absl::Time CoveredSince(State& state, const std::vector<std::string>& witnesses, absl::Time now);

// Welcomes a node that has registered: tells it its terms and witnesses.
void GrantLease(Context& context, Node& node);
// SlurmdTimeout has changed: tells a connected node.
void ChangeLease(Context& context, Node& node);

// The silent node's leased jobs that wait to be requeued go, if its lease has run out; if it has
// not, a timer looks again.
void ExpireLease(Context& context, Node& node);

}  // namespace reeve::ctld
