#include "cli/explain_text.h"

#include <algorithm>
#include <cmath>

#include "cli/table.h"
#include "cli/time_text.h"
#include "common/base/job_state.h"
#include "common/base/text.h"
#include "common/base/units.h"

namespace reeve::cli {
namespace {

constexpr size_t kWordWidth = 15;
constexpr char kIndent[] = "  ";

std::string StateOf(const pb::Explanation& job) {
  return std::string(DisplayName(static_cast<JobState>(job.state()), job.flags()));
}

std::string At(int64_t seconds) {
  return seconds < 0 ? "UNLIMITED" : TimeText(seconds, "");
}
// " on n[1-2]", or nothing where nodes are not shown.
std::string On(const std::string& nodes) {
  return nodes.empty() ? "" : " on " + nodes;
}

class Printer {
 public:
  Printer(const pb::Explanation& job, int64_t now) : job_(job), now_(now) {}

  std::string Run() {
    if (job_.state() != pb::JOB_STATE_PENDING) return WhereItIs();
    const std::string reason = job_.reason() == "None" ? "" : StrCat(" (", job_.reason(), ")");
    StrAppend(&text_, "Job ", job_.label(), ": ", StateOf(job_), reason, "\n");
    for (const pb::Explanation::Wait& wait : job_.waits()) {
      const std::string until = wait.until() == 0 ? "" : ": " + At(wait.until());
      Say("waits", wait.text() + until);
    }
    for (const pb::Explanation::Prospect& prospect : job_.prospects()) {
      if (prospect.obstacle_text().empty()) continue;
      Say(prospect.never() ? "can never run" : "cannot run now", prospect.obstacle_text());
    }
    Say("planned start", PlannedStart());
    for (const std::string& line : job_.others()) Say("component", line);
    Say("switches", Switches());
    Say("magnetic", Magnets());
    if (job_.last_start() != 0) {
      Say("deadline", "ended when it has not started by " + At(job_.last_start()));
    }
    for (const pb::Explanation::Prospect& prospect : job_.prospects()) Put(prospect);
    for (const pb::Explanation::Busy& busy : job_.busy()) Say("busy", Line(busy));
    if (job_.more_busy() > 0) Say("busy", StrCat("and ", job_.more_busy(), " more"));
    for (const pb::Explanation::Suggestion& suggestion : job_.suggestions()) {
      Say("starts now",
          suggestion.option().starts_with("without ")
              ? StrCat(suggestion.option(), " (", suggestion.instead_of(), ")")
              : StrCat("with ", suggestion.option(), " instead of ", suggestion.instead_of()));
    }
    return text_;
  }

 private:
  std::string WhereItIs() const {
    const std::string state = StrCat("Job ", job_.label(), ": ", StateOf(job_));
    if (job_.state() == pb::JOB_STATE_SUSPENDED) {
      return StrCat(state, On(job_.nodes()), ", started ", At(job_.start_time()),
                    ": scontrol resume lets it go on once its CPUs are free\n");
    }
    if (IsActive(static_cast<JobState>(job_.state()))) {
      if (job_.preempt_time() != 0) {
        return StrCat(state, On(job_.nodes()), " since ", At(job_.start_time()),
                      ", makes room for ", Preemptor(), ": ends ", At(job_.end_time()), "\n");
      }
      return StrCat(state, On(job_.nodes()), " since ", At(job_.start_time()),
                    job_.end_time() < 0 ? ", without a time limit"
                                        : ", its time limit ends " + At(job_.end_time()),
                    "\n");
    }
    const bool has_run = !job_.nodes().empty();
    return StrCat(state, job_.end_time() == 0 ? "" : " at " + At(job_.end_time()),
                  has_run ? ", ran" + On(job_.nodes()) : "",
                  job_.preempt_time() == 0 || job_.preempted_for().empty()
                      ? ""
                      : ", made room for " + Preemptor(),
                  "\n");
  }

  std::string Preemptor() const {
    return job_.preempted_for().empty() ? "a job of a higher tier" : "job " + job_.preempted_for();
  }

  // One line under a word; the same word again is left out.
  void Say(std::string_view word, std::string_view text) {
    if (text.empty()) return;
    std::string head(word == said_ ? "" : StrCat(word, ":"));
    said_ = std::string(word);
    head.resize(kWordWidth, ' ');
    StrAppend(&text_, kIndent, head, " ", text, "\n");
  }

