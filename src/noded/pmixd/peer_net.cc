#include "noded/pmixd/peer_net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "common/base/text.h"

namespace reeve::noded {
namespace {

constexpr size_t kMaxStrangers = 64;
constexpr size_t kReadBytes = 256 << 10;

std::string Nonce() {
  std::string nonce(kNonceBytes, '\0');
  // Small requests are always served whole.
  if (getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) abort();
  return nonce;
}

// A node that is gone without a word is noticed within a minute.
void SetUp(int socket) {
  const int on = 1, idle = 30, interval = 10, probes = 3;
  const unsigned int unacknowledged_ms = 60000;
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof(unacknowledged_ms));
}

// All addresses, of both kinds where the kernel has both.
absl::StatusOr<os::UniqueFd> ListenAnywhere() {
  constexpr int kType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const int off = 0;
  sockaddr_in6 six = {};
  six.sin6_family = AF_INET6;
  os::UniqueFd socket(::socket(AF_INET6, kType, 0));
  if (socket && setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0 &&
      bind(socket.get(), reinterpret_cast<sockaddr*>(&six), sizeof(six)) == 0 &&
      listen(socket.get(), SOMAXCONN) == 0) {
    return socket;
  }
  sockaddr_in four = {};
  four.sin_family = AF_INET;
  socket.reset(::socket(AF_INET, kType, 0));
  if (!socket || bind(socket.get(), reinterpret_cast<sockaddr*>(&four), sizeof(four)) != 0 ||
      listen(socket.get(), SOMAXCONN) != 0) {
    return os::ErrnoStatus(errno, "listen");
  }
  return socket;
}

// Begins to connect. A name that is not a number is looked up, which waits for the name service.
absl::StatusOr<os::UniqueFd> BeginConnect(const PeerNet::Address& address) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.host.c_str(), StrCat(address.port).c_str(), &hints, &found);
  if (error != 0) return absl::UnavailableError(gai_strerror(error));
  os::UniqueFd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const bool begun = socket && (connect(socket.get(), found->ai_addr, found->ai_addrlen) == 0 ||
                                errno == EINPROGRESS);
  const int why = errno;
  freeaddrinfo(found);
  if (!begun) return os::ErrnoStatus(why, "connect");
  SetUp(socket.get());
  return socket;
}

}  // namespace

PeerNet::PeerNet(os::EventLoop* loop, uint32_t self, uint32_t nodes, std::string secret,
                 Events events, Times times)
    : loop_(loop),
      self_(self),
      nodes_(nodes),
      secret_(std::move(secret)),
      events_(std::move(events)),
      times_(times) {}

PeerNet::~PeerNet() {
  events_ = {};
  while (!in_.empty()) CloseIn(in_.begin()->first, "");
  for (auto& [node, out] : out_) CloseOut(&out);
  if (listener_) loop_->Unwatch(listener_.get());
}

absl::Status PeerNet::Listen() {
  absl::StatusOr<os::UniqueFd> listener = ListenAnywhere();
  if (!listener.ok()) return listener.status();
  listener_ = *std::move(listener);
  sockaddr_storage bound = {};
  socklen_t length = sizeof(bound);
  if (getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) {
    return os::ErrnoStatus(errno, "getsockname");
  }
  port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                            : reinterpret_cast<sockaddr_in&>(bound).sin_port);
  return loop_->Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
}

// ---- from others ------------------------------------------------------------------------------

void PeerNet::Accept() {
  os::UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) return;
  SetUp(socket.get());
  DropOldestStranger();
  const uint64_t id = next_in_++;
  In& in = in_[id];
  in.socket = std::move(socket);
  in.nonce = Nonce();
  // A new connection's buffer has room for so little.
  if (send(in.socket.get(), in.nonce.data(), in.nonce.size(), MSG_DONTWAIT | MSG_NOSIGNAL) !=
      static_cast<ssize_t>(in.nonce.size())) {
    return CloseIn(id, "");
  }
  in.patience = loop_->After(times_.greeting, [this, id] {
    in_[id].patience = os::TimerId::kNone;
    CloseIn(id, "");
  });
  loop_->Watch(in.socket.get(), EPOLLIN, [this, id](uint32_t) { ReadIn(id); }).IgnoreError();
}

