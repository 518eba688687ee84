#include "noded/health_check.h"

#include "common/base/text.h"
#include "common/os/log.h"
#include "noded/stepd/script_spool.h"

namespace reeve::noded {
namespace {

constexpr int64_t kTimeoutSeconds = 60;

}  // namespace

void HealthCheck::Run(std::function<void()> done) {
  if (runners_->Runs(kHealthCheckName)) {
    os::LogInfo(StrCat(program_, " still runs: not started again"));
    return;
  }
  ScriptSpool spool(spool_dir_, kHealthCheckName);
  absl::StatusOr<std::optional<os::UniqueFd>> lock = spool.TryLock();
  // One that an earlier daemon started is waited for; an outcome that is there is an old one.
  if (lock.ok() && lock->has_value()) {
    if (absl::Status status = spool.Clear(); !status.ok()) os::LogError(Message(status));
  }
  lock = absl::CancelledError();
  v1::ScriptRun run;
  run.add_programs(program_);
  for (std::string& entry : HealthCheckEnvironment(site_)) run.add_environment(std::move(entry));
  run.set_timeout(kTimeoutSeconds);
  runners_->Run(kHealthCheckName, run, [done = std::move(done)](const v1::ScriptEnd& end) {
    if (end.failed()) os::LogError(StrCat("HealthCheckProgram failed: ", end.error()));
    if (done) done();
  });
}

}  // namespace reeve::noded