  // How long it still waits for few switches.
  std::string Switches() const {
    if (job_.switches() == 0) return "";
    const std::string few =
        StrCat(job_.switches(), job_.switches() == 1 ? " leaf switch" : " leaf switches");
    const std::string wait = FormatDuration(absl::Seconds(job_.switches_wait()));
    if (job_.switches_waited()) return StrCat("has waited ", wait, " for ", few, ": any will do");
    if (job_.switches_since() == 0) {
      return StrCat("waits for ", few, ", ", wait, " at most once it could start on others");
    }
    return StrCat("waits for ", few, ", until ", At(job_.switches_since() + job_.switches_wait()),
                  " at most; could start on others since ", At(job_.switches_since()));
  }

  std::string Magnets() const {
    if (job_.magnets_size() == 0) return "";
    const std::string_view what = job_.magnets_size() == 1 ? "reservation " : "reservations ";
    return StrCat("is tried in ", what, Join(job_.magnets(), ","), " too");
  }

  std::string PlannedStart() const {
    if (job_.starts_now()) return "at once, in the next pass";
    if (job_.planned_start() != 0) {
      const std::string in = FormatDuration(absl::Seconds(job_.planned_start() - now_));
      return StrCat(At(job_.planned_start()), job_.planned_start() > now_ ? ", in " + in : "",
                    On(job_.planned_nodes()),
                    job_.prospects_size() > 1 ? " in " + job_.planned_partition() : "",
                    job_.planned_reservation().empty()
                        ? ""
                        : StrCat(" in reservation ", job_.planned_reservation()));
    }
    return job_.planning() ? "being worked out: ask again in a moment" : "";
  }

  static std::string Words(const pb::Explanation::Requirement& requirement) {
    using pb::Explanation;
    const std::string& asked = requirement.asked();
    switch (requirement.need()) {
      case Explanation::NEED_PARTITION:
        return "in partition " + asked;
      case Explanation::NEED_NOT_EXCLUDED:
        return "not excluded: " + asked;
      case Explanation::NEED_IN_NODE_LIST:
        return "of " + asked;
      case Explanation::NEED_FEATURES:
        return "features " + asked;
      case Explanation::NEED_DISK:
        return "disk " + asked;
      case Explanation::NEED_LAYOUT:
      case Explanation::NEED_CPUS:
        return asked;
      case Explanation::NEED_MEMORY:
        return "memory " + asked;
      case Explanation::NEED_GRES:
        return asked;
      case Explanation::NEED_UP:
        return "up";
      case Explanation::NEED_SOLE_USER:
        return asked.empty() ? "not for one user alone" : "with no jobs of others than " + asked;
      case Explanation::NEED_FEATURE_GROUP:
        return "together: " + asked;
      case Explanation::NEED_CONTIGUOUS:
        return StrCat("together: ", asked, " or more in a row");
      case Explanation::NEED_SWITCHES:
        if (asked.empty()) return "together: below one switch";
        return StrCat("together: ", asked, asked == "1" ? " leaf switch" : " leaf switches");
      case Explanation::NEED_FREE_NOW:
        return asked.empty() ? "free now" : StrCat("free now, ", asked);
      case Explanation::NEED_FREE_THROUGHOUT:
        return asked == "UNLIMITED" ? "free without end" : "free for " + asked;
      default:
        return "?";
    }
  }

