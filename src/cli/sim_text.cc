#include "cli/sim_text.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "absl/strings/str_format.h"
#include "cli/table.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

using replay::Scenario;
using replay::Spread;

std::string Percent(double share) {
  return absl::StrFormat("%.1f%%", share * 100);
}
std::string Decimals(double value, int digits = 2) {
  return absl::StrFormat("%.*f", digits, value);
}
std::string Clock(double seconds) {
  return FormatDuration(absl::Seconds(std::llround(seconds)));
}

class Rows {
 public:
  Rows(const std::vector<Scenario>& scenarios, Table* table)
      : scenarios_(scenarios), table_(*table) {}

  void Add(std::string_view label, const std::function<std::string(const Scenario&)>& cell) {
    std::vector<std::string> cells = {std::string(label)};
    for (const Scenario& scenario : scenarios_) cells.push_back(cell(scenario));
    table_.AddRow(std::move(cells));
  }
  void AddSpread(std::string_view label, Spread replay::Figures::*member,
                 std::string (*print)(double)) {
    const auto row = [&](std::string_view which, double Spread::*value) {
      Add(StrCat(label, which), [&](const Scenario& s) { return print(s.figures.*member.*value); });
    };
    row(", mean", &Spread::mean);
    row(", median", &Spread::median);
    row(", p95", &Spread::p95);
    row(", max", &Spread::max);
  }

 private:
  const std::vector<Scenario>& scenarios_;
  Table& table_;
};

std::string WorstUser(const Scenario& scenario, size_t place) {
  if (place >= scenario.figures.worst.size()) return "";
  const replay::UserFigures& user = scenario.figures.worst[place];
  return absl::StrFormat("%s: %.1f in %d job%s", user.name, user.slowdown, user.jobs,
                         user.jobs == 1 ? "" : "s");
}

size_t MostUsers(const std::vector<Scenario>& scenarios) {
  size_t most = 0;
  for (const Scenario& scenario : scenarios) most = std::max(most, scenario.figures.worst.size());
  return most;
}

std::string FiguresTable(const std::vector<Scenario>& scenarios) {
  std::vector<Column> columns = {{.title = "", .fit = true, .suffix = "  "}};
  for (const Scenario& scenario : scenarios) {
    columns.push_back({.title = scenario.policy,
                       .width = 12,
                       .fit = true,
                       .align = Align::kRight,
                       .suffix = &scenario == &scenarios.back() ? "" : "  "});
  }
  Table table(std::move(columns));
  Rows rows(scenarios, &table);
  rows.Add("cluster", [](const Scenario& s) { return s.cluster; });
  rows.Add("nodes that are up", [](const Scenario& s) { return StrCat(s.result.nodes); });
  rows.Add("CPUs", [](const Scenario& s) { return StrCat(s.result.cpus); });
  rows.Add("jobs run", [](const Scenario& s) { return StrCat(s.figures.ran); });
  rows.Add("jobs ended by their limit", [](const Scenario& s) { return StrCat(s.figures.cut); });
  rows.Add("jobs refused", [](const Scenario& s) { return StrCat(s.figures.refused_jobs()); });
  rows.Add("utilisation", [](const Scenario& s) { return Percent(s.figures.utilisation); });
  rows.Add("makespan", [](const Scenario& s) { return FormatDuration(s.figures.makespan); });
  rows.Add("jobs an hour", [](const Scenario& s) { return Decimals(s.figures.jobs_per_hour); });
  rows.AddSpread("wait", &replay::Figures::wait_s, Clock);
  rows.AddSpread("bounded slowdown", &replay::Figures::slowdown,
                 [](double value) { return Decimals(value); });
  rows.Add("backfilled", [](const Scenario& s) { return Percent(s.figures.backfilled); });
  rows.Add("queue, mean", [](const Scenario& s) { return Decimals(s.figures.queue_mean, 1); });
  rows.Add("queue, max", [](const Scenario& s) { return StrCat(s.figures.queue_max); });
  rows.Add("fairness among users",
           [](const Scenario& s) { return Decimals(s.figures.fairness, 3); });
  const std::string_view places[] = {"worst-off user", "the next", "the next"};
  for (size_t i = 0; i < std::size(places) && i < MostUsers(scenarios); ++i) {
    rows.Add(places[i], [&](const Scenario& s) { return WorstUser(s, i); });
  }
  return table.Text();
}

std::string RefusedText(const Scenario& scenario) {
  std::string text;
  for (const replay::Refusals& refusals : scenario.figures.refused) {
    StrAppend(&text, refusals.jobs, refusals.jobs == 1 ? " job" : " jobs",
              " refused: ", refusals.why, "\n");
    for (const std::string& job : refusals.first) StrAppend(&text, "  ", job, "\n");
    if (refusals.jobs > refusals.first.size()) {
      StrAppend(&text, "  and ", refusals.jobs - refusals.first.size(), " more\n");
    }
  }
  return text;
}

// Scenarios that refuse the same jobs say so once.
std::string RefusedTexts(const std::vector<Scenario>& scenarios) {
  std::string text;
  std::string last;
  for (const Scenario& scenario : scenarios) {
    const std::string refused = RefusedText(scenario);
    if (refused.empty() || refused == last) continue;
    StrAppend(&text, "On ", scenario.cluster, ", ", scenario.policy, ":\n", refused);
    last = refused;
  }
  return text;
}

}  // namespace

std::string SimText(const replay::Trace& trace, const std::vector<Scenario>& scenarios) {
  const replay::TraceFigures about = replay::FiguresOf(trace);
  std::string text = StrCat(trace.name, ": ", about.jobs, " jobs of ", about.users,
                            about.users == 1 ? " user\n\n" : " users\n\n", FiguresTable(scenarios));
  std::string remarks;
  for (const std::string& note : trace.notes) StrAppend(&remarks, note, "\n");
  if (about.without_limit > 0) {
    StrAppend(&remarks, about.without_limit, " of ", about.jobs,
              " jobs have no requested time: they ask for exactly as long as they ran\n");
  }
  remarks += RefusedTexts(scenarios);
  if (!remarks.empty()) StrAppend(&text, "\n", remarks);
  return text;
}

}  // namespace reeve::cli
