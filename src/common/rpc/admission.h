// Who has what open on a server, and whether there may be more. Thread-safe. Internal to
// common/rpc.
#pragma once

#include <sys/types.h>

#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/rpc/server_limits.h"
#include "common/rpc/token_buckets.h"

namespace reeve::rpc {

// What a client is told that has to come back later; IsBackoff (client.h) knows it.
absl::Status TooManyRequests();

// A call whose caller is not known yet.
class Unknown {
 public:
  virtual ~Unknown() = default;
  virtual void MakeRoom() = 0;  // ends it; from any thread
};

// "ipv4:10.0.0.1:40000" and the like without the port.
std::string PeerHost(const std::string& peer);

class Admission {
 public:
  explicit Admission(const Limits& limits) : limits_(limits), buckets_(limits.rate) {}

  using UnknownList = std::list<std::weak_ptr<Unknown>>;
  struct Place {
    std::string host;
    UnknownList::iterator at;
  };
  // A call has come of which nothing is known yet. When its host has too many of that kind, the
  // oldest makes room: an honest one is over in a moment. Each place is given back by LeaveUnknown.
  absl::StatusOr<Place> EnterUnknown(const std::string& peer, std::weak_ptr<Unknown> call);
  void LeaveUnknown(const Place& place);

  // What a call of a known user takes.
  struct Share {
    uid_t user = 0;
    bool stream = false;
    size_t request_bytes = 0;  // held as long as the call
  };
  // Each OK is given back by one Leave.
  absl::Status Enter(const Share& share, absl::Time now);
  void Leave(const Share& share);

  void SetRate(RateLimit rate);

 private:
  struct Open {
    size_t calls = 0;
    size_t streams = 0;
    size_t bytes = 0;
  };
  bool HasRoom(const Open& open, const Share& share) const;

  const Limits limits_;
  std::mutex mutex_;
  size_t unknown_count_ = 0;
  absl::flat_hash_map<std::string, UnknownList> unknown_;  // by host, the oldest first
  absl::flat_hash_map<uid_t, Open> open_;
  TokenBuckets buckets_;
};

}  // namespace reeve::rpc
