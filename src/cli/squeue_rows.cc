#include "cli/squeue_rows.h"

#include <algorithm>

#include "cli/job_fields.h"
#include "cli/job_sort.h"
#include "common/base/array_spec.h"
#include "common/base/hostlist.h"
#include "common/base/text.h"

namespace reeve::cli {
namespace {

bool Has(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool AnyOf(const std::vector<std::string>& wanted, const std::string& comma_list) {
  for (std::string_view part : SplitSkipEmpty(comma_list, ",")) {
    if (Has(wanted, part)) return true;
  }
  return false;
}

// Slurm's default: jobs that are not over yet, completing ones among them.
bool InWantedState(const pb::Job& job, const SqueueOptions& options) {
  if (options.all_states) return true;
  if (options.by_state) return Matches(options.states, StateOf(job), job.flags());
  return !IsFinished(StateOf(job)) || (job.flags() & pb::JOB_FLAG_COMPLETING) != 0;
}

bool OnWantedNode(const pb::Job& job, const SqueueOptions& options) {
  return options.nodes.empty() ||
         std::any_of(job.shares().begin(), job.shares().end(),
                     [&](const pb::NodeShare& share) { return Has(options.nodes, share.node()); });
}

bool OfWantedUser(const pb::Job& job, const SqueueOptions& options) {
  auto has = [&job](const std::vector<uint32_t>& uids) {
    return std::find(uids.begin(), uids.end(), job.uid()) != uids.end();
  };
  return (!options.by_user || has(options.uids)) && !has(options.not_uids);
}

bool PassesFilters(const pb::Job& job, const SqueueOptions& options,
                   const std::vector<std::string>& hidden) {
  if (!InWantedState(job, options) || !OfWantedUser(job, options)) return false;
  if (!options.names.empty() && !Has(options.names, job.spec().name())) return false;
  if (!options.accounts.empty() && !Has(options.accounts, job.account())) return false;
  if (!options.qos.empty() && !Has(options.qos, job.qos())) return false;
  const std::string& reservation = options.reservation;
  if (!reservation.empty() && job.spec().reservation() != reservation) return false;
  if (!OnWantedNode(job, options)) return false;
  const std::string partition = PartitionText(job);
  if (!options.partitions.empty()) return AnyOf(options.partitions, partition);
  // Jobs asked for by id are shown wherever they are.
  return options.all_partitions || !options.jobs.empty() || !Has(hidden, partition);
}

// Which tasks of a pending array one selector means; empty for none.
IdRanges SelectedTasks(const JobSelector& selector, const IdRanges& tasks) {
  if (selector.array_task.has_value()) {
    return tasks.Intersection(IdRanges::Single(*selector.array_task));
  }
  if (selector.array_tasks.empty()) return tasks;
  absl::StatusOr<IdRanges> wanted = IdRanges::Parse(selector.array_tasks);
  return wanted.ok() ? tasks.Intersection(*wanted) : IdRanges();
}

bool NamesTasks(const JobSelector& selector) {
  return selector.array_task.has_value() || !selector.array_tasks.empty();
}

bool MeansJob(const JobSelector& selector, const pb::Job& job) {
  if (IsComponentOf(job, selector) && !NamesTasks(selector)) return true;
  if (selector.het_offset.has_value()) return false;
  if (job.job_id() == selector.job.value && !NamesTasks(selector)) return true;
  if (job.array_job_id() != selector.job.value) return false;
  if (!NamesTasks(selector)) return true;
  return job.has_array_task_id() &&
         !SelectedTasks(selector, IdRanges::Single(job.array_task_id())).empty();
}

// The tasks of a pending array that are asked for one by one; `whole` when all of it is.
IdRanges AskedTasks(const pb::Job& job, const SqueueOptions& options, bool* whole) {
  absl::StatusOr<IdRanges> tasks = IdRanges::Parse(job.array_tasks(), kHighestTask);
  IdRanges asked;
  *whole = options.jobs.empty();
  if (!tasks.ok()) return asked;
  for (const JobSelector& selector : options.jobs) {
    const bool this_array =
        selector.job.value == job.array_job_id() || selector.job.value == job.job_id();
    if (!this_array) continue;
    if (!NamesTasks(selector)) *whole = true;
    const IdRanges selected = SelectedTasks(selector, *tasks);
    for (const IdRanges::Range& range : selected.ranges()) asked.Insert(range.first, range.last);
  }
  return *whole ? *tasks : asked;
}

void ForEachPart(const pb::Job& job, const SqueueOptions& options, const ViewContext& context,
                 const std::function<void(const JobRow&)>& use) {
  if (IsPendingArray(job)) {
    bool whole = false;
    const IdRanges tasks = AskedTasks(job, options, &whole);
    if (whole && !options.one_per_task) {
      use(JobRow{&job, std::nullopt, &context});
      return;
    }
    tasks.ForEach([&](uint32_t task) { use(JobRow{&job, task, &context}); });
    return;
  }
  const bool asked = options.jobs.empty() ||
                     std::any_of(options.jobs.begin(), options.jobs.end(),
                                 [&job](const JobSelector& s) { return MeansJob(s, job); });
  if (asked) use(JobRow{&job, std::nullopt, &context});
}

bool MeansStep(const SqueueOptions& options, const pb::Job& job, const pb::Step& step) {
  if (options.jobs.empty()) return true;
  return std::any_of(options.jobs.begin(), options.jobs.end(), [&](const JobSelector& selector) {
    return MeansJob(selector, job) &&
           (!selector.step.has_value() || selector.step->value == step.step_id());
  });
}

// What a listing does with the rows of jobs, and with those of steps.
struct JobRows {
  using Row = JobRow;
  static bool Brief(const ViewField<Row>* field) {
    return field == nullptr || NeedsBriefSpecOnly(*field);
  }
  static constexpr auto kForEach = ForEachJobRow;
  static std::span<const ViewField<Row>> Fields() { return JobFields(); }
};
struct StepRows {
  using Row = StepRow;
  static bool Brief(const ViewField<Row>*) { return false; }
  static constexpr auto kForEach = ForEachStepRow;
  static std::span<const ViewField<Row>> Fields() { return StepFields(); }
};

template <class Rows>
class ListingOf : public SqueueListing {
 public:
  using Row = typename Rows::Row;

  ListingOf(const SqueueOptions& options, const std::vector<std::string>& hidden,
            RowSorter<Row> sorter)
      : options_(options),
        hidden_(hidden),
        layout_(options.format_of_all ? FormatOfAll(Rows::Fields()) : options.format,
                Rows::Fields(), options.naming),
        sorter_(std::move(sorter)),
        table_(layout_.Empty()) {}

  void Add(const pb::Job& job, const ViewContext& context) override {
    Rows::kForEach(job, options_, hidden_, context, [this](const Row& row) {
      sorter_.Add(row);
      layout_.AddRow(row, &table_);
    });
  }
  bool brief() const override {
    auto all_brief = [](const auto& fields) {
      return std::all_of(fields.begin(), fields.end(), Rows::Brief);
    };
    // A reservation is no part of those.
    return options_.reservation.empty() && all_brief(layout_.fields()) &&
           all_brief(sorter_.fields());
  }
  const std::vector<std::string>& unknown_fields() const override { return layout_.unknown(); }
  Table Finish() override {
    table_.Arrange(sorter_.Order());
    return std::move(table_);
  }

 private:
  const SqueueOptions& options_;
  const std::vector<std::string>& hidden_;
  const Layout<Row> layout_;
  RowSorter<Row> sorter_;
  Table table_;
};

template <class Rows>
absl::StatusOr<std::unique_ptr<SqueueListing>> MakeListing(const SqueueOptions& options,
                                                           const std::vector<std::string>& hidden) {
  auto sorter = RowSorter<typename Rows::Row>::Create(options.sort);
  if (!sorter.ok()) return sorter.status();
  return std::make_unique<ListingOf<Rows>>(options, hidden, *std::move(sorter));
}

}  // namespace

void ForEachJobRow(const pb::Job& job, const SqueueOptions& options,
                   const std::vector<std::string>& hidden_partitions, const ViewContext& context,
                   const std::function<void(const JobRow&)>& use) {
  if (PassesFilters(job, options, hidden_partitions)) ForEachPart(job, options, context, use);
}

void ForEachStepRow(const pb::Job& job, const SqueueOptions& options,
                    const std::vector<std::string>& hidden_partitions, const ViewContext& context,
                    const std::function<void(const StepRow&)>& use) {
  if (!PassesFilters(job, options, hidden_partitions)) return;
  for (const pb::Step& step : job.steps()) {
    const bool runs = step.state() == pb::JOB_STATE_RUNNING;
    if (runs && MeansStep(options, job, step)) use(StepRow{&job, &step, &context});
  }
}

absl::StatusOr<std::vector<JobRow>> SelectJobs(const std::vector<pb::Job>& jobs,
                                               const SqueueOptions& options,
                                               const std::vector<std::string>& hidden_partitions,
                                               const ViewContext& context) {
  auto sorter = RowSorter<JobRow>::Create(options.sort);
  if (!sorter.ok()) return sorter.status();
  std::vector<JobRow> rows;
  for (const pb::Job& job : jobs) {
    ForEachJobRow(job, options, hidden_partitions, context, [&](const JobRow& row) {
      sorter->Add(row);
      rows.push_back(row);
    });
  }
  std::vector<JobRow> sorted;
  for (uint32_t place : sorter->Order()) sorted.push_back(rows[place]);
  return sorted;
}

absl::StatusOr<std::unique_ptr<SqueueListing>> SqueueListing::Create(
    const SqueueOptions& options, const std::vector<std::string>& hidden_partitions) {
  return options.steps ? MakeListing<StepRows>(options, hidden_partitions)
                       : MakeListing<JobRows>(options, hidden_partitions);
}

}  // namespace reeve::cli
