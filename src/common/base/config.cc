#include "common/base/config.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "common/base/config_gres.h"
#include "common/base/config_keys.h"
#include "common/base/config_lexer.h"
#include "common/base/config_problems.h"
#include "common/base/config_records.h"
#include "common/base/config_show.h"
#include "common/base/config_topology.h"
#include "common/base/config_values.h"
#include "common/base/text.h"

namespace reeve {
namespace {

constexpr size_t kMaxFileBytes = 64 << 20;

// The base library has no file helpers of its own (those of common/os sit above it).
absl::StatusOr<std::string> ReadText(const std::string& path) {
  const auto fail = [&]() -> absl::Status {
    const std::string message = StrCat("cannot read ", path, ": ", std::strerror(errno));
    if (errno == ENOENT) return absl::NotFoundError(message);
    if (errno == EACCES) return absl::PermissionDeniedError(message);
    return absl::InvalidArgumentError(message);
  };
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (file == nullptr) return fail();
  std::string text;
  char buffer[1 << 16];
  while (const size_t got = std::fread(buffer, 1, sizeof buffer, file.get())) {
    text.append(buffer, got);
    if (text.size() > kMaxFileBytes) {
      return absl::InvalidArgumentError(StrCat(path, " is larger than 64 MiB"));
    }
  }
  if (std::ferror(file.get())) return fail();
  return text;
}

// Turns lexed lines into a Config.
class Reader {
 public:
  explicit Reader(ConfigProblems& problems) : problems_(problems) {}

  void Line(const ConfigLine& line);
  Config Finish(std::string_view name);
  GivenValues& given() { return given_; }

 private:
  void MainKey(const ConfigPair& pair, const SourceLine& source);
  void Check(std::string_view name);

