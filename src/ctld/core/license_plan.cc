#include "ctld/core/license_plan.h"

#include <algorithm>

#include "ctld/core/reservation.h"

namespace reeve::ctld {
namespace {

// Later than that nobody plans.
constexpr Instant kEndOfTime = kNever / 2;

// What has to be free of the one kind where so many of the other are; below zero where those are
// more than enough: jobs may have more than there are for them.
Room Beside(uint32_t count, int32_t others) {
  return {static_cast<int32_t>(count) - others, 0, {}};
}

// In that time there are so many more on the track, or fewer. It has no holds yet.
void ChangeIn(Track& track, const Interval& time, uint32_t count, bool more) {
  const Instant until = std::min(time.until, kEndOfTime);
  if (time.from >= until) return;
  const Room room = LicenseRoom(count);
  if (more) {
    track.GiveBack(room, until);
    (void)track.Take(room, time.from);
  } else {
    (void)track.Take(room, until);
    track.GiveBack(room, time.from);
  }
}

bool AnyHas(const std::vector<Interval>& times, Instant from, Instant until) {
  return std::any_of(times.begin(), times.end(), [&](const Interval& time) {
    return time.from <= from && until <= time.until;
  });
}

}  // namespace

LicensePlan::Lane* LicensePlan::Entry::Find(uint32_t lane) {
  for (Lane& each : lanes) {
    if (((each.lane ^ lane) & ~kOpenLane) == 0) return &each;
  }
  return nullptr;
}

const Track* LicensePlan::kept(LicenseIndex license, uint32_t lane) const {
  const Lane* found = const_cast<Entry&>(entries_[license]).Find(lane);
  return found == nullptr ? nullptr : &found->track;
}

void LicensePlan::Reset(size_t licenses, std::vector<Reserve> reserves) {
  entries_.clear();
  entries_.resize(licenses);
  reserves_ = std::move(reserves);
  changed_.clear();
  ends_.clear();
  places_.clear();
  stale_ = true;
}

void LicensePlan::Keep(Entry& entry, const Reserve& reserve) {
  Lane& lane = entry.lanes.emplace_back();
  lane.lane = reserve.lane;
  lane.count = reserve.count;
  lane.times = reserve.times;
  (void)lane.track.Build({}, {});
  for (const Interval& time : reserve.times) {
    ChangeIn(entry.track, time, reserve.count, false);
    ChangeIn(lane.track, time, reserve.count, true);
  }
  // Nothing is promised to others beyond what is looked ahead.
  if (!reserve.returns) return;
  ChangeIn(entry.track, {reserve.times.back().until, kNever}, reserve.count, false);
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
  for (const Reserve& reserve : reserves_) Keep(entries_[reserve.license], reserve);
}

LicensePlan::Use LicensePlan::UseNow(LicenseIndex license, JobId job, const LicensePool& pool,
                                     Instant now, const EndOfJob& end_of, const Use& before) {
  const LicensePool::Entry& pooled = pool.entries()[license];
  const auto has = pooled.jobs.find(job);
  if (has == pooled.jobs.end()) return {};
  Use use{has->second, end_of(job)};
  const auto kept = pooled.kept.find(job);
  Lane* lane = kept == pooled.kept.end() ? nullptr : entries_[license].Find(kept->second.lane);
  // Who stays beyond the reservation has what is everybody's.
  if (lane == nullptr || !AnyHas(lane->times, now, use.until)) return use;
  const uint32_t others = lane->used - (before.lane == lane->lane ? before.kept : 0);
  use.kept = std::min(kept->second.count, lane->count > others ? lane->count - others : 0);
  use.lane = use.kept > 0 ? lane->lane : 0;
  return use;
}

void LicensePlan::GiveBack(Entry& entry, const Use& use) {
  if (use.count > use.kept) entry.track.GiveBack(LicenseRoom(use.count - use.kept), use.until);
  if (use.kept == 0) return;
  Lane& lane = *entry.Find(use.lane);
  lane.track.GiveBack(LicenseRoom(use.kept), use.until);
  lane.used -= use.kept;
}

std::vector<Track::Hold> LicensePlan::Take(Entry& entry, const Use& use) {
  std::vector<Track::Hold> displaced;
  if (use.count > use.kept) {
    displaced = entry.track.Take(LicenseRoom(use.count - use.kept), use.until);
  }
  if (use.kept == 0) return displaced;
  Lane& lane = *entry.Find(use.lane);
  const std::vector<Track::Hold> more = lane.track.Take(LicenseRoom(use.kept), use.until);
  displaced.insert(displaced.end(), more.begin(), more.end());
  lane.used += use.kept;
  return displaced;
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
    const auto had = entry.uses.find(job);
    const Use before = had == entry.uses.end() ? Use() : had->second;
    const Use after = UseNow(license, job, pool, now, end_of, before);
    if (before == after) continue;
    if (before.count > 0) {
      GiveBack(entry, before);
      ends_.erase({before.until, license, job});
      entry.uses.erase(had);
    }
    if (after.count > 0) taken.emplace_back(license, job, after);
    if (after.count >= before.count && after.until >= before.until && after.kept == before.kept) {
      continue;
    }
    Grown(license);
    grown = true;
  }
  for (const auto& [license, job, was] : taken) {
    Entry& entry = entries_[license];
    const Use use = UseNow(license, job, pool, now, end_of, {});  // beside those before it
    const std::vector<Track::Hold> lost = Take(entry, use);
    displaced.insert(displaced.end(), lost.begin(), lost.end());
    if (!lost.empty()) Grown(license);
    if (use.kept != was.kept) {
      Grown(license);
      grown = true;
    }
    entry.uses[job] = use;
    ends_.insert({use.until, license, job});
  }
  return grown;
}

