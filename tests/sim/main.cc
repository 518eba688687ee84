// reeve_sim: runs worlds by their seeds. See docs/simulator.md.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/numbers.h"
#include "common/os/log.h"
#include "tests/sim/shrink.h"
#include "tests/sim/world.h"

namespace reeve::sim {
namespace {

struct Options {
  uint64_t first = 1, last = 1;
  bool trace = false;
  bool shrink = true;
  bool canaries = false;
  uint64_t within = 3000;
  Canary canary = Canary::kNone;
};

int Usage() {
  std::fprintf(stderr,
               "usage: reeve_sim --seed N [--trace] [--canary NAME] [--no-shrink]\n"
               "       reeve_sim --seeds FIRST-LAST\n"
               "       reeve_sim --canaries [--within N]\n"
               "canaries:");
  for (const auto& [canary, name] : kCanaries)
    std::fprintf(stderr, " %s", std::string(name).c_str());
  std::fprintf(stderr, "\n");
  return 2;
}

// A crash of the code under test names its seed as well.
uint64_t current_seed = 0;
void OnCrash(int signal) {
  char text[64];
  const int length = std::snprintf(text, sizeof text, "\nseed %llu: signal %d\n",
                                   static_cast<unsigned long long>(current_seed), signal);
  if (write(2, text, static_cast<size_t>(length)) != length) _exit(3);
  ::signal(signal, SIG_DFL);
  raise(signal);
}

Verdict RunSeed(uint64_t seed, const Options& options) {
  current_seed = seed;
  const Plan plan = MakePlan(seed);
  return World(plan, options.canary, options.trace).Run();
}

void Explain(uint64_t seed, const Verdict& verdict, const Options& options) {
  std::printf("seed %llu FAILS: %s: %s\n", static_cast<unsigned long long>(seed),
              verdict.kind.c_str(), verdict.text.c_str());
  std::string canary;
  for (const auto& [value, name] : kCanaries) {
    if (value == options.canary) canary = StrCat(" --canary ", name);
  }
  std::printf("replay: reeve_sim --seed %llu --trace%s\n", static_cast<unsigned long long>(seed),
              canary.c_str());
  if (!options.shrink) return;
  const Plan plan = Shrink(MakePlan(seed), options.canary, verdict.kind, 400);
  std::printf("what is enough for it:\n  %s\n", ToString(plan.cluster).c_str());
  for (const WorkItem& item : plan.work) std::printf("  %s\n", ToString(item, plan).c_str());
  for (const Fault& fault : plan.faults) std::printf("  %s\n", ToString(fault, plan).c_str());
  std::printf("what happens then:\n");
  World(plan, options.canary, true).Run();
}

int RunSeeds(const Options& options) {
  uint64_t events = 0, runs = 0, failed = 0;
  for (uint64_t seed = options.first; seed <= options.last; ++seed) {
    const Verdict verdict = RunSeed(seed, options);
    events += verdict.events;
    runs += verdict.runs;
    if (!verdict.failed()) continue;
    ++failed;
    Options shorter = options;
    shorter.shrink = options.shrink && failed == 1;  // of many one is enough
    Explain(seed, verdict, shorter);
  }
  std::printf("%llu seeds, %llu events, %llu runs of steps: %llu failed\n",
              static_cast<unsigned long long>(options.last - options.first + 1),
              static_cast<unsigned long long>(events), static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}

int RunCanaries(const Options& options) {
  int missed = 0;
  for (const auto& [canary, name] : kCanaries) {
    if (options.canary != Canary::kNone && options.canary != canary) continue;
    Options one = options;
    one.canary = canary;
    Verdict verdict;
    uint64_t seed = 0;
    while (!verdict.failed() && seed < options.within) verdict = RunSeed(++seed, one);
    if (!verdict.failed()) ++missed;
    std::printf(
        "%-26s %s\n", std::string(name).c_str(),
        verdict.failed()
            ? StrCat("caught at seed ", seed, ": ", verdict.kind, ": ", verdict.text).c_str()
            : "NOT CAUGHT");
  }
  return missed == 0 ? 0 : 1;
}

bool ParseRange(std::string_view text, Options* options) {
  const size_t dash = text.find('-');
  return dash != std::string_view::npos &&
         absl::SimpleAtoi(ToAbsl(text.substr(0, dash)), &options->first) &&
         absl::SimpleAtoi(ToAbsl(text.substr(dash + 1)), &options->last) &&
         options->first <= options->last;
}

bool ParseCanary(std::string_view text, Options* options) {
  for (const auto& [canary, name] : kCanaries) {
    if (name == text) options->canary = canary;
  }
  return options->canary != Canary::kNone;
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    bool good = true, takes_value = true;
    if (word == "--seed") {
      good = absl::SimpleAtoi(ToAbsl(value), &options.first);
      options.last = options.first;
    } else if (word == "--seeds") {
      good = ParseRange(value, &options);
    } else if (word == "--canary") {
      good = ParseCanary(value, &options);
    } else if (word == "--within") {
      good = absl::SimpleAtoi(ToAbsl(value), &options.within);
    } else {
      takes_value = false;
      options.trace |= word == "--trace";
      options.canaries |= word == "--canaries";
      if (word == "--no-shrink") options.shrink = false;
      good = word == "--trace" || word == "--canaries" || word == "--no-shrink";
    }
    if (!good) return Usage();
    i += takes_value;
  }
  if (argc == 1) return Usage();
  if (options.trace) options.shrink = false;
  os::SetLogLevel(LogLevel::kQuiet);
  for (int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE}) ::signal(signal, OnCrash);
  return options.canaries ? RunCanaries(options) : RunSeeds(options);
}

}  // namespace
}  // namespace reeve::sim

int main(int argc, char** argv) {
  return reeve::sim::Main(argc, argv);
}
