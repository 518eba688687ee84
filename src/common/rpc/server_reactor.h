// One RPC on the server: reads its first message, checks credential and authorization, hands over
// to the handler, then moves messages both ways. Internal to common/rpc.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <memory>
#include <mutex>
#include <string>

#include "common/rpc/admission.h"
#include "common/rpc/fair_queue.h"
#include "common/rpc/patrol.h"
#include "common/rpc/server.h"

namespace reeve::rpc {

struct Method {
  std::string name;
  const AccessRule* rule = nullptr;
  UnaryHandler unary;  // one of the two
  StreamHandler stream;
};

// Whom to trust, replaced whole when the configuration is read again. Thread-safe.
class LiveTrust {
 public:
  explicit LiveTrust(Trust trust) : trust_(std::make_shared<const Trust>(std::move(trust))) {}
  std::shared_ptr<const Trust> Get() const {
    std::lock_guard lock(mutex_);
    return trust_;
  }
  void Set(Trust trust) {
    auto next = std::make_shared<const Trust>(std::move(trust));
    std::lock_guard lock(mutex_);
    trust_ = std::move(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Trust> trust_;
};

// What all calls of one server share.
struct ServerParts {
  ServerParts(const Munge& m, Trust t, const Limits& limits)
      : munge(m), trust(std::move(t)), admission(limits), queue(limits.workers), patrol(limits) {}
  const Munge munge;
  LiveTrust trust;
  Admission admission;
  FairQueue queue;
  Patrol patrol;
};

// `method` null: answers Unimplemented. The reactor deletes itself when the call is over.
grpc::ServerGenericBidiReactor* NewServerReactor(grpc::GenericCallbackServerContext* context,
                                                 const Method* method, ServerParts& parts);

}  // namespace reeve::rpc
