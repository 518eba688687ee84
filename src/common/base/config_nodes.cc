#include <algorithm>
#include <functional>

#include "common/base/array_spec.h"
#include "common/base/config_records.h"
#include "common/base/config_values.h"
#include "common/base/gres.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve {
namespace {

constexpr uint32_t kMaxCount = 65533;  // of CPUs and their parts

using NodeSetter = absl::Status (*)(NodeDraft&, std::string_view);

template <std::optional<uint32_t> NodeDraft::*member>
absl::Status SetCount(NodeDraft& draft, std::string_view value) {
  absl::StatusOr<uint64_t> count = ParseUint(value, "count", kMaxCount);
  if (!count.ok() || *count == 0) {
    return absl::InvalidArgumentError(StrCat("'", value, "' is no number from 1 to ", kMaxCount));
  }
  draft.*member = static_cast<uint32_t>(*count);
  return absl::OkStatus();
}

template <std::string NodeDraft::*member>
absl::Status SetText(NodeDraft& draft, std::string_view value) {
  draft.*member = std::string(value);
  return absl::OkStatus();
}

template <uint64_t NodeConfig::*member>
absl::Status SetMegabytes(NodeDraft& draft, std::string_view value) {
  absl::StatusOr<uint64_t> mb = ParseMemoryMb(value);
  if (mb.ok()) draft.node.*member = *mb;
  return mb.status();
}

absl::Status SetFeatures(NodeDraft& draft, std::string_view value) {
  draft.node.features = ParseNames(value);
  return absl::OkStatus();
}

absl::Status SetGres(NodeDraft& draft, std::string_view value) {
  absl::StatusOr<std::vector<Gres>> list = ParseGres(value);
  if (!list.ok()) return list.status();
  draft.node.gres = FormatGres(*list);
  return absl::OkStatus();
}

absl::Status SetReason(NodeDraft& draft, std::string_view value) {
  draft.node.reason = std::string(value);
  return absl::OkStatus();
}

absl::Status SetWeight(NodeDraft& draft, std::string_view value) {
  absl::StatusOr<uint64_t> weight = ParseUint(value, "weight", UINT32_MAX - 2);
  if (weight.ok()) draft.node.weight = static_cast<uint32_t>(*weight);
  return weight.status();
}

absl::Status SetState(NodeDraft& draft, std::string_view value) {
  struct Word {
    std::string_view name;
    ConfiguredNodeState state;
  };
  static constexpr Word kWords[] = {
      {"UNKNOWN", ConfiguredNodeState::kUnknown}, {"IDLE", ConfiguredNodeState::kIdle},
      {"DOWN", ConfiguredNodeState::kDown},       {"DRAIN", ConfiguredNodeState::kDrain},
      {"FAIL", ConfiguredNodeState::kFail},       {"FUTURE", ConfiguredNodeState::kFuture},
  };
  for (const Word& word : kWords) {
    if (EqualsIgnoreCase(value, word.name)) {
      draft.node.state = word.state;
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(
      StrCat("'", value, "' is not supported; UNKNOWN, IDLE, DOWN, DRAIN, FAIL and FUTURE are"));
}

struct NodeBinding {
  std::string_view key;
  NodeSetter set;
};
constexpr NodeBinding kNodeBindings[] = {
    {"NodeName", SetText<&NodeDraft::names>},
    {"NodeAddr", SetText<&NodeDraft::addresses>},
    {"NodeHostname", SetText<&NodeDraft::hostnames>},
    {"Port", SetText<&NodeDraft::ports>},
    {"CPUs", SetCount<&NodeDraft::cpus>},
    {"Procs", SetCount<&NodeDraft::cpus>},
    {"Boards", SetCount<&NodeDraft::boards>},
    {"Sockets", SetCount<&NodeDraft::sockets>},
    {"SocketsPerBoard", SetCount<&NodeDraft::sockets_per_board>},
    {"CoresPerSocket", SetCount<&NodeDraft::cores>},
    {"ThreadsPerCore", SetCount<&NodeDraft::threads>},
    {"RealMemory", SetMegabytes<&NodeConfig::real_memory_mb>},
    {"TmpDisk", SetMegabytes<&NodeConfig::tmp_disk_mb>},
    {"Feature", SetFeatures},
    {"Features", SetFeatures},
    {"Gres", SetGres},
    {"State", SetState},
    {"Reason", SetReason},
    {"Weight", SetWeight},
};

// Fills in what follows from the rest: CPUs from the topology, or the number of sockets from CPUs.
absl::Status DeriveTopology(const NodeDraft& draft, NodeConfig& node) {
  if (draft.sockets.has_value() && draft.sockets_per_board.has_value()) {
    return absl::InvalidArgumentError("Sockets and SocketsPerBoard exclude each other");
  }
  node.boards = draft.boards.value_or(1);
  node.cores_per_socket = draft.cores.value_or(1);
  node.threads_per_core = draft.threads.value_or(1);
  const uint64_t per_socket = uint64_t{node.cores_per_socket} * node.threads_per_core;
  uint64_t sockets = node.boards;
  if (draft.sockets.has_value()) {
    sockets = *draft.sockets;
  } else if (draft.sockets_per_board.has_value()) {
    sockets = uint64_t{node.boards} * *draft.sockets_per_board;
  } else if (draft.cpus.has_value()) {
    sockets = std::max<uint64_t>(1, *draft.cpus / per_socket);
  }
  const uint64_t cores = sockets * node.cores_per_socket;
  const uint64_t threads = sockets * per_socket;
  const uint64_t cpus = draft.cpus.value_or(std::min<uint64_t>(threads, UINT32_MAX));
  if (threads > kMaxCount) {
    return absl::InvalidArgumentError(StrCat("more than ", kMaxCount, " CPUs"));
  }
  if (cpus != threads && cpus != cores && cpus != sockets) {
    return absl::InvalidArgumentError(StrCat("CPUs=", cpus, " is neither the number of sockets (",
                                             sockets, ") nor of cores (", cores,
                                             ") nor of threads (", threads, ")"));
  }
  node.sockets = static_cast<uint32_t>(sockets);
  node.cpus = static_cast<uint32_t>(cpus);
  return absl::OkStatus();
}

// A list that goes with `count` names: one element for each, or one for all, or none.
absl::Status CheckCount(std::string_view key, size_t size, size_t count) {
  if (size == 0 || size == 1 || size == count) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat(key, " has ", size, " elements for ", count, " nodes"));
}

absl::StatusOr<std::vector<std::string>> ExpandParallel(std::string_view key,
                                                        const std::string& text, size_t count) {
  // A single address may hold what no host name does: an IPv6 address has colons.
  if (text.find_first_of("[,") == text.npos) {
    return text.empty() ? std::vector<std::string>() : std::vector<std::string>{text};
  }
  absl::StatusOr<std::vector<std::string>> list = ExpandHostlist(text);
  if (!list.ok()) return list.status();
  absl::Status size = CheckCount(key, list->size(), count);
  if (!size.ok()) return size;
  return list;
}

absl::StatusOr<std::vector<uint16_t>> ExpandPorts(std::string_view text, size_t count) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  absl::StatusOr<IdRanges> ranges = IdRanges::Parse(text, 65535);
  if (!ranges.ok() || ranges->Contains(0)) {
    return absl::InvalidArgumentError(
        StrCat("Port='", text.substr(0, 60), "' is no port or range"));
  }
  absl::Status size = CheckCount("Port", ranges->count(), count);
  if (!size.ok()) return size;
  std::vector<uint16_t> ports;
  ranges->ForEach([&](uint32_t port) { ports.push_back(static_cast<uint16_t>(port)); });
  return ports;
}

template <class T>
const T* ElementFor(const std::vector<T>& list, size_t index) {
  if (list.empty()) return nullptr;
  return &list[list.size() == 1 ? 0 : index];
}

}  // namespace

