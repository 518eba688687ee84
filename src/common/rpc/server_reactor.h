// One RPC on the server: reads its first message, checks credential and authorization, hands over
// to the handler, then moves messages both ways. Internal to common/rpc.
#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <string>

#include "common/rpc/server.h"

namespace reeve::rpc {

struct Method {
  std::string name;
  const AccessRule* rule = nullptr;
  UnaryHandler unary;  // one of the two
  StreamHandler stream;
};

// `method` null: answers Unimplemented. The reactor deletes itself when the call is over.
grpc::ServerGenericBidiReactor* NewServerReactor(grpc::GenericCallbackServerContext* context,
                                                 const Method* method, const Munge& munge,
                                                 const Trust& trust);

}  // namespace reeve::rpc
