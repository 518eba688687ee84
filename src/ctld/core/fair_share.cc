#include "ctld/core/fair_share.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace reeve::ctld {
namespace {

constexpr double kNothing = 1;  // CPU seconds that count as none

absl::CivilMonth FirstMonth(UsageReset reset, absl::CivilDay today) {
  const absl::CivilMonth month(today);
  if (reset == UsageReset::kQuarterly) return month - (month.month() - 1) % 3;
  if (reset == UsageReset::kYearly) return absl::CivilMonth(absl::CivilYear(today));
  return month;
}

}  // namespace

absl::Time LastReset(UsageReset reset, absl::Time now, absl::TimeZone zone) {
  const absl::CivilDay today = absl::ToCivilDay(now, zone);
  switch (reset) {
    case UsageReset::kNone:
    case UsageReset::kNow:  // once, when the configuration is read
      return absl::InfinitePast();
    case UsageReset::kDaily:
      return absl::FromCivil(today, zone);
    case UsageReset::kWeekly:
      return absl::FromCivil(absl::PrevWeekday(today + 1, absl::Weekday::sunday), zone);
    case UsageReset::kMonthly:
    case UsageReset::kQuarterly:
    case UsageReset::kYearly:
      return absl::FromCivil(FirstMonth(reset, today), zone);
  }
  return absl::InfinitePast();
}

void FairShare::Configure(const PriorityConfig& config, absl::Time now) {
  for (auto& [uid, user] : users_) Bring(user, now);
  config_ = config;
  if (config.usage_reset != UsageReset::kNow) return;
  for (auto& [uid, user] : users_) user.cpu_seconds = 0;
}

void FairShare::Restore(const StoredUsage& stored) {
  const double used = std::isfinite(stored.cpu_seconds) ? std::max(stored.cpu_seconds, 0.0) : 0;
  users_[stored.uid] = User{used, stored.at, 0};
}

void FairShare::Began(uint32_t uid, uint32_t cpus, absl::Time since, absl::Time now) {
  User& user = users_[uid];
  Bring(user, now);
  user.cpu_seconds += Carry(0, cpus, since, now);
  user.cpus += cpus;
}

void FairShare::Ended(uint32_t uid, uint32_t cpus, absl::Time now) {
  User& user = users_[uid];
  Bring(user, now);
  user.cpus -= std::min<uint64_t>(cpus, user.cpus);
}

void FairShare::ClockJumped(absl::Duration by) {
  for (auto& [uid, user] : users_) user.at += by;
}

double FairShare::UsageOf(uint32_t uid, absl::Time now) const {
  const auto found = users_.find(uid);
  if (found == users_.end()) return 0;
  User user = found->second;
  Bring(user, now);
  return user.cpu_seconds;
}

std::optional<StoredUsage> FairShare::RecordOf(uint32_t uid) const {
  const auto found = users_.find(uid);
  if (found == users_.end()) return std::nullopt;
  return StoredUsage{uid, found->second.cpu_seconds, found->second.at};
}

uint32_t FairShare::RunningCpus(uint32_t uid) const {
  const auto found = users_.find(uid);
  return found == users_.end() ? 0 : static_cast<uint32_t>(found->second.cpus);
}

std::vector<uint32_t> FairShare::Forget(absl::Time now) {
  std::vector<uint32_t> gone;
  for (auto& [uid, user] : users_) {
    Bring(user, now);
    if (user.cpus == 0 && user.cpu_seconds < kNothing) gone.push_back(uid);
  }
  for (uint32_t uid : gone) users_.erase(uid);
  std::sort(gone.begin(), gone.end());
  return gone;
}

absl::flat_hash_map<uint32_t, double> FairShare::Factors(const std::vector<uint32_t>& others,
                                                         absl::Time now) const {
  std::vector<std::pair<double, uint32_t>> used;
  double all = 0;
  for (const auto& [uid, user] : users_) {
    const double seconds = UsageOf(uid, now);
    if (seconds < kNothing) continue;
    used.emplace_back(seconds, uid);
    all += seconds;
  }
  size_t users = used.size();
  for (uint32_t uid : others) users += UsageOf(uid, now) < kNothing;
  std::sort(used.begin(), used.end());
  absl::flat_hash_map<uint32_t, double> factors;
  const auto count = static_cast<double>(users);
  double rank = 0;  // of the fair tree: where among all users, by the ratio of share to use
  for (size_t i = 0; i < used.size(); ++i) {
    if (i == 0 || used[i].first > used[i - 1].first) {
      rank = static_cast<double>(used.size() - i);
    }
    const double due = 1 / count;
    factors[used[i].second] = config_.no_fair_tree
                                  ? std::exp2(-(used[i].first / all / due) / config_.dampening)
                                  : rank / count;
  }
  return factors;
}

double FairShare::Carry(double used, double cpus, absl::Time from, absl::Time to) const {
  const absl::Time reset = LastReset(config_.usage_reset, to, absl::LocalTimeZone());
  if (reset > from) {
    used = 0;
    from = reset;
  }
  if (from >= to) return used;
  const double seconds = absl::ToDoubleSeconds(to - from);
  if (config_.decay_half_life <= absl::ZeroDuration()) return used + cpus * seconds;
  const double fading = std::log(2) / absl::ToDoubleSeconds(config_.decay_half_life);
  const double left = std::exp(-fading * seconds);
  return used * left + cpus * -std::expm1(-fading * seconds) / fading;
}

void FairShare::Bring(User& user, absl::Time now) const {
  if (user.at >= now) return;
  // Nothing is known of before.
  if (user.at > absl::InfinitePast()) {
    user.cpu_seconds = Carry(user.cpu_seconds, static_cast<double>(user.cpus), user.at, now);
  }
  user.at = now;
}

}  // namespace reeve::ctld
