#include "replay/svg.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "replay/cells.h"
#include "replay/valid_text.h"

namespace reeve::replay {
namespace {

constexpr int kLeft = 60;     // where panels begin; axis labels are left of it
constexpr int kWidth = 1200;  // of a panel
constexpr int kHeight = 360;  // of its schedule
constexpr int kQueueHeight = 80;
constexpr int kGap = 60;  // above a schedule, with its title
constexpr int kPanel = kGap + kHeight + 16 + kQueueHeight + 24;
constexpr size_t kSingleRectangles = 8000;  // more than this many, and cells are drawn
constexpr size_t kMostBlocks = 50000;

// Eleven users have a colour of their own, the rest share the last.
constexpr std::array<std::string_view, 12> kColours = {"#4477aa", "#ee6677", "#228833", "#ccbb44",
                                                       "#66ccee", "#aa3377", "#e08214", "#5e4fa2",
                                                       "#1b9e77", "#8c510a", "#d6604d", "#999999"};
constexpr auto kOthers = static_cast<uint8_t>(kColours.size() - 1);

std::string Escaped(std::string_view text) {
  std::string escaped = ValidUtf8(text);
  escaped = ReplaceAll(escaped, "&", "&amp;");
  escaped = ReplaceAll(escaped, "<", "&lt;");
  return ReplaceAll(escaped, ">", "&gt;");
}

// Colours by CPU time in the first scenario, so that a user has one colour in all of them.
std::vector<uint8_t> ColoursOf(const Trace& trace, const Result& result,
                               std::vector<uint32_t>* legend) {
  std::vector<std::pair<double, uint32_t>> use(trace.users.size());
  for (uint32_t id = 0; id < use.size(); ++id) use[id] = {0, id};
  for (size_t i = 0; i < trace.jobs.size(); ++i) {
    const Outcome& outcome = result.outcomes[i];
    if (!outcome.ran()) continue;
    use[trace.jobs[i].user].first -=
        outcome.cpus * absl::ToDoubleSeconds(outcome.end - outcome.start);
  }
  std::sort(use.begin(), use.end());
  std::vector<uint8_t> colours(use.size(), kOthers);
  for (uint8_t i = 0; i < kOthers && i < use.size(); ++i) {
    colours[use[i].second] = i;
    legend->push_back(use[i].second);
  }
  return colours;
}

class Panel {
 public:
  // `top` is where its title goes; all panels show `span` from `begin` on.
  Panel(const Trace& trace, const Scenario& scenario, const std::vector<uint8_t>& colours,
        absl::Time begin, absl::Duration span, int top, std::string* out)
      : trace_(trace),
        result_(scenario.result),
        figures_(scenario.figures),
        colours_(colours),
        begin_(begin),
        span_(std::max(span, absl::Seconds(1))),
        top_(top + kGap),
        out_(*out) {
    Title(scenario);
  }

  void Draw() {
    DrawFrame(top_, kHeight);
    size_t rectangles = 0;
    for (const Outcome& outcome : result_.outcomes) rectangles += outcome.run_count;
    if (rectangles <= kSingleRectangles) {
      DrawJobs();
    } else {
      DrawCells();
    }
    DrawQueue();
    DrawTimes();
  }

 private:
  double X(absl::Time time) const {
    return kLeft + kWidth * absl::FDivDuration(time - begin_, span_);
  }

  void Title(const Scenario& scenario) {
    absl::StrAppendFormat(
        &out_, "<text x='%d' y='%d' class='t'>%s, %s: utilisation %.1f%%</text>\n", kLeft,
        top_ - 12, Escaped(scenario.policy), Escaped(scenario.cluster), figures_.utilisation * 100);
    Label(kLeft - 6, top_ + 10, "1");
    Label(kLeft - 6, top_ + kHeight, StrCat(result_.cpus));
    Label(kLeft - 6, top_ + kHeight / 2, "CPUs");
  }

  void Label(int x, int y, std::string_view text) {
    absl::StrAppendFormat(&out_, "<text x='%d' y='%d' text-anchor='end'>%s</text>\n", x, y, text);
  }

  void DrawFrame(int top, int height) {
    absl::StrAppendFormat(&out_, "<rect x='%d' y='%d' width='%d' height='%d' class='f'/>\n", kLeft,
                          top, kWidth, height);
  }

  void DrawJobs() {
    const double row = static_cast<double>(kHeight) / std::max(result_.cpus, 1u);
    for (size_t i = 0; i < trace_.jobs.size(); ++i) {
      const Outcome& outcome = result_.outcomes[i];
      if (!outcome.ran()) continue;
      const TraceJob& job = trace_.jobs[i];
      const double width = std::max(X(outcome.end) - X(outcome.start), 0.2);
      // An edge would cover what is as thin as itself.
      absl::StrAppendFormat(&out_, "<g fill='%s'%s><title>job %s of %s, %d CPUs, %s</title>",
                            kColours[colours_[job.user]], width > 3 ? " class='j'" : "",
                            Escaped(job.label), Escaped(trace_.users[job.user]), outcome.cpus,
                            FormatDuration(outcome.end - outcome.start));
      for (uint32_t r = 0; r < outcome.run_count; ++r) {
        const CpuRun& run = result_.runs[outcome.first_run + r];
        absl::StrAppendFormat(&out_, "<rect x='%.2f' y='%.2f' width='%.2f' height='%.2f'/>",
                              X(outcome.start), top_ + run.first * row, width, run.count * row);
      }
      out_ += "</g>\n";
    }
  }

