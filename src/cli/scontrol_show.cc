// scontrol show: finds the entity, and what needs no controller.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "cli/command.h"
#include "cli/scontrol.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "common/os/fd.h"

namespace reeve::cli {
namespace {

enum class Entity {
  kJob,
  kStep,
  kNode,
  kPartition,
  kConfig,
  kDaemons,
  kHostnames,
  kHostlist,
  kHostlistSorted,
  kLicenses,
  kReservation,
  kTopology,
  kAliases,
  kNotSupported,
};

struct EntityName {
  std::string_view name;
  Entity entity;
};

constexpr EntityName kEntities[] = {
    {"jobs", Entity::kJob},
    {"jobid", Entity::kJob},
    {"steps", Entity::kStep},
    {"nodes", Entity::kNode},
    {"partitions", Entity::kPartition},
    {"partitionname", Entity::kPartition},
    {"configuration", Entity::kConfig},
    {"daemons", Entity::kDaemons},
    {"hostnames", Entity::kHostnames},
    {"hostlist", Entity::kHostlist},
    {"hostlistsorted", Entity::kHostlistSorted},
    {"licenses", Entity::kLicenses},
    {"reservations", Entity::kReservation},
    {"reservationname", Entity::kReservation},
    {"topology", Entity::kTopology},
    {"topoconf", Entity::kNotSupported},
    {"aliases", Entity::kAliases},
    {"assoc_mgr", Entity::kNotSupported},
    {"bbstat", Entity::kNotSupported},
    {"burstbuffer", Entity::kNotSupported},
    {"dwstat", Entity::kNotSupported},
    {"federation", Entity::kNotSupported},
    {"slurmd", Entity::kNotSupported},
};

// The entity that `word` is or abbreviates (two letters or more). Null for none.
const EntityName* FindEntity(std::string_view word) {
  const EntityName* found = nullptr;
  for (const EntityName& entity : kEntities) {
    if (EqualsIgnoreCase(entity.name, word)) return &entity;
    const bool abbreviated = word.size() >= 2 && StartsWithIgnoreCase(entity.name, word);
    if (abbreviated && found == nullptr) found = &entity;
  }
  return found;
}

// A list of names, or the file that holds one (a path begins with '/'), names separated by commas
// or line ends.
absl::StatusOr<std::vector<std::string>> ReadHosts(const std::string& list) {
  std::string text = list;
  if (text.starts_with('/')) {
    absl::StatusOr<std::string> file = os::ReadFile(text, 16 << 20);
    if (!file.ok()) return file.status();
    text = Join(SplitSkipEmpty(*file, " \t\r\n"), ",");
  }
  return ExpandHostlist(text);
}

}  // namespace

int ScontrolShow(ScontrolSession& session, const Words& words) {
  const EntityName* entity = FindEntity(words[0]);
  if (entity == nullptr) {
    session.Complain(StrCat("invalid entity:", words[0], " for keyword:show "));
    return 1;
  }
  const std::string id = words.size() > 1 ? words[1] : "";
  switch (entity->entity) {
    case Entity::kJob:
      return ShowJobs(session, id);
    case Entity::kStep:
      return ShowSteps(session, id);
    case Entity::kNode:
      return ShowNodes(session, id);
    case Entity::kPartition:
      return ShowPartitions(session, id);
    case Entity::kConfig:
      return ShowConfiguration(session);
    case Entity::kDaemons:
      return ShowDaemons(session);
    case Entity::kHostnames:
      return ShowHostnames(session, id);
    case Entity::kHostlist:
      return ShowHostlist(session, id, false);
    case Entity::kHostlistSorted:
      return ShowHostlist(session, id, true);
    case Entity::kLicenses:
      return ShowLicenses(session, id);
    case Entity::kReservation:
      return ShowReservations(session, id);
    case Entity::kTopology:
      return ShowTopology(session, id);
    case Entity::kAliases:  // nodes have one name: there is nothing to list
      return 0;
    case Entity::kNotSupported:
      break;
  }
  PrintError("scontrol", StrCat("show ", entity->name, " is not supported yet"));
  return 1;
}

int ShowHostnames(ScontrolSession&, const std::string& list) {
  std::string text = list;
  for (const char* name : {"SLURM_JOB_NODELIST", "SLURM_NODELIST"}) {
    const char* value = getenv(name);
    if (text.empty() && value != nullptr) text = value;
  }
  if (text.empty()) {
    PrintError("scontrol", "host list is empty");
    return 0;
  }
  absl::StatusOr<std::vector<std::string>> hosts = ReadHosts(text);
  if (!hosts.ok()) {
    PrintError("scontrol", Message(hosts.status()));
    return 1;
  }
  for (const std::string& host : *hosts) puts(host.c_str());
  return 0;
}

int ShowHostlist(ScontrolSession& session, const std::string& list, bool sorted) {
  if (list.empty()) {
    session.Complain("invalid encode argument");
    return 1;
  }
  absl::StatusOr<std::vector<std::string>> hosts = ReadHosts(list);
  if (!hosts.ok()) {
    PrintError("scontrol", Message(hosts.status()));
    return 1;
  }
  if (sorted) std::stable_sort(hosts->begin(), hosts->end(), HostLess);
  puts(CompressHostlistInOrder(*hosts).c_str());
  return 0;
}

int ShowDaemons(ScontrolSession& session) {
  const ControllerClient* client = session.client();
  if (client == nullptr) return 1;
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  std::string_view here = host;
  here = here.substr(0, here.find('.'));
  auto is_here = [here](std::string_view name) { return name.substr(0, name.find('.')) == here; };
  const Config& config = client->config();
  std::string daemons;
  for (const ControllerHost& controller : config.controllers) {
    if (is_here(controller.host)) daemons = "slurmctld ";
  }
  for (const NodeConfig& node : config.nodes) {
    if (!is_here(node.hostname)) continue;
    daemons += "slurmd ";
    break;
  }
  puts(daemons.c_str());
  return 0;
}

}  // namespace reeve::cli
