// How much of a server its clients may take, together and each. The defaults are the daemons'.
#pragma once

#include <cstddef>

#include "absl/time/time.h"
#include "common/base/config.h"

namespace reeve::rpc {

struct Limits {
  int max_message_bytes = 16 << 20;
  size_t max_connections = 0;          // 0: what the limit on open files leaves
  size_t max_connections_of_peer = 0;  // one address, or one user of a Unix socket; 0: half of all
  int max_calls_of_connection = 256;   // at once
  size_t max_unknown_calls = 2000;     // at once, of callers not known yet
  size_t max_unknown_calls_of_peer = 64;
  size_t max_calls_of_user = 2000;              // at once, those that wait for an event included
  size_t max_streams_of_user = 1000;            // at once
  size_t max_bytes_of_user = size_t{64} << 20;  // requests of open calls
  size_t max_queued_bytes = size_t{256} << 20;  // sent on a stream and not yet read
  absl::Duration first_message = absl::Seconds(10);
  absl::Duration unread = absl::Seconds(60);  // a client must read something meanwhile
  absl::Duration idle = absl::Minutes(2);     // a connection without calls
  absl::Duration handshake = absl::Seconds(10);
  int workers = 4;  // threads that run handlers
  RateLimit rate;   // requests of a user
};

}  // namespace reeve::rpc
