#include "ctld/core/dependency.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "common/base/text.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/errors.h"
#include "ctld/core/job_array.h"

namespace reeve::ctld {
namespace {

struct KindName {
  DependencyKind kind;
  std::string_view name;
};
constexpr KindName kKinds[] = {
    {DependencyKind::kAfter, "after"},         {DependencyKind::kAfterAny, "afterany"},
    {DependencyKind::kAfterOk, "afterok"},     {DependencyKind::kAfterNotOk, "afternotok"},
    {DependencyKind::kAfterCorr, "aftercorr"}, {DependencyKind::kSingleton, "singleton"}};

// Each is looked at whenever one of its jobs ends.
constexpr size_t kMaxTerms = 1000;

std::optional<DependencyKind> ParseKind(std::string_view name) {
  for (const KindName& kind : kKinds) {
    if (kind.name == name) return kind.kind;
  }
  return std::nullopt;
}

// "12", "12_3", "12_*", "12+5", each perhaps followed by "(unfulfilled)" or "(failed)".
bool ParseTarget(std::string_view text, DependencyTerm& term) {
  if (const size_t paren = text.find('('); paren != std::string_view::npos) {
    term.failed = text.substr(paren) == "(failed)";
    if (!term.failed && text.substr(paren) != "(unfulfilled)") return false;
    text = text.substr(0, paren);
  }
  if (const size_t plus = text.find('+'); plus != std::string_view::npos) {
    uint32_t minutes = 0;
    if (term.kind != DependencyKind::kAfter) return false;
    if (!absl::SimpleAtoi(ToAbsl(text.substr(plus + 1)), &minutes)) return false;
    term.delay = absl::Minutes(minutes);
    text = text.substr(0, plus);
  }
  if (const size_t bar = text.find('_'); bar != std::string_view::npos) {
    uint32_t task = 0;
    const std::string_view name = text.substr(bar + 1);
    if (name != "*") {
      if (!absl::SimpleAtoi(ToAbsl(name), &task)) return false;
      term.task = task;
    }
    text = text.substr(0, bar);
  }
  return absl::SimpleAtoi(ToAbsl(text), &term.job.value) && term.job.value != 0;
}

// One comma- or ?-separated element: "afterok:1:2", "singleton", or the old bare "12".
bool ParseElement(std::string_view text, Dependency& dependency) {
  std::vector<std::string_view> parts = Split(text, ":");
  std::string name = ToLower(parts[0]);
  if (const size_t paren = name.find('('); paren != std::string::npos) name.resize(paren);
  std::optional<DependencyKind> kind = ParseKind(name);
  if (kind == DependencyKind::kSingleton) {
    if (parts.size() != 1) return false;
    dependency.terms.push_back({.kind = *kind});
    return true;
  }
  if (!kind.has_value() && parts.size() == 1) {
    DependencyTerm term;
    if (!ParseTarget(parts[0], term)) return false;
    dependency.terms.push_back(term);
    return true;
  }
  if (!kind.has_value() || parts.size() < 2) return false;
  for (size_t i = 1; i < parts.size(); ++i) {
    DependencyTerm term{.kind = *kind};
    if (!ParseTarget(parts[i], term)) return false;
    dependency.terms.push_back(term);
  }
  return true;
}

// The jobs a term is about: one, or the members of an array.
struct Target {
  std::vector<const Job*> jobs;
  bool is_array = false;
  bool failed_before = false;  // a member that is forgotten by now had failed
  bool succeeded_before = false;
};

Target FindTarget(const State& state, const DependencyTerm& term) {
  Target target;
  const auto array = state.arrays.find(term.job);
  if (array == state.arrays.end()) {
    if (const Job* job = state.FindJob(term.job)) target.jobs.push_back(job);
    return target;
  }
  if (!term.task.has_value()) {
    target.is_array = true;
    target.failed_before = array->second.failed > 0;
    target.succeeded_before = array->second.succeeded > 0;
  }
  const ArrayGroup& group = array->second;
  if (!term.task.has_value()) {
    for (JobId id : group.Members()) target.jobs.push_back(state.FindJob(id));
    return target;
  }
  if (const std::optional<JobId> id = group.FindTask(*term.task)) {
    target.jobs.push_back(state.FindJob(*id));
  }
  for (JobId id : group.records()) {
    const Job* job = state.FindJob(id);
    if (job->array->tasks.Contains(*term.task)) target.jobs.push_back(job);
  }
  return target;
}

bool Over(const Job& job) {
  return job.Finished() && !job.Completing();
}
bool Succeeded(const Job& job) {
  return job.state == JobState::kCompleted;
}

enum class TermStatus { kSatisfied, kWaiting, kNever };

struct TermState {
  TermStatus status = TermStatus::kSatisfied;
  absl::Time until = absl::InfiniteFuture();  // as in DependencyOutlook
};

TermState CheckAfter(const DependencyTerm& term, const Target& target, absl::Time now) {
  absl::Time latest = absl::UnixEpoch();
  for (const Job* other : target.jobs) {
    if (other->Pending()) return {TermStatus::kWaiting};
    latest = std::max<absl::Time>(latest, other->start_time);
  }
  if (latest + term.delay <= now) return {TermStatus::kSatisfied};
  return {TermStatus::kWaiting, latest + term.delay};
}

TermStatus CheckSingleton(const State& state, const Job& job) {
  const auto names = state.namesakes.find({job.owner->uid, job.spec->name});
  if (names == state.namesakes.end()) return TermStatus::kSatisfied;
  for (JobId id : names->second.all) {
    const Job* other = state.FindJob(id);
    if (id == job.id || other == nullptr) continue;
    if (job.array_job_id && other->array_job_id == job.array_job_id) continue;
    if (job.IsComponent() && other->het->leader == job.het->leader) continue;
    if (id < job.id || other->HoldsResources()) return TermStatus::kWaiting;
  }
  return TermStatus::kSatisfied;
}

TermStatus CheckOutcome(const DependencyTerm& term, const Target& target) {
  bool all_over = true;
  bool failed = target.failed_before;
  bool succeeded = target.succeeded_before;
  for (const Job* other : target.jobs) {
    all_over = all_over && Over(*other);
    if (Over(*other)) (Succeeded(*other) ? succeeded : failed) = true;
  }
  switch (term.kind) {
    case DependencyKind::kAfterAny:
      return all_over ? TermStatus::kSatisfied : TermStatus::kWaiting;
    case DependencyKind::kAfterNotOk:
      if (!all_over) return TermStatus::kWaiting;
      return failed ? TermStatus::kSatisfied : TermStatus::kNever;
    default:
      if (failed) return TermStatus::kNever;
      if (target.jobs.empty() && !succeeded) return TermStatus::kNever;  // nothing is known of it
      return all_over ? TermStatus::kSatisfied : TermStatus::kWaiting;
  }
}

TermState CheckTerm(const State& state, const Job& job, const DependencyTerm& term,
                    absl::Time now) {
  if (term.failed) return {TermStatus::kNever};
  if (term.kind == DependencyKind::kSingleton) return {CheckSingleton(state, job)};
  DependencyTerm wanted = term;
  if (term.kind == DependencyKind::kAfterCorr && !term.task.has_value() &&
      state.arrays.contains(term.job)) {
    // Tasks decided together have been split off: what is left here waits alike.
    wanted.task = job.IsArrayRecord() ? job.array->tasks.min() : job.array_task_id;
  }
  const Target target = FindTarget(state, wanted);
  if (term.kind == DependencyKind::kAfter) return CheckAfter(term, target, now);
  return {CheckOutcome(term, target)};
}

struct Remainder {
  Dependency dependency;
  std::vector<absl::Time> until;  // of each term
};

Remainder WhatIsLeft(const State& state, const Job& job, const Dependency& asked, absl::Time now) {
  Remainder left;
  left.dependency.any = asked.any;
  for (DependencyTerm term : asked.terms) {
    const TermState found = CheckTerm(state, job, term, now);
    if (found.status == TermStatus::kSatisfied) {
      if (asked.any) return {};
      continue;
    }
    term.failed = found.status == TermStatus::kNever;
    left.dependency.terms.push_back(term);
    left.until.push_back(found.until);
  }
  return left;
}

DependencyStatus StatusOf(const Dependency& left) {
  const auto failed = [](const DependencyTerm& term) { return term.failed; };
  if (left.terms.empty()) return DependencyStatus::kNone;
  const bool never = left.any ? std::all_of(left.terms.begin(), left.terms.end(), failed)
                              : std::any_of(left.terms.begin(), left.terms.end(), failed);
  return never ? DependencyStatus::kNever : DependencyStatus::kWaiting;
}

// An array record whose tasks wait each for its twin: those whose twin is over go their own way.
void SplitCorresponding(Context& context, Job& record, const Dependency& dependency) {
  for (const DependencyTerm& term : dependency.terms) {
    if (term.kind != DependencyKind::kAfterCorr || term.task.has_value()) continue;
    if (!context.state.arrays.contains(term.job)) continue;
    IdRanges decided;
    record.array->tasks.ForEach([&](uint32_t task) {
      DependencyTerm twin = term;
      twin.task = task;
      if (CheckOutcome(twin, FindTarget(context.state, twin)) != TermStatus::kWaiting) {
        decided.Insert(task);
      }
    });
    std::vector<uint32_t> tasks;
    decided.ForEach([&](uint32_t task) { tasks.push_back(task); });
    for (uint32_t task : tasks) {
      Job& split = SplitTasks(context, record, IdRanges::Single(task));
      if (&split != &record) Reconsider(context, split);
    }
  }
}

}  // namespace

absl::StatusOr<Dependency> ParseDependency(std::string_view text) {
  Dependency dependency;
  if (text.empty()) return dependency;
  const bool has_or = text.find('?') != std::string_view::npos;
  if (has_or && text.find(',') != std::string_view::npos) return Refuse(kDependencyProblem);
  dependency.any = has_or;
  for (std::string_view element : Split(text, has_or ? "?" : ",")) {
    if (!ParseElement(element, dependency) || dependency.terms.size() > kMaxTerms) {
      return Refuse(kDependencyProblem);
    }
  }
  return dependency;
}

std::string FormatDependency(const State& state, const Dependency& dependency) {
  std::vector<std::string> texts;
  for (const DependencyTerm& term : dependency.terms) {
    std::string text;
    for (const KindName& kind : kKinds) {
      if (kind.kind == term.kind) text = kind.name;
    }
    if (term.kind != DependencyKind::kSingleton) {
      StrAppend(&text, ":", term.job.value);
      if (term.task.has_value()) {
        StrAppend(&text, "_", *term.task);
      } else if (state.arrays.contains(term.job)) {
        StrAppend(&text, "_*");
      }
      if (term.delay > absl::ZeroDuration()) {
        StrAppend(&text, "+", absl::ToInt64Minutes(term.delay));
      }
    }
    texts.push_back(text + (term.failed ? "(failed)" : "(unfulfilled)"));
  }
  return Join(texts, dependency.any ? "?" : ",");
}

absl::Status CheckDependency(const State& state, const Dependency& dependency, JobId self) {
  for (const DependencyTerm& term : dependency.terms) {
    if (term.kind == DependencyKind::kSingleton) continue;
    if (term.job == self && self) return Refuse(kDependencyProblem);
    if (FindTarget(state, term).jobs.empty()) return Refuse(kDependencyProblem);
  }
  return absl::OkStatus();
}

DependencyStatus EvaluateDependency(Context& context, Job& job) {
  if (job.dependency.empty()) return DependencyStatus::kNone;
  absl::StatusOr<Dependency> parsed = ParseDependency(job.dependency);
  if (!parsed.ok()) return DependencyStatus::kNever;
  if (job.IsArrayRecord() && job.array->tasks.count() > 1) {
    SplitCorresponding(context, job, *parsed);
    if (job.dependency.empty()) return DependencyStatus::kNone;
  }
  const Remainder left = WhatIsLeft(context.state, job, *parsed, context.now);
  for (absl::Time until : left.until) {
    if (until == absl::InfiniteFuture()) continue;
    context.state.timers.Add(until, {TimerKind::kEligible, job.id, {}, {}});
  }
  const std::string text = FormatDependency(context.state, left.dependency);
  if (text != job.dependency) {
    job.dependency = text;
    context.Changed(job);
  }
  return StatusOf(left.dependency);
}

DependencyOutlook LookAtDependency(const State& state, const Job& job, absl::Time now) {
  const absl::StatusOr<Dependency> parsed = ParseDependency(job.dependency);
  if (!parsed.ok()) return {DependencyStatus::kNever};
  const Remainder left = WhatIsLeft(state, job, *parsed, now);
  if (left.until.empty()) return {};
  const auto [first, last] = std::minmax_element(left.until.begin(), left.until.end());
  return {StatusOf(left.dependency), parsed->any ? *first : *last};
}

void WatchDependency(Context& context, const Job& job) {
  absl::StatusOr<Dependency> parsed = ParseDependency(job.dependency);
  if (!parsed.ok()) return;
  for (const DependencyTerm& term : parsed->terms) {
    if (term.job) context.state.dependents[term.job].insert(job.id);
  }
}

void WakeDependents(Context& context, const Job& job) {
  std::vector<JobId> waiting;
  for (JobId id : {job.id, job.array_job_id}) {
    const auto found = context.state.dependents.find(id);
    if (found == context.state.dependents.end()) continue;
    waiting.insert(waiting.end(), found->second.begin(), found->second.end());
  }
  std::sort(waiting.begin(), waiting.end());
  for (JobId id : waiting) {
    Job* other = context.state.FindJob(id);
    if (other != nullptr && other->Pending() && !other->dependency.empty()) {
      Reconsider(context, *other);
      continue;
    }
    for (JobId target : {job.id, job.array_job_id}) {
      const auto found = context.state.dependents.find(target);
      if (found == context.state.dependents.end()) continue;
      found->second.erase(id);
      if (found->second.empty()) context.state.dependents.erase(found);
    }
  }
}

}  // namespace reeve::ctld
