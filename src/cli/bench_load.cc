#include "cli/bench_load.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/json_writer.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

double Milliseconds(absl::Duration duration) {
  return absl::ToDoubleMilliseconds(duration);
}

void Work(const ControllerClient& client, const BenchSource& source, BenchFigures* figures) {
  while (std::optional<BenchRequest> request = source()) {
    const absl::Time began = absl::Now();
    const BenchOutcome outcome = (*request)(client);
    figures->latencies.push_back(absl::Now() - began);
    figures->done += outcome.done;
    for (const absl::Status& status : outcome.failed) {
      BenchFigures::Failures& failures = figures->failed[absl::StatusCodeToString(status.code())];
      if (failures.count++ == 0) failures.first = StatusText(status);
    }
  }
}

void Add(const BenchFigures& part, BenchFigures* sum) {
  sum->done += part.done;
  sum->latencies.insert(sum->latencies.end(), part.latencies.begin(), part.latencies.end());
  for (const auto& [code, failures] : part.failed) {
    BenchFigures::Failures& all = sum->failed[code];
    if (all.count == 0) all.first = failures.first;
    all.count += failures.count;
  }
}

}  // namespace

absl::Duration BenchFigures::Percentile(double share) const {
  if (latencies.empty()) return absl::ZeroDuration();
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(latencies.size())));
  return latencies[std::clamp<size_t>(rank, 1, latencies.size()) - 1];
}

BenchFigures RunBenchLoad(const ControllerClient& like, uint32_t channels, uint32_t pipeline,
                          const BenchSource& source) {
  std::vector<std::unique_ptr<ControllerClient>> clients;
  for (uint32_t i = 0; i < channels; ++i) {
    clients.push_back(std::make_unique<ControllerClient>(like.command(), like.config()));
  }
  std::vector<BenchFigures> parts(size_t{channels} * pipeline);
  const absl::Time began = absl::Now();
  std::vector<std::thread> workers;
  for (size_t i = 0; i < parts.size(); ++i) {
    workers.emplace_back([&, i] { Work(*clients[i % channels], source, &parts[i]); });
  }
  for (std::thread& worker : workers) worker.join();
  BenchFigures figures;
  figures.elapsed = absl::Now() - began;
  for (const BenchFigures& part : parts) Add(part, &figures);
  std::sort(figures.latencies.begin(), figures.latencies.end());
  return figures;
}

std::string BenchText(const BenchTitle& title, const BenchFigures& figures) {
  std::string text = absl::StrFormat("%d %s in %.2f s: %.0f a second\n", figures.done, title.units,
                                     absl::ToDoubleSeconds(figures.elapsed), figures.Rate());
  const std::string size =
      title.batch > 1 ? StrCat("requests of ", title.batch, " ", title.units) : "requests";
  absl::StrAppendFormat(
      &text,
      "%s on %d connections, %d at once on each: p50 %.2f ms, p99 %.2f ms, longest %.2f ms\n", size,
      title.channels, title.pipeline, Milliseconds(figures.Percentile(0.5)),
      Milliseconds(figures.Percentile(0.99)), Milliseconds(figures.Percentile(1)));
  for (const auto& [code, failures] : figures.failed) {
    StrAppend(&text, "failed, ", code, ": ", failures.count, " (", failures.first, ")\n");
  }
  return text;
}

std::string BenchJson(const BenchTitle& title, const BenchFigures& figures) {
  JsonWriter json;
  json.BeginObject();
  json.String("load", title.load);
  json.String("unit", title.unit);
  json.Number("channels", title.channels);
  json.Number("pipeline", title.pipeline);
  json.Number("batch", title.batch);
  json.Number("done", figures.done);
  json.Number("seconds", absl::ToDoubleSeconds(figures.elapsed));
  json.Number("per_second", figures.Rate());
  json.Number("requests", figures.latencies.size());
  json.Number("p50_ms", Milliseconds(figures.Percentile(0.5)));
  json.Number("p99_ms", Milliseconds(figures.Percentile(0.99)));
  json.Number("max_ms", Milliseconds(figures.Percentile(1)));
  json.BeginArray("failed");
  for (const auto& [code, failures] : figures.failed) {
    json.BeginObject();
    json.String("code", code);
    json.Number("count", failures.count);
    json.String("first", failures.first);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return json.Take();
}

}  // namespace reeve::cli
