#include "common/base/config_priority.h"

#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "common/base/config_values.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

using C = PriorityConfig;

std::string OrNull(std::string_view text) {
  return text.empty() ? "(null)" : std::string(text);
}

absl::Status SetType(Config& config, std::string_view value) {
  std::string_view word = value;
  if (StartsWithIgnoreCase(word, "priority/")) word.remove_prefix(9);
  config.priority.multifactor = EqualsIgnoreCase(word, "multifactor");
  if (config.priority.multifactor || EqualsIgnoreCase(word, "basic")) return absl::OkStatus();
  return Refused(value, "is not supported; use priority/multifactor or priority/basic");
}

std::string ShowType(const Config& config) {
  return config.priority.multifactor ? "priority/multifactor" : "priority/basic";
}

ValueBinding Weight(std::string_view key, uint32_t C::*member) {
  return {key,
          [=](Config& config, std::string_view value) {
            absl::StatusOr<uint64_t> weight = ParseUint(value, "weight", UINT32_MAX);
            if (!weight.ok()) return Refused(value, "is not a number from 0 to 4294967295");
            config.priority.*member = static_cast<uint32_t>(*weight);
            return absl::OkStatus();
          },
          [member](const Config& config) { return StrCat(config.priority.*member); }};
}

ValueBinding Period(std::string_view key, absl::Duration C::*member, absl::Duration least) {
  return {key,
          [=](Config& config, std::string_view value) {
            absl::StatusOr<absl::Duration> time = ParseTimeLimit(value);
            if (!time.ok()) return time.status();
            if (*time == absl::InfiniteDuration() || *time < least) {
              return Refused(value, least > absl::ZeroDuration()
                                        ? "is not a time of a minute or more"
                                        : "is not a time");
            }
            config.priority.*member = *time;
            return absl::OkStatus();
          },
          [member](const Config& config) { return FormatDuration(config.priority.*member); }};
}

constexpr std::pair<std::string_view, UsageReset> kResets[] = {
    {"NONE", UsageReset::kNone},       {"NOW", UsageReset::kNow},
    {"DAILY", UsageReset::kDaily},     {"WEEKLY", UsageReset::kWeekly},
    {"MONTHLY", UsageReset::kMonthly}, {"QUARTERLY", UsageReset::kQuarterly},
    {"YEARLY", UsageReset::kYearly},
};

absl::Status SetUsageReset(Config& config, std::string_view value) {
  for (const auto& [name, reset] : kResets) {
    if (!EqualsIgnoreCase(value, name)) continue;
    config.priority.usage_reset = reset;
    return absl::OkStatus();
  }
  return Refused(value, "is none of NONE, NOW, DAILY, WEEKLY, MONTHLY, QUARTERLY, YEARLY");
}

std::string ShowUsageReset(const Config& config) {
  for (const auto& [name, reset] : kResets) {
    if (reset == config.priority.usage_reset) return std::string(name);
  }
  return "";
}

absl::Status SetFavorSmall(Config& config, std::string_view value) {
  absl::StatusOr<bool> yes = ParseYesNo(value);
  if (!yes.ok()) return yes.status();
  config.priority.favor_small = *yes;
  return absl::OkStatus();
}

constexpr std::pair<std::string_view, bool C::*> kFlags[] = {
    {"ACCRUE_ALWAYS", &C::accrue_always},   {"SMALL_RELATIVE_TO_TIME", &C::small_relative_to_time},
    {"NO_FAIR_TREE", &C::no_fair_tree},     {"NO_NORMAL_PART", &C::no_normal_partition},
    {"NO_NORMAL_TRES", &C::no_normal_tres},
};

absl::Status SetFlags(Config& config, std::string_view value) {
  for (const auto& [name, member] : kFlags) config.priority.*member = false;
  if (value == "(null)") return absl::OkStatus();
  for (std::string_view word : SplitSkipEmpty(value, ",")) {
    bool C::*found = nullptr;
    for (const auto& [name, member] : kFlags) {
      if (EqualsIgnoreCase(Strip(word), name)) found = member;
    }
    if (found == nullptr) {
      return Refused(word,
                     "is not supported; ACCRUE_ALWAYS, SMALL_RELATIVE_TO_TIME, NO_FAIR_TREE, "
                     "NO_NORMAL_PART and NO_NORMAL_TRES are");
    }
    config.priority.*found = true;
  }
  return absl::OkStatus();
}

