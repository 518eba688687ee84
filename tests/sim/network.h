// Streams between node daemons and the controller, as TCP gives them: in order, each byte once, and
// late at will; what a broken stream had under way may be lost, the newest first. A cut link holds
// everything back until it heals or an end gives its stream up. What an end has given up is not
// heard any more, also when it arrives afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "ctld/core/effects.h"
#include "ctld/core/events.h"
#include "tests/sim/scene.h"

namespace reeve::sim {

// From a controller: its epoch beside what it says.
struct ControllerMessage {
  uint64_t epoch = 0;
  ctld::NodeCommand command;
};
// From a node, as the gateway makes events of it; the first is a NodeRegistered.
using NodeMessage = ctld::Event;
using WireMessage = std::variant<NodeMessage, ControllerMessage>;

class Network;

// One end's view; shared by both.
class Stream {
 public:
  enum End { kNode = 0, kController = 1 };
  const std::string& node() const { return node_; }

 private:
  friend class Network;
  struct Side {
    bool open = true;
    std::function<void(WireMessage)> on_message;
    std::function<void()> on_closed;
    struct Packet {
      absl::Time due;
      std::optional<WireMessage> message;  // none: the other end has closed
    };
    std::deque<Packet> inbox;
  };
  std::string node_;
  std::array<Side, 2> sides_;
};
using StreamPtr = std::shared_ptr<Stream>;

class Network {
 public:
  explicit Network(Scene* scene) : scene_(scene), random_(scene->plan.seed, "network") {}
  ~Network();

  // The controller's socket; unset while there is no controller. It answers by SetHandlers.
  using Listener = std::function<void(StreamPtr, NodeMessage first)>;
  void Listen(Listener listener) { listener_ = std::move(listener); }

  // The node's dialling. The handlers are called until the end closes; at the latest a minute
  // later `on_closed` has told of a dial in vain.
  StreamPtr Dial(const std::string& node, NodeMessage first,
                 std::function<void(WireMessage)> on_message, std::function<void()> on_closed);
  void SetHandlers(const StreamPtr& stream, Stream::End end,
                   std::function<void(WireMessage)> on_message, std::function<void()> on_closed);

  void Send(const StreamPtr& stream, Stream::End from, WireMessage message);
  // The end hears no more of it; the other end learns of it. Abrupt: what was sent last may be
  // lost.
  void Close(const StreamPtr& stream, Stream::End end, bool abrupt);
  // The end's machine is gone without a word: the other end learns of it when it loses patience.
  void Vanish(const StreamPtr& stream, Stream::End end);
  // Something between breaks the node's streams.
  void Break(const std::string& node);

  // A question of one node to another, and its answer, if the way is open.
  void BetweenNodes(const std::string& from, const std::string& to, std::function<void()> arrives);
  void CutPeers(const std::string& node) { links_[node].peer_cuts++; }
  void HealPeers(const std::string& node) { links_[node].peer_cuts--; }

  // Links to the controller heal when as many Heal as Cut were said.
  void Cut(const std::string& node);
  void Heal(const std::string& node);
  bool IsCut(const std::string& node) const;

 private:
  static Stream::End Other(Stream::End end) {
    return end == Stream::kNode ? Stream::kController : Stream::kNode;
  }
  void Shut(Stream::Side& side);
  void Put(const StreamPtr& stream, Stream::End to, std::optional<WireMessage> message);
  void LoseTail(Stream::Side& side);
  void Pump(const StreamPtr& stream, Stream::End to);
  void Deliver(const StreamPtr& stream, Stream::End to, std::optional<WireMessage> message);
  void WatchDeadLink(const StreamPtr& stream, Stream::End end, uint64_t cut);
  void Forget();

  Scene* const scene_;
  Random random_;
  Listener listener_;
  struct Link {
    int cuts = 0;
    int peer_cuts = 0;
    uint64_t cut_count = 0;
  };
  std::map<std::string, Link> links_;
  std::vector<StreamPtr> streams_;
};

}  // namespace reeve::sim
