#include "tests/sim/network.h"

#include <algorithm>

namespace reeve::sim {

// Handlers hold their stream.
Network::~Network() {
  for (const StreamPtr& stream : streams_) {
    for (Stream::Side& side : stream->sides_) Shut(side);
  }
}

StreamPtr Network::Dial(const std::string& node, NodeMessage first,
                        std::function<void(WireMessage)> on_message,
                        std::function<void()> on_closed) {
  Forget();
  auto stream = std::make_shared<Stream>();
  stream->node_ = node;
  stream->sides_[Stream::kNode].on_message = std::move(on_message);
  stream->sides_[Stream::kNode].on_closed = std::move(on_closed);
  streams_.push_back(stream);
  if (IsCut(node)) {
    for (Stream::End end : {Stream::kNode, Stream::kController}) {
      WatchDeadLink(stream, end, links_[node].cut_count);
    }
  }
  Send(stream, Stream::kNode, std::move(first));
  return stream;
}

void Network::SetHandlers(const StreamPtr& stream, Stream::End end,
                          std::function<void(WireMessage)> on_message,
                          std::function<void()> on_closed) {
  stream->sides_[end].on_message = std::move(on_message);
  stream->sides_[end].on_closed = std::move(on_closed);
}

void Network::Send(const StreamPtr& stream, Stream::End from, WireMessage message) {
  if (stream->sides_[from].open) Put(stream, Other(from), std::move(message));
}

void Network::Put(const StreamPtr& stream, Stream::End to, std::optional<WireMessage> message) {
  Stream::Side& side = stream->sides_[to];
  if (!side.open) return;
  absl::Time due =
      scene_->clock.now() + random_.Between(absl::Microseconds(100), absl::Milliseconds(3));
  if (!scene_->calm && random_.OneIn(50))
    due += random_.Between(absl::ZeroDuration(), absl::Seconds(2));
  if (!side.inbox.empty()) due = std::max(due, side.inbox.back().due);
  side.inbox.push_back({due, std::move(message)});
  scene_->clock.At(due, [this, stream, to] { Pump(stream, to); });
}

void Network::Pump(const StreamPtr& stream, Stream::End to) {
  Stream::Side& side = stream->sides_[to];
  while (side.open && !IsCut(stream->node_) && !side.inbox.empty() &&
         side.inbox.front().due <= scene_->clock.now()) {
    std::optional<WireMessage> message = std::move(side.inbox.front().message);
    side.inbox.pop_front();
    Deliver(stream, to, std::move(message));
  }
}

void Network::Deliver(const StreamPtr& stream, Stream::End to, std::optional<WireMessage> message) {
  Stream::Side& side = stream->sides_[to];
  if (!message.has_value()) {
    const auto on_closed = side.on_closed;
    Shut(side);
    if (on_closed) on_closed();
    return;
  }
  if (side.on_message) {
    const auto on_message = side.on_message;
    return on_message(*std::move(message));
  }
  if (to == Stream::kNode) return;
  if (!listener_) return Close(stream, to, true);  // connection refused
  listener_(stream, std::get<NodeMessage>(*std::move(message)));
}

void Network::LoseTail(Stream::Side& side) {
  if (!side.open || side.inbox.empty()) return;
  const size_t left = random_.Below(static_cast<uint32_t>(side.inbox.size() + 1));
  side.inbox.resize(left);
}

void Network::Shut(Stream::Side& side) {
  side.open = false;
  side.inbox.clear();
  side.on_message = nullptr;
  side.on_closed = nullptr;
}

void Network::Close(const StreamPtr& stream, Stream::End end, bool abrupt) {
  Stream::Side& side = stream->sides_[end];
  if (!side.open) return;
  Shut(side);
  if (abrupt) LoseTail(stream->sides_[Other(end)]);
  Put(stream, Other(end), std::nullopt);
}

void Network::Vanish(const StreamPtr& stream, Stream::End end) {
  Stream::Side& side = stream->sides_[end];
  if (!side.open) return;
  Shut(side);
  LoseTail(stream->sides_[Other(end)]);
  scene_->clock.After(random_.Between(absl::Seconds(2), absl::Seconds(45)),
                      [this, stream, end] { Put(stream, Other(end), std::nullopt); });
}

void Network::Break(const std::string& node) {
  for (const StreamPtr& stream : streams_) {
    if (stream->node_ != node) continue;
    for (Stream::End end : {Stream::kNode, Stream::kController}) {
      LoseTail(stream->sides_[end]);
      Put(stream, end, std::nullopt);
    }
  }
}

void Network::Cut(const std::string& node) {
  Link& link = links_[node];
  if (link.cuts++ > 0) return;
  link.cut_count++;
  for (const StreamPtr& stream : streams_) {
    if (stream->node_ != node) continue;
    for (Stream::End end : {Stream::kNode, Stream::kController}) {
      WatchDeadLink(stream, end, link.cut_count);
    }
  }
}

// Each end has a patience of its own; one may know long before the other.
void Network::WatchDeadLink(const StreamPtr& stream, Stream::End end, uint64_t cut) {
  const absl::Duration patience = random_.Between(absl::Seconds(2), absl::Seconds(45));
  scene_->clock.After(patience, [this, stream, end, cut] {
    const Link& link = links_[stream->node_];
    Stream::Side& side = stream->sides_[end];
    if (link.cuts == 0 || link.cut_count != cut || !side.open) return;
    const auto on_closed = side.on_closed;
    Close(stream, end, true);
    if (on_closed) on_closed();
  });
}

void Network::Heal(const std::string& node) {
  if (--links_[node].cuts > 0) return;
  const std::vector<StreamPtr> streams = streams_;
  for (const StreamPtr& stream : streams) {
    if (stream->node_ != node) continue;
    for (Stream::End end : {Stream::kNode, Stream::kController}) {
      // Each stream repeats what is unsent in its own time: a stale one perhaps after a new one.
      scene_->clock.After(random_.Between(absl::Milliseconds(1), absl::Milliseconds(800)),
                          [this, stream, end] { Pump(stream, end); });
    }
  }
}

void Network::BetweenNodes(const std::string& from, const std::string& to,
                           std::function<void()> arrives) {
  scene_->clock.After(random_.Between(absl::Microseconds(100), absl::Milliseconds(5)),
                      [this, from, to, arrives = std::move(arrives)] {
                        if (links_[from].peer_cuts == 0 && links_[to].peer_cuts == 0) arrives();
                      });
}

bool Network::IsCut(const std::string& node) const {
  const auto found = links_.find(node);
  return found != links_.end() && found->second.cuts > 0;
}

void Network::Forget() {
  std::erase_if(streams_, [](const StreamPtr& stream) {
    return !stream->sides_[Stream::kNode].open && !stream->sides_[Stream::kController].open;
  });
}

}  // namespace reeve::sim
