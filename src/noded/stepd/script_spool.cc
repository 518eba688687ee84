#include "noded/stepd/script_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "common/base/text.h"

namespace reeve::noded {
namespace {

std::string FolderName(const JobKey& key) {
  return StrCat(key.job.value, ".", key.attempt);
}

std::optional<JobKey> ParseFolderName(std::string_view name) {
  std::vector<std::string_view> parts = Split(name, ".");
  JobKey key;
  if (parts.size() != 2 || !absl::SimpleAtoi(ToAbsl(parts[0]), &key.job.value) ||
      !absl::SimpleAtoi(ToAbsl(parts[1]), &key.attempt) || FolderName(key) != name) {
    return std::nullopt;
  }
  return key;
}

// Readers see the whole file or none. Nothing is synced: after a power loss no job is left here.
absl::Status WriteAndRename(const std::string& path, std::string_view data) {
  const std::string temporary = path + ".tmp";
  if (absl::Status status = os::WriteFile(temporary, data); !status.ok()) return status;
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return os::ErrnoStatus(errno, StrCat("rename ", temporary));
  }
  return absl::OkStatus();
}

template <class Proto>
absl::StatusOr<Proto> ReadMessage(const std::string& path) {
  absl::StatusOr<std::string> bytes = os::ReadFile(path, size_t{1} << 20);
  if (!bytes.ok()) return bytes.status();
  Proto message;
  if (!message.ParseFromString(*bytes)) {
    return absl::DataLossError(StrCat(path, ": not what it should be"));
  }
  return message;
}

}  // namespace

std::string ScriptName(const JobKey& key, ScriptKind kind) {
  return StrCat("jobs/", FolderName(key), kind == ScriptKind::kProlog ? "/prolog" : "/epilog");
}

bool IsScriptName(std::string_view name) {
  if (name == kHealthCheckName) return true;
  std::vector<std::string_view> parts = Split(name, "/");
  return parts.size() == 3 && parts[0] == "jobs" && ParseFolderName(parts[1]).has_value() &&
         (parts[2] == "prolog" || parts[2] == "epilog");
}

absl::StatusOr<std::optional<os::UniqueFd>> ScriptSpool::TryLock() {
  absl::StatusOr<os::UniqueFd> fd = os::OpenFile(path_ + ".lock", O_RDWR | O_CREAT);
  if (!fd.ok()) return fd.status();
  if (flock(fd->get(), LOCK_EX | LOCK_NB) == 0) return *std::move(fd);
  if (errno == EWOULDBLOCK) return std::nullopt;
  return os::ErrnoStatus(errno, StrCat("flock ", path_, ".lock"));
}

absl::Status ScriptSpool::WriteRun(const v1::ScriptRun& run) {
  const std::string folder = path_.substr(0, path_.rfind('/'));
  if (absl::Status status = os::EnsureDirectory(folder, 0700); !status.ok()) return status;
  return WriteAndRename(path_ + ".run", run.SerializeAsString());
}

absl::StatusOr<v1::ScriptRun> ScriptSpool::ReadRun() const {
  return ReadMessage<v1::ScriptRun>(path_ + ".run");
}

absl::Status ScriptSpool::WriteStarted(pid_t pid) {
  return WriteAndRename(path_ + ".started", StrCat("boot ", BootId(), "\ntask ", pid, " ",
                                                   ProcessStartTime(pid), "\n"));
}

absl::StatusOr<StartedMark> ScriptSpool::ReadStarted() const {
  return ReadStartedMark(path_ + ".started");
}

absl::Status ScriptSpool::WriteEnd(const v1::ScriptEnd& end) {
  return WriteAndRename(path_ + ".end", end.SerializeAsString());
}

absl::StatusOr<v1::ScriptEnd> ScriptSpool::ReadEnd() const {
  return ReadMessage<v1::ScriptEnd>(path_ + ".end");
}

absl::Status ScriptSpool::Clear() {
  for (const char* suffix : {".run", ".started", ".end"}) {
    const std::string path = path_ + suffix;
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      return os::ErrnoStatus(errno, StrCat("remove ", path));
    }
  }
  return absl::OkStatus();
}

std::string JobFolder(const std::string& spool_dir, const JobKey& key) {
  return StrCat(spool_dir, "/jobs/", FolderName(key));
}

absl::Status WriteFacts(const std::string& spool_dir, const v1::JobFacts& facts) {
  const std::string folder = JobFolder(spool_dir, {JobId{facts.job_id()}, facts.attempt()});
  if (absl::Status status = os::EnsureDirectory(folder, 0700); !status.ok()) return status;
  return WriteAndRename(folder + "/facts", facts.SerializeAsString());
}

absl::StatusOr<v1::JobFacts> ReadFacts(const std::string& spool_dir, const JobKey& key) {
  return ReadMessage<v1::JobFacts>(JobFolder(spool_dir, key) + "/facts");
}

absl::StatusOr<std::vector<JobKey>> ListJobFolders(const std::string& spool_dir) {
  const std::string folder = spool_dir + "/jobs";
  if (absl::Status status = os::EnsureDirectory(folder, 0700); !status.ok()) return status;
  absl::StatusOr<std::vector<std::string>> names = os::ListDirectory(folder);
  if (!names.ok()) return names.status();
  std::vector<JobKey> keys;
  for (const std::string& name : *names) {
    if (std::optional<JobKey> key = ParseFolderName(name)) keys.push_back(*key);
  }
  return keys;
}

}  // namespace reeve::noded
