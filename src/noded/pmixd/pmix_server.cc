#include "noded/pmixd/pmix_server.h"

#include <pmix.h>
#include <pmix_server.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>

#include "common/base/text.h"
#include "noded/core/rank_map.h"

namespace reeve::noded {

const int kPmixUnreachable = PMIX_ERR_UNREACH;
const int kPmixTooMuch = PMIX_ERR_OUT_OF_RESOURCE;
const int kPmixTimedOut = PMIX_ERR_TIMEOUT;
const int kPmixNotFound = PMIX_ERR_NOT_FOUND;

namespace {

struct Server {
  PmixJob job;
  PmixEvents events;
  uint32_t ranks = 0;
  // Of the library's thread.
  std::set<uint32_t> connected;
  std::set<uint32_t> finalized;
};

Server* server = nullptr;

// Key-value pairs as the library wants them; it copies what it is given.
class InfoList {
 public:
  ~InfoList() {
    for (pmix_info_t& info : infos_) PMIX_INFO_DESTRUCT(&info);
  }
  InfoList() = default;
  InfoList(const InfoList&) = delete;
  InfoList& operator=(const InfoList&) = delete;

  void Text(const char* key, const std::string& value) {
    PMIx_Info_load(Next(), key, value.c_str(), PMIX_STRING);
  }
  void Number(const char* key, uint32_t value) { PMIx_Info_load(Next(), key, &value, PMIX_UINT32); }
  void Short(const char* key, uint16_t value) { PMIx_Info_load(Next(), key, &value, PMIX_UINT16); }
  void Rank(const char* key, pmix_rank_t value) {
    PMIx_Info_load(Next(), key, &value, PMIX_PROC_RANK);
  }
  void Flag(const char* key, bool value) { PMIx_Info_load(Next(), key, &value, PMIX_BOOL); }
  // A packed text of the library's, which may hold zeros.
  void Regex(const char* key, const char* value) { PMIx_Info_load(Next(), key, value, PMIX_REGEX); }
  void List(const char* key, InfoList* list) {
    pmix_data_array_t array = {};
    array.type = PMIX_INFO;
    array.size = list->infos_.size();
    array.array = list->infos_.data();
    PMIx_Info_load(Next(), key, &array, PMIX_DATA_ARRAY);
  }
  pmix_info_t* data() { return infos_.data(); }
  size_t size() const { return infos_.size(); }

