// How the tasks of a step ended: srun's messages and its exit code.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::cli {

// "0-3,7".
std::string TaskRanges(const std::set<uint32_t>& tasks);

class TaskExits {
 public:
  void Started(uint32_t task) { running_.insert(task); }
  // `status` as wait(2) gives it. Only the first word about a task counts.
  void Ended(const std::string& node, uint32_t task, int status);

  // What there is to say about tasks that failed since the last call: one line for each node and
  // way to end, "n1: tasks 0-3: Exited with exit code 7", in the order of their first tasks.
  std::vector<std::string> TakeMessages();

  // "tasks 0-2: running", "task 3: exited": for Ctrl-C.
  std::vector<std::string> StatusLines() const;

  int exit_code() const { return exit_code_; }        // the highest; 128 + n for a signal
  int worst_status() const { return worst_status_; }  // the status it came from
  bool any_failed() const { return worst_status_ != 0; }
  bool any_ended() const { return !ended_.empty(); }
  size_t running() const { return running_.size(); }

 private:
  struct Group {
    std::string node;
    int status;
    std::set<uint32_t> tasks;
  };
  std::set<uint32_t> running_;
  std::set<uint32_t> ended_;
  std::vector<Group> unsaid_;
  int exit_code_ = 0;
  int worst_status_ = 0;
};

// 7, or 128 + n when a signal ended it.
int ExitCodeOf(int status);
// "Exited with exit code 7", "Segmentation fault (core dumped)".
std::string DescribeStatus(int status);

}  // namespace reeve::cli