std::string ShowFlags(const Config& config) {
  std::vector<std::string> words;
  for (const auto& [name, member] : kFlags) {
    if (config.priority.*member) words.emplace_back(name);
  }
  return words.empty() ? " " : Join(words, ",");
}

// "CPU=1000,Mem=2000".
absl::Status SetWeightTres(Config& config, std::string_view value) {
  PriorityConfig& priority = config.priority;
  priority.weight_cpu = priority.weight_mem = 0;
  priority.weight_tres.clear();
  if (value == "(null)") return absl::OkStatus();
  for (std::string_view text : SplitSkipEmpty(value, ",")) {
    const size_t equals = text.find('=');
    const std::string_view name = Strip(text.substr(0, equals));
    double* weight = nullptr;
    if (EqualsIgnoreCase(name, "cpu")) weight = &priority.weight_cpu;
    if (EqualsIgnoreCase(name, "mem")) weight = &priority.weight_mem;
    if (weight == nullptr) return Refused(text, "is not supported; CPU=WEIGHT and Mem=WEIGHT are");
    const std::string_view digits = equals == text.npos ? "" : Strip(text.substr(equals + 1));
    absl::StatusOr<int64_t> number = ParseInt(digits, "weight", -int64_t{UINT32_MAX}, UINT32_MAX);
    if (!number.ok()) return Refused(text, "has no number for a weight");
    *weight = static_cast<double>(*number);
  }
  priority.weight_tres = std::string(value);
  return absl::OkStatus();
}

absl::Status SetDampening(Config& config, std::string_view value) {
  absl::StatusOr<uint32_t> factor = ParseCount(value, "factor", 65533);
  if (!factor.ok()) return Refused(value, "is not a number from 1 to 65533");
  config.priority.dampening = *factor;
  return absl::OkStatus();
}

}  // namespace

std::vector<ValueBinding> PriorityBindings() {
  return {
      {"FairShareDampeningFactor", SetDampening,
       [](const Config& config) { return StrCat(config.priority.dampening); }},
      Period("PriorityCalcPeriod", &C::calc_period, absl::Minutes(1)),
      Period("PriorityDecayHalfLife", &C::decay_half_life, absl::ZeroDuration()),
      {"PriorityFavorSmall", SetFavorSmall,
       [](const Config& config) {
         return std::string(config.priority.favor_small ? "yes" : "no");
       }},
      {"PriorityFlags", SetFlags, ShowFlags},
      Period("PriorityMaxAge", &C::max_age, absl::Minutes(1)),
      {"PriorityType", SetType, ShowType},
      {"PriorityUsageResetPeriod", SetUsageReset, ShowUsageReset},
      Weight("PriorityWeightAge", &C::weight_age),
      Weight("PriorityWeightAssoc", &C::weight_assoc),
      Weight("PriorityWeightFairShare", &C::weight_fair_share),
      Weight("PriorityWeightJobSize", &C::weight_job_size),
      Weight("PriorityWeightPartition", &C::weight_partition),
      Weight("PriorityWeightQOS", &C::weight_qos),
      {"PriorityWeightTRES", SetWeightTres,
       [](const Config& config) { return OrNull(config.priority.weight_tres); }},
  };
}

std::string PriorityProblem(const PriorityConfig& config) {
  if (config.decay_half_life == absl::ZeroDuration() && config.usage_reset == UsageReset::kNone) {
    return "PriorityDecayHalfLife=0 needs a PriorityUsageResetPeriod: usage would never be "
           "forgotten";
  }
  return "";
}

std::vector<std::string> PriorityNotes(const PriorityConfig& config) {
  std::vector<std::string> notes;
  if (config.weight_assoc > 0) {
    notes.push_back("PriorityWeightAssoc: no association has a priority yet, the factor is 0");
  }
  if (config.weight_qos > 0) {
    notes.push_back("PriorityWeightQOS: no QOS has a priority yet, the factor is 0");
  }
  return notes;
}

}  // namespace reeve
