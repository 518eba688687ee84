// The streams of the nodes: which node is connected, and what is sent to it.
//
// Commands leave in the order given (node_sender.h). A node that is not connected gets nothing: it
// learns what it must do when it registers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "common/os/event_loop.h"
#include "common/rpc/server.h"
#include "ctld/blob_cache.h"
#include "ctld/core/connection_order.h"
#include "ctld/core/effects.h"
#include "ctld/core/events.h"
#include "ctld/node_address.h"
#include "ctld/node_sender.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::ctld {

class NodeGateway {
 public:
  using Options = NodeSender::Options;
  // The address that a node of this name must come from: "" for any, nullopt for no such node.
  using AddressOf = std::function<std::optional<std::string>(const std::string&)>;
  // `on_event` and `address_of` run on the loop.
  NodeGateway(Options options, os::EventLoop* loop, BlobCache* blobs, AddressOf address_of,
              std::function<void(Event)> on_event);

  // For rpc::Server::HandleStream("Controller/NodeStream"); called on gRPC threads.
  rpc::ServerStream::Events Accept(std::shared_ptr<rpc::ServerStream> stream);

  void Send(NodeCommand command);  // on the loop

 private:
  using StreamPtr = NodeSender::StreamPtr;
  // What was decided for the stream before this one must not go out on it: the registration has
  // been answered by what follows the Welcome.
  struct NodeLine {
    StreamPtr stream;
    bool welcomed = false;
  };

  void OnFirstMessage(const StreamPtr& stream);
  void OnAddressChecked(const StreamPtr& stream, const v1::Registration& registration,
                        const absl::Status& status);
  void Admit(const StreamPtr& stream, const v1::Registration& registration);
  void OnMessage(const StreamPtr& stream, const std::string& bytes);
  void OnClosed(const StreamPtr& stream);
  void OnUnsendable(const NodeCommand& command, const absl::Status& status);

  os::EventLoop* const loop_;
  const AddressOf address_of_;
  const std::function<void(Event)> on_event_;

  // The loop's.
  absl::flat_hash_map<std::string, NodeLine> lines_;
  absl::flat_hash_map<std::string, ConnectionOrder> orders_;
  absl::flat_hash_map<const rpc::ServerStream*, std::string> names_;
  absl::flat_hash_set<const rpc::ServerStream*> unchecked_;  // their address is being looked up

  NodeSender sender_;
  NodeAddressCheck check_;  // last: it calls back
};

}  // namespace reeve::ctld
