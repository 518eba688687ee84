#include "replay/report.h"

#include <algorithm>

#include "common/base/json_writer.h"
#include "replay/valid_text.h"

namespace reeve::replay {
namespace {

void WriteSpread(std::string_view name, const Spread& spread, JsonWriter* json) {
  json->BeginObject(name);
  json->Number("mean", spread.mean);
  json->Number("median", spread.median);
  json->Number("p95", spread.p95);
  json->Number("max", spread.max);
  json->EndObject();
}

void WriteRefused(const Figures& figures, JsonWriter* json) {
  json->BeginArray("refused");
  for (const Refusals& refusals : figures.refused) {
    json->BeginObject();
    json->String("why", ValidUtf8(refusals.why));
    json->Number("jobs", refusals.jobs);
    json->BeginArray("first");
    for (const std::string& job : refusals.first) json->String("", ValidUtf8(job));
    json->EndArray();
    json->EndObject();
  }
  json->EndArray();
}

void WriteUsers(const Figures& figures, JsonWriter* json) {
  json->BeginObject("users");
  json->Number("count", figures.users);
  json->Number("fairness", figures.fairness);
  json->BeginArray("worst");
  for (const UserFigures& user : figures.worst) {
    json->BeginObject();
    json->String("user", ValidUtf8(user.name));
    json->Number("jobs", user.jobs);
    json->Number("bounded_slowdown_mean", user.slowdown);
    json->Number("wait_seconds_mean", user.wait_s);
    json->EndObject();
  }
  json->EndArray();
  json->EndObject();
}

void WriteQueue(const Figures& figures, JsonWriter* json) {
  json->BeginObject("queue");
  json->Number("mean", figures.queue_mean);
  json->Number("max", figures.queue_max);
  json->Number("begin", std::max<int64_t>(absl::ToUnixSeconds(figures.begin), 0));
  json->Number("step_seconds", absl::ToInt64Seconds(figures.queue_step));
  std::vector<double> means;
  std::vector<double> maxima;
  for (const QueueSample& sample : figures.queue) {
    means.push_back(sample.mean);
    maxima.push_back(sample.max);
  }
  json->Numbers("step_means", means);
  json->Numbers("step_maxima", maxima);
  json->EndObject();
}

void WriteScenario(const Scenario& scenario, JsonWriter* json) {
  const Figures& figures = scenario.figures;
  json->BeginObject();
  json->String("policy", ValidUtf8(scenario.policy));
  json->String("cluster", ValidUtf8(scenario.cluster));
  json->Number("nodes", scenario.result.nodes);
  json->Number("cpus", scenario.result.cpus);
  json->Number("jobs_run", figures.ran);
  json->Number("jobs_cut_at_limit", figures.cut);
  json->Number("jobs_refused", figures.refused_jobs());
  WriteRefused(figures, json);
  json->Number("utilisation", figures.utilisation);
  WriteSpread("wait_seconds", figures.wait_s, json);
  WriteSpread("bounded_slowdown", figures.slowdown, json);
  json->Number("backfilled_share", figures.backfilled);
  json->Number("makespan_seconds", absl::ToInt64Seconds(figures.makespan));
  json->Number("jobs_per_hour", figures.jobs_per_hour);
  json->Number("scheduling_passes", scenario.result.passes);
  WriteUsers(figures, json);
  WriteQueue(figures, json);
  json->EndObject();
}

}  // namespace

TraceFigures FiguresOf(const Trace& trace) {
  TraceFigures figures{.jobs = trace.jobs.size(), .users = trace.users.size()};
  for (const TraceJob& job : trace.jobs) figures.without_limit += !job.limit.has_value();
  return figures;
}

std::string JsonReport(const Trace& trace, const std::vector<Scenario>& scenarios) {
  const TraceFigures about = FiguresOf(trace);
  JsonWriter json;
  json.BeginObject();
  json.BeginObject("trace");
  json.String("name", ValidUtf8(trace.name));
  json.Number("jobs", about.jobs);
  json.Number("users", about.users);
  json.Number("jobs_without_requested_time", about.without_limit);
  json.BeginArray("notes");
  for (const std::string& note : trace.notes) json.String("", ValidUtf8(note));
  json.EndArray();
  json.EndObject();
  json.BeginArray("scenarios");
  for (const Scenario& scenario : scenarios) WriteScenario(scenario, &json);
  json.EndArray();
  json.EndObject();
  return json.Take();
}

}  // namespace reeve::replay
