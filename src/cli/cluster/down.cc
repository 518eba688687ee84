// reeve cluster down
#include <sys/stat.h>

#include <cstdio>
#include <optional>
#include <string_view>

#include "absl/time/clock.h"
#include "cli/cluster/processes.h"
#include "cli/cluster/progress.h"
#include "cli/cluster/verbs.h"
#include "common/base/text.h"

namespace reeve::cluster {
namespace {

constexpr char kVerb[] = "down";
constexpr absl::Duration kKeeperPatience = absl::Seconds(10);

// Inside one of its hosts this process would be ended along with everything there.
bool IsInside(const Layout& layout) {
  absl::StatusOr<std::string> mounts = os::ReadFile("/proc/self/mountinfo");
  if (!mounts.ok()) return false;
  for (const std::string& file : HostsFiles(layout)) {
    if (mounts->find(file.substr(file.rfind('/'))) != std::string::npos) return true;
  }
  return false;
}

absl::Status StopEverything(const Layout& layout) {
  std::optional<ProcessMark> mark;
  if (absl::StatusOr<std::string> text = os::ReadFile(layout.KeeperPid()); text.ok()) {
    mark = ParseMark(*text);
  }
  if (absl::StatusOr<KeeperClient> keeper = KeeperClient::Connect(layout); keeper.ok()) {
    if (absl::Status status = keeper->Stop(); !status.ok()) return status;
    absl::Time deadline = absl::Now() + kKeeperPatience;
    while (mark.has_value() && IsAlive(*mark) && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(2));
    }
  }
  return SweepLeftovers(layout);
}

}  // namespace

int Down(int argc, char** argv) {
  absl::StatusOr<LeadingOptions> options = ParseLeadingOptions(argc, argv);
  if (!options.ok()) return Fail(kVerb, Message(options.status()));
  bool keep = false;
  std::string folder = options->folder;
  for (int i = options->used; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--keep") {
      keep = true;
      absl::StatusOr<LeadingOptions> more = ParseLeadingOptions(argc - i, argv + i);
      if (!more.ok()) return Fail(kVerb, Message(more.status()));
      if (!more->folder.empty()) folder = more->folder;
      i += more->used - 1;
    } else {
      return Fail(kVerb, StrCat("unexpected: ", argv[i]));
    }
  }
  absl::StatusOr<Layout> layout = FindLayout(folder);
  if (!layout.ok()) return Fail(kVerb, Message(layout.status()));
  if (!os::PathExists(layout->LockFile())) {
    printf("No cluster in %s: nothing to take down.\n", layout->folder.c_str());
    return 0;
  }
  if (IsInside(*layout)) {
    return Fail(kVerb, "this shell is inside of the cluster; leave it first (exit)");
  }
  absl::StatusOr<os::UniqueFd> lock = LockFolder(*layout);
  if (!lock.ok()) return Fail(kVerb, Message(lock.status()));
  Progress progress;
  progress.Show("stopping");
  absl::Status status = StopEverything(*layout);
  if (status.ok() && !keep) status = RemoveFolders(*layout);
  progress.Clear();
  if (!status.ok()) return Fail(kVerb, Message(status));
  printf(keep ? "Cluster in %s is down; `reeve cluster up` brings it back.\n"
              : "Cluster in %s is down and deleted.\n",
         layout->folder.c_str());
  return 0;
}

}  // namespace reeve::cluster
