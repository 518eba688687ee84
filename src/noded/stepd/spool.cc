#include "noded/stepd/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "common/base/text.h"

namespace reeve::noded {
namespace {

constexpr size_t kRecordRoom = 4096;  // an error's text, usage
constexpr size_t kTaskRoom = 24;

// Readers see the whole file or none; without syncing, see the header.
absl::Status WriteAndRename(const std::string& path, std::string_view data) {
  std::string temporary = StrCat(path, ".tmp");
  if (absl::Status status = os::WriteFile(temporary, data); !status.ok()) return status;
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return os::ErrnoStatus(errno, StrCat("rename ", temporary));
  }
  return absl::OkStatus();
}

absl::Status MakeFolder(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0) return os::ErrnoStatus(errno, StrCat("mkdir ", path));
  if (chmod(path.c_str(), mode) != 0) return os::ErrnoStatus(errno, StrCat("chmod ", path));
  return absl::OkStatus();
}

template <class Proto>
absl::StatusOr<Proto> ReadMessage(const std::string& path) {
  absl::StatusOr<std::string> bytes = os::ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  Proto message;
  if (!message.ParseFromString(*bytes)) {
    return absl::DataLossError(StrCat(path, ": not what it should be"));
  }
  return message;
}

}  // namespace

std::string SpoolFolderName(const StepKey& key) {
  return StrCat(key.job.value, ".", key.step.value, ".", key.attempt);
}

std::optional<StepKey> ParseSpoolFolderName(std::string_view name) {
  std::vector<std::string_view> parts = Split(name, ".");
  StepKey key;
  if (parts.size() != 3 || !absl::SimpleAtoi(ToAbsl(parts[0]), &key.job.value) ||
      !absl::SimpleAtoi(ToAbsl(parts[1]), &key.step.value) ||
      !absl::SimpleAtoi(ToAbsl(parts[2]), &key.attempt) || SpoolFolderName(key) != name) {
    return std::nullopt;
  }
  return key;
}

const std::string& BootId() {
  static const std::string* const boot_id = [] {
    absl::StatusOr<std::string> id = os::ReadFile("/proc/sys/kernel/random/boot_id");
    return new std::string(id.ok() ? Strip(*id) : "");
  }();
  return *boot_id;
}

uint64_t ProcessStartTime(pid_t pid) {
  absl::StatusOr<std::string> stat = os::ReadFile(StrCat("/proc/", pid, "/stat"));
  if (!stat.ok()) return 0;
  size_t after_name = stat->rfind(')');  // the name may hold blanks and parentheses
  if (after_name == std::string::npos) return 0;
  std::vector<std::string_view> fields =
      SplitSkipEmpty(std::string_view(*stat).substr(after_name + 1), " ");
  uint64_t start = 0;
  if (fields.size() < 20 || !absl::SimpleAtoi(ToAbsl(fields[19]), &start)) return 0;
  return start;
}

StepSpool::StepSpool(std::string spool_dir, StepKey key)
    : spool_dir_(std::move(spool_dir)),
      key_(key),
      path_(StrCat(spool_dir_, "/steps/", SpoolFolderName(key))) {}

std::string StepSpool::file(std::string_view name) const {
  return StrCat(path_, "/", name);
}

absl::Status StepSpool::Create(const v1::StepLaunch& launch) {
  if (absl::Status status = MakeFolder(path_, 0700); !status.ok()) return status;
  return WriteAndRename(file("launch"), launch.SerializeAsString());
}

absl::Status StepSpool::Abandon() {
  return os::WriteFile(file("abandoned"), "");
}

absl::Status StepSpool::Remove() {
  absl::Status script = RemoveScript();
  if (absl::Status status = RemovePmixFolder(); !status.ok()) return status;
  absl::Status folder = os::RemoveTree(path_);
  return folder.ok() ? script : folder;
}

absl::StatusOr<std::optional<os::UniqueFd>> StepSpool::TryLock() {
  absl::StatusOr<os::UniqueFd> fd = os::OpenFile(file("lock"), O_RDWR | O_CREAT);
  if (!fd.ok()) return fd.status();
  if (flock(fd->get(), LOCK_EX | LOCK_NB) == 0) return *std::move(fd);
  if (errno == EWOULDBLOCK) return std::nullopt;
  return os::ErrnoStatus(errno, StrCat("flock ", file("lock")));
}

absl::StatusOr<v1::StepLaunch> StepSpool::ReadLaunch() const {
  return ReadMessage<v1::StepLaunch>(file("launch"));
}

absl::StatusOr<v1::StepRecord> StepSpool::ReadRecord() const {
  return ReadMessage<v1::StepRecord>(file("record"));
}

absl::StatusOr<StartedMark> StepSpool::ReadStarted() const {
  return ReadStartedMark(file("started"));
}

absl::StatusOr<StartedMark> ReadStartedMark(const std::string& path) {
  absl::StatusOr<std::string> text = os::ReadFile(path);
  if (!text.ok()) return text.status();
  StartedMark mark;
  std::vector<std::string_view> lines = SplitSkipEmpty(*text, "\n");
  for (std::string_view line : lines) {
    std::vector<std::string_view> words = Split(line, " ");
    StartedMark::Task task;
    if (words.size() == 2 && words[0] == "boot") {
      mark.boot_id = std::string(words[1]);
    } else if (words.size() == 3 && words[0] == "task" &&
               absl::SimpleAtoi(ToAbsl(words[1]), &task.pid) &&
               absl::SimpleAtoi(ToAbsl(words[2]), &task.start_time) && task.pid > 1) {
      // A task is what gets killed, with its group and session: 0 and 1 are nobody's task.
      mark.tasks.push_back(task);
    }
  }
  return mark;
}

