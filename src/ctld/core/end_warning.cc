#include "ctld/core/end_warning.h"

#include "common/base/text.h"
#include "ctld/core/errors.h"

namespace reeve::ctld {
namespace {

constexpr uint32_t kHighestSignal = 64;
constexpr absl::Duration kLongestWarning = absl::Seconds(65535);

// Never when it asked for none, has no end or was warned in this run.
absl::Time WarningTime(const Job& job) {
  const std::optional<EndWarning>& warning = job.spec->wishes().warning;
  if (!warning.has_value() || job.rare->warned) return absl::InfiniteFuture();
  const bool ends = job.time_limit < absl::InfiniteDuration() || IsSet(job.rare->preempt_time);
  return ends ? absl::Time(job.end_time) - warning->before : absl::InfiniteFuture();
}

// False: there is none yet.
bool MarkSteps(Job& job, const EndWarning& warning) {
  bool any = false;
  for (Step& step : job.steps) {
    if (step.Ended() || (step.step_id == kBatchStep) != warning.batch_only) continue;
    for (size_t share = 0; share < step.parts.size(); ++share) {
      if (step.parts[share] == PartState::kEnded) continue;
      step.unwarned.push_back(static_cast<uint32_t>(share));
    }
    any = true;
  }
  return any;
}

// A signal to what does not run yet would be lost, and so would one to a node that is away.
bool CanGetIt(const State& state, const Step& step, uint32_t share) {
  if (step.parts[share] != PartState::kStarted) return false;
  const Node* node = state.FindNode(step.shares[share].node);
  return node != nullptr && node->connected;
}

bool SendToParts(Context& context, const Job& job, Step& step, const EndWarning& warning) {
  bool sent = false;
  const std::vector<uint32_t> shares = step.unwarned.items();
  for (uint32_t share : shares) {
    if (!CanGetIt(context.state, step, share)) continue;
    context.Send(step.shares[share].node,
                 SignalStep{job.id, step.step_id, job.restarts,
                            static_cast<int32_t>(warning.signal), warning.batch_only});
    step.unwarned.Remove(share);
    sent = true;
  }
  return sent;
}

}  // namespace

absl::Status CheckWarning(const JobSpec& spec) {
  const std::optional<EndWarning>& warning = spec.wishes().warning;
  if (!warning.has_value()) return absl::OkStatus();
  if (warning->signal == 0 || warning->signal > kHighestSignal ||
      warning->before < absl::ZeroDuration() || warning->before > kLongestWarning) {
    return absl::InvalidArgumentError("Invalid --signal specification");
  }
  if (warning->batch_only && !spec.batch) {
    return Refuse(kBatchOnly, "--signal=B: is for the shell of a batch script");
  }
  return absl::OkStatus();
}

void WatchWarning(State& state, const Job& job) {
  state.timers.Add(WarningTime(job), {TimerKind::kWarning, job.id, {}, {}});
}

void WarnBeforeEnd(Context& context, Job& job) {
  const std::optional<EndWarning>& warning = job.spec->wishes().warning;
  if (!warning.has_value() || !job.Running()) return;
  bool changed = false;
  if (WarningTime(job) <= context.now && MarkSteps(job, *warning)) {
    job.rare.Edit().warned = true;
    changed = true;
    context.Log(LogLevel::kInfo,
                StrCat("job ", JobLabel(job), " (", job.id.value, "): is near its end, signal ",
                       warning->signal, " to its ", warning->batch_only ? "script" : "steps"));
  }
  for (Step& step : job.steps) {
    if (!step.unwarned.empty()) changed |= SendToParts(context, job, step, *warning);
  }
  if (changed) context.Changed(job);
}

}  // namespace reeve::ctld
