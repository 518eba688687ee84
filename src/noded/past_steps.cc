#include "noded/past_steps.h"

#include <unistd.h>

#include "common/base/text.h"
#include "common/os/fd.h"
#include "common/os/log.h"
#include "noded/stepd/spool.h"

namespace reeve::noded {
namespace {

constexpr absl::Duration kKeep = absl::Seconds(60);

}  // namespace

PastSteps::PastSteps(os::EventLoop* loop, const std::string& spool_dir)
    : loop_(loop), folder_(spool_dir + "/past") {}

PastSteps::~PastSteps() {
  for (const auto& [key, past] : steps_) loop_->Cancel(past.forget);
}

absl::Status PastSteps::Start() {
  if (absl::Status status = os::EnsureDirectory(folder_, 0700); !status.ok()) return status;
  absl::StatusOr<std::vector<std::string>> names = os::ListDirectory(folder_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    std::optional<StepKey> key = ParseSpoolFolderName(name);
    absl::StatusOr<std::string> bytes = os::ReadFile(StrCat(folder_, "/", name));
    v1::StepRecord record;
    if (!key || !bytes.ok() || !record.ParseFromString(*bytes)) {
      unlink(StrCat(folder_, "/", name).c_str());
      continue;
    }
    steps_[*key].record = std::move(record);
    ForgetLater(*key);
  }
  return absl::OkStatus();
}

void PastSteps::Add(const StepKey& key, v1::StepRecord record) {
  // Not written: only this daemon can answer the client.
  absl::Status status = os::WriteFile(PathOf(key), record.SerializeAsString(), 0600);
  if (!status.ok()) os::LogError(Message(status));
  steps_[key].record = std::move(record);
  ForgetLater(key);
}

const v1::StepRecord* PastSteps::Find(const StepKey& key) const {
  auto found = steps_.find(key);
  return found == steps_.end() ? nullptr : &found->second.record;
}

std::string PastSteps::PathOf(const StepKey& key) const {
  return StrCat(folder_, "/", SpoolFolderName(key));
}

void PastSteps::ForgetLater(const StepKey& key) {
  loop_->Cancel(steps_[key].forget);
  steps_[key].forget = loop_->After(kKeep, [this, key] {
    unlink(PathOf(key).c_str());
    steps_.erase(key);
  });
}

}  // namespace reeve::noded