 private:
  pmix_info_t* Next() {
    infos_.emplace_back();
    PMIX_INFO_CONSTRUCT(&infos_.back());
    return &infos_.back();
  }
  std::vector<pmix_info_t> infos_;
};

absl::Status Refused(const char* what, pmix_status_t status) {
  return absl::InternalError(StrCat("PMIx: ", what, ": ", PMIx_Error_string(status)));
}

bool Done(pmix_status_t status) {
  return status == PMIX_SUCCESS || status == PMIX_OPERATION_SUCCEEDED;
}

pmix_proc_t Proc(pmix_rank_t rank) {
  pmix_proc_t proc;
  PMIX_LOAD_PROCID(&proc, server->job.name.c_str(), rank);
  return proc;
}

bool IsOurs(const pmix_proc_t& proc) {
  return strncmp(proc.nspace, server->job.name.c_str(), sizeof(proc.nspace)) == 0;
}

std::optional<int> TimeLimit(const pmix_info_t* info, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (strncmp(info[i].key, PMIX_TIMEOUT, sizeof(info[i].key)) != 0) continue;
    if (info[i].value.type == PMIX_INT && info[i].value.data.integer > 0) {
      return info[i].value.data.integer;
    }
  }
  return std::nullopt;
}

// An answer for the library: it takes the data as its own until it says otherwise.
PmixAnswer Answer(pmix_modex_cbfunc_t callback, void* callback_data) {
  return [callback, callback_data](int status, std::string data) {
    if (callback == nullptr) return;
    auto* const kept = new std::string(std::move(data));
    callback(
        status, kept->data(), kept->size(), callback_data,
        [](void* text) { delete static_cast<std::string*>(text); }, kept);
  };
}

// ---- what the library asks for ------------------------------------------------------------------

pmix_status_t OnConnected(const pmix_proc_t* proc, void*, pmix_info_t*, size_t, pmix_op_cbfunc_t,
                          void*) {
  server->connected.insert(proc->rank);
  server->finalized.erase(proc->rank);  // a rank may start PMIx again
  return PMIX_OPERATION_SUCCEEDED;
}

pmix_status_t OnFinalized(const pmix_proc_t* proc, void*, pmix_op_cbfunc_t, void*) {
  server->finalized.insert(proc->rank);
  return PMIX_OPERATION_SUCCEEDED;
}

pmix_status_t OnAbort(const pmix_proc_t* proc, void*, int status, const char* text, pmix_proc_t*,
                      size_t, pmix_op_cbfunc_t, void*) {
  // Open MPI says "N/A" when it has nothing to say.
  const bool says = text != nullptr && strcmp(text, "N/A") != 0;
  server->events.on_abort(proc->rank, status, says ? text : "");
  return PMIX_OPERATION_SUCCEEDED;
}

// Nothing when others than ranks of this step are among them.
std::optional<std::vector<uint32_t>> RanksOf(const pmix_proc_t* procs, size_t count) {
  std::vector<uint32_t> ranks;
  for (size_t i = 0; i < count; ++i) {
    if (!IsOurs(procs[i])) return std::nullopt;
    if (procs[i].rank == PMIX_RANK_WILDCARD) {
      for (uint32_t rank = 0; rank < server->ranks; ++rank) ranks.push_back(rank);
    } else if (procs[i].rank < server->ranks) {
      ranks.push_back(procs[i].rank);
    } else {
      return std::nullopt;
    }
  }
  return ranks;
}

pmix_status_t OnFence(const pmix_proc_t* procs, size_t count, const pmix_info_t* info,
                      size_t info_count, char* data, size_t size, pmix_modex_cbfunc_t callback,
                      void* callback_data) {
  std::optional<std::vector<uint32_t>> ranks = RanksOf(procs, count);
  if (!ranks.has_value()) return PMIX_ERR_NOT_SUPPORTED;
  std::string bytes = data == nullptr ? std::string() : std::string(data, size);
  free(data);  // it is ours from here on
  server->events.on_fence(*std::move(ranks), std::move(bytes), TimeLimit(info, info_count),
                          Answer(callback, callback_data));
  return PMIX_SUCCESS;
}

pmix_status_t OnModex(const pmix_proc_t* proc, const pmix_info_t* info, size_t info_count,
                      pmix_modex_cbfunc_t callback, void* callback_data) {
  if (!IsOurs(*proc) || proc->rank >= server->ranks) return PMIX_ERR_NOT_FOUND;
  server->events.on_modex(proc->rank, TimeLimit(info, info_count), Answer(callback, callback_data));
  return PMIX_SUCCESS;
}

// Of everything that the library reports, the loss of a rank's connection.
void OnEvent(size_t, pmix_status_t status, const pmix_proc_t* source, pmix_info_t*, size_t,
             pmix_info_t*, size_t, pmix_event_notification_cbfunc_fn_t callback,
             void* callback_data) {
  const bool lost = status == PMIX_ERR_LOST_CONNECTION || status == PMIX_ERR_PROC_TERM_WO_SYNC;
  if (lost && source != nullptr && IsOurs(*source) && server->connected.contains(source->rank) &&
      !server->finalized.contains(source->rank)) {
    server->events.on_rank_lost(source->rank);
  }
  if (callback != nullptr) {
    callback(PMIX_EVENT_ACTION_COMPLETE, nullptr, 0, nullptr, nullptr, callback_data);
  }
}

pmix_server_module_t Module() {
  pmix_server_module_t module = {};
  module.client_connected2 = OnConnected;
  module.client_finalized = OnFinalized;
  module.abort = OnAbort;
  module.fence_nb = OnFence;
  module.direct_modex = OnModex;
  return module;
}

// ---- what the ranks are told --------------------------------------------------------------------

void PutRank(const PmixJob& job, uint32_t node, size_t local, InfoList* out) {
  const uint32_t rank = job.parts[node].tasks[local];
  InfoList one;
  one.Rank(PMIX_RANK, rank);
  one.Number(PMIX_APPNUM, 0);
  one.Rank(PMIX_GLOBAL_RANK, rank);
  one.Rank(PMIX_APP_RANK, rank);
  one.Short(PMIX_LOCAL_RANK, static_cast<uint16_t>(local));
  one.Short(PMIX_NODE_RANK, static_cast<uint16_t>(local));
  one.Text(PMIX_HOSTNAME, job.parts[node].node);
  one.Number(PMIX_NODEID, node);
  out->List(PMIX_PROC_INFO_ARRAY, &one);
}

absl::Status PutMaps(const RankMap& map, InfoList* out) {
  char* hosts = nullptr;
  char* ranks = nullptr;
  pmix_status_t status = PMIx_generate_regex(map.Hosts().c_str(), &hosts);
  if (!Done(status)) return Refused("node map", status);
  status = PMIx_generate_ppn(map.Ranks().c_str(), &ranks);
  if (Done(status)) {
    out->Regex(PMIX_NODE_MAP, hosts);
    out->Regex(PMIX_PROC_MAP, ranks);
  }
  free(hosts);
  free(ranks);
  return Done(status) ? absl::OkStatus() : Refused("process map", status);
}

absl::Status RegisterJob(const PmixJob& job) {
  const RankMap map(job.parts);
  const std::vector<uint32_t>& local = job.parts[job.node_index].tasks;
  InfoList info;
  info.Text(PMIX_JOBID, job.name);
  info.Number(PMIX_UNIV_SIZE, map.size());
  info.Number(PMIX_JOB_SIZE, map.size());
  info.Number(PMIX_MAX_PROCS, map.size());
  info.Number(PMIX_JOB_NUM_APPS, 1);
  info.Number(PMIX_APPNUM, 0);
  info.Rank(PMIX_APPLDR, 0);
  info.Number(PMIX_LOCAL_SIZE, static_cast<uint32_t>(local.size()));
  info.Number(PMIX_NODE_SIZE, static_cast<uint32_t>(local.size()));
  info.Number(PMIX_NUM_NODES, static_cast<uint32_t>(job.parts.size()));
  info.Number(PMIX_NODEID, job.node_index);
  info.Text(PMIX_HOSTNAME, job.parts[job.node_index].node);
  info.Text(PMIX_LOCAL_PEERS, TaskIdsText(local));
  info.Rank(PMIX_LOCALLDR, *std::min_element(local.begin(), local.end()));
  info.Text(PMIX_ANL_MAP, map.Vector());
  info.Flag(PMIX_SPAWNED, false);
  info.Text(PMIX_TMPDIR, job.folder);
  info.Text(PMIX_NSDIR, job.folder);
  info.Flag(PMIX_TDIR_RMCLEAN, true);
  if (absl::Status status = PutMaps(map, &info); !status.ok()) return status;
  for (uint32_t node = 0; node < job.parts.size(); ++node) {
    for (size_t i = 0; i < job.parts[node].tasks.size(); ++i) PutRank(job, node, i, &info);
  }
  const pmix_proc_t all = Proc(PMIX_RANK_WILDCARD);
  const pmix_status_t status = PMIx_server_register_nspace(
      all.nspace, static_cast<int>(local.size()), info.data(), info.size(), nullptr, nullptr);
  return Done(status) ? absl::OkStatus() : Refused("register the step", status);
}

absl::StatusOr<std::vector<std::string>> RegisterRank(uint32_t rank) {
  const pmix_proc_t proc = Proc(rank);
  pmix_status_t status =
      PMIx_server_register_client(&proc, getuid(), getgid(), nullptr, nullptr, nullptr);
  if (!Done(status)) return Refused("register a rank", status);
  char** variables = nullptr;
  status = PMIx_server_setup_fork(&proc, &variables);
  if (!Done(status)) return Refused("prepare a rank", status);
  std::vector<std::string> result;
  for (char** entry = variables; entry != nullptr && *entry != nullptr; ++entry) {
    result.emplace_back(*entry);
    free(*entry);
  }
  free(variables);
  return result;
}

}  // namespace

