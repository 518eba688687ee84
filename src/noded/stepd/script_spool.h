// What a prolog, an epilog or a health check leaves on this node's disk, so that its outcome
// survives every daemon and it is not run twice.
//
//   <SlurmdSpoolDir>/jobs/<job>.<attempt>/   0700
//     facts            pb::JobFacts    whose scripts these are
//     prolog.run       pb::ScriptRun   written by reevenoded before it asks the forker
//     prolog.lock                      held (flock) by the script runner as long as it lives
//     prolog.started   boot id, pid    written by the runner: what a dead one may have left
//     prolog.end       pb::ScriptEnd   written by the runner when the scripts have ended
//     epilog.*                         the same again
//   <SlurmdSpoolDir>/health/health.*
//
//   lock held            it runs
//   free, end            it has ended: the file says how
//   free, no end         it has not run, or its runner died: its outcome is unknown, it runs
//   (again)
//
// A script's name below is its path in the spool without the suffix: "jobs/12.0/prolog".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/os/fd.h"
#include "noded/core/prolog_machine.h"
#include "noded/stepd/spool.h"
#include "reeve/v1/ctld.pb.h"
#include "reeve/v1/stepd.pb.h"

namespace reeve::noded {

inline constexpr char kHealthCheckName[] = "health/health";
std::string ScriptName(const JobKey& key, ScriptKind kind);
bool IsScriptName(std::string_view name);  // one of those above, nothing else

class ScriptSpool {
 public:
  ScriptSpool(const std::string& spool_dir, const std::string& name)
      : path_(spool_dir + "/" + name) {}

  absl::StatusOr<std::optional<os::UniqueFd>> TryLock();  // nothing: a runner holds it
  absl::Status WriteRun(const v1::ScriptRun& run);        // makes the folder as well
  absl::StatusOr<v1::ScriptRun> ReadRun() const;
  absl::Status WriteStarted(pid_t pid);
  absl::StatusOr<StartedMark> ReadStarted() const;
  absl::Status WriteEnd(const v1::ScriptEnd& end);
  absl::StatusOr<v1::ScriptEnd> ReadEnd() const;  // NotFound: not there
  bool begun() const { return os::PathExists(path_ + ".run"); }
  absl::Status Clear();  // forgets the run and its outcome; under the lock

 private:
  const std::string path_;
};

std::string JobFolder(const std::string& spool_dir, const JobKey& key);
absl::Status WriteFacts(const std::string& spool_dir, const v1::JobFacts& facts);
absl::StatusOr<v1::JobFacts> ReadFacts(const std::string& spool_dir, const JobKey& key);
// Jobs that have a folder. Makes jobs/ when it is missing.
absl::StatusOr<std::vector<JobKey>> ListJobFolders(const std::string& spool_dir);

}  // namespace reeve::noded
