// reevenoded's end of the forker process (stepd/forker_process.h): starts it, starts it again when
// it dies, sends it requests.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "common/os/event_loop.h"
#include "common/os/fd.h"
#include "noded/core/step_machine.h"
#include "noded/stepd/settings.h"

namespace reeve::noded {

class Forker {
 public:
  // `program`: the reeve-stepd binary.
  Forker(os::EventLoop* loop, std::string program, StepdSettings settings);
  ~Forker();  // the forker ends by itself; its stepds go on

  absl::Status Start();
  // Asks for a stepd; answers our end of the socket it will talk over. Whatever goes wrong later
  // is the end of that socket.
  absl::StatusOr<os::UniqueFd> StartStepd(const StepKey& key);
  // The same for a script runner (stepd/script_spool.h has the names), which says nothing on it.
  absl::StatusOr<os::UniqueFd> StartScripts(const std::string& name) { return Request(name); }

  pid_t pid() const { return pid_; }

 private:
  absl::StatusOr<os::UniqueFd> Request(const std::string& name);
  void OnGone();
  void Reap();

  os::EventLoop* loop_;
  const std::string program_;
  const StepdSettings settings_;
  os::UniqueFd socket_;
  pid_t pid_ = -1;
};

// reeve-stepd beside this program, else in ../libexec/reeve or the system's sbin.
absl::StatusOr<std::string> FindStepd();

}  // namespace reeve::noded
