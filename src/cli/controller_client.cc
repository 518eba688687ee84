#include "cli/controller_client.h"

#include <sys/random.h>

#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "cli/command.h"
#include "cli/printable.h"
#include "cli/text_match.h"
#include "common/base/text.h"
#include "common/rpc/endpoints.h"

namespace reeve::cli {
namespace {

constexpr std::string_view kUnreachable = "Unable to contact slurm controller (connect failure)";
// Between attempts: a controller that starts again is back within half a second.
constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

// munged answers through the same status code as an absent daemon, but it is not the controller.
bool BlamesMunge(const absl::Status& status) {
  return Contains(Message(status), "munge");
}

}  // namespace

DaemonError ExplainStatus(const absl::Status& status) {
  if (BlamesMunge(status)) return {{}, std::string(Message(status))};
  if (rpc::IsRetryable(status)) return {{}, std::string(kUnreachable)};
  DaemonError error;
  for (std::string_view line : SplitSkipEmpty(Message(status), "\n"))
    error.notes.push_back(Printable(line));
  if (error.notes.empty()) {
    error.text = absl::StatusCodeToString(status.code());
  } else {
    error.text = std::move(error.notes.back());
    error.notes.pop_back();
  }
  return error;
}

std::string StatusText(const absl::Status& status) {
  return ExplainStatus(status).text;
}

void PrintDaemonError(std::string_view command, std::string_view prefix,
                      const absl::Status& status) {
  DaemonError error = ExplainStatus(status);
  for (const std::string& note : error.notes) PrintError(command, note);
  PrintError(command, prefix.empty() ? error.text : StrCat(prefix, ": ", error.text));
}

absl::StatusOr<std::unique_ptr<ControllerClient>> ControllerClient::Create(std::string command) {
  absl::StatusOr<Config> config = rpc::LoadOrFetchConfig();
  if (!config.ok()) return config.status();
  return std::make_unique<ControllerClient>(std::move(command), *std::move(config));
}

std::unique_ptr<ControllerClient> ControllerClient::CreateOrPrint(std::string command) {
  absl::StatusOr<std::unique_ptr<ControllerClient>> client = Create(command);
  if (client.ok()) return *std::move(client);
  for (std::string_view line : SplitSkipEmpty(Message(client.status()), "\n")) {
    PrintError(command, line);
  }
  return nullptr;
}

ControllerClient::ControllerClient(std::string command, Config config)
    : command_(std::move(command)),
      config_(std::move(config)),
      munge_(rpc::MungeOf(config_)),
      channel_(rpc::ControllerTarget(config_), munge_) {}

absl::Status ControllerClient::CallRaw(std::string_view method,
                                       const google::protobuf::MessageLite& request,
                                       absl::Duration timeout,
                                       const std::function<bool(std::string_view)>& on_message,
                                       const std::function<void()>& on_retry, Retry retry) const {
  absl::Status status = channel_.CallRaw(method, request, timeout, on_message);
  if (retry == Retry::kNever || !rpc::IsRetryable(status)) return status;
  PrintError(command_, BlamesMunge(status)
                           ? StrCat(Message(status), "; retrying")
                           : StrCat(kUnreachable, " at ", channel_.target(), ", retrying"));
  const absl::Time give_up = absl::Now() + config_.message_timeout;
  absl::Duration pause = kFirstPause;
  while (rpc::IsRetryable(status) && absl::Now() < give_up) {
    absl::SleepFor(std::min(pause, give_up - absl::Now()));
    pause = std::min(pause * 1.5, kLongestPause);
    if (on_retry) on_retry();
    status = channel_.CallRaw(method, request, timeout, on_message);
  }
  return status;
}

std::string NewRequestId() {
  char bits[16];
  // Cannot fail: the pool is ready long before a user logs in, and 16 bytes are never cut short.
  if (getrandom(bits, sizeof bits, 0) != sizeof bits) abort();
  return absl::BytesToHexString(absl::string_view(bits, sizeof bits));
}

std::string RequestId() {
  const char* given = getenv("REEVE_REQUEST_ID");
  return given != nullptr && *given != '\0' ? given : NewRequestId();
}

}  // namespace reeve::cli
