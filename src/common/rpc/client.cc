#include "common/rpc/client.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/text.h"
#include "common/os/boot_clock.h"
#include "common/rpc/client_stream.h"
#include "common/rpc/dialer.h"
#include "common/rpc/session.h"

namespace reeve::rpc {
namespace {

constexpr absl::Duration kBackoffPatience = absl::Minutes(5);

// Makes one call on a link, to its end.
absl::Status Carry(http2::Link& link, http2::CallStart start, std::string_view request,
                   const http2::Patience& patience) {
  http2::Connection& connection = link.connection();
  connection.StartCall(std::move(start));
  connection.Send(request);
  connection.CloseSending();
  while (!connection.ended()) {
    if (link.Move(patience) == http2::Link::Event::kDeadline) {
      connection.Cancel(absl::DeadlineExceededError("no answer in time"));
    }
  }
  // A server that knows the deadline may be the first to see it pass.
  const bool late = os::BootClockNow() >= patience.deadline;
  if (late && absl::IsCancelled(connection.status())) {
    return absl::DeadlineExceededError("no answer in time");
  }
  return connection.status();
}

}  // namespace

Channel::Channel(Target target, Munge munge)
    : target_(std::move(target)),
      munge_(std::move(munge)),
      dialer_(std::make_shared<Dialer>(target_)) {}

Channel::~Channel() = default;

absl::Status Channel::CallRaw(std::string_view method, const google::protobuf::MessageLite& request,
                              absl::Duration timeout,
                              const std::function<bool(std::string_view)>& on_message) const {
  if (!dialer_->broken().ok()) return dialer_->broken();
  const std::string bytes = request.SerializeAsString();
  const absl::Time give_up = absl::Now() + kBackoffPatience;
  absl::Duration pause = absl::Milliseconds(200);
  for (;;) {
    absl::Status status = CallOnce(method, bytes, timeout, on_message);
    if (!IsBackoff(status) || absl::Now() > give_up) return status;
    absl::SleepFor(pause);
    pause = std::min(pause * 2, absl::Seconds(2));
  }
}

absl::Status Channel::CallOnce(std::string_view method, const std::string& bytes,
                               absl::Duration timeout,
                               const std::function<bool(std::string_view)>& on_message) const {
  absl::StatusOr<std::string> credential = munge_.Encode(BindCall(method, bytes, ""));
  if (!credential.ok()) return credential.status();
  http2::CallStart start = dialer_->StartOf(method, *std::move(credential));
  start.timeout = timeout;
  start.on_message = [&](std::string message) {
    if (on_message(message)) return absl::OkStatus();
    return absl::DataLossError(StrCat(method, ": unreadable answer"));
  };
  const http2::Patience patience = {os::BootClockNow() + timeout};
  absl::Status status;
  std::unique_ptr<http2::Link> link = dialer_->TakeKept();
  if (link != nullptr) status = Carry(*link, start, bytes, patience);
  // A credential is good for one attempt: only a call that the server has not looked at is made
  // again.
  if (link == nullptr || link->connection().unprocessed()) {
    absl::StatusOr<std::unique_ptr<http2::Link>> fresh = dialer_->Dial(patience);
    if (!fresh.ok()) {
      dialer_->ForgetKept();
      return fresh.status();
    }
    link = *std::move(fresh);
    status = Carry(*link, std::move(start), bytes, patience);
  }
  if (IsRetryable(status)) dialer_->ForgetKept();
  if (link->connection().reusable()) dialer_->Keep(std::move(link));
  return status;
}

absl::StatusOr<std::unique_ptr<Stream>> Channel::OpenStream(
    std::string_view method, const google::protobuf::MessageLite& first,
    std::optional<uid_t> server_uid, Stream::Events events) const {
  if (!dialer_->broken().ok()) return dialer_->broken();
  std::string bytes = first.SerializeAsString();
  std::string key = RandomBytes(kKeyBytes);
  absl::StatusOr<std::string> credential = munge_.Encode(BindCall(method, bytes, key), server_uid);
  if (!credential.ok()) return credential.status();
  http2::CallStart start = dialer_->StartOf(method, *std::move(credential));
  start.timeout = absl::InfiniteDuration();
  return StartClientStream(dialer_, std::move(start), std::move(bytes), std::move(key),
                           std::move(events));
}

bool IsRetryable(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace reeve::rpc
