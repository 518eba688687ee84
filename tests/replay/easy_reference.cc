#include "tests/replay/easy_reference.h"

#include <algorithm>
#include <list>

namespace reeve::replay::reference {
namespace {

class Machine {
 public:
  Machine(const std::vector<Job>& jobs, int64_t cores)
      : jobs_(jobs), free_(cores), starts_(jobs.size(), -1) {}

  std::vector<int64_t> Run() {
    size_t next = 0;
    while (next < jobs_.size() || !running_.empty()) {
      now_ = INT64_MAX;
      if (next < jobs_.size()) now_ = jobs_[next].submit;
      for (size_t job : running_) now_ = std::min(now_, EndOf(job));
      running_.remove_if([&](size_t job) {
        if (EndOf(job) > now_) return false;
        free_ += jobs_[job].cores;
        return true;
      });
      while (next < jobs_.size() && jobs_[next].submit == now_) queue_.push_back(next++);
      Schedule();
    }
    return starts_;
  }

 private:
  int64_t EndOf(size_t job) const { return starts_[job] + jobs_[job].run; }
  int64_t LatestEndOf(size_t job) const { return starts_[job] + jobs_[job].limit; }

  void Start(size_t job) {
    starts_[job] = now_;
    free_ -= jobs_[job].cores;
    running_.push_back(job);
  }

  void Schedule() {
    while (!queue_.empty() && jobs_[queue_.front()].cores <= free_) {
      Start(queue_.front());
      queue_.pop_front();
    }
    if (queue_.empty()) return;
    // The first has its cores at the latest when enough of what runs has used up its limit.
    std::vector<size_t> by_end(running_.begin(), running_.end());
    std::sort(by_end.begin(), by_end.end(),
              [&](size_t a, size_t b) { return LatestEndOf(a) < LatestEndOf(b); });
    int64_t then_free = free_;
    int64_t then = now_;
    for (size_t job : by_end) {
      if (then_free >= jobs_[queue_.front()].cores && LatestEndOf(job) > then) break;
      then = LatestEndOf(job);
      then_free += jobs_[job].cores;
    }
    int64_t spare = then_free - jobs_[queue_.front()].cores;
    for (auto it = std::next(queue_.begin()); it != queue_.end();) {
      const Job& job = jobs_[*it];
      const bool over_by_then = now_ + job.limit <= then;
      if (job.cores > free_ || (!over_by_then && job.cores > spare)) {
        ++it;
        continue;
      }
      if (!over_by_then) spare -= job.cores;
      Start(*it);
      it = queue_.erase(it);
    }
  }

  const std::vector<Job>& jobs_;
  int64_t free_;
  int64_t now_ = 0;
  std::list<size_t> queue_;
  std::list<size_t> running_;
  std::vector<int64_t> starts_;
};

}  // namespace

std::vector<int64_t> EasyStarts(const std::vector<Job>& jobs, int64_t cores) {
  return Machine(jobs, cores).Run();
}

}  // namespace reeve::replay::reference
