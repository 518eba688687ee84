#include "common/rpc/admission.h"

#include <utility>

#include "common/base/text.h"
#include "common/os/log.h"
#include "common/rpc/client.h"

namespace reeve::rpc {
namespace {

constexpr std::string_view kTooMany = "Rate limit exceeded, please retry momentarily";

}  // namespace

absl::Status TooManyRequests() {
  return absl::ResourceExhaustedError(ToAbsl(kTooMany));
}

bool IsBackoff(const absl::Status& status) {
  return absl::IsResourceExhausted(status) && Message(status) == kTooMany;
}

std::string PeerHost(const std::string& peer) {
  return peer.starts_with("ipv") ? peer.substr(0, peer.rfind(':')) : peer;
}

absl::StatusOr<Admission::Place> Admission::EnterUnknown(const std::string& peer,
                                                         std::weak_ptr<Unknown> call) {
  std::shared_ptr<Unknown> oldest;
  Place place{PeerHost(peer), {}};
  {
    std::lock_guard lock(mutex_);
    UnknownList& of_host = unknown_[place.host];
    const bool all_full = unknown_count_ >= limits_.max_unknown_calls;
    if (all_full && of_host.empty()) {
      unknown_.erase(place.host);
      return TooManyRequests();
    }
    if (all_full || of_host.size() >= limits_.max_unknown_calls_of_peer) {
      oldest = of_host.front().lock();
      of_host.front().reset();
      of_host.splice(of_host.end(), of_host, of_host.begin());  // its place waits to be given back
    }
    place.at = of_host.insert(of_host.end(), std::move(call));
    ++unknown_count_;
  }
  if (oldest != nullptr) oldest->MakeRoom();
  return place;
}

void Admission::LeaveUnknown(const Place& place) {
  std::lock_guard lock(mutex_);
  const auto found = unknown_.find(place.host);
  found->second.erase(place.at);
  --unknown_count_;
  if (found->second.empty()) unknown_.erase(found);
}

bool Admission::HasRoom(const Open& open, const Share& share) const {
  if (open.bytes > 0 && open.bytes + share.request_bytes > limits_.max_bytes_of_user) return false;
  return share.stream ? open.streams < limits_.max_streams_of_user
                      : open.calls < limits_.max_calls_of_user;
}

absl::Status Admission::Enter(const Share& share, absl::Time now) {
  std::lock_guard lock(mutex_);
  if (!buckets_.Take(share.user, now)) {
    if (buckets_.ShouldLog(now)) {
      os::LogInfo(
          StrCat("user ", share.user, " asks more often than rl_refill_rate: told to wait"));
    }
    return TooManyRequests();
  }
  Open& open = open_[share.user];
  if (!HasRoom(open, share)) return TooManyRequests();
  ++(share.stream ? open.streams : open.calls);
  open.bytes += share.request_bytes;
  return absl::OkStatus();
}

void Admission::Leave(const Share& share) {
  std::lock_guard lock(mutex_);
  const auto found = open_.find(share.user);
  Open& open = found->second;
  --(share.stream ? open.streams : open.calls);
  open.bytes -= share.request_bytes;
  if (open.calls == 0 && open.streams == 0) open_.erase(found);
}

void Admission::SetRate(RateLimit rate) {
  std::lock_guard lock(mutex_);
  buckets_ = TokenBuckets(rate);
}

}  // namespace reeve::rpc