absl::StatusOr<std::vector<std::vector<std::string>>> StartPmixServer(const PmixJob& job,
                                                                      PmixEvents events) {
  server = new Server{job, std::move(events), TotalTasks(job.parts), {}, {}};
  // The library keeps its address.
  static pmix_server_module_t module = Module();
  InfoList options;
  options.Text(PMIX_SERVER_TMPDIR, job.folder);
  options.Text(PMIX_SYSTEM_TMPDIR, job.folder);
  options.Text(PMIX_SERVER_NSPACE, job.name + ".server");
  options.Rank(PMIX_SERVER_RANK, job.node_index);
  options.Flag(PMIX_SERVER_SHARE_TOPOLOGY, true);
  options.Text(PMIX_HOSTNAME, job.parts[job.node_index].node);
  pmix_status_t status = PMIx_server_init(&module, options.data(), options.size());
  if (!Done(status)) return Refused("start", status);
  PMIx_Register_event_handler(nullptr, 0, nullptr, 0, OnEvent, nullptr, nullptr);
  if (absl::Status registered = RegisterJob(job); !registered.ok()) return registered;
  std::vector<std::vector<std::string>> variables;
  for (uint32_t rank : job.parts[job.node_index].tasks) {
    absl::StatusOr<std::vector<std::string>> of_rank = RegisterRank(rank);
    if (!of_rank.ok()) return of_rank.status();
    variables.push_back(*std::move(of_rank));
  }
  return variables;
}

void StopPmixServer() {
  PMIx_server_finalize();
}

void AskPmixRank(uint32_t rank, PmixAnswer done) {
  const pmix_proc_t proc = Proc(rank);
  auto kept = std::make_unique<PmixAnswer>(std::move(done));
  const pmix_status_t status = PMIx_server_dmodex_request(
      &proc,
      [](pmix_status_t result, char* data, size_t size, void* answer) {
        std::unique_ptr<PmixAnswer> once(static_cast<PmixAnswer*>(answer));
        (*once)(result, data == nullptr ? std::string() : std::string(data, size));
      },
      kept.get());
  if (status == PMIX_SUCCESS) {
    (void)kept.release();
  } else {
    (*kept)(status, {});
  }
}

}  // namespace reeve::noded
