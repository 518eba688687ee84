// Opens a job's files with the job's user's rights: links and folders that the user could not pass
// do not help. A child becomes the user, opens, and hands the descriptors back.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/os/fd.h"
#include "noded/stepd/identity.h"

namespace reeve::noded {

struct FileRequest {
  std::string what;  // "stdout", for messages
  std::string path;  // absolute
  bool write = false;
  bool truncate = false;  // with `write`; either way data is appended
};

// One descriptor a request, in order, or the first failure: "Could not open stdout file
// /nope/slurm-7.out: No such file or directory". DeadlineExceeded when a file system does not
// answer within `patience`.
absl::StatusOr<std::vector<os::UniqueFd>> OpenFilesAs(const Identity& identity, mode_t umask,
                                                      const std::vector<FileRequest>& requests,
                                                      absl::Duration patience);

}  // namespace reeve::noded
