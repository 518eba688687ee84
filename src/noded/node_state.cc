#include "noded/node_state.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::noded {
namespace {

constexpr size_t kFileSize = 64;

}  // namespace

absl::StatusOr<NodeState> NodeState::Load(const std::string& spool_dir) {
  NodeState state;
  state.path_ = spool_dir + "/node_state";
  absl::StatusOr<std::string> text = os::ReadFile(state.path_);
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  if (text.ok()) {
    std::vector<std::string_view> words = SplitSkipEmpty(*text, " \n");
    if (words.size() != 4 || words[0] != "epoch" || words[2] != "starts" ||
        !absl::SimpleAtoi(ToAbsl(words[1]), &state.epoch_) ||
        !absl::SimpleAtoi(ToAbsl(words[3]), &state.starts_)) {
      return absl::DataLossError(
          StrCat(state.path_, ": unreadable; remove it if this node has no running jobs"));
    }
  }
  ++state.starts_;
  state.first_report_id_ = state.starts_ << 40;
  if (absl::Status status = state.Store(); !status.ok()) return status;
  return state;
}

absl::Status NodeState::RaiseEpoch(uint64_t epoch) {
  if (epoch <= epoch_) return absl::OkStatus();
  epoch_ = epoch;
  return Store();
}

absl::Status NodeState::Store() const {
  std::string text = StrCat("epoch ", epoch_, "\nstarts ", starts_, "\n");
  if (text.size() < kFileSize) text.insert(text.size() - 1, kFileSize - text.size(), ' ');
  absl::Status status = os::WriteFileAtomically(path_, text);
  if (!absl::IsResourceExhausted(status)) return status;
  // A full disk must not keep the node from its controller. Over the old text, of the same length
  // and within one sector: no new room is needed, and it is written as a whole or not at all.
  absl::StatusOr<os::UniqueFd> file = os::OpenFile(path_, O_WRONLY);
  if (!file.ok()) return status;
  if (absl::Status over = os::WriteAll(file->get(), text); !over.ok()) return Annotate(over, path_);
  return fsync(file->get()) == 0 ? absl::OkStatus() : os::ErrnoStatus(errno, path_);
}

}  // namespace reeve::noded
