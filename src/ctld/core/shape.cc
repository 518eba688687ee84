#include "ctld/core/shape.h"

#include <algorithm>

#include "common/base/hostlist.h"
#include "common/base/text.h"
#include "ctld/core/deadline.h"
#include "ctld/core/errors.h"
#include "ctld/core/task_layout.h"

namespace reeve::ctld {
namespace {

template <typename T>
std::string Text(const std::optional<T>& value) {
  return value.has_value() ? StrCat(*value) : "-";
}

std::string KeyOf(const Shape& shape) {
  std::vector<std::string> exc(shape.exc_nodes.begin(), shape.exc_nodes.end());
  std::sort(exc.begin(), exc.end());
  return StrCat(
      StrCat(shape.min_nodes, ".", shape.max_nodes, ".", shape.num_tasks, ".",
             int{shape.tasks_given}, ".", shape.cpus_per_task, ".", shape.ntasks_per_node),
      StrCat(".", shape.min_cpus_per_node, ".", Text(shape.mem_per_node_mb), ".",
             Text(shape.mem_per_cpu_mb), ".", shape.tmp_disk_mb, ".", int{shape.exclusive},
             int{shape.overcommit}, int{shape.oversubscribe}, int{shape.exclusive_user},
             int{shape.contiguous}, ".", absl::ToInt64Seconds(shape.time_limit), ".",
             absl::ToInt64Seconds(shape.time_min), ".", shape.max_switches),
      ";", Join(shape.req_nodes, ","), ";", Join(exc, ","), ";", shape.features.KeyText(), ";",
      shape.reservation, ";", shape.gres.KeyText(), ";", FormatLicenses(shape.licenses), ";",
      shape.layout.KeyText(), ";", Join(shape.magnets, ","), ";", shape.node_counts.ToString(), ";",
      int{shape.fewest_nodes});
}

uint64_t Product(uint64_t a, uint64_t b) {
  return std::min<uint64_t>(a * b, UINT32_MAX);
}

absl::StatusOr<Shape> MakeShapeOf(const JobSpec& spec, absl::Duration time_limit);

}  // namespace

std::optional<uint32_t> Shape::LargestCount(uint64_t most) const {
  const auto limit = static_cast<uint32_t>(std::min<uint64_t>(most, max_nodes));
  if (limit < min_nodes) return std::nullopt;
  if (node_counts.empty()) return limit;
  const std::vector<IdRanges::Range>& ranges = node_counts.ranges();
  for (auto range = ranges.rbegin(); range != ranges.rend(); ++range) {
    if (range->first <= limit) return std::min(range->last, limit);
  }
  return std::nullopt;
}

uint32_t Shape::TasksOn(uint32_t nodes) const {
  if (tasks_given) return num_tasks;
  return static_cast<uint32_t>(Product(nodes, std::max(ntasks_per_node, 1u)));
}

uint32_t Shape::TotalCpus() const {
  const uint64_t by_tasks = overcommit ? min_nodes : Product(num_tasks, cpus_per_task);
  const uint64_t by_gpus = gres.per_job ? Product(gres.per_job->count, gres.cpus_per_gpu) : 0;
  return static_cast<uint32_t>(
      std::max<uint64_t>(std::max(by_tasks, by_gpus),
                         std::max<uint64_t>(min_nodes, Product(min_nodes, min_cpus_per_node))));
}

absl::Duration Shape::PlanningTime() const {
  return std::min(time_limit, absl::Hours(24 * 365));
}

absl::Duration Shape::LeastLimit() const {
  return time_min > absl::ZeroDuration() ? time_min : time_limit;
}

absl::Duration Shape::LeastTime() const {
  return std::min(LeastLimit(), PlanningTime());
}

absl::StatusOr<Shape> MakeShape(const JobSpec& spec, absl::Duration time_limit) {
  if (spec.gres == nullptr) return MakeShapeOf(spec, time_limit);
  JobSpec settled = spec;
  GresRequest request;
  if (absl::Status status = SettleGres(settled, request); !status.ok()) return status;
  absl::StatusOr<Shape> shape = MakeShapeOf(settled, time_limit);
  if (shape.ok()) shape->gres = std::move(request);
  return shape;
}

namespace {

// Those that leave room for the nodes that it needs in any case; the bounds are theirs.
absl::Status TakeNodeCounts(const std::string& text, Shape& shape) {
  if (text.empty()) return absl::OkStatus();
  absl::StatusOr<IdRanges> counts = ParseNodeCounts(text);
  if (!counts.ok()) return Refuse(kInvalidNodeCount, Message(counts.status()));
  shape.node_counts = counts->Intersection(IdRanges::Of(shape.min_nodes, UINT32_MAX - 2));
  if (shape.node_counts.empty()) return Refuse(kInvalidNodeCount);
  shape.min_nodes = *shape.node_counts.min();
  shape.max_nodes = *shape.node_counts.max();
  return absl::OkStatus();
}

absl::StatusOr<Shape> MakeShapeOf(const JobSpec& spec, absl::Duration time_limit) {
  Shape shape;
  shape.reservation = spec.reservation;
  if (!spec.req_nodes.empty()) {
    absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(spec.req_nodes);
    if (!nodes.ok()) return Refuse(kInvalidNodeName, Message(nodes.status()));
    for (std::string& node : *nodes) {
      if (std::find(shape.req_nodes.begin(), shape.req_nodes.end(), node) ==
          shape.req_nodes.end()) {
        shape.req_nodes.push_back(std::move(node));
      }
    }
  }
  if (!spec.exc_nodes.empty()) {
    absl::StatusOr<std::vector<std::string>> nodes = ExpandHostlist(spec.exc_nodes);
    if (!nodes.ok()) return Refuse(kInvalidNodeName, Message(nodes.status()));
    shape.exc_nodes.insert(nodes->begin(), nodes->end());
  }
  for (const std::string& node : shape.req_nodes) {
    if (shape.exc_nodes.contains(node)) {
      return Refuse(kInvalidNodeName, StrCat("node ", node, " is both required and excluded"));
    }
  }
  absl::StatusOr<FeatureExpr> features = ParseFeatures(spec.features);
  if (!features.ok()) return features.status();
  shape.features = *std::move(features);
  shape.has_features = !spec.features.empty();

  if (spec.min_nodes.value_or(1) == 0 || spec.max_nodes.value_or(1) == 0) {
    return Refuse(kInvalidNodeCount);
  }
  const uint32_t required = static_cast<uint32_t>(shape.req_nodes.size());
  shape.min_nodes =
      std::max({spec.min_nodes.value_or(1), required, shape.features.LeastNodes(), 1u});
  shape.max_nodes = spec.max_nodes.value_or(UINT32_MAX);
  if (absl::Status status = TakeNodeCounts(spec.wishes().node_counts, shape); !status.ok()) {
    return status;
  }
  if (shape.max_nodes < shape.min_nodes) return Refuse(kInvalidNodeCount);

  shape.fewest_nodes = spec.wishes().use_min_nodes;
  shape.cpus_per_task = std::max(spec.cpus_per_task.value_or(1), 1u);
  shape.ntasks_per_node = spec.ntasks_per_node.value_or(0);
  shape.tasks_given = spec.num_tasks.has_value();
  shape.num_tasks = std::max(spec.num_tasks.value_or(1), 1u);
  shape.num_tasks = shape.TasksOn(shape.min_nodes);
  shape.min_cpus_per_node = spec.min_cpus_per_node.value_or(0);
  shape.mem_per_node_mb = spec.mem_per_node_mb;
  if (!shape.mem_per_node_mb.has_value()) shape.mem_per_cpu_mb = spec.mem_per_cpu_mb;
  shape.tmp_disk_mb = spec.tmp_disk_mb;
  shape.exclusive = spec.exclusive;
  shape.exclusive_user = spec.wishes().exclusive_user;
  shape.contiguous = spec.contiguous;
  shape.max_switches = spec.wishes().switches;
  shape.overcommit = spec.overcommit;
  shape.oversubscribe = spec.oversubscribe;
  const CpuWishes& cpus = spec.wishes().cpus;
  if (auto status = ParseDistribution(cpus.distribution, 1, 1).status(); !status.ok())
    return status;
  shape.layout = LayoutOf(cpus);
  absl::StatusOr<std::vector<License>> licenses = ParseLicenses(spec.wishes().licenses);
  if (!licenses.ok()) return Refuse(kInvalidLicense, Message(licenses.status()));
  shape.licenses = *std::move(licenses);
  std::erase_if(shape.licenses, [](const License& license) { return license.count == 0; });
  shape.time_limit = time_limit;
  shape.time_min = LeastLimitOf(spec, time_limit).value_or(absl::ZeroDuration());
  return shape;
}

}  // namespace

std::shared_ptr<const Shape> ShapeTable::Intern(Shape shape) {
  if (shapes_.size() >= sweep_at_) {
    absl::erase_if(shapes_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max<size_t>(1024, shapes_.size() * 2);
  }
  std::weak_ptr<const Shape>& slot = shapes_[KeyOf(shape)];
  std::shared_ptr<const Shape> known = slot.lock();
  if (known == nullptr) {
    known = std::make_shared<const Shape>(std::move(shape));
    slot = known;
  }
  return known;
}

}  // namespace reeve::ctld