bool ApplyPairs(
    std::span<const ConfigPair> pairs, std::span<const ConfigKey> keys, const SourceLine& source,
    ConfigProblems& problems,
    const std::function<absl::Status(std::string_view key, std::string_view value)>& set) {
  bool good = true;
  const auto fail = [&](std::string_view message) {
    problems.Add(source, message);
    good = false;
  };
  for (const ConfigPair& pair : pairs) {
    const ConfigKey* key = FindConfigKey(keys, pair.key);
    if (key == nullptr) {
      fail(problems.full() ? "" : UnknownKeyMessage(keys, pair.key));
    } else if (key->key_class != KeyClass::kHonoured) {
      absl::Status fixed = CheckFixedValue(*key, pair.value);
      if (!fixed.ok()) fail(Message(fixed));
    } else if (absl::Status status = set(key->name, pair.value); !status.ok()) {
      fail(StrCat(key->name, ": ", Message(status)));
    }
  }
  return good;
}

void NodeLines::Add(std::span<const ConfigPair> pairs, const SourceLine& source,
                    ConfigProblems& problems) {
  NodeDraft draft = defaults_;
  const bool good = ApplyPairs(pairs, NodeKeys(), source, problems,
                               [&](std::string_view key, std::string_view value) {
                                 for (const NodeBinding& binding : kNodeBindings) {
                                   if (binding.key == key) return binding.set(draft, value);
                                 }
                                 return absl::InternalError("no setter");
                               });
  draft.node.source = source;
  if (draft.names == "DEFAULT") {
    defaults_ = std::move(draft);
    defaults_.names.clear();
  } else if (good) {
    Expand(draft, problems);
  }
}

void NodeLines::Expand(const NodeDraft& draft, ConfigProblems& problems) {
  const SourceLine& source = draft.node.source;
  NodeConfig common = draft.node;
  absl::Status topology = DeriveTopology(draft, common);
  if (!topology.ok()) return problems.Add(source, Message(topology));
  absl::StatusOr<std::vector<std::string>> names = ExpandHostlist(draft.names);
  if (!names.ok()) return problems.Add(source, Message(names.status()));
  if (names->empty()) return problems.Add(source, "NodeName names no node");
  if (nodes_.size() + names->size() > kMaxHosts) {
    return problems.Add(source, StrCat("more than ", kMaxHosts, " nodes"));
  }
  auto addresses = ExpandParallel("NodeAddr", draft.addresses, names->size());
  if (!addresses.ok()) return problems.Add(source, Message(addresses.status()));
  auto hostnames = ExpandParallel("NodeHostname", draft.hostnames, names->size());
  if (!hostnames.ok()) return problems.Add(source, Message(hostnames.status()));
  std::vector<uint16_t> ports;
  if (!draft.ports.empty()) {
    auto expanded = ExpandPorts(draft.ports, names->size());
    if (!expanded.ok()) return problems.Add(source, Message(expanded.status()));
    ports = *std::move(expanded);
  }
  for (size_t i = 0; i < names->size(); ++i) {
    NodeConfig node = common;
    node.name = (*names)[i];
    if (!seen_.insert(node.name).second) {
      problems.Add(source, StrCat("node ", node.name, " is defined twice"));
      continue;
    }
    const std::string* hostname = ElementFor(*hostnames, i);
    node.hostname = hostname != nullptr ? *hostname : node.name;
    const std::string* address = ElementFor(*addresses, i);
    node.address = address != nullptr ? *address : node.hostname;
    if (const uint16_t* port = ElementFor(ports, i)) node.port = *port;
    nodes_.push_back(std::move(node));
  }
}

}  // namespace reeve
