#include "noded/script_runners.h"

#include <signal.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/os/log.h"
#include "noded/stepd/process_tree.h"
#include "noded/stepd/script_spool.h"

namespace reeve::noded {
namespace {

constexpr absl::Duration kInspectAgain = absl::Milliseconds(50);
constexpr int kMaxRequests = 3;
constexpr int kMaxSweeps = 100;

v1::ScriptEnd Failed(std::string error) {
  v1::ScriptEnd end;
  end.set_failed(true);
  end.set_error(std::move(error));
  return end;
}

}  // namespace

ScriptRunners::~ScriptRunners() {
  for (auto& [name, active] : active_) {
    if (active.socket) loop_->Unwatch(active.socket.get());
    loop_->Cancel(active.timer);
  }
}

void ScriptRunners::Run(const std::string& name, const v1::ScriptRun& run, DoneFn done) {
  auto [found, is_new] = active_.try_emplace(name);
  if (!is_new) return;
  found->second.done = std::move(done);
  if (absl::Status status = ScriptSpool(spool_dir_, name).WriteRun(run); !status.ok()) {
    os::LogError(StrCat(name, ": ", Message(status)));
  }
  found->second.timer = loop_->After(absl::ZeroDuration(), [this, name] { Inspect(name); });
}

void ScriptRunners::InspectLater(const std::string& name) {
  active_[name].timer = loop_->After(kInspectAgain, [this, name] { Inspect(name); });
}

// See stepd/script_spool.h for what each combination means.
void ScriptRunners::Inspect(const std::string& name) {
  Active& active = active_[name];
  ScriptSpool spool(spool_dir_, name);
  absl::StatusOr<std::optional<os::UniqueFd>> lock = spool.TryLock();
  if (lock.ok() && !lock->has_value()) return InspectLater(name);
  if (lock.ok()) {
    absl::StatusOr<v1::ScriptEnd> end = spool.ReadEnd();
    if (end.ok()) return End(name, *end);
  }
  if (active.requests == kMaxRequests) {
    // No further runner will see to what the last one's script had started. One that was just
    // forking has another when it dies.
    if (absl::StatusOr<StartedMark> mark = spool.ReadStarted(); lock.ok() && mark.ok()) {
      const std::vector<pid_t> left = Leftovers(*mark, geteuid());
      SignalAll(left, SIGKILL);
      if (!left.empty() && ++active.sweeps < kMaxSweeps) return InspectLater(name);
    }
    return End(name, Failed(lock.ok() ? "its runner died, again and again"
                                      : std::string(Message(lock.status()))));
  }
  if (lock.ok()) lock->value().reset();  // the runner's now
  Request(name, &active);
}

void ScriptRunners::Request(const std::string& name, Active* active) {
  ++active->requests;
  absl::StatusOr<os::UniqueFd> socket = forker_->StartScripts(name);
  absl::Status status = socket.status();
  if (status.ok()) {
    active->socket = *std::move(socket);
    status = loop_->Watch(active->socket.get(), EPOLLIN, [this, name](uint32_t) {
      Active& ended = active_[name];
      loop_->Unwatch(ended.socket.get());
      ended.socket.reset();
      Inspect(name);
    });
  }
  if (status.ok()) return;
  os::LogError(StrCat(name, ": ", Message(status)));
  active->socket.reset();
  InspectLater(name);
}

void ScriptRunners::End(const std::string& name, const v1::ScriptEnd& end) {
  DoneFn done = std::move(active_[name].done);
  active_.erase(name);
  done(end);
}

}  // namespace reeve::noded
