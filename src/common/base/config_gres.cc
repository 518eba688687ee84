#include "common/base/config_gres.h"

#include <algorithm>
#include <set>

#include "common/base/array_spec.h"
#include "common/base/config_lexer.h"
#include "common/base/config_records.h"
#include "common/base/config_values.h"
#include "common/base/gres.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

using enum KeyClass;

constexpr ConfigKey kGresKeys[] = {
    {"AutoDetect", kUnsupported, "", "off"},
    {"Cores", kHonoured},
    {"Count", kHonoured},
    {"CPUs", kUnsupported},
    {"File", kHonoured},
    {"Flags", kUnsupported},
    {"Link", kUnsupported},
    {"Links", kUnsupported},
    {"MultipleFiles", kUnsupported},
    {"Name", kHonoured},
    {"NodeName", kHonoured},
    {"Type", kHonoured},
};

struct GresLine {
  SourceLine source;
  std::string name;
  std::string type;
  std::optional<uint32_t> given_count;
  std::vector<std::string> files;
  IdRanges cores;
  std::vector<std::string> nodes;  // empty: all
  uint32_t count() const {
    return given_count.value_or(files.empty() ? 1 : static_cast<uint32_t>(files.size()));
  }
};

// "/dev/nvidia[0-3]", and several between commas.
absl::StatusOr<std::vector<std::string>> ExpandFiles(std::string_view text) {
  std::vector<std::string> files;
  for (size_t at = 0; at <= text.size();) {
    size_t end = at;
    for (int depth = 0; end < text.size() && (depth > 0 || text[end] != ','); ++end) {
      depth += text[end] == '[' ? 1 : text[end] == ']' ? -1 : 0;
    }
    const std::string_view file = text.substr(at, end - at);
    const size_t name = file.rfind('/');
    if (!file.starts_with('/') || name + 1 == file.size()) {
      return absl::InvalidArgumentError(StrCat("'", file, "' is no absolute path"));
    }
    absl::StatusOr<std::vector<std::string>> names = ExpandHostlist(file.substr(name + 1));
    if (!names.ok()) return names.status();
    for (const std::string& each : *names) {
      files.push_back(StrCat(file.substr(0, name + 1), each));
    }
    at = end + 1;
  }
  if (files.size() > kMaxGresCount) return absl::InvalidArgumentError("too many files");
  return files;
}

absl::Status SetGresKey(GresLine& line, std::string_view key, std::string_view value) {
  if (key == "Name") line.name = std::string(value);
  if (key == "Type") line.type = std::string(value);
  if (key == "Count") {
    absl::StatusOr<uint64_t> count = ParseUint(value, "count", kMaxGresCount);
    if (!count.ok()) return count.status();
    line.given_count = static_cast<uint32_t>(*count);
  }
  if (key == "File") {
    absl::StatusOr<std::vector<std::string>> files = ExpandFiles(value);
    if (!files.ok()) return files.status();
    line.files = *std::move(files);
  }
  if (key == "Cores") {
    absl::StatusOr<IdRanges> cores = IdRanges::Parse(value, 65535);
    if (!cores.ok()) return cores.status();
    line.cores = *std::move(cores);
  }
  if (key == "NodeName") {
    absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(value);
    if (!nodes.ok()) return nodes.status();
    line.nodes = *std::move(nodes);
  }
  return absl::OkStatus();
}