  void Put(const pb::Explanation::Prospect& prospect) {
    Table table(
        {{.title = "nodes", .fit = true, .suffix = " "},
         {.title = "pass", .width = 6, .fit = true, .align = Align::kRight, .suffix = " "},
         {.title = "remain", .width = 6, .fit = true, .align = Align::kRight, .suffix = " "},
         {.title = "tasks", .width = 6, .fit = true, .align = Align::kRight, .suffix = " "},
         {.title = "", .overflow = Overflow::kKeep}},
        kIndent);
    for (const pb::Explanation::Requirement& requirement : prospect.requirements()) {
      const bool up = requirement.need() == pb::Explanation::NEED_UP;
      const bool counted = requirement.need() >= pb::Explanation::NEED_CPUS &&
                           requirement.need() < pb::Explanation::NEED_FEATURE_GROUP;
      const std::string lacking = requirement.lacking().empty()
                                      ? ""
                                      : StrCat(up ? " not up: " : " not: ", requirement.lacking());
      table.AddRow({Words(requirement), StrCat(requirement.passing()),
                    StrCat(requirement.remaining()), counted ? StrCat(requirement.tasks()) : "",
                    lacking});
    }
    table.AddRow({"needed", "", StrCat(job_.min_nodes()), StrCat(job_.tasks()), ""});
    const std::string lines = table.Text();
    for (std::string_view line : SplitSkipEmpty(lines, "\n")) {
      StrAppend(&text_, line.substr(0, line.find_last_not_of(' ') + 1), "\n");
    }
    said_.clear();
    for (const pb::Explanation::LicenseCount& license : prospect.licenses()) {
      Say("licence",
          StrCat(license.name(), ": ", license.asked(), " of ", license.total(), " needed, ",
                 license.free_now(), " free now, ", license.free_throughout(), " free throughout"));
    }
    const pb::Explanation::Ahead& ahead = prospect.ahead();
    if (ahead.jobs() == 0) return;
    Say("ahead",
        StrCat(ahead.more() ? "more than " : "", ahead.jobs(),
               ahead.jobs() == 1 ? " job asks for " : " jobs ask for ", ahead.cpus(),
               ahead.cpus() == 1 ? " CPU" : " CPUs",
               ahead.first_label().empty() ? "" : ", the first is " + ahead.first_label()));
    if (ahead.has_own() && ahead.has_of_first()) SayPriorities(ahead);
  }

  // Parts that are the same for both make no difference.
  void SayPriorities(const pb::Explanation::Ahead& ahead) {
    const pb::JobPriority& own = ahead.own();
    const pb::JobPriority& first = ahead.of_first();
    const std::pair<const char*, double (pb::JobPriority::*)() const> parts[] = {
        {"age", &pb::JobPriority::age},         {"fair share", &pb::JobPriority::fair_share},
        {"size", &pb::JobPriority::job_size},   {"CPUs", &pb::JobPriority::tres_cpu},
        {"memory", &pb::JobPriority::tres_mem},
    };
    std::vector<std::string> differences;
    for (const auto& [name, points] : parts) {
      const auto there = std::llround((first.*points)()), here = std::llround((own.*points)());
      if (there != here) differences.push_back(StrCat(name, " ", there, " to ", here));
    }
    if (first.nice() != own.nice()) {
      differences.push_back(StrCat("nice ", -int64_t{first.nice()}, " to ", -int64_t{own.nice()}));
    }
    Say("ahead", StrCat("its priority is ", first.priority(), ", this job's ", own.priority(),
                        differences.empty() ? "" : StrCat(": ", Join(differences, ", "))));
  }

  static std::string Line(const pb::Explanation::Busy& busy) {
    const std::string nodes = !busy.license().empty() ? "licence " + busy.license()
                              : busy.nodes().empty()  ? StrCat(busy.num_nodes(), " nodes")
                                                      : busy.nodes();
    if (busy.job_id() == 0 && !busy.label().empty()) {
      return StrCat(nodes, ": ", busy.label(), ", ", At(busy.from()),
                    busy.until() < 0 ? " on" : " to " + At(busy.until()));
    }
    const std::string job = busy.label().empty() ? "a job of another user" : "job " + busy.label();
    if (busy.preempted()) {
      return StrCat(nodes, ": ", job, " makes room, until ", At(busy.until()));
    }
    if (busy.suspended()) return StrCat(nodes, ": ", job, ", suspended");
    if (busy.from() == 0) {
      return StrCat(nodes, ": ", job,
                    busy.until() < 0 ? ", without a time limit" : ", until " + At(busy.until()));
    }
    return StrCat(nodes, ": ", job, " is planned, ", At(busy.from()), " to ", At(busy.until()));
  }

  const pb::Explanation& job_;
  const int64_t now_;
  std::string said_;
  std::string text_;
};

}  // namespace

std::string ExplainText(const pb::Explanation& job, int64_t now) {
  return Printer(job, now).Run();
}

}  // namespace reeve::cli
