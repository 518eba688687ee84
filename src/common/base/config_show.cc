#include "common/base/config_show.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "common/base/config_keys.h"
#include "common/base/config_values.h"
#include "common/base/text.h"
#include "reeve_version.h"

namespace reeve {
namespace {

constexpr std::string_view kNull = "(null)";

bool IsNumber(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// A value as given, in the spelling of the default: with its unit, and "none" plugins as (null).
std::string ShowFixed(const ConfigKey& key, const std::string* given) {
  if (given == nullptr || given->empty()) return key.shown == " " ? "" : std::string(key.shown);
  const size_t blank = key.shown.find(' ');
  if (IsNumber(*given) && blank != key.shown.npos && IsNumber(key.shown.substr(0, blank))) {
    return StrCat(*given, key.shown.substr(blank));
  }
  const std::string lower = ToLower(*given);
  if (key.shown == kNull && (lower == "none" || lower.ends_with("/none")))
    return std::string(kNull);
  return *given;
}

std::string ShowController(const ControllerHost& controller) {
  if (controller.addr == controller.host) return controller.host;
  return StrCat(controller.host, "(", controller.addr, ")");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> ShowConfig(const Config& config,
                                                            const GivenValues& given) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const ConfigKey& key : ConfigKeys()) {
    std::string name(key.name);
    if (key.name == "SlurmctldHost") {
      for (size_t i = 0; i < config.controllers.size(); ++i) {
        entries.emplace_back(StrCat("SlurmctldHost[", i, "]"),
                             ShowController(config.controllers[i]));
      }
    } else if (key.name == "MaxNodeCount") {
      entries.emplace_back(name, StrCat(config.nodes.size()));
    } else if (key.name == "SLURM_CONF") {
      entries.emplace_back(name, config.path.empty() ? kNull : std::string_view(config.path));
    } else if (key.name == "SLURM_VERSION") {
      entries.emplace_back(name, REEVE_SLURM_VERSION);
    } else if (key.key_class == KeyClass::kHonoured) {
      const ValueBinding* binding = FindConfigValue(key.name);
      std::string value = binding == nullptr ? "" : binding->show(config);
      if (!value.empty()) entries.emplace_back(name, value == " " ? "" : value);
    } else {
      const auto it = given.find(key.name);
      const std::string* value = it == given.end() ? nullptr : &it->second;
      if (!key.shown.empty() || key.key_class == KeyClass::kRuntime || value != nullptr) {
        entries.emplace_back(name, ShowFixed(key, value));
      }
    }
  }
  return entries;
}

}  // namespace reeve
