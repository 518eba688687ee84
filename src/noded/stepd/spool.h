// What a step leaves on this node's disk, so that no crash makes it run twice or vanish.
//
//   <SlurmdSpoolDir>/steps/<job>.<step>.<attempt>/     0700
//     launch      pb::StepLaunch           written by reevenoded before it asks the forker
//     lock        pid, start time          held (flock) by stepd as long as it lives
//     record.tmp  room for the record      taken by stepd before anything runs: on a full disk the
//                                          end of a step can still be written
//     started     task pids, boot id       written by stepd just before it lets the tasks exec
//     record      pb::StepRecord           written by stepd when no process of the step is left
//     abandoned                            written by reevenoded under the lock: never start
//     stepd.sock                           where stepd listens while it lives
//   <SlurmdSpoolDir>/scripts/job<id>.<attempt>/slurm_script
//   <SlurmdSpoolDir>/pmix/<job>.<step>.<attempt>/      0700, the user's: of a step's PMIx server
//
// mkdir decides who launches: EEXIST is a duplicate. Whoever holds the lock decides the rest:
//
//   lock held               the stepd lives
//   free, record            it has ended: the record says how
//   free, started           stepd died: its processes are to be killed, the step failed
//   free, neither           nothing ran and, with "abandoned" written, nothing ever will
//
// Nothing is synced: after a power loss the boot id has changed and the step is lost anyway.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/os/fd.h"
#include "noded/core/step_machine.h"
#include "reeve/v1/ctld.pb.h"
#include "reeve/v1/stepd.pb.h"

namespace reeve::noded {

std::string SpoolFolderName(const StepKey& key);  // "12.-5.0"
std::optional<StepKey> ParseSpoolFolderName(std::string_view name);

const std::string& BootId();
// A process's start in clock ticks since boot, 0 when there is no such process: with the pid it
// names one process for good.
uint64_t ProcessStartTime(pid_t pid);

struct StartedMark {
  std::string boot_id;
  struct Task {
    pid_t pid = 0;
    uint64_t start_time = 0;
  };
  std::vector<Task> tasks;
};

absl::StatusOr<StartedMark> ReadStartedMark(const std::string& path);

class StepSpool {
 public:
  StepSpool(std::string spool_dir, StepKey key);

  const std::string& path() const { return path_; }
  const StepKey& key() const { return key_; }
  std::string socket_path() const { return path_ + "/stepd.sock"; }

  // reevenoded's side.
  absl::Status Create(const v1::StepLaunch& launch);  // AlreadyExists: a duplicate
  absl::Status Abandon();                             // under the lock
  absl::Status Remove();

  // Both sides. TryLock: the lock, or nothing when another process holds it.
  absl::StatusOr<std::optional<os::UniqueFd>> TryLock();
  absl::StatusOr<v1::StepLaunch> ReadLaunch() const;  // NotFound: never completely written
  absl::StatusOr<v1::StepRecord> ReadRecord() const;  // NotFound: not there
  absl::StatusOr<StartedMark> ReadStarted() const;
  bool started() const;
  bool recorded() const;
  bool abandoned() const;
  bool owned() const;  // a stepd has held the lock

  // stepd's side.
  absl::Status WriteOwner(int lock_fd);  // pid and start time into the lock file
  absl::Status WriteStarted(const StartedMark& mark);
  absl::Status ReserveRecord(size_t tasks);
  absl::Status WriteRecord(const v1::StepRecord& record);

  // The batch script, in a folder that the user can pass through; owned by the user when root.
  std::string script_folder() const;
  std::string script_path() const { return script_folder() + "/slurm_script"; }
  absl::Status WriteScript(std::string_view script, uid_t uid, gid_t gid);
  absl::Status RemoveScript();

  // Of the step's PMIx server and of its ranks.
  std::string pmix_folder() const;
  absl::Status MakePmixFolder(uid_t uid, gid_t gid);
  absl::Status RemovePmixFolder();

 private:
  std::string file(std::string_view name) const;
  std::string spool_dir_;
  StepKey key_;
  std::string path_;
};

// Creates steps/ and scripts/ with their modes.
absl::Status PrepareSpool(const std::string& spool_dir);
// Keys of all folders under steps/.
absl::StatusOr<std::vector<StepKey>> ListSpool(const std::string& spool_dir);

// A Unix socket's address whose path may be longer than the 107 bytes sockaddr_un holds: bound and
// connected through the folder's descriptor in /proc/self/fd.
absl::StatusOr<os::UniqueFd> ListenUnix(const std::string& path);
absl::StatusOr<os::UniqueFd> ConnectUnix(const std::string& path);

}  // namespace reeve::noded
