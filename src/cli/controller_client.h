// A command's connection to the controller: configuration, retry, and errors in Slurm's words.
//
// While the controller cannot be reached, a call says so once on stderr and is repeated, byte for
// byte and so with the same request id, for MessageTimeout (10 s by default).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/config.h"
#include "common/rpc/client.h"
#include "google/protobuf/message_lite.h"

namespace reeve::cli {

// An error as the user sees it. The daemon's statuses carry notes and, last, Slurm's words.
struct DaemonError {
  std::vector<std::string> notes;
  std::string text;
};
// Unavailable and DeadlineExceeded become "Unable to contact slurm controller (connect failure)",
// unless the status names another culprit (munged).
DaemonError ExplainStatus(const absl::Status& status);
// The text alone, when notes have no place.
std::string StatusText(const absl::Status& status);
// Prints each note and then "PREFIX: TEXT" (or TEXT, when `prefix` is empty), all as errors.
void PrintDaemonError(std::string_view command, std::string_view prefix,
                      const absl::Status& status);

enum class Retry {
  kAnnounced,  // as above
  kNever,      // one attempt, silent: for callers that have their own way of waiting
};

class ControllerClient {
 public:
  // Loads the configuration (slurm.conf, or the controller's copy by SLURM_CONF_SERVER). Does not
  // connect. `command` prefixes what is said on stderr while retrying.
  static absl::StatusOr<std::unique_ptr<ControllerClient>> Create(std::string command);
  // The same, with the error printed: null after "sbatch: error: ...".
  static std::unique_ptr<ControllerClient> CreateOrPrint(std::string command);

  ControllerClient(std::string command, Config config);

  const Config& config() const { return config_; }
  const std::string& command() const { return command_; }
  const rpc::Munge& munge() const { return munge_; }

  // Thread-safe, like all calls. `timeout` is of one attempt.
  template <class Response>
  absl::StatusOr<Response> Call(std::string_view method,
                                const google::protobuf::MessageLite& request,
                                absl::Duration timeout = absl::Seconds(10),
                                Retry retry = Retry::kAnnounced) const {
    Response response;
    auto parse = [&](std::string_view bytes) {
      return response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    };
    absl::Status status = CallRaw(method, request, timeout, parse, nullptr, retry);
    if (!status.ok()) return status;
    return response;
  }

  // For methods that answer with a stream of messages. `on_message` may run again from the first
  // message when an attempt broke off: `on_retry` is called before that.
  absl::Status CallRaw(std::string_view method, const google::protobuf::MessageLite& request,
                       absl::Duration timeout,
                       const std::function<bool(std::string_view)>& on_message,
                       const std::function<void()>& on_retry = nullptr,
                       Retry retry = Retry::kAnnounced) const;

 private:
  std::string command_;
  Config config_;
  rpc::Munge munge_;
  rpc::Channel channel_;
};

// 128 random bits in hex, or REEVE_REQUEST_ID of the environment: a client that was killed may be
// run again with it and gets the first one's answer. Valid once per process; steps and further
// requests use NewRequestId.
std::string RequestId();
std::string NewRequestId();

}  // namespace reeve::cli
