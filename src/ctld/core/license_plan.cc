#include "ctld/core/license_plan.h"

#include <algorithm>

namespace reeve::ctld {

void LicensePlan::Reset(size_t licenses) {
  entries_.clear();
  entries_.resize(licenses);
  changed_.clear();
  ends_.clear();
  places_.clear();
  stale_ = true;
}

void LicensePlan::ReadAll(const LicensePool& pool) {
  stale_ = false;
  changed_.clear();
  for (LicenseIndex license = 0; license < entries_.size(); ++license) {
    const LicensePool::Entry& pooled = pool.entries()[license];
    (void)entries_[license].track.Build(LicenseRoom(pooled.total), {});  // nobody holds any
    for (const auto& [job, count] : pooled.jobs) Changed(license, job);
    Grown(license);
  }
}

bool LicensePlan::Refresh(const LicensePool& pool, Instant now, const EndOfJob& end_of,
                          std::vector<Track::Hold>& displaced) {
  bool grown = stale_;
  if (stale_) ReadAll(pool);
  // Who should have ended stays for a while more.
  for (auto it = ends_.begin(); it != ends_.end() && std::get<Instant>(*it) <= now; ++it) {
    Changed(std::get<LicenseIndex>(*it), std::get<JobId>(*it));
  }
  std::vector<std::pair<LicenseIndex, JobId>> changed = std::exchange(changed_, {});
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  // What is given back before what is taken.
  std::vector<std::tuple<LicenseIndex, JobId, Use>> taken;
  for (const auto& [license, job] : changed) {
    Entry& entry = entries_[license];
    const auto& jobs = pool.entries()[license].jobs;
    const auto has = jobs.find(job);
    const Use after = has == jobs.end() ? Use() : Use{has->second, end_of(job)};
    const auto had = entry.uses.find(job);
    const Use before = had == entry.uses.end() ? Use() : had->second;
    if (before == after) continue;
    if (before.count > 0) {
      entry.track.GiveBack(LicenseRoom(before.count), before.until);
      ends_.erase({before.until, license, job});
      entry.uses.erase(had);
    }
    if (after.count > 0) taken.emplace_back(license, job, after);
    if (after.count >= before.count && after.until >= before.until) continue;
    Grown(license);
    grown = true;
  }
  for (const auto& [license, job, use] : taken) {
    Entry& entry = entries_[license];
    const std::vector<Track::Hold> lost = entry.track.Take(LicenseRoom(use.count), use.until);
    displaced.insert(displaced.end(), lost.begin(), lost.end());
    if (!lost.empty()) Grown(license);
    entry.uses[job] = use;
    ends_.insert({use.until, license, job});
  }
  return grown;
}

int32_t LicensePlan::LeastFree(LicenseIndex license, const ReadyKey& rank, Track::View view,
                               Instant from, Instant until) const {
  const Profile profile = entries_[license].track.SeenBy(rank, view, until, scratch_);
  return ctld::LeastFree(profile, from, until).cpus;
}

std::vector<Track::Hold> LicensePlan::Add(const LicenseTerms& terms, const ReadyKey& rank,
                                          Instant from, Instant until) {
  std::vector<Track::Hold> displaced;
  if (!terms.all.empty()) places_[rank.job]++;
  for (const LicenseTerm& term : terms.all) {
    const std::vector<Track::Hold> lost =
        entries_[term.license].track.Add({from, until, LicenseRoom(term.count), rank});
    displaced.insert(displaced.end(), lost.begin(), lost.end());
    if (!lost.empty()) Grown(term.license);
  }
  return displaced;
}

LicensePlan::Lifted LicensePlan::Lift(const ReadyKey& rank, Instant from, bool for_good) {
  Lifted lifted;
  const auto places = places_.find(rank.job);
  if (places == places_.end()) return lifted;
  if (--places->second == 0) places_.erase(places);
  for (LicenseIndex license = 0; license < entries_.size(); ++license) {
    if (!entries_[license].track.Remove(rank, from).has_value()) continue;
    lifted.push_back(license);
    if (for_good) Grown(license);
  }
  return lifted;
}

void LicensePlan::Grown(LicenseIndex license) {
  grown_ = entries_[license].to_improve = true;
}

void LicensePlan::BeginImproving() {
  for (Entry& entry : entries_) entry.improving = std::exchange(entry.to_improve, false);
}

bool LicensePlan::MayImprove(const LicenseTerms& terms) const {
  return std::any_of(terms.all.begin(), terms.all.end(), [&](const LicenseTerm& term) {
    return entries_[term.license].improving || entries_[term.license].to_improve;
  });
}

LicenseSight::LicenseSight(const LicensePlan& plan, const LicenseTerms& terms, const ReadyKey& rank,
                           Track::View view, Instant until)
    : impossible_(terms.impossible), scratch_(terms.all.size()) {
  for (const LicenseTerm& term : terms.all) {
    Track::Scratch& scratch = scratch_[licenses_.size()];
    licenses_.push_back(
        {plan.track(term.license).SeenBy(rank, view, until, scratch), LicenseRoom(term.count)});
  }
}

Instant LicenseSight::FirstFit(Instant length, Instant from, Instant before) const {
  if (impossible_) return kNever;
  // Each moves the start on until all agree.
  for (Instant start = kNever; start != from;) {
    start = from;
    for (const Seen& seen : licenses_) {
      from = ctld::FirstFit(seen.profile, seen.need, length, from, before);
      if (from >= before) return kNever;
    }
  }
  return from;
}

Instant LicenseSight::FreeUntil(Instant from, Instant until) const {
  for (const Seen& seen : licenses_) {
    until = ctld::FreeUntil(seen.profile, seen.need, from, until);
  }
  return until;
}

}  // namespace reeve::ctld