std::vector<GresLine> ReadLines(const Config& config, std::string_view text, std::string_view name,
                                ConfigProblems& problems) {
  std::vector<GresLine> lines;
  std::set<std::string> nodes;
  for (const NodeConfig& node : config.nodes) nodes.insert(node.name);
  for (const ConfigLine& from : LexConfig(text, name, nullptr, problems).lines) {
    GresLine line;
    line.source = from.source;
    const bool good = ApplyPairs(
        from.pairs, kGresKeys, from.source, problems,
        [&](std::string_view key, std::string_view value) { return SetGresKey(line, key, value); });
    if (!good) continue;
    const bool only_global = std::all_of(from.pairs.begin(), from.pairs.end(), [](const auto& p) {
      return EqualsIgnoreCase(p.key, "AutoDetect");
    });
    if (only_global) continue;
    if (line.name.empty()) {
      problems.Add(from.source, "Name is missing");
    } else if (!Contains(config.gres_types, line.name)) {
      problems.Add(from.source, StrCat("Name=", line.name, " is not among GresTypes"));
    } else if (!line.files.empty() && line.count() != line.files.size()) {
      problems.Add(from.source,
                   StrCat("Count=", line.count(), " with ", line.files.size(), " files"));
    } else {
      for (const std::string& node : line.nodes) {
        if (nodes.count(node) == 0) problems.Add(from.source, StrCat("no node ", node));
      }
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

// Whose lines are all of one name.
class NodeDevices {
 public:
  NodeDevices(const std::vector<GresLine>& lines, const NodeConfig& node, const std::string& name,
              ConfigProblems& problems)
      : node_(node), problems_(problems) {
    for (const GresLine& line : lines) {
      const bool here = line.nodes.empty() || Contains(line.nodes, node.name);
      if (here && line.name == name) lines_.push_back(&line);
    }
    devices_.name = name;
  }

  bool none() const { return lines_.empty(); }
  // The next element of Gres= of that name.
  void Add(const Gres& gres) {
    uint32_t left = gres.count;
    for (const GresLine* line : lines_) {
      if (!line->type.empty() && gres.type.empty()) {
        problems_.Add(line->source, StrCat("Type=", line->type, ", but Gres= of node ", node_.name,
                                           " names no type of ", gres.name));
        return;
      }
      if (!line->type.empty() && line->type != gres.type) continue;
      if (left == 0) break;
      if (used_.count(line) != 0) continue;
      used_.insert(line);
      for (uint32_t i = 0; i < line->count() && left > 0; ++i, --left) {
        devices_.files.push_back(line->files.empty() ? "" : line->files[i]);
        std::vector<uint32_t> cores;
        line->cores.ForEach([&](uint32_t core) { cores.push_back(core); });
        devices_.cores.push_back(std::move(cores));
      }
    }
    if (left == 0) return;
    problems_.Add(node_.source, StrCat("node ", node_.name, ": Gres=", FormatGres({&gres, 1}),
                                       ", but gres.conf has ", gres.count - left, " of them"));
  }
  GresDevices Take() { return std::move(devices_); }

 private:
  const NodeConfig& node_;
  ConfigProblems& problems_;
  std::vector<const GresLine*> lines_;
  std::set<const GresLine*> used_;
  GresDevices devices_;
};

}  // namespace

void CheckGres(const Config& config, std::string_view name, ConfigProblems& problems) {
  for (std::string_view type : {"mps", "shard"}) {
    if (!Contains(config.gres_types, type)) continue;
    problems.Add({std::string(name), 0}, StrCat("GresTypes: ", type, " is not supported yet"));
  }
  std::set<std::string> kinds;
  std::string last;
  for (const NodeConfig& node : config.nodes) {
    if (node.gres.empty() || node.gres == last) continue;
    last = node.gres;
    const absl::StatusOr<std::vector<Gres>> list = ParseGres(node.gres);
    if (!list.ok()) continue;  // said already
    for (const Gres& gres : *list) {
      kinds.insert(StrCat(gres.name, ":", gres.type));
      if (Contains(config.gres_types, gres.name)) continue;
      problems.Add(node.source,
                   StrCat("Gres=", node.gres, ": ", gres.name, " is not among GresTypes"));
    }
  }
  if (kinds.size() <= kMaxGresKinds) return;
  problems.Add(
      {std::string(name), 0},
      StrCat("more than ", kMaxGresKinds,
             " kinds of generic resources (name and type) are not supported: ", Join(kinds, " ")));
}

void ApplyGresConf(Config& config, std::string_view text, std::string_view name,
                   ConfigProblems& problems) {
  const std::vector<GresLine> lines = ReadLines(config, text, name, problems);
  for (NodeConfig& node : config.nodes) {
    const absl::StatusOr<std::vector<Gres>> list = ParseGres(node.gres);
    if (!list.ok()) continue;
    std::vector<std::string> names;
    for (const Gres& gres : *list) {
      if (!Contains(names, gres.name)) names.push_back(gres.name);
    }
    for (const std::string& each : names) {
      NodeDevices devices(lines, node, each, problems);
      if (devices.none()) continue;
      for (const Gres& gres : *list) {
        if (gres.name == each) devices.Add(gres);
      }
      node.gres_devices.push_back(devices.Take());
    }
  }
}

}  // namespace reeve