int32_t LicensePlan::LeastFree(LicenseIndex license, const ReadyKey& rank, Track::View view,
                               Instant from, Instant until, uint32_t lane) const {
  const auto least = [&](const Track& track) {
    const Profile profile = track.SeenBy(rank, view, until, scratch_);
    return ctld::LeastFree(profile, from, until).cpus;
  };
  const Track* own = lane == 0 ? nullptr : kept(license, lane);
  return least(entries_[license].track) + (own == nullptr ? 0 : std::max(least(*own), 0));
}

std::vector<Track::Hold> LicensePlan::Add(const LicenseTerms& terms,
                                          const FromReserve& from_reserve, const ReadyKey& rank,
                                          Instant from, Instant until) {
  std::vector<Track::Hold> displaced;
  if (!terms.all.empty()) places_[rank.job]++;
  for (size_t i = 0; i < terms.all.size(); ++i) {
    const LicenseTerm& term = terms.all[i];
    const uint32_t kept = i < from_reserve.size() ? from_reserve[i] : 0;
    const auto add = [&](Track& track, uint32_t count) {
      if (count == 0) return;
      const std::vector<Track::Hold> lost = track.Add({from, until, LicenseRoom(count), rank});
      displaced.insert(displaced.end(), lost.begin(), lost.end());
      if (!lost.empty()) Grown(term.license);
    };
    Entry& entry = entries_[term.license];
    add(entry.track, term.count - kept);
    if (kept > 0) add(entry.Find(terms.lane)->track, kept);
  }
  return displaced;
}

LicensePlan::Lifted LicensePlan::Lift(const ReadyKey& rank, Instant from, bool for_good) {
  Lifted lifted;
  const auto places = places_.find(rank.job);
  if (places == places_.end()) return lifted;
  if (--places->second == 0) places_.erase(places);
  for (LicenseIndex license = 0; license < entries_.size(); ++license) {
    Entry& entry = entries_[license];
    const auto lift = [&](Track& track, uint32_t lane) {
      const std::optional<Track::Hold> hold = track.Remove(rank, from);
      if (!hold.has_value()) return;
      lifted.push_back({license, lane, *hold});
      if (for_good) Grown(license);
    };
    lift(entry.track, 0);
    for (Lane& lane : entry.lanes) lift(lane.track, lane.lane);
  }
  return lifted;
}

void LicensePlan::PutBack(const Lifted& lifted) {
  if (lifted.empty()) return;
  places_[lifted.front().hold.rank.job]++;
  for (const LiftedHold& each : lifted) {
    Entry& entry = entries_[each.license];
    Track& track = each.lane == 0 ? entry.track : entry.Find(each.lane)->track;
    (void)track.Add(each.hold);
  }
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
    : impossible_(terms.impossible), scratch_(2 * terms.all.size()) {
  for (const LicenseTerm& term : terms.all) {
    const size_t place = 2 * licenses_.size();
    Seen seen{plan.track(term.license).SeenBy(rank, view, until, scratch_[place]), {}, term.count};
    const Track* kept = terms.lane == 0 ? nullptr : plan.kept(term.license, terms.lane);
    if (kept != nullptr) seen.kept = kept->SeenBy(rank, view, until, scratch_[place + 1]);
    licenses_.push_back(std::move(seen));
  }
}

int32_t LicenseSight::Seen::LeastKept(Instant from, Instant until) const {
  return kept.has_value() ? std::max(LeastFree(*kept, from, until).cpus, 0) : 0;
}

Instant LicenseSight::Seen::FirstFit(Instant length, Instant from, Instant before) const {
  while (from < before) {
    const Room need = Beside(count, LeastKept(from, from + length));
    const Instant fits = ctld::FirstFit(profile, need, length, from, before);
    if (!kept.has_value() || fits == from) return fits;
    from = std::min(fits, WindowAt(*kept, from, length).next);
  }
  return kNever;
}

Instant LicenseSight::Seen::FreeUntil(Instant from, Instant until, Instant least) const {
  if (!kept.has_value()) return ctld::FreeUntil(profile, LicenseRoom(count), from, until);
  const uint32_t own = std::min<uint32_t>(count, LeastKept(from, from + least));
  if (own > 0) until = ctld::FreeUntil(*kept, LicenseRoom(own), from, until);
  const int32_t beside = own < count ? static_cast<int32_t>(own) : LeastKept(from, until);
  return ctld::FreeUntil(profile, Beside(count, beside), from, until);
}

Instant LicenseSight::FirstFit(Instant length, Instant from, Instant before) const {
  if (impossible_) return kNever;
  // Each moves the start on until all agree.
  for (Instant start = kNever; start != from;) {
    start = from;
    for (const Seen& seen : licenses_) {
      from = seen.FirstFit(length, from, before);
      if (from >= before) return kNever;
    }
  }
  return from;
}

Instant LicenseSight::FreeUntil(Instant from, Instant until, Instant least) const {
  for (const Seen& seen : licenses_) until = seen.FreeUntil(from, until, least);
  return until;
}

FromReserve LicenseSight::InReserve(Instant from, Instant until) const {
  FromReserve in_reserve;
  for (const Seen& seen : licenses_) {
    if (!seen.kept.has_value()) continue;
    in_reserve.resize(licenses_.size());
    in_reserve[&seen - licenses_.data()] =
        std::min<uint32_t>(seen.count, seen.LeastKept(from, until));
  }
  return in_reserve;
}

}  // namespace reeve::ctld