void PeerNet::DropOldestStranger() {
  const auto stranger = [](const auto& entry) { return !entry.second.proved; };
  if (std::count_if(in_.begin(), in_.end(), stranger) < static_cast<ssize_t>(kMaxStrangers)) return;
  CloseIn(std::find_if(in_.begin(), in_.end(), stranger)->first, "");
}

void PeerNet::ReadIn(uint64_t id) {
  const auto found = in_.find(id);
  if (found == in_.end()) return;
  In& in = found->second;
  char buffer[kReadBytes];
  // A stranger's bytes beyond the greeting stay in the kernel.
  const size_t room = in.proved ? sizeof(buffer) : kHelloBytes - in.hello.size();
  const ssize_t got = recv(in.socket.get(), buffer, room, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return CloseIn(id, got == 0 ? "it has closed the connection" : strerror(errno));
  if (!in.proved) {
    in.hello.append(buffer, static_cast<size_t>(got));
    if (in.hello.size() == kHelloBytes && !Greet(&in)) CloseIn(id, "");
    return;
  }
  in.opener->Append(std::string_view(buffer, static_cast<size_t>(got)));
  while (true) {
    absl::StatusOr<std::optional<std::string>> payload = in.opener->Next();
    if (!payload.ok()) return CloseIn(id, std::string(Message(payload.status())));
    if (!payload->has_value()) return;
    const uint32_t node = in.node;
    events_.on_message(node, *std::move(*payload));
    if (!in_.contains(id)) return;
  }
}

bool PeerNet::Greet(In* in) {
  std::optional<PeerGreeting> greeting = CheckHello(secret_, self_, in->nonce, in->hello);
  if (!greeting.has_value() || greeting->dialler >= nodes_ || greeting->dialler == self_) {
    return false;
  }
  const std::string proof = AcceptProof(secret_, *greeting);
  if (send(in->socket.get(), proof.data(), proof.size(), MSG_DONTWAIT | MSG_NOSIGNAL) !=
      static_cast<ssize_t>(proof.size())) {
    return false;
  }
  loop_->Cancel(std::exchange(in->patience, os::TimerId::kNone));
  in->proved = true;
  in->node = greeting->dialler;
  in->opener = std::make_unique<FrameOpener>(FrameKey(secret_, *greeting));
  return true;
}

void PeerNet::CloseIn(uint64_t id, const std::string& why) {
  auto found = in_.extract(id);
  if (found.empty()) return;
  In& in = found.mapped();
  loop_->Cancel(in.patience);
  loop_->Unwatch(in.socket.get());
  in.socket.reset();
  if (in.proved && events_.on_lost) events_.on_lost(in.node, why);
}

// ---- to others --------------------------------------------------------------------------------

void PeerNet::SetPeers(std::vector<Address> peers) {
  if (!peers_.empty() || peers.size() != nodes_) return;
  peers_ = std::move(peers);
  for (auto& [node, out] : out_) {
    if (out.waiting.empty()) continue;
    loop_->Cancel(std::exchange(out.timer, os::TimerId::kNone));
    loop_->Post([this, node = node] { Dial(node); });
  }
}

void PeerNet::Send(uint32_t node, std::string_view payload) {
  if (node >= nodes_ || node == self_) return;
  Out& out = out_[node];
  if (out.sealer != nullptr) {
    out.bytes += out.sealer->Seal(payload);
    return WriteOut(node);
  }
  out.waiting.emplace_back(payload);
  if (out.waiting.size() > 1) return;  // on its way
  if (!peers_.empty()) return loop_->Post([this, node] { Dial(node); }), void();
  out.timer = loop_->After(
      times_.table, [this, node] { LoseOut(node, "no word where the step's other nodes listen"); });
}

bool PeerNet::idle() const {
  return std::all_of(out_.begin(), out_.end(), [](const auto& entry) {
    return entry.second.waiting.empty() && entry.second.bytes.empty();
  });
}

void PeerNet::Dial(uint32_t node) {
  Out& out = out_[node];
  if (out.socket || out.waiting.empty()) return;
  ++out.attempts;
  out.greeted.clear();
  out.connected = false;
  absl::StatusOr<os::UniqueFd> socket = BeginConnect(peers_[node]);
  if (!socket.ok()) return DialFailed(node, std::string(Message(socket.status())));
  out.socket = *std::move(socket);
  out.timer = loop_->After(times_.greeting, [this, node] { DialFailed(node, "no answer"); });
  loop_
      ->Watch(out.socket.get(), EPOLLIN | EPOLLOUT,
              [this, node](uint32_t ready) { OnOut(node, ready); })
      .IgnoreError();
}

void PeerNet::OnOut(uint32_t node, uint32_t ready) {
  Out& out = out_[node];
  if (!out.connected && (ready & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
    int error = 0;
    socklen_t length = sizeof(error);
    getsockopt(out.socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return DialFailed(node, strerror(error));
    out.connected = true;
    loop_->Watch(out.socket.get(), EPOLLIN, [this, node](uint32_t now) { OnOut(node, now); })
        .IgnoreError();
  }
  if (ready & (EPOLLIN | EPOLLERR | EPOLLHUP)) ReadOut(node);
  if (ready & EPOLLOUT) WriteOut(node);
}

// The acceptor's nonce, then its proof, then nothing more.
void PeerNet::ReadOut(uint32_t node) {
  const auto found = out_.find(node);
  if (found == out_.end() || !found->second.socket) return;
  Out& out = found->second;
  char buffer[kNonceBytes + kProofBytes];
  const size_t room = out.sealer != nullptr              ? 1
                      : out.greeted.size() < kNonceBytes ? kNonceBytes - out.greeted.size()
                                                         : sizeof(buffer) - out.greeted.size();
  const ssize_t got = recv(out.socket.get(), buffer, room, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0 || out.sealer != nullptr) {
    const std::string why = got == 0  ? "it has closed the connection"
                            : got > 0 ? "it speaks where it should not"
                                      : strerror(errno);
    return out.sealer != nullptr ? LoseOut(node, why) : DialFailed(node, why);
  }
  out.greeted.append(buffer, static_cast<size_t>(got));
  if (out.greeted.size() == kNonceBytes) {
    out.greeting = {self_, node, out.greeted, Nonce()};
    const std::string hello = Hello(secret_, out.greeting);
    if (send(out.socket.get(), hello.data(), hello.size(), MSG_DONTWAIT | MSG_NOSIGNAL) !=
        static_cast<ssize_t>(hello.size())) {
      return DialFailed(node, "it does not take the greeting");
    }
  }
  if (out.greeted.size() < kNonceBytes + kProofBytes) return;
  if (!SameBytes(out.greeted.substr(kNonceBytes), AcceptProof(secret_, out.greeting))) {
    return DialFailed(node, "it does not know the step's secret");
  }
  loop_->Cancel(std::exchange(out.timer, os::TimerId::kNone));
  out.attempts = 0;
  out.sealer = std::make_unique<FrameSealer>(FrameKey(secret_, out.greeting));
  for (const std::string& payload : out.waiting) out.bytes += out.sealer->Seal(payload);
  out.waiting.clear();
  WriteOut(node);
}

void PeerNet::WriteOut(uint32_t node) {
  const auto found = out_.find(node);
  if (found == out_.end() || found->second.sealer == nullptr) return;
  Out& out = found->second;
  while (out.sent < out.bytes.size()) {
    const ssize_t count = send(out.socket.get(), out.bytes.data() + out.sent,
                               out.bytes.size() - out.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    // Told from the loop: whoever sends is not called back from within.
    if (count < 0) return loop_->Post([this, node] { ReadOut(node); }), void();
    out.sent += static_cast<size_t>(count);
  }
  const bool all = out.sent == out.bytes.size();
  if (all) {
    out.bytes.clear();
    out.sent = 0;
  }
  loop_
      ->Watch(out.socket.get(), all ? EPOLLIN : EPOLLIN | EPOLLOUT,
              [this, node](uint32_t ready) { OnOut(node, ready); })
      .IgnoreError();
}

void PeerNet::DialFailed(uint32_t node, const std::string& why) {
  Out& out = out_[node];
  CloseOut(&out);
  if (out.attempts >= times_.attempts) return LoseOut(node, why);
  out.timer = loop_->After(times_.pause, [this, node] { Dial(node); });
}

void PeerNet::LoseOut(uint32_t node, const std::string& why) {
  CloseOut(&out_[node]);
  out_.erase(node);
  if (events_.on_lost) events_.on_lost(node, why);
}

void PeerNet::CloseOut(Out* out) {
  loop_->Cancel(std::exchange(out->timer, os::TimerId::kNone));
  if (out->socket) loop_->Unwatch(out->socket.get());
  out->socket.reset();
}

}  // namespace reeve::noded