  std::vector<Block> BlocksOf(uint32_t columns, uint32_t rows) const {
    Cells cells(columns, rows, begin_, span_, result_.cpus);
    for (size_t i = 0; i < trace_.jobs.size(); ++i) {
      const Outcome& outcome = result_.outcomes[i];
      for (uint32_t r = 0; r < outcome.run_count; ++r) {
        cells.Add(result_.runs[outcome.first_run + r], outcome.start, outcome.end,
                  colours_[trace_.jobs[i].user]);
      }
    }
    return cells.Blocks();
  }

  // As fine as the number of blocks allows.
  void DrawCells() {
    uint32_t columns = kWidth;
    uint32_t rows = std::min<uint32_t>(result_.cpus, kHeight);
    std::vector<Block> blocks = BlocksOf(columns, rows);
    while (blocks.size() > kMostBlocks && columns > 100) {
      columns = columns * 3 / 4;
      rows = std::max(rows * 3 / 4, 1u);
      blocks = BlocksOf(columns, rows);
    }
    // One path for all blocks of one look.
    std::map<std::pair<uint8_t, uint8_t>, std::string> paths;
    for (const Block& block : blocks) {
      StrAppend(&paths[{block.colour, block.shade}], "M", block.x, " ", block.y, "h", block.width,
                "v", block.height, "h-", block.width, "z");
    }
    absl::StrAppendFormat(&out_, "<g transform='translate(%d %d) scale(%.5f %.5f)'>\n", kLeft, top_,
                          static_cast<double>(kWidth) / columns,
                          static_cast<double>(kHeight) / std::max(rows, 1u));
    for (const auto& [look, path] : paths) {
      absl::StrAppendFormat(&out_, "<path fill='%s' fill-opacity='%.2f' d='%s'/>\n",
                            kColours[look.first], static_cast<double>(look.second) / kShades, path);
    }
    out_ += "</g>\n";
  }

  void DrawQueue() {
    const int top = top_ + kHeight + 16;
    DrawFrame(top, kQueueHeight);
    Label(kLeft - 6, top + 10, StrCat(figures_.queue_max));
    Label(kLeft - 6, top + kQueueHeight, "0");
    Label(kLeft - 6, top + kQueueHeight / 2, "waiting");
    const double unit = static_cast<double>(kQueueHeight) / std::max(figures_.queue_max, 1u);
    absl::StrAppendFormat(&out_, "<path class='q' d='M%d %d", kLeft, top + kQueueHeight);
    for (const QueueSample& sample : figures_.queue) {
      absl::StrAppendFormat(&out_, "L%.1f %.1f H%.1f", X(sample.from),
                            top + kQueueHeight - sample.max * unit,
                            X(sample.from + figures_.queue_step));
    }
    absl::StrAppendFormat(&out_, "V%d z'/>\n", top + kQueueHeight);
  }

  void DrawTimes() {
    const int y = top_ + kHeight + 16 + kQueueHeight + 14;
    for (int i = 0; i <= 6; ++i) {
      const absl::Duration since = absl::Floor(span_ * i / 6, absl::Seconds(1));
      absl::StrAppendFormat(&out_, "<text x='%.0f' y='%d' text-anchor='middle'>%s</text>\n",
                            X(begin_ + since), y, FormatDuration(since));
    }
  }

  const Trace& trace_;
  const Result& result_;
  const Figures& figures_;
  const std::vector<uint8_t>& colours_;
  const absl::Time begin_;
  const absl::Duration span_;
  const int top_;
  std::string& out_;
};

void DrawLegend(const Trace& trace, const std::vector<uint32_t>& legend, std::string* out) {
  int x = kLeft;
  for (size_t i = 0; i <= legend.size(); ++i) {
    const bool others = i == legend.size();
    if (others && legend.size() == trace.users.size()) break;
    absl::StrAppendFormat(
        out,
        "<rect x='%d' y='30' width='10' height='10' fill='%s'/><text x='%d' y='39'>%s</text>\n", x,
        kColours[others ? kOthers : i], x + 14,
        others ? "others" : Escaped(trace.users[legend[i]].substr(0, 12)));
    x += 100;
  }
}

}  // namespace

std::string DrawSchedules(const Trace& trace, const std::vector<Scenario>& scenarios) {
  const int height = 40 + kPanel * static_cast<int>(scenarios.size());
  std::string out;
  absl::StrAppendFormat(
      &out,
      "<?xml version='1.0' encoding='UTF-8'?>\n"
      "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d'>\n"
      "<style>text{font:11px sans-serif;fill:#333}.t{font-size:14px}.f{fill:#f6f6f6;stroke:#ccc}"
      ".j{stroke:#fff;stroke-width:.5}.q{fill:#4477aa}</style>\n"
      "<rect width='100%%' height='100%%' fill='#fff'/>\n"
      "<text x='%d' y='20' class='t'>%s</text>\n",
      kLeft + kWidth + 40, height, kLeft + kWidth + 40, height, kLeft, Escaped(trace.name));
  if (!scenarios.empty()) {
    std::vector<uint32_t> legend;
    const std::vector<uint8_t> colours = ColoursOf(trace, scenarios[0].result, &legend);
    DrawLegend(trace, legend, &out);
    absl::Duration span;
    for (const Scenario& scenario : scenarios) span = std::max(span, scenario.figures.makespan);
    for (size_t i = 0; i < scenarios.size(); ++i) {
      Panel(trace, scenarios[i], colours, scenarios[0].figures.begin, span,
            40 + kPanel * static_cast<int>(i), &out)
          .Draw();
    }
  }
  out += "</svg>\n";
  return out;
}

}  // namespace reeve::replay