  ConfigProblems& problems_;
  Config config_;
  GivenValues given_;
  NodeLines nodes_;
  PartitionLines partitions_;
};

void Reader::Line(const ConfigLine& line) {
  for (size_t i = 0; i < line.pairs.size(); ++i) {
    const std::string& key = line.pairs[i].key;
    // These keys start a record that takes the rest of the line.
    const std::span<const ConfigPair> rest = std::span(line.pairs).subspan(i);
    if (EqualsIgnoreCase(key, "NodeName")) return nodes_.Add(rest, line.source, problems_);
    if (EqualsIgnoreCase(key, "PartitionName"))
      return partitions_.Add(rest, line.source, problems_);
    for (std::string_view refused : {"NodeSet", "DownNodes", "FrontendName"}) {
      if (EqualsIgnoreCase(key, refused)) {
        return problems_.Add(line.source, StrCat(refused, " lines are not supported yet"));
      }
    }
    MainKey(line.pairs[i], line.source);
  }
}

void Reader::MainKey(const ConfigPair& pair, const SourceLine& source) {
  const ConfigKey* key = FindConfigKey(ConfigKeys(), pair.key);
  if (key == nullptr) {
    if (problems_.full()) return problems_.Add(source, "");
    std::string message = UnknownKeyMessage(ConfigKeys(), pair.key);
    if (FindConfigKey(NodeKeys(), pair.key) != nullptr) {
      message = StrCat(pair.key, " belongs on a line that starts with NodeName");
    } else if (FindConfigKey(PartitionKeys(), pair.key) != nullptr) {
      message = StrCat(pair.key, " belongs on a line that starts with PartitionName");
    }
    return problems_.Add(source, message);
  }
  const bool again = !given_.insert_or_assign(key->name, pair.value).second;
  if (again && key->name != "SlurmctldHost") {
    problems_.AddNote(source, StrCat(key->name, " is given more than once; the last one counts"));
  }
  if (pair.value.empty()) return;  // as if not given
  if (key->key_class == KeyClass::kHonoured) {
    absl::Status status = FindConfigValue(key->name)->set(config_, pair.value);
    if (!status.ok()) problems_.Add(source, StrCat(key->name, ": ", Message(status)));
    return;
  }
  absl::Status status = CheckFixedValue(*key, pair.value);
  if (!status.ok()) return problems_.Add(source, Message(status));
  const std::string written = StrCat(key->name, "=", pair.value);
  if (key->key_class == KeyClass::kUnsupported) {
    problems_.AddNote(source, StrCat(written, ": the default; other values are not supported yet"));
  } else {
    problems_.AddNote(source, StrCat(written, ": satisfied by design: ", key->note));
  }
}

// What no single line shows.
void Reader::Check(std::string_view name) {
  const SourceLine whole{std::string(name), 0};
  if (!given_.contains("ClusterName")) problems_.Add(whole, "ClusterName is missing");
  if (config_.controllers.empty() && !given_.contains("SlurmctldHost")) {
    problems_.Add(whole, "SlurmctldHost is missing");
  }
  if (config_.controllers.size() > 1) {
    problems_.Add(whole, "a second SlurmctldHost is not supported yet: name one controller");
  }
  for (ControllerHost& controller : config_.controllers) {
    if (controller.host.empty()) controller.host = controller.addr;
    if (controller.addr.empty()) controller.addr = controller.host;
  }
  if (config_.first_job_id > config_.max_job_id) {
    problems_.Add(whole, "FirstJobId is greater than MaxJobId");
  }
  if (config_.partitions.size() > 65'000) problems_.Add(whole, "more than 65000 partitions");
  const std::string priority = PriorityProblem(config_.priority);
  if (!priority.empty()) problems_.Add(whole, priority);
  for (const std::string& note : PriorityNotes(config_.priority)) problems_.AddNote(whole, note);
  const std::string preempt = PreemptProblem(config_.preempt);
  if (!preempt.empty()) problems_.Add(whole, preempt);
  for (const std::string& note : PreemptNotes(config_)) problems_.AddNote(whole, note);
  if (config_.nodes.empty()) problems_.AddNote(whole, "no node is defined");
  if (!config_.nodes.empty() && config_.DefaultPartition() == nullptr) {
    problems_.AddNote(whole, "no partition has Default=YES: jobs must name one");
  }
}

Config Reader::Finish(std::string_view name) {
  config_.nodes = nodes_.Take();
  for (NodeConfig& node : config_.nodes) {
    if (node.port == 0) node.port = config_.slurmd_port;
  }
  config_.partitions = partitions_.Resolve(config_.nodes, problems_);
  Check(name);
  CheckGres(config_, name, problems_);
  if (config_.accounting_host.empty() && !config_.controllers.empty()) {
    config_.accounting_host = config_.controllers[0].addr;
  }
  return std::move(config_);
}

void AddGresConf(const IncludeReader& read, const std::string& path, Config& config,
                 ConfigProblems& problems) {
  const absl::StatusOr<std::string> text = read(path);
  if (absl::IsNotFound(text.status())) return;
  if (!text.ok()) return problems.Add({path, 0}, Message(text.status()));
  ApplyGresConf(config, *text, path, problems);
}

void AddTopologyConf(const IncludeReader& read, const std::string& path, Config& config,
                     ConfigProblems& problems) {
  const absl::StatusOr<std::string> text = read(path);
  if (!config.topology_tree) {
    if (text.ok()) problems.AddNote({path, 0}, "not read: TopologyPlugin is not topology/tree");
    return;
  }
  if (!text.ok()) {
    return problems.Add({path, 0},
                        StrCat("TopologyPlugin=topology/tree: ", Message(text.status())));
  }
  ApplyTopologyConf(config, *text, path, problems);
}

// `beside`: where other files stand; unset: they are not read.
absl::StatusOr<Config> Parse(std::string_view text, std::string_view name, std::string_view path,
                             const IncludeReader& include_reader,
                             const std::optional<std::string>& beside = std::nullopt) {
  ConfigProblems problems;
  LexedConfig lexed = LexConfig(text, name, include_reader, problems);
  Reader reader(problems);
  for (const ConfigLine& line : lexed.lines) reader.Line(line);
  Config config = reader.Finish(name);
  if (beside.has_value()) {
    AddGresConf(include_reader, *beside + "gres.conf", config, problems);
    AddTopologyConf(include_reader, *beside + "topology.conf", config, problems);
  }
  absl::Status status = problems.ToStatus();
  if (!status.ok()) return status;
  config.path = std::string(path);
  config.text = std::move(lexed.text);
  config.notes = problems.TakeNotes();
  config.entries = ShowConfig(config, reader.given());
  return config;
}

template <class T>
const T* FindByName(const std::vector<T>& list, std::string_view name) {
  for (const T& element : list) {
    if (element.name == name) return &element;
  }
  return nullptr;
}

}  // namespace

const NodeConfig* Config::FindNode(std::string_view name) const {
  return FindByName(nodes, name);
}

const PartitionConfig* Config::FindPartition(std::string_view name) const {
  return FindByName(partitions, name);
}

const PartitionConfig* Config::DefaultPartition() const {
  for (const PartitionConfig& partition : partitions) {
    if (partition.is_default) return &partition;
  }
  return nullptr;
}

absl::StatusOr<Config> ParseConfig(std::string_view text, std::string_view name,
                                   IncludeReader include_reader) {
  return Parse(text, name, "", include_reader);
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  absl::StatusOr<std::string> text = ReadText(path);
  if (!text.ok()) return text.status();
  return Parse(*text, path, path, ReadText);
}

absl::StatusOr<Config> LoadWholeConfig(const std::string& path) {
  absl::StatusOr<std::string> text = ReadText(path);
  if (!text.ok()) return text.status();
  const size_t slash = path.rfind('/');
  return Parse(*text, path, path, ReadText, slash == path.npos ? "" : path.substr(0, slash + 1));
}

std::string FindConfigPath() {
  const char* named = std::getenv("SLURM_CONF");
  return named != nullptr && *named != '\0' ? named : "/etc/reeve/slurm.conf";
}

std::string ExpandNodePath(std::string_view pattern, std::string_view node,
                           std::string_view hostname) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char next = pattern[i] == '%' && i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    switch (next) {
      case 'n':
        out += node;
        break;
      case 'h':
        out += hostname;
        break;
      case '%':
        out += '%';
        break;
      default:
        out += pattern[i];
        continue;
    }
    ++i;
  }
  return out;
}

}  // namespace reeve
