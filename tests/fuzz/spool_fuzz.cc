// What a node finds on its disk: any bytes as launch, record, started mark, lock and node state.
// The readers say what is wrong or hand over something that can be planned and reported.
#include <sys/stat.h>

#include "noded/core/launch_plan.h"
#include "noded/stepd/convert.h"
#include "noded/stepd/process_tree.h"
#include "noded/stepd/spool.h"
#include "noded/stepd/task_launcher.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/message_filler.h"
#include "tests/support/temp_dir.h"

namespace reeve::noded {
namespace {

using fuzz::Bytes;
using fuzz::Expect;

const StepKey kKey{JobId{12}, StepId{0}, 1};

const std::string& Folder() {
  static const testing::TempDir* const folder = [] {
    const auto* made = new testing::TempDir;
    Expect(PrepareSpool(made->path()).ok(), "no spool");
    Expect(StepSpool(made->path(), kKey).Create({}).ok(), "no step's folder");
    atexit([] { os::RemoveTree(Folder()).IgnoreError(); });
    return made;
  }();
  return folder->path();
}

void Put(const StepSpool& spool, const char* name, std::string_view bytes) {
  Expect(os::WriteFile(StrCat(spool.path(), "/", name), bytes).ok(), "cannot write");
}

void Plan(const v1::StepLaunch& launch) {
  const LaunchRequest request = FromProto(launch);
  const NodeFacts facts{"/root", "/bin/sh", "/etc/slurm.conf", "/spool/script"};
  absl::StatusOr<LaunchPlan> plan = MakeLaunchPlan(request, facts);
  absl::StatusOr<std::vector<ChildLimit>> limits = LimitsOf(launch);
  if (!limits.ok()) Expect(!Message(limits.status()).empty(), "no word of why");
  if (!plan.ok()) return Expect(!Message(plan.status()).empty(), "no word of why");
  Expect(!plan->tasks.empty() && !plan->argv.empty() && !plan->programs.empty(), "a hollow plan");
  for (const TaskPlan& task : plan->tasks) {
    for (const StreamTarget* target : {&task.in, &task.out, &task.err}) {
      const bool file = target->kind == StreamTarget::Kind::kFile;
      Expect(file != target->path.empty(), "a file without a path, or a path without a file");
    }
    for (const std::string& entry : task.environment) {
      Expect(entry.find('=') != entry.npos && entry.find('\0') == entry.npos, "no variable");
    }
  }
}

void Launch(Bytes bytes) {
  StepSpool spool(Folder(), kKey);
  v1::StepLaunch launch;
  if (bytes.Flag()) {
    Put(spool, "launch", bytes.Rest());
    absl::StatusOr<v1::StepLaunch> read = spool.ReadLaunch();
    if (!read.ok()) return;
    launch = *std::move(read);
  } else {
    fuzz::Fill(bytes, &launch);
  }
  Plan(launch);
}

void Record(Bytes bytes) {
  StepSpool spool(Folder(), kKey);
  v1::StepRecord record;
  if (bytes.Flag()) {
    Put(spool, "record", bytes.Rest());
    absl::StatusOr<v1::StepRecord> read = spool.ReadRecord();
    if (!read.ok()) return;
    record = *std::move(read);
  } else {
    fuzz::Fill(bytes, &record);
  }
  const StepOutcome outcome = FromProto(record.report());
  const StepOutcome again = FromProto(ToProto(7, kKey, outcome));
  Expect(again.kind == outcome.kind && again.tasks.size() == outcome.tasks.size() &&
             again.error == outcome.error && again.launch_again == outcome.launch_again,
         "an outcome changes on its way");
}

void Started(Bytes bytes) {
  StepSpool spool(Folder(), kKey);
  Put(spool, "started", bytes.Rest());
  absl::StatusOr<StartedMark> mark = spool.ReadStarted();
  Expect(mark.ok(), "a mark that is there cannot be read");
  for (const StartedMark::Task& task : mark->tasks) {
    // What a damaged mark names is killed: never the whole session, a group or init.
    Expect(task.pid > 1, "a mark names process ", task.pid);
  }
  Expect(spool.WriteStarted(*mark).ok(), "cannot write");
  absl::StatusOr<StartedMark> again = spool.ReadStarted();
  Expect(again.ok() && again->boot_id == mark->boot_id && again->tasks.size() == mark->tasks.size(),
         "a mark changes when it is written again");
}

void Folders(Bytes bytes) {
  const std::string name(bytes.Rest());
  std::optional<StepKey> key = ParseSpoolFolderName(name);
  if (!key.has_value()) return;
  Expect(SpoolFolderName(*key) == name && name.find('/') == name.npos, "another folder: ", name);
}

}  // namespace
}  // namespace reeve::noded

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace reeve::noded;  // NOLINT(google-build-using-namespace)
  reeve::fuzz::Bytes bytes(data, size);
  constexpr void (*kParts[])(reeve::fuzz::Bytes) = {Launch, Record, Started, Folders};
  const uint32_t part = bytes.Below(4);
  kParts[part](bytes);
  return 0;
}