bool StepSpool::started() const {
  return os::PathExists(file("started"));
}
bool StepSpool::recorded() const {
  return os::PathExists(file("record"));
}
bool StepSpool::owned() const {
  absl::StatusOr<std::string> owner = os::ReadFile(file("lock"));
  return owner.ok() && !owner->empty();
}
bool StepSpool::abandoned() const {
  return os::PathExists(file("abandoned"));
}

absl::Status StepSpool::WriteOwner(int lock_fd) {
  std::string text = StrCat(getpid(), " ", ProcessStartTime(getpid()), "\n");
  if (ftruncate(lock_fd, 0) != 0) return os::ErrnoStatus(errno, "ftruncate lock");
  return os::WriteAll(lock_fd, text);
}

absl::Status StepSpool::WriteStarted(const StartedMark& mark) {
  std::string text = StrCat("boot ", mark.boot_id, "\n");
  for (const StartedMark::Task& task : mark.tasks) {
    StrAppend(&text, "task ", task.pid, " ", task.start_time, "\n");
  }
  return WriteAndRename(file("started"), text);
}

absl::Status StepSpool::ReserveRecord(size_t tasks) {
  const std::string path = file("record.tmp");
  absl::StatusOr<os::UniqueFd> fd = os::OpenFile(path, O_WRONLY | O_CREAT, 0600);
  if (!fd.ok()) return fd.status();
  int error = posix_fallocate(fd->get(), 0, static_cast<off_t>(kRecordRoom + tasks * kTaskRoom));
  return error == 0 ? absl::OkStatus() : os::ErrnoStatus(error, StrCat("fallocate ", path));
}

// Over the room that was kept, which is cut to the record's length only after that.
absl::Status StepSpool::WriteRecord(const v1::StepRecord& record) {
  const std::string bytes = record.SerializeAsString();
  const std::string path = file("record.tmp");
  absl::StatusOr<os::UniqueFd> fd = os::OpenFile(path, O_WRONLY | O_CREAT, 0600);
  if (!fd.ok()) return fd.status();
  if (absl::Status status = os::WriteAll(fd->get(), bytes); !status.ok()) {
    return Annotate(status, path);
  }
  if (ftruncate(fd->get(), static_cast<off_t>(bytes.size())) != 0) {
    return os::ErrnoStatus(errno, StrCat("ftruncate ", path));
  }
  if (rename(path.c_str(), file("record").c_str()) != 0) {
    return os::ErrnoStatus(errno, StrCat("rename ", path));
  }
  return absl::OkStatus();
}

std::string StepSpool::script_folder() const {
  return StrCat(spool_dir_, "/scripts/job", key_.job.value, ".", key_.attempt);
}

absl::Status StepSpool::WriteScript(std::string_view script, uid_t uid, gid_t gid) {
  absl::Status made = MakeFolder(script_folder(), 0711);
  if (absl::IsAlreadyExists(made)) {  // left over from a stepd that died before the mark
    if (absl::Status status = os::RemoveTree(script_folder()); !status.ok()) return status;
    made = MakeFolder(script_folder(), 0711);
  }
  if (!made.ok()) return made;
  if (absl::Status status = os::WriteFile(script_path(), script, 0500); !status.ok()) return status;
  if (geteuid() == 0 && chown(script_path().c_str(), uid, gid) != 0) {
    return os::ErrnoStatus(errno, StrCat("chown ", script_path()));
  }
  if (chmod(script_path().c_str(), 0500) != 0) {
    return os::ErrnoStatus(errno, StrCat("chmod ", script_path()));
  }
  return absl::OkStatus();
}

std::string StepSpool::pmix_folder() const {
  return StrCat(spool_dir_, "/pmix/", SpoolFolderName(key_));
}

absl::Status StepSpool::MakePmixFolder(uid_t uid, gid_t gid) {
  const std::string path = pmix_folder();
  if (absl::Status status = RemovePmixFolder(); !status.ok()) return status;
  if (absl::Status status = MakeFolder(path, 0700); !status.ok()) return status;
  if (geteuid() == 0 && chown(path.c_str(), uid, gid) != 0) {
    return os::ErrnoStatus(errno, StrCat("chown ", path));
  }
  return absl::OkStatus();
}

absl::Status StepSpool::RemovePmixFolder() {
  if (key_.step.value < 0) return absl::OkStatus();
  return os::RemoveTree(pmix_folder());
}

absl::Status StepSpool::RemoveScript() {
  if (key_.step != kBatchStep) return absl::OkStatus();
  unlink(script_path().c_str());
  if (rmdir(script_folder().c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return os::RemoveTree(script_folder());
}

absl::Status PrepareSpool(const std::string& spool_dir) {
  // Users pass through it to their script.
  if (absl::Status status = os::EnsureDirectory(spool_dir, 0755); !status.ok()) return status;
  for (auto [name, mode] :
       {std::pair{"/steps", mode_t{0700}}, {"/scripts", mode_t{0711}}, {"/pmix", mode_t{0711}}}) {
    std::string path = spool_dir + name;
    if (absl::Status status = os::EnsureDirectory(path, mode); !status.ok()) return status;
    if (chmod(path.c_str(), mode) != 0) return os::ErrnoStatus(errno, StrCat("chmod ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StepKey>> ListSpool(const std::string& spool_dir) {
  absl::StatusOr<std::vector<std::string>> names = os::ListDirectory(spool_dir + "/steps");
  if (!names.ok()) return names.status();
  std::vector<StepKey> keys;
  for (const std::string& name : *names) {
    if (std::optional<StepKey> key = ParseSpoolFolderName(name)) keys.push_back(*key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace reeve::noded
